// SPDX-License-Identifier: MIT
#pragma once

#include "arithmetic.hpp"
#include "where.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// The larger or smaller of two elements with broadcasting; NaN wins. Where both are equal each gets half of the gradient.
//
// Throws   ShapeError if the shapes do not broadcast, TypeError if the devices differ.

namespace detail {
template <Number T>
Tensor<T> extremum(const char* name, BinaryOp op, CompareOp loses, const Tensor<T>& a, const Tensor<T>& b) {
  return record(name, binary(name, op, a, b), {a, b}, [a_grad = grad_of(a), b_grad = grad_of(b), name, loses, a, b](const Tensor<T>& dy) {
    const Tensor<T> shared = where(a == b, dy / T{2}, dy);
    if (a_grad.wanted()) a_grad.add(sum_to(where(compare(name, loses, a, b), T{0}, shared), a.shape()));
    if (b_grad.wanted()) b_grad.add(sum_to(where(compare(name, loses, b, a), T{0}, shared), b.shape()));
  });
}
}  // namespace detail

/// y = max(a, b)
template <Number T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::extremum("maximum", BinaryOp::maximum, CompareOp::less, a, b);
}
/// y = min(a, b)
template <Number T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::extremum("minimum", BinaryOp::minimum, CompareOp::greater, a, b);
}

}  // namespace tapestry::inline TAPESTRY_ABI
