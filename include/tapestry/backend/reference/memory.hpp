// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>

#include "number.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

template <Scalar T>
void fill(T value, Index count, T* to) {
  for (Index i = 0; i < count; ++i) to[i] = value;
}

template <class = void>
void fill(DType type, const void* value, Index count, void* to) {
  visit_dtype(type, [&]<Scalar T>(T) { fill(*static_cast<const T*>(value), count, static_cast<T*>(to)); });
}

template <Scalar From, Scalar To>
void cast(const From* from, To* to, Index count) {
  for (Index i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

template <class = void>
void cast(DType from_type, const void* from, DType to_type, void* to, Index count) {
  visit_dtype(from_type, [&]<Scalar From>(From) {
    visit_dtype(to_type, [&]<Scalar To>(To) { cast(static_cast<const From*>(from), static_cast<To*>(to), count); });
  });
}

/// to[sum of coordinate*to_stride] = from[sum of coordinate*from_stride] for every coordinate of `shape`.
inline void strided_copy(std::size_t element_size, const Shape& shape, const void* from, const Shape& from_stride, void* to,
                         const Shape& to_stride) {
  const Index size = static_cast<Index>(element_size);
  for (Index i = 0; i < shape.numel(); ++i)
    std::memcpy(static_cast<std::byte*>(to) + offset_of(i, shape, to_stride) * size,
                static_cast<const std::byte*>(from) + offset_of(i, shape, from_stride) * size, element_size);
}

/// to[o][i][r] = from[o][indices[i]][r]
inline void gather(std::size_t element_size, Index outer, Index size, Index inner, const Index* indices, Index count, const void* from,
                   void* to) {
  const std::size_t row = static_cast<std::size_t>(inner) * element_size;
  if (row == 0) return;
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < count; ++i)
      std::memcpy(static_cast<std::byte*>(to) + static_cast<std::size_t>(o * count + i) * row,
                  static_cast<const std::byte*>(from) + static_cast<std::size_t>(o * size + indices[i]) * row, row);
}

inline Index first_outside(const Index* indices, Index count, Index low, Index high, Index except) {
  for (Index i = 0; i < count; ++i)
    if ((indices[i] < low || indices[i] >= high) && indices[i] != except) return i;
  return -1;
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
