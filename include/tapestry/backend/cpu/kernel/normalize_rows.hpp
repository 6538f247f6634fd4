// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// `Bytes` bytes of T; T itself where that is one number.
template <class T, int Bytes>
using Lanes = typename std::conditional_t<Bytes == static_cast<int>(sizeof(T)), std::type_identity<T>, VectorType<T, Bytes>>;

/// v = (x - mean) * scale + shift, from d = x - mean. Backward computes it anew, to see what an activation saw: by the same instructions, so that it
/// sees the same.
template <class V>
[[gnu::always_inline]] inline void apply_normalization(V& v, const V& d, const V& scale, const V& shift) {
  v = d * scale + shift;
}

/// y = activation((x - mean) * scale + shift + residual) for rows of `columns` numbers, which fill a vector at least; x and y may be the same.
template <class T>
struct NormalizeRows {
  Index rows, columns;
  const T *x, *means, *scales, *shifts, *residual;
  Activation activation;
  T slope, low, high;
  T* y;

  template <class V>
  [[gnu::always_inline]] void one(V& v, Index at, Index c) const {
    V mean, scale, shift;
    load(v, x + at + c), load(mean, means + c), load(scale, scales + c), load(shift, shifts + c);
    apply_normalization<V>(v, v - mean, scale, shift);
    if (residual) load(mean, residual + at + c), v += mean;
    activate(v, *this);
  }
  template <int Bytes>
  [[gnu::always_inline]] static void run(const NormalizeRows* r) {
    using V = typename Lanes<T, Bytes>::type;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    const NormalizeRows s = *r;  // whose numbers no write to y can change
    const Index whole = s.columns / lanes * lanes, last = s.columns - lanes;
    for (Index i = 0, at = 0; i < s.rows; ++i, at += s.columns) {
      V v, end{};
      if (whole < s.columns) s.one(end, at, last);  // it overlaps the one before, so it is read before that is written
      for (Index c = 0; c < whole; c += lanes) s.one(v, at, c), store(v, s.y + at + c);
      if (whole < s.columns) store(end, s.y + at + last);
    }
  }
};

/// The mask of an activation behind a normalisation, for a gradient whose place holds d = x - mean; scales and shifts are the normalisation's.
template <class T>
struct NormalizedMask {
  const T *scales, *shifts;
  Activation activation;
  T slope, low, high;

  template <class V>
  [[gnu::always_inline]] void operator()(V& dy, const V& d, const T*, Index c) const {
    V v, scale, shift;
    load(scale, scales + c), load(shift, shifts + c);
    apply_normalization(v, d, scale, shift);
    activate_backward(dy, v, *this);
  }
};

/// dx = scale * dy + constant + slope * (x - mean), of which dy is masked first if there is an activation. dx is none of the others.
template <class T>
struct NormalizationGradientRows {
  Index rows, columns;
  const T *x, *dy, *means, *constants, *slopes;
  NormalizedMask<T> mask;
  T* dx;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const NormalizationGradientRows* r) {
    using V = typename Lanes<T, Bytes>::type;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    const NormalizationGradientRows s = *r;
    for (Index i = 0, at = 0; i < s.rows; ++i, at += s.columns)
      for_each_vector(s.columns, lanes, [&](Index c) __attribute__((always_inline)) {
        V d, v, number;
        load(d, s.x + at + c), load(v, s.dy + at + c), load(number, s.means + c);
        d -= number;
        s.mask(v, d, s.means, c);
        load(number, s.mask.scales + c), v *= number;
        load(number, s.constants + c), v += number;
        load(number, s.slopes + c), v += number * d;
        store(v, s.dx + at + c);
      });
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
