// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>

#include "../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// A cast goes through a small buffer of the widest type of its kind, double or int64, which holds every value of the source exactly.
// So 18 loops do what 36 would: compile time is a cost that each including file pays.

/// Reads or writes `count` elements from `offset` on; the buffer's type is the other side.
template <class T, class Wide>
void load_wide(const void* from, Index offset, Index count, Wide* buffer) {
  for (Index i = 0; i < count; ++i) buffer[i] = static_cast<Wide>(static_cast<const T*>(from)[offset + i]);
}
template <class T, class Wide>
void store_wide(const Wide* buffer, Index offset, Index count, void* to) {
  for (Index i = 0; i < count; ++i) static_cast<T*>(to)[offset + i] = static_cast<T>(buffer[i]);
}

/// to[i] = from[i], converted, for i from begin to end.
template <class Wide>
void cast_range(DType from_type, const void* from, DType to_type, void* to, Index begin, Index end) {
  constexpr Index block = 512;
  Wide buffer[block];
  for (Index i = begin; i < end; i += block) {
    const Index count = std::min(block, end - i);
    visit_dtype(from_type, [&]<Scalar From>(From) {
      if constexpr (Floating<From> == Floating<Wide>) load_wide<From>(from, i, count, buffer);
    });
    visit_dtype(to_type, [&]<Scalar To>(To) { store_wide<To>(buffer, i, count, to); });
  }
}

inline void cast(DType from_type, const void* from, DType to_type, void* to, Index begin, Index end) {
  if (from_type == DType::float32 || from_type == DType::float64)
    cast_range<double>(from_type, from, to_type, to, begin, end);
  else
    cast_range<Index>(from_type, from, to_type, to, begin, end);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
