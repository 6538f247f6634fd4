// SPDX-License-Identifier: MIT
#pragma once

#include "rows.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Turns scores along an axis into probabilities: positive, summing to 1, the larger the score the larger.
///
///   y[i] = exp(x[i] - m) / sum over j of exp(x[j] - m),   m = max of x: any m gives the same y, this one cannot overflow
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx[i] = y[i] * (dy[i] - sum over j of dy[j] * y[j]).   y is kept.
/// Throws   IndexError if x has no such axis.
/// Source   Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
template <Floating T>
Tensor<T> softmax(const Tensor<T>& x, Index axis) {
  axis = checked_axis("softmax", axis, x.rank());
  const Tensor<T> scores = detail::rows_along(x, axis);
  const Index rows = scores.shape()[0], size = scores.shape()[1];
  Tensor<T> p = empty_like(scores);
  backend_of(x).softmax(rows, size, false, scores.data(), p.mutable_data());
  const Tensor<T> y = detail::from_rows(p, x.shape(), x.layout(), axis);

  return record("softmax", y, {x}, [rows, size, axis, p, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    Tensor<T> dx = empty_like(p);
    backend_of(dy).softmax_backward(rows, size, false, p.data(), detail::rows_along(dy, axis).data(), dx.mutable_data());
    x_grad.add(detail::from_rows(dx, dy.shape(), dy.layout(), axis));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
