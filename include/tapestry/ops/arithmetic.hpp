// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/owed.hpp"
#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Operands broadcast as in PyTorch: shapes are aligned at their last axes, and a size of 1 repeats. One operand may be a plain number.
//
// Shapes   a [...], b [...], returns the shape both broadcast to; channels-last if a 4-D operand of that shape is
// Throws   ShapeError if the shapes do not broadcast, TypeError if the devices differ.

/// y = a + b
template <Number T>
Tensor<T> add(const Tensor<T>& a, const Tensor<T>& b) {
  Tensor<T> y;
  if constexpr (Floating<T>) y = detail::owe_sum(a, b);
  if (!y.defined()) y = detail::binary("add", BinaryOp::add, a, b);
  return record("add", y, {a, b}, [a_grad = grad_of(a), b_grad = grad_of(b)](const Tensor<T>& dy) {
    if (a_grad.wanted()) a_grad.add(detail::sum_to(dy, a_grad.shape()));
    if (b_grad.wanted()) b_grad.add(detail::sum_to(dy, b_grad.shape()));
  });
}
template <Number T, NumberFor<T> S>
Tensor<T> add(const Tensor<T>& a, S b) {
  return detail::affine("add", a, T{1}, static_cast<T>(b));
}
template <Number T, NumberFor<T> S>
Tensor<T> add(S a, const Tensor<T>& b) {
  return add(b, a);
}

/// y = a - b
template <Number T>
Tensor<T> subtract(const Tensor<T>& a, const Tensor<T>& b) {
  return record("subtract", detail::binary("subtract", BinaryOp::subtract, a, b), {a, b},
                [a_grad = grad_of(a), b_grad = grad_of(b)](const Tensor<T>& dy) {
                  if (a_grad.wanted()) a_grad.add(detail::sum_to(dy, a_grad.shape()));
                  if (b_grad.wanted()) b_grad.add(negative(detail::sum_to(dy, b_grad.shape())));
                });
}
template <Number T, NumberFor<T> S>
Tensor<T> subtract(const Tensor<T>& a, S b) {
  return detail::affine("subtract", a, T{1}, static_cast<T>(-static_cast<T>(b)));
}
template <Number T, NumberFor<T> S>
Tensor<T> subtract(S a, const Tensor<T>& b) {
  return detail::affine("subtract", b, static_cast<T>(-1), static_cast<T>(a));
}

/// y = a * b
template <Number T>
Tensor<T> multiply(const Tensor<T>& a, const Tensor<T>& b) {
  return record("multiply", detail::binary("multiply", BinaryOp::multiply, a, b), {a, b},
                [a_grad = grad_of(a), b_grad = grad_of(b), a, b](const Tensor<T>& dy) {
                  if (a_grad.wanted()) a_grad.add(detail::sum_to(detail::binary("multiply", BinaryOp::multiply, dy, b), a.shape()));
                  if (b_grad.wanted()) b_grad.add(detail::sum_to(detail::binary("multiply", BinaryOp::multiply, dy, a), b.shape()));
                });
}
template <Number T, NumberFor<T> S>
Tensor<T> multiply(const Tensor<T>& a, S b) {
  return detail::affine("multiply", a, static_cast<T>(b), -T{0});  // adding -0 changes nothing, not even the sign of a zero
}
template <Number T, NumberFor<T> S>
Tensor<T> multiply(S a, const Tensor<T>& b) {
  return multiply(b, a);
}

/// y = a / b; integers are cut toward zero, as in C++.
/// Throws   ValueError if an integer would be divided by zero.
template <Number T>
Tensor<T> divide(const Tensor<T>& a, const Tensor<T>& b) {
  if constexpr (std::integral<T>) {
    for (const T value : b.to_vector())
      if (value == 0) throw ValueError("divide: divisor must not hold 0 where both are integers");
  }
  Tensor<T> y = detail::binary("divide", BinaryOp::divide, a, b);
  return record("divide", y, {a, b}, [a_grad = grad_of(a), b_grad = grad_of(b), b, y](const Tensor<T>& dy) {
    const Tensor<T> da = detail::binary("divide", BinaryOp::divide, dy, b);  // dy/da = 1/b, dy/db = -a/b^2 = -y/b
    if (b_grad.wanted()) b_grad.add(negative(detail::sum_to(detail::binary("divide", BinaryOp::multiply, da, y), b.shape())));
    if (a_grad.wanted()) a_grad.add(detail::sum_to(da, a_grad.shape()));
  });
}
template <Number T, NumberFor<T> S>
Tensor<T> divide(const Tensor<T>& a, S b) {
  return divide(a, detail::scalar_beside(a, b));
}
template <Number T, NumberFor<T> S>
Tensor<T> divide(S a, const Tensor<T>& b) {
  return divide(detail::scalar_beside(b, a), b);
}

template <Number T>
Tensor<T> operator+(const Tensor<T>& a, const Tensor<T>& b) {
  return add(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator+(const Tensor<T>& a, S b) {
  return add(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator+(S a, const Tensor<T>& b) {
  return add(b, a);
}
template <Number T>
Tensor<T> operator-(const Tensor<T>& a, const Tensor<T>& b) {
  return subtract(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator-(const Tensor<T>& a, S b) {
  return subtract(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator-(S a, const Tensor<T>& b) {
  return subtract(a, b);
}
template <Number T>
Tensor<T> operator-(const Tensor<T>& x) {
  return negative(x);
}
template <Number T>
Tensor<T> operator*(const Tensor<T>& a, const Tensor<T>& b) {
  return multiply(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator*(const Tensor<T>& a, S b) {
  return multiply(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator*(S a, const Tensor<T>& b) {
  return multiply(b, a);
}
template <Number T>
Tensor<T> operator/(const Tensor<T>& a, const Tensor<T>& b) {
  return divide(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator/(const Tensor<T>& a, S b) {
  return divide(a, b);
}
template <Number T, NumberFor<T> S>
Tensor<T> operator/(S a, const Tensor<T>& b) {
  return divide(a, b);
}

}  // namespace tapestry::inline TAPESTRY_ABI
