// SPDX-License-Identifier: MIT
#pragma once

#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Comparisons return truth values by element and have no derivative; operands broadcast, and one may be a plain number: `x > 0`.

namespace detail {
template <Scalar T>
Tensor<bool> compare(const char* name, CompareOp op, const Tensor<T>& a, const Tensor<T>& b) {
  const BroadcastResult result = broadcast_result(name, a, b);
  Tensor<bool> y(result.shape, result.layout, a.device());
  if (y.numel() > 0) kernels_of(a).compare(op, broadcast_walk(result, a, b), a.data(), b.data(), y.mutable_data());
  return y;
}
}  // namespace detail

/// A plain number that a tensor of T compares with.
template <class S, class T>
concept ComparesWith = NumberFor<S, T> &&(!std::same_as<T, bool> || std::same_as<S, bool>);

// Both orders are spelled out: C++20 turns `2 == x` into `x == 2` only where == returns bool.

template <Scalar T>
Tensor<bool> operator==(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare("equal", CompareOp::equal, a, b);
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator==(const Tensor<T>& a, S b) {
  return detail::compare("equal", CompareOp::equal, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator==(S a, const Tensor<T>& b) {
  return detail::compare("equal", CompareOp::equal, detail::scalar_beside(b, a), b);
}

template <Scalar T>
Tensor<bool> operator!=(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare("not_equal", CompareOp::not_equal, a, b);
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator!=(const Tensor<T>& a, S b) {
  return detail::compare("not_equal", CompareOp::not_equal, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator!=(S a, const Tensor<T>& b) {
  return detail::compare("not_equal", CompareOp::not_equal, detail::scalar_beside(b, a), b);
}

template <Scalar T>
Tensor<bool> operator<(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare("less", CompareOp::less, a, b);
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator<(const Tensor<T>& a, S b) {
  return detail::compare("less", CompareOp::less, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator<(S a, const Tensor<T>& b) {
  return detail::compare("less", CompareOp::less, detail::scalar_beside(b, a), b);
}

template <Scalar T>
Tensor<bool> operator<=(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare("less_equal", CompareOp::less_equal, a, b);
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator<=(const Tensor<T>& a, S b) {
  return detail::compare("less_equal", CompareOp::less_equal, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator<=(S a, const Tensor<T>& b) {
  return detail::compare("less_equal", CompareOp::less_equal, detail::scalar_beside(b, a), b);
}

template <Scalar T>
Tensor<bool> operator>(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare("greater", CompareOp::greater, a, b);
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator>(const Tensor<T>& a, S b) {
  return detail::compare("greater", CompareOp::greater, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator>(S a, const Tensor<T>& b) {
  return detail::compare("greater", CompareOp::greater, detail::scalar_beside(b, a), b);
}

template <Scalar T>
Tensor<bool> operator>=(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare("greater_equal", CompareOp::greater_equal, a, b);
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator>=(const Tensor<T>& a, S b) {
  return detail::compare("greater_equal", CompareOp::greater_equal, a, detail::scalar_beside(a, b));
}
template <Scalar T, ComparesWith<T> S>
Tensor<bool> operator>=(S a, const Tensor<T>& b) {
  return detail::compare("greater_equal", CompareOp::greater_equal, detail::scalar_beside(b, a), b);
}

}  // namespace tapestry::inline TAPESTRY_ABI
