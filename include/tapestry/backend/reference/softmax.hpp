// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "number.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

/// By row: y = exp(x - max) / sum of exp(x - max), or its logarithm x - max - log(sum). Without the maximum exp would overflow.
template <Floating T>
void softmax(Index rows, Index columns, bool logarithm, const T* x, T* y) {
  for (Index r = 0; r < rows; ++r, x += columns, y += columns) {
    if (columns == 0) return;
    double largest = x[0], sum = 0;
    for (Index c = 1; c < columns; ++c)
      if (beats(true, static_cast<double>(x[c]), largest)) largest = x[c];
    for (Index c = 0; c < columns; ++c) sum += std::exp(x[c] - largest);
    for (Index c = 0; c < columns; ++c)
      y[c] = static_cast<T>(logarithm ? x[c] - largest - std::log(sum) : std::exp(x[c] - largest) / sum);
  }
}

/// dx = y * (dy - sum of dy*y);  for the logarithm  dx = dy - exp(y) * sum of dy.
template <Floating T>
void softmax_backward(Index rows, Index columns, bool logarithm, const T* y, const T* dy, T* dx) {
  for (Index r = 0; r < rows; ++r, y += columns, dy += columns, dx += columns) {
    double sum = 0;
    for (Index c = 0; c < columns; ++c) sum += logarithm ? static_cast<double>(dy[c]) : static_cast<double>(dy[c]) * y[c];
    for (Index c = 0; c < columns; ++c)
      dx[c] = static_cast<T>(logarithm ? dy[c] - std::exp(static_cast<double>(y[c])) * sum : y[c] * (dy[c] - sum));
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
