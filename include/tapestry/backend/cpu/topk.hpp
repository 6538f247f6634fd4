// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>

#include "../../core/scalar.hpp"
#include "allocator.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// A number as an unsigned integer that is ordered as the numbers are: NaN last, -0 and 0 equal. One sort then serves all types.
template <Scalar T>
std::uint64_t sort_key(T x) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  if constexpr (Floating<T>) {
    if (x != x) return ~std::uint64_t{0};
    const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(x) + 0.0);  // -0 + 0 is 0
    return bits & sign ? ~bits : bits | sign;
  } else {
    return static_cast<std::uint64_t>(x) ^ sign;
  }
}

struct Ranked {
  std::uint64_t key;
  Index position;
  friend bool operator<(const Ranked& a, const Ranked& b) { return a.key != b.key ? a.key < b.key : a.position < b.position; }
};
/// The k smallest of `size` to the front, in order; by a heap of k.
[[gnu::noinline]] inline void rank_first(Ranked* line, Index k, Index size) { std::partial_sort(line, line + k, line + size); }

/// The k best along the middle axis, equals in order of position.
template <Scalar T>
void topk(Index outer, Index size, Index inner, Index k, bool largest, const T* x, T* values, Index* positions) {
  const std::uint64_t flip = largest ? ~std::uint64_t{0} : 0;
  parallel_for(outer * inner, std::max<Index>(1, 4096 / std::max<Index>(1, size)), [=](Index begin, Index end) {
    const Scratch<Ranked> line(size);
    for (Index at = begin; at < end; ++at) {
      const T* from = x + at / inner * size * inner + at % inner;
      for (Index s = 0; s < size; ++s) line[s] = {sort_key(from[s * inner]) ^ flip, s};
      rank_first(line.data(), k, size);
      for (Index r = 0; r < k; ++r) {
        const Index to = (at / inner * k + r) * inner + at % inner;
        positions[to] = line[r].position;
        values[to] = from[line[r].position * inner];
      }
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
