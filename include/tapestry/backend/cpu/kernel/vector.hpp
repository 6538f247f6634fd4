// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>

#include "../../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

template <class T, int Bytes>
struct VectorType {
  typedef T type __attribute__((vector_size(Bytes)));
};
/// `Bytes` bytes of T as one value, with the arithmetic operators of T lane by lane. An extension of g++ and clang, on every processor.
/// Functions take such values by reference: how they are passed by value depends on the target.
template <class T, int Bytes>
using Vector = typename VectorType<T, Bytes>::type;

template <class V, class T>
[[gnu::always_inline]] inline void load(V& v, const T* from) {
  std::memcpy(&v, from, sizeof v);
}
template <class V, class T>
[[gnu::always_inline]] inline void store(const V& v, T* to) {
  std::memcpy(to, &v, sizeof v);
}

/// Copies `count` < 2*Half elements in steps of a power of two, without a loop.
template <int Half, class T>
[[gnu::always_inline]] inline void copy_some(const T* from, T* to, Index count) {
  if constexpr (Half > 0) {
    if (count & Half) {
      std::memcpy(to, from, Half * sizeof(T));
      copy_some<Half / 2>(from + Half, to + Half, count);
    } else {
      copy_some<Half / 2>(from, to, count);
    }
  }
}
/// The first `count` lanes alone; a load leaves 0 in the others.
template <class V, class T>
[[gnu::always_inline]] inline void load_some(V& v, const T* from, Index count) {
  T lanes[sizeof(V) / sizeof(T)] = {};
  copy_some<sizeof(V) / sizeof(T) / 2>(from, lanes, count);
  load(v, lanes);
}
template <class V, class T>
[[gnu::always_inline]] inline void store_some(const V& v, T* to, Index count) {
  T lanes[sizeof(V) / sizeof(T)];
  store(v, lanes);
  copy_some<sizeof(V) / sizeof(T) / 2>(lanes, to, count);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
