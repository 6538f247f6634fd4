// SPDX-License-Identifier: MIT
#pragma once

#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A rectifier with a ceiling, which keeps activations within the reach of low-precision numbers.
///
///   y = min(max(x, 0), 6), NaN stays NaN
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx = dy where 0 < x < 6, else 0
/// Source   Howard, Zhu, Chen, Kalenichenko and others, "MobileNets: efficient convolutional neural networks for mobile vision applications",
///          2017.
template <Floating T>
Tensor<T> relu6(const Tensor<T>& x) {
  return detail::clamp_between("relu6", x, T{0}, T{6});
}

}  // namespace tapestry::inline TAPESTRY_ABI
