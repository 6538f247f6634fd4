// SPDX-License-Identifier: MIT
#pragma once

#include "../../epilogue.hpp"
#include "vector.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// v = activation(v) for each of several, whose kind and numbers `e` has: an Epilogue or the like. What is the same for all is read once.
template <int Count, class V, class E>
[[gnu::always_inline]] inline void activate_all(V (&v)[std::size_t{Count}], const E& e) {
  const auto each = [&](const auto& f) __attribute__((always_inline)) {
    TAPESTRY_UNROLL
    for (int i = 0; i < Count; ++i) f(v[i]);
  };
  const V zero{};
  if (e.activation == Activation::relu) {
    each([&](V& one) __attribute__((always_inline)) { one = one < zero ? zero : one; });
  } else if (e.activation == Activation::leaky_relu) {
    each([&](V& one) __attribute__((always_inline)) { one = one > zero ? one : e.slope * one; });
  } else if (e.activation == Activation::clamp) {
    const V low = zero + e.low, high = zero + e.high;
    each([&](V& one) __attribute__((always_inline)) { one = one < low ? low : one, one = one > high ? high : one; });
  }
}
/// v = activation(v)
template <class V, class E>
[[gnu::always_inline]] inline void activate(V& v, const E& e) {
  V one[1] = {v};
  activate_all<1>(one, e);
  v = one[0];
}
/// d = d * activation'(v)
template <class V, class E>
[[gnu::always_inline]] inline void activate_backward(V& d, const V& v, const E& e) {
  const V zero{};
  if (e.activation == Activation::relu) {
    d = v <= zero ? zero : d;
  } else if (e.activation == Activation::leaky_relu) {
    d = v > zero ? d : e.slope * d;
  } else if (e.activation == Activation::clamp) {
    d = v > zero + e.low ? d : zero;
    keep_apart(d);
    d = v < zero + e.high ? d : zero;
  }
}

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
  activate_all<Count>(v, e);
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
