// SPDX-License-Identifier: MIT
#pragma once

#include "arithmetic.hpp"
#include "log_softmax.hpp"
#include "nll_loss.hpp"
#include "reduce.hpp"

namespace tapestry::inline TAPESTRY_ABI {

template <Floating T>
struct CrossEntropyOptions {
  Tensor<T> weight{};          ///< [C], how much each class counts; undefined: all 1
  Index ignore_index = -100;   ///< a label that counts for nothing; without meaning where the target is probabilities
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0;  ///< how much of the target is spread evenly over all classes, from 0 to 1
};

namespace detail {
inline void check_label_smoothing(double smoothing) {
  if (!(smoothing >= 0 && smoothing <= 1)) throw ValueError(message("cross_entropy: label_smoothing must be from 0 to 1, got ", smoothing));
}
}  // namespace detail

/// How badly scores predict the true classes: the negative logarithm of the probability that softmax gives them.
///
///   log_p = log_softmax(x),  s = label_smoothing
///   loss[n] = -(1 - s) * weight[target[n]] * log_p[n, target[n]] - s/C * sum over c of weight[c] * log_p[n, c],   0 where ignored
///   mean: sum of loss / sum of weight[target[n]] over what is not ignored      sum: sum of loss      none: loss itself
///
/// Shapes   x [N, C], target [N]; x [N, C, d1, ...], target [N, d1, ...]; or x [C], target []; returns [] or, unreduced, target's shape
/// Method   R the rows of x along the classes. log_p, target and its weights are kept.
///          backward  dlog_p = -(1 - s) * weight[target] * dloss at the target, - s/C * dloss * weight everywhere: a product of a column
///                    and a row;  then through log_softmax,  dx = dlog_p - exp(log_p) * sum of dlog_p
/// Throws   ShapeError if shapes do not fit, IndexError naming a label that is no class and its position, ValueError if label_smoothing
///          is out of its range, TypeError if devices differ.
/// Source   Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture", 2016, section 7.
template <Floating T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Tensor<Index>& target, const CrossEntropyOptions<T>& options = {}) {
  const Index axis = detail::class_axis("cross_entropy", x.shape());
  detail::check_label_smoothing(options.label_smoothing);
  detail::check_class_weight("cross_entropy", x, axis, options.weight);
  detail::check_labels("cross_entropy", x, axis, target, options.ignore_index);
  const Tensor<T> scores = detail::rows_along(x, axis);
  const Tensor<Index> labels = in_layout(target, Layout::row_major);
  const Index rows = scores.shape()[0], classes = scores.shape()[1];
  const T share = static_cast<T>(options.label_smoothing), even = -share / static_cast<T>(classes);
  const Reduction reduction = options.reduction;
  const auto forward = backend_of(x);

  Tensor<T> log_p = empty_like(scores), loss(target.shape(), Layout::row_major, x.device()), scale({rows}, Layout::row_major, x.device());
  forward.softmax(rows, classes, true, scores.data(), log_p.mutable_data());
  forward.nll_loss(rows, classes, log_p.data(), labels.data(), options.weight.defined() ? options.weight.data() : nullptr,
                   options.ignore_index, loss.mutable_data(), scale.mutable_data());
  Tensor<T> weight;
  Tensor<bool> counts;
  if (share > 0) {  // loss = (1 - share) * loss + even * log_p weight where the row counts
    weight = options.weight.defined() ? options.weight : ones<T>({classes}, x.device());
    counts = Tensor<bool>({rows}, Layout::row_major, x.device());
    Tensor<T> sums({rows}, Layout::row_major, x.device()), spread = empty_like(sums), present = empty_like(sums);
    // Without class weights a row's scale says whether it counts. Comparing labels would ask for kernels of integers, which a program
    // that only trains has no other use for and would compile.
    forward.nll_loss(rows, classes, log_p.data(), labels.data(), nullptr, options.ignore_index, sums.mutable_data(), present.mutable_data());
    x.device().memory().cast(dtype_of<T>(), present.data(), DType::boolean, counts.mutable_data(), rows);
    forward.gemm(Transpose::no, Transpose::no, rows, 1, classes, log_p.data(), classes, weight.data(), 1, T{0}, sums.mutable_data(), 1);
    forward.mask_scale(rows, counts.data(), even, sums.data(), spread.mutable_data());
    forward.scale_add(rows, T{1}, spread.data(), 1 - share, loss.mutable_data());
  }
  const Tensor<T> divisor = detail::total(scale);  // of the mean

  const Tensor<T> y = detail::reduce_terms(reduction, loss, divisor);
  return record("cross_entropy", y, {x, target, options.weight}, [axis, rows, classes, share, even, reduction, log_p, labels, scale, counts,
                                                                  weight, divisor, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    const auto backward = backend_of(dy);
    const Tensor<T> dloss = detail::term_gradient(reduction, dy, divisor, labels.shape());
    Tensor<T> dlog_p = empty_like(log_p), dx = empty_like(log_p);
    backward.nll_loss_backward(rows, classes, labels.data(), scale.data(), dloss.data(), dlog_p.mutable_data());
    if (share > 0) {  // dlog_p = (1 - share) * dlog_p + even * dloss weight^T where the row counts
      Tensor<T> spread({rows}, Layout::row_major, dy.device()), part = empty_like(dlog_p);
      backward.mask_scale(rows, counts.data(), even, dloss.data(), spread.mutable_data());
      backward.gemm(Transpose::no, Transpose::no, rows, classes, 1, spread.data(), 1, weight.data(), classes, T{0}, part.mutable_data(),
                    classes);
      backward.scale_add(rows * classes, T{1}, part.data(), 1 - share, dlog_p.mutable_data());
    }
    backward.softmax_backward(rows, classes, true, log_p.data(), dlog_p.data(), dx.mutable_data());
    x_grad.add(detail::from_rows(dx, x_grad.shape(), x_grad.layout(), axis));
  });
}

