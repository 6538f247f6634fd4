// SPDX-License-Identifier: MIT
#pragma once

#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The hyperbolic tangent: squeezes any number into (-1, 1), with slope 1 at 0.
///
///   y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx = dy * (1 - y^2)
/// Source   LeCun, Bottou, Orr and Müller, "Efficient backprop", 1998, section 4.4.
template <Floating T>
Tensor<T> tanh(const Tensor<T>& x) {
  return detail::unary("tanh", UnaryOp::tanh, x);
}

}  // namespace tapestry::inline TAPESTRY_ABI
