// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstring>

#include "vector.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Functions of whole vectors of float. Errors are at most 2 units in the last place; special numbers go where those of <cmath> go.

template <class V>
using IntegersOf = decltype(V{} < V{});

/// v = sqrt(v), rounded correctly.
template <class V>
[[gnu::always_inline]] inline void square_root(V& v) {
#if defined(__x86_64__) && defined(__GNUC__)
  if constexpr (sizeof(V) >= 16) {  // there is no operator for it; an instruction takes 16 bytes wherever it is inlined
    auto* parts = reinterpret_cast<char*>(&v);
    for (std::size_t at = 0; at < sizeof(V); at += 16) {
      Vector<float, 16> part;
      std::memcpy(&part, parts + at, 16);
      if constexpr (sizeof(V) == 16)
        asm("sqrtps %0, %0" : "+x"(part));
      else
        asm("vsqrtps %0, %0" : "+x"(part));
      std::memcpy(parts + at, &part, 16);
    }
    return;
  }
#endif
  for (unsigned lane = 0; lane < sizeof(V) / sizeof(float); ++lane) v[lane] = __builtin_sqrtf(v[lane]);
}

/// v = e^v = 2^n e^r with n = round(v / ln 2), so that |r| <= ln(2)/2; e^r by a polynomial.
/// Source   the coefficients of expf in Moshier's Cephes library.
template <class V>
[[gnu::always_inline]] inline void exponential(V& v) {
  using I = IntegersOf<V>;
  constexpr float highest = 88.7228394f, lowest = -103.972084f, rounder = 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
  V x = v > highest ? V{} + highest : v;
  keep_apart(x);
  x = x < lowest ? V{} + lowest : x;
  const V shifted = x * 1.44269504f + rounder;
  V n = shifted - rounder;
  const V r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  // 2^n in two factors, for n may reach 128 and -150.
  const I whole = __builtin_convertvector(n, I), half = whole >> 1, rest = whole - half;
  V a, b;
  const I a_bits = (half + 127) << 23, b_bits = (rest + 127) << 23;
  std::memcpy(&a, &a_bits, sizeof a), std::memcpy(&b, &b_bits, sizeof b);
  V y = p * a * b;
  keep_apart(y);
  y = v > highest ? V{} + __builtin_inff() : y;
  keep_apart(y);
  v = v == v ? y : v;
}

/// v = 1 / (1 + e^-v)
template <class V>
[[gnu::always_inline]] inline void logistic(V& v) {
  V e = -v;
  exponential(e);
  v = 1.f / (1.f + e);
}

/// v = tanh(v): near 0 by a polynomial, elsewhere 1 - 2 / (e^2|v| + 1) with v's sign.
/// Source   the coefficients of tanhf in Moshier's Cephes library.
template <class V>
[[gnu::always_inline]] inline void hyperbolic_tangent(V& v) {
  const V zero{};
  const V size = v < zero ? -v : v;
  V e = size + size;
  exponential(e);
  V far = 1.f - 2.f / (e + 1.f);
  far = v < zero ? -far : far;
  const V square = v * v;
  V p = square * -5.70498872745e-3f + 2.06390887954e-2f;
  p = p * square + -5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square + -3.33332819422e-1f;
  V near = p * square * v + v;
  keep_apart(far), keep_apart(near);
  v = size > 0.625f ? far : near;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