/// The same where the target is itself a distribution over the classes, q = (1 - s) * target + s/C:
///
///   loss[n] = -sum over c of weight[c] * q[n, c] * log_p[n, c]      mean: sum of loss / number of terms
///
/// Shapes   x and target [N, C], [N, C, d1, ...] or [C], returns [] or, unreduced, the shape without C
/// Method   put together from ops that know their way back; target gets a gradient, too.
/// Throws   ShapeError if shapes do not fit, ValueError if label_smoothing is out of its range, TypeError if devices differ.
template <Floating T>
Tensor<T> cross_entropy(const Tensor<T>& x, const Tensor<T>& target, const CrossEntropyOptions<T>& options = {}) {
  const Index axis = detail::class_axis("cross_entropy", x.shape()), classes = x.shape()[axis];
  const double s = options.label_smoothing;
  detail::check_label_smoothing(s);
  detail::check_class_weight("cross_entropy", x, axis, options.weight);
  if (target.shape() != x.shape())
    throw ShapeError(message("cross_entropy: target must be labels, a Tensor<Index>, or have the input's shape ", x.shape(), ", got ", target.shape()));
  check_same_device("cross_entropy", x, target);
  const Tensor<T> q = s == 0 ? target : (1 - s) * target + s / static_cast<double>(classes);
  Tensor<T> terms = -(q * log_softmax(x, axis));
  if (options.weight.defined()) {
    Shape along = Shape::filled(x.rank(), 1);
    along[axis] = classes;
    terms = terms * options.weight.with_shape(along);
  }
  if (options.reduction == Reduction::none) return sum(terms, axis);
  if (options.reduction == Reduction::sum) return sum(terms);
  return sum(terms) / (x.numel() / classes);
}

}  // namespace tapestry::inline TAPESTRY_ABI
