// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/owed_gradient.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A rectifier that lets a little of what is negative through, so that no unit goes silent for good.
///
///   y = x where x > 0, else negative_slope * x
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx = dy where x > 0, else negative_slope * dy. x and y are kept.
/// Source   Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
template <Floating T>
Tensor<T> leaky_relu(const Tensor<T>& x, double negative_slope = 0.01) {
  const T slope = static_cast<T>(negative_slope);
  Tensor<T> y;
  if (slope > 0) y = detail::owe_activation(x, Activation::leaky_relu, slope);
  if (!y.defined()) {
    y = Tensor<T>(x.shape(), x.layout(), x.device());
    backend_of(x).unary(UnaryOp::leaky_relu, x.numel(), x.data(), slope, T{0}, y.mutable_data());
  }

  return record("leaky_relu", y, {x}, [slope, seen = detail::Kept<T>(slope > 0 ? y : x), y = detail::KeptResult<T>(y, x), x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    if (slope > 0)
      if (const auto owed = detail::owe_activation_gradient(dy, y, Activation::leaky_relu, slope); owed.defined()) return x_grad.add(owed);
    Tensor<T> dx(dy.shape(), dy.layout(), dy.device());
    backend_of(dy).unary_backward(UnaryOp::leaky_relu, dy.numel(), seen.data(), y.data(), dy.data(), slope, T{0}, dx.mutable_data());
    x_grad.add(dx);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
