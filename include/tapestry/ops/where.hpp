// SPDX-License-Identifier: MIT
#pragma once

#include "compare.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// x's elements as laid out for `result`, repeated where x is smaller; recorded by no tape.
template <Scalar T>
Tensor<T> expanded(const Tensor<T>& x, const BroadcastResult& result) {
  if (x.shape() == result.shape) return in_layout(x, result.layout);
  Tensor<T> y(result.shape, result.layout, x.device());
  if (y.numel() > 0)
    x.device().memory().strided_copy(sizeof(T), storage_order(result.shape, result.layout), x.data(),
                                     storage_order(broadcast_strides(x, result.shape), result.layout), y.mutable_data(),
                                     storage_order(y.strides(), result.layout));
  return y;
}
template <Scalar T>
Tensor<T> choose(const Tensor<bool>& condition, const Tensor<T>& a, const Tensor<T>& b) {
  BroadcastResult result = broadcast_result("where", a, b);
  check_same_device("where", condition, a);
  result.shape = broadcast_shapes("where", condition.shape(), result.shape);
  result.layout = Layout::row_major;
  for (const AnyTensor* x :
       {static_cast<const AnyTensor*>(&condition), static_cast<const AnyTensor*>(&a), static_cast<const AnyTensor*>(&b)})
    if (x->layout() == Layout::channels_last && x->shape() == result.shape) result.layout = Layout::channels_last;
  Tensor<T> y(result.shape, result.layout, a.device());
  const auto full_condition = expanded(condition, result);
  const auto full_a = expanded(a, result), full_b = expanded(b, result);
  if (y.numel() > 0) kernels_of(a).where(y.numel(), full_condition.data(), full_a.data(), full_b.data(), y.mutable_data());
  return y;
}
}  // namespace detail

/// y = condition ? a : b by element; all three broadcast, and a or b may be a plain number. The gradient goes where the element came from.
/// Throws   ShapeError if the shapes do not broadcast, TypeError if the devices differ.
template <Scalar T>
Tensor<T> where(const Tensor<bool>& condition, const Tensor<T>& a, const Tensor<T>& b) {
  return record("where", detail::choose(condition, a, b), {a, b},
                [a_grad = grad_of(a), b_grad = grad_of(b), condition](const Tensor<T>& dy) {
                  const Tensor<T> zero = detail::scalar_beside(dy, 0);
                  if (a_grad.wanted()) a_grad.add(detail::sum_to(detail::choose(condition, dy, zero), a_grad.shape()));
                  if (b_grad.wanted()) b_grad.add(detail::sum_to(detail::choose(condition, zero, dy), b_grad.shape()));
                });
}
template <Scalar T, ComparesWith<T> S>
Tensor<T> where(const Tensor<bool>& condition, const Tensor<T>& a, S b) {
  return where(condition, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<T> where(const Tensor<bool>& condition, S a, const Tensor<T>& b) {
  return where(condition, detail::scalar_beside(b, a), b);
}

}  // namespace tapestry::inline TAPESTRY_ABI
