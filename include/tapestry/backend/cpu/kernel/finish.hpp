// SPDX-License-Identifier: MIT
#pragma once

#include "../../epilogue.hpp"
#include "vector.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// The epilogue's values of several v, lane by lane from `channel` on, in place; V may be T itself. The residual, if any, lies at `residual`, that of the next
/// one `step` further on. What is the same for all is read once.
template <int Count, class V, class T>
[[gnu::always_inline]] inline void finish_all(V (&v)[std::size_t{Count}], const Epilogue<T>& e, Index channel, const T* residual, Index step) {
  const auto each = [&](const auto& f) __attribute__((always_inline)) {
    TAPESTRY_UNROLL
    for (int i = 0; i < Count; ++i) f(v[i], i);
  };
  V other;
  if (e.bias) load(other, e.bias + channel), each([&](V& one, int) __attribute__((always_inline)) { one += other; });
  if (e.scale) load(other, e.scale + channel), each([&](V& one, int) __attribute__((always_inline)) { one *= other; });
  if (e.shift) load(other, e.shift + channel), each([&](V& one, int) __attribute__((always_inline)) { one += other; });
  if (e.residual) each([&](V& one, int i) __attribute__((always_inline)) { load(other, residual + i * step), one += other; });
  const V zero{};
  if (e.activation == Activation::relu) {
    each([&](V& one, int) __attribute__((always_inline)) { one = one < zero ? zero : one; });
  } else if (e.activation == Activation::leaky_relu) {
    each([&](V& one, int) __attribute__((always_inline)) { one = one > zero ? one : e.slope * one; });
  } else if (e.activation == Activation::clamp) {
    const V low = zero + e.low, high = zero + e.high;
    each([&](V& one, int) __attribute__((always_inline)) { one = one < low ? low : one, one = one > high ? high : one; });
  }
}
/// The same of one v.
template <class V, class T>
[[gnu::always_inline]] inline void finish(V& v, const Epilogue<T>& e, Index channel, const T* residual) {
  V one[1] = {v};
  finish_all<1>(one, e, channel, residual, 0);
  v = one[0];
}

/// Calls f(place) for the places where whole vectors of `lanes` begin so that they cover `count` >= lanes; the last may overlap the one before.
/// So channels need no tail; what f does must not depend on what it wrote.
template <class F>
[[gnu::always_inline]] inline void for_each_vector(Index count, Index lanes, const F& f) {
  for (Index i = 0; i < count; i += lanes) f(i + lanes <= count ? i : count - lanes);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
