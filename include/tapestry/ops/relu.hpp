// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/owed_gradient.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The rectifier: passes what is positive and stops the rest.
///
///   y = max(x, 0), NaN stays NaN
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx = dy where y > 0, else 0. The sign of y tells what the sign of x would: only y is kept.
/// Source   Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
template <Floating T>
Tensor<T> relu(const Tensor<T>& x) {
  Tensor<T> y = detail::owe_activation(x, Activation::relu);
  if (!y.defined()) {
    y = Tensor<T>(x.shape(), x.layout(), x.device());
    backend_of(x).unary(UnaryOp::relu, x.numel(), x.data(), T{0}, T{0}, y.mutable_data());
  }

  return record("relu", y, {x}, [y = detail::KeptResult<T>(y, x), x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    if (const auto owed = detail::owe_activation_gradient(dy, y, Activation::relu); owed.defined()) return x_grad.add(owed);
    Tensor<T> dx(dy.shape(), dy.layout(), dy.device());
    backend_of(dy).unary_backward(UnaryOp::relu, dy.numel(), y.data(), y.data(), dy.data(), T{0}, T{0}, dx.mutable_data());
    x_grad.add(dx);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
