// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "../../core/scalar.hpp"
#include "../../core/shape.hpp"

/// The plain kernels: every primitive of the contract as the most obvious loop nest on host memory.
namespace tapestry::inline TAPESTRY_ABI::plain {

/// What arithmetic on T is done in: T itself for floating point; unsigned for integers, whose overflow then wraps instead of
/// being undefined.
template <Scalar T>
using Wide = std::conditional_t<Floating<T>, T, std::uint64_t>;

/// What sums of T are kept in: double for floating point, so that the order of a float sum does not matter to a test.
template <Scalar T>
using Accumulator = std::conditional_t<Floating<T>, double, std::uint64_t>;

template <Scalar T>
bool is_nan(T x) {
  if constexpr (Floating<T>) return std::isnan(x);
  return false;
}

/// Whether x comes before `best` in a search for the largest or smallest. NaN wins, and the first NaN stays.
template <Scalar T>
bool beats(bool largest, T x, T best) {
  if (is_nan(best)) return false;
  return is_nan(x) || (largest ? x > best : x < best);
}

/// Where the element at `position` (counted through `shape`, last axis fastest) lies in memory with the given strides.
inline Index offset_of(Index position, const Shape& shape, const Shape& stride) {
  Index offset = 0;
  for (Index axis = shape.rank() - 1; axis >= 0; --axis) {
    offset += position % shape[axis] * stride[axis];
    position /= shape[axis];
  }
  return offset;
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
