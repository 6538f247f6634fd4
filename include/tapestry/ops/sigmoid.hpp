// SPDX-License-Identifier: MIT
#pragma once

#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The logistic function: squeezes any number into (0, 1).
///
///   y = 1 / (1 + exp(-x))
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx = dy * y * (1 - y)
/// Source   Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
template <Floating T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  return detail::unary("sigmoid", UnaryOp::sigmoid, x);
}

}  // namespace tapestry::inline TAPESTRY_ABI
