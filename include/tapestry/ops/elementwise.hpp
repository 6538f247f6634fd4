// SPDX-License-Identifier: MIT
#pragma once

#include <limits>

#include "../autograd/owed_gradient.hpp"
#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Functions of each element alone. Shapes: x [...], returns [...] in x's layout.

namespace detail {

/// y = op(x) for an op whose derivative the backend knows; keeps x and y.
template <Number T>
Tensor<T> unary(const char* name, UnaryOp op, const Tensor<T>& x, T a = T{0}, T b = T{0}) {
  const Tensor<T> y = empty_like(x);
  kernels_of(x).unary(op, x.numel(), x.data(), a, b, y.mutable_data());
  if constexpr (Floating<T>) {
    return record(name, y, {x}, [x_grad = grad_of(x), op, x, y, a, b](const Tensor<T>& dy) {
      Tensor<T> dx = empty_like(y);
      backend_of(y).unary_backward(op, y.numel(), x.data(), y.data(), dy.data(), a, b, dx.mutable_data());
      x_grad.add(dx);
    });
  } else {
    return y;
  }
}

/// y = min(max(x, low), high); keeps y, which tells where x was clamped as well.
template <Number T>
Tensor<T> clamp_between(const char* name, const Tensor<T>& x, T low, T high) {
  Tensor<T> y;
  if constexpr (Floating<T>) y = owe_activation(x, Activation::clamp, T{}, low, high);
  if (!y.defined()) {
    y = empty_like(x);
    kernels_of(x).unary(UnaryOp::clamp, x.numel(), x.data(), low, high, y.mutable_data());
  }
  if constexpr (Floating<T>) {
    return record(name, y, {x}, [x_grad = grad_of(x), y = KeptResult<T>(y, x), low, high](const Tensor<T>& dy) {
      if (!x_grad.wanted()) return;
      if (const auto owed = owe_activation_gradient(dy, y, Activation::clamp, T{}, low, high); owed.defined()) return x_grad.add(owed);
      const Tensor<T> dx = empty_like(dy);
      backend_of(dy).unary_backward(UnaryOp::clamp, dy.numel(), y.data(), y.data(), dy.data(), low, high, dx.values_to_write());
      x_grad.add(dx);
    });
  } else {
    return y;
  }
}

/// y = a*x + b, keeping nothing: dx = a*dy.
template <Number T>
Tensor<T> affine(const char* name, const Tensor<T>& x, T a, T b) {
  Tensor<T> y = empty_like(x);
  kernels_of(x).unary(UnaryOp::affine, x.numel(), x.data(), a, b, y.mutable_data());
  return record(name, y, {x}, [x_grad = grad_of(x), a](const Tensor<T>& dy) {
    if (a == T{1}) return x_grad.add(dy);
    Tensor<T> dx = empty_like(dy);
    kernels_of(dy).unary(UnaryOp::affine, dy.numel(), dy.data(), a, -T{0}, dx.mutable_data());
    x_grad.add(dx);
  });
}

}  // namespace detail

/// y = -x
template <Number T>
Tensor<T> negative(const Tensor<T>& x) {
  Tensor<T> y = empty_like(x);
  kernels_of(x).unary(UnaryOp::negate, x.numel(), x.data(), T{0}, T{0}, y.mutable_data());
  return record("negative", y, {x}, [x_grad = grad_of(x)](const Tensor<T>& dy) { x_grad.add(negative(dy)); });
}
/// y = |x|; its derivative at 0 is taken as 0.
template <Number T>
Tensor<T> abs(const Tensor<T>& x) {
  return detail::unary("abs", UnaryOp::absolute, x);
}
/// y = 1, 0 or -1 as x is above, at or below 0; its derivative is 0.
template <Number T>
Tensor<T> sign(const Tensor<T>& x) {
  return detail::unary("sign", UnaryOp::sign, x);
}
/// y = x^2, dy/dx = 2x
template <Number T>
Tensor<T> square(const Tensor<T>& x) {
  return record("square", detail::binary("square", BinaryOp::multiply, x, x), {x}, [x_grad = grad_of(x), x](const Tensor<T>& dy) {
    const Tensor<T> half = detail::binary("square", BinaryOp::multiply, x, dy);
    x_grad.add(detail::binary("square", BinaryOp::add, half, half));
  });
}
/// y = sqrt(x), dy/dx = 1 / (2y); NaN where x < 0.
template <Floating T>
Tensor<T> sqrt(const Tensor<T>& x) {
  return detail::unary("sqrt", UnaryOp::square_root, x);
}
/// y = e^x, dy/dx = y
template <Floating T>
Tensor<T> exp(const Tensor<T>& x) {
  Tensor<T> y = empty_like(x);
  kernels_of(x).unary(UnaryOp::exponential, x.numel(), x.data(), T{0}, T{0}, y.mutable_data());
  return record("exp", y, {x}, [x_grad = grad_of(x), y](const Tensor<T>& dy) {
    x_grad.add(detail::binary("exp", BinaryOp::multiply, dy, y));
  });
}
/// y = ln(x), dy/dx = 1/x; -inf at 0 and NaN below.
template <Floating T>
Tensor<T> log(const Tensor<T>& x) {
  Tensor<T> y = empty_like(x);
  kernels_of(x).unary(UnaryOp::logarithm, x.numel(), x.data(), T{0}, T{0}, y.mutable_data());
  return record("log", y, {x}, [x_grad = grad_of(x), x](const Tensor<T>& dy) {
    x_grad.add(detail::binary("log", BinaryOp::divide, dy, x));
  });
}
/// y = min(max(x, low), high); NaN stays. The gradient passes where low < x < high.
template <Number T, NumberFor<T> Low, NumberFor<T> High>
Tensor<T> clamp(const Tensor<T>& x, Low low, High high) {
  return detail::clamp_between("clamp", x, static_cast<T>(low), static_cast<T>(high));
}
/// y = max(x, low); NaN stays.
template <Number T, NumberFor<T> Low>
Tensor<T> clamp_min(const Tensor<T>& x, Low low) {
  using Limits = std::numeric_limits<T>;
  return detail::clamp_between("clamp_min", x, static_cast<T>(low), Floating<T> ? Limits::infinity() : Limits::max());
}
/// y = min(x, high); NaN stays.
template <Number T, NumberFor<T> High>
Tensor<T> clamp_max(const Tensor<T>& x, High high) {
  using Limits = std::numeric_limits<T>;
  return detail::clamp_between("clamp_max", x, Floating<T> ? static_cast<T>(-Limits::infinity()) : Limits::lowest(),
                       static_cast<T>(high));
}

}  // namespace tapestry::inline TAPESTRY_ABI
