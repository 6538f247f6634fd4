// SPDX-License-Identifier: MIT
#pragma once

#include "classes.hpp"
#include "loss_reduction.hpp"
#include "rows.hpp"

namespace tapestry::inline TAPESTRY_ABI {

template <Floating T>
struct NllLossOptions {
  Tensor<T> weight{};         ///< [C], how much each class counts; undefined: all 1
  Index ignore_index = -100;  ///< a label that counts for nothing
  Reduction reduction = Reduction::mean;
};

/// The negative log-likelihood of the true classes, from log-probabilities such as log_softmax gives:
///
///   loss[n] = -weight[target[n]] * x[n, target[n]],   0 where target[n] is ignore_index
///   mean: sum of loss / sum of weight[target[n]] over what is not ignored      sum: sum of loss      none: loss itself
///
/// Shapes   x [N, C], target [N]; x [N, C, d1, ...], target [N, d1, ...]; or x [C], target []; returns [] or, unreduced, target's shape
/// Method   backward  dx[n, target[n]] = -weight[target[n]] * dloss[n], all else 0.   target and its weights are kept, not x.
/// Throws   ShapeError if shapes do not fit, IndexError naming a label that is no class and its position, TypeError if devices differ.
/// Source   Bishop, "Pattern recognition and machine learning", 2006, section 4.3.4.
template <Floating T>
Tensor<T> nll_loss(const Tensor<T>& x, const Tensor<Index>& target, const NllLossOptions<T>& options = {}) {
  const Index axis = detail::class_axis("nll_loss", x.shape());
  detail::check_class_weight("nll_loss", x, axis, options.weight);
  detail::check_labels("nll_loss", x, axis, target, options.ignore_index);
  const Tensor<T> log_p = detail::rows_along(x, axis);
  const Tensor<Index> labels = in_layout(target, Layout::row_major);
  const Index rows = log_p.shape()[0], classes = log_p.shape()[1];
  const Reduction reduction = options.reduction;

  Tensor<T> loss(target.shape(), Layout::row_major, x.device()), scale({rows}, Layout::row_major, x.device());
  backend_of(x).nll_loss(rows, classes, log_p.data(), labels.data(), options.weight.defined() ? options.weight.data() : nullptr,
                         options.ignore_index, loss.mutable_data(), scale.mutable_data());
  const Tensor<T> divisor = detail::total(scale);  // of the mean

  return record("nll_loss", detail::reduce_terms(reduction, loss, divisor), {x, target, options.weight},
                [axis, rows, classes, labels, scale, divisor, reduction, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    const Tensor<T> dloss = detail::term_gradient(reduction, dy, divisor, labels.shape());
    Tensor<T> dlog_p({rows, classes}, Layout::row_major, dy.device());
    backend_of(dy).nll_loss_backward(rows, classes, labels.data(), scale.data(), dloss.data(), dlog_p.mutable_data());
    x_grad.add(detail::from_rows(dlog_p, x_grad.shape(), x_grad.layout(), axis));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
