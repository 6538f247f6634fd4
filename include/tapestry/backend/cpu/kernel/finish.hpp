// SPDX-License-Identifier: MIT
#pragma once

#include "../../epilogue.hpp"
#include "vector.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// v = activation(v), whose kind and numbers `e` has: an Epilogue or the like.
template <class V, class E>
[[gnu::always_inline]] inline void activate(V& v, const E& e) {
  const V zero{};
  if (e.activation == Activation::relu) {
    v = v < zero ? zero : v;
  } else if (e.activation == Activation::leaky_relu) {
    v = v > zero ? v : e.slope * v;
  } else if (e.activation == Activation::clamp) {
    v = v < zero + e.low ? zero + e.low : v;
    v = v > zero + e.high ? zero + e.high : v;
  }
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

/// v = the epilogue's value of v, lane by lane from `channel` on; V may be T itself. The residual, if any, lies at `residual`.
template <class V, class T>
[[gnu::always_inline]] inline void finish(V& v, const Epilogue<T>& e, Index channel, const T* residual) {
  V other;
  if (e.bias) load(other, e.bias + channel), v += other;
  if (e.scale) load(other, e.scale + channel), v *= other;
  if (e.shift) load(other, e.shift + channel), v += other;
  if (e.residual) load(other, residual), v += other;
  activate(v, e);
}

/// Calls f(place) for the places where whole vectors of `lanes` begin so that they cover `count` >= lanes; the last may overlap the one before.
/// So channels need no tail; what f does must not depend on what it wrote.
template <class F>
[[gnu::always_inline]] inline void for_each_vector(Index count, Index lanes, const F& f) {
  for (Index i = 0; i < count; i += lanes) f(i + lanes <= count ? i : count - lanes);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
