// SPDX-License-Identifier: MIT
#pragma once

#include "rows.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The logarithm of softmax along an axis, computed as one: log(softmax(x)) would be -inf where a probability rounds to 0.
///
///   y[i] = x[i] - m - log(sum over j of exp(x[j] - m)),   m = max of x
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx[i] = dy[i] - exp(y[i]) * sum over j of dy[j].   y is kept.
/// Throws   IndexError if x has no such axis.
/// Source   Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
template <Floating T>
Tensor<T> log_softmax(const Tensor<T>& x, Index axis) {
  axis = checked_axis("log_softmax", axis, x.rank());
  const Tensor<T> scores = detail::rows_along(x, axis);
  const Index rows = scores.shape()[0], size = scores.shape()[1];
  Tensor<T> log_p = empty_like(scores);
  backend_of(x).softmax(rows, size, true, scores.data(), log_p.mutable_data());
  const Tensor<T> y = detail::from_rows(log_p, x.shape(), x.layout(), axis);

  return record("log_softmax", y, {x}, [rows, size, axis, log_p, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    Tensor<T> dx = empty_like(log_p);
    backend_of(dy).softmax_backward(rows, size, true, log_p.data(), detail::rows_along(dy, axis).data(), dx.mutable_data());
    x_grad.add(detail::from_rows(dx, dy.shape(), dy.layout(), axis));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
