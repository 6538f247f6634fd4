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

/// Hides from the compiler how v came about. g++ would merge a choice by two comparisons into one by a mask, and take masks of 64 bytes apart.
template <class V>
[[gnu::always_inline]] inline void keep_apart([[maybe_unused]] V& v) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if constexpr (sizeof(V) >= 16) asm("" : "+x"(v));
#endif
}

/// The first `count` lanes alone; a load leaves 0 in the others.
template <class V, class T>
[[gnu::always_inline]] inline void load_some(V& v, const T* from, Index count) {
  v = V{};
  std::memcpy(&v, from, static_cast<std::size_t>(count) * sizeof(T));
}
template <class V, class T>
[[gnu::always_inline]] inline void store_some(const V& v, T* to, Index count) {
  std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
