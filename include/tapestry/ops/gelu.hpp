// SPDX-License-Identifier: MIT
#pragma once

#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// How gelu computes the normal distribution function: exactly, or by the tanh formula that older networks were trained with.
enum class GeluApproximation : std::uint8_t { none, tanh };

/// The Gaussian error linear unit: weighs each number by the chance that a standard normal one is smaller.
///
///   none   y = x * Phi(x),  Phi(x) = (1 + erf(x / sqrt(2))) / 2
///   tanh   y = x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  none   dx = dy * (Phi(x) + x * phi(x)),  phi(x) = exp(-x^2/2) / sqrt(2 pi)
///                    tanh   the derivative of its own formula, so that it is the gradient of what forward computed
/// Source   Hendrycks and Gimpel, "Gaussian error linear units", 2016.
template <Floating T>
Tensor<T> gelu(const Tensor<T>& x, GeluApproximation approximate = GeluApproximation::none) {
  return detail::unary("gelu", approximate == GeluApproximation::tanh ? UnaryOp::gelu_tanh : UnaryOp::gelu, x);
}

}  // namespace tapestry::inline TAPESTRY_ABI
