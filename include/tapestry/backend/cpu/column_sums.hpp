// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "allocator.hpp"
#include "kernel/vector.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many rows of a matrix are taken as one, so that few columns fill vectors too: the sums of x[rows][columns] are those of
/// x[rows/fold][fold*columns], added up fold by fold.
constexpr Index row_fold(Index rows, Index columns) { return columns < 32 && rows % 8 == 0 ? 8 : 1; }

/// sums[s][c] += sum over r < rows of term s at (r, c), c < columns. `term(get, i, c, v)` writes the terms of a vector of elements that begins at
/// x[i], in column c, to v[0 .. Sums); it reads memory by get(pointer). Sums are kept in T for 64 rows at a time, then in double.
template <class T, int Sums, class Term>
void add_column_sums(Index rows, Index columns, const Term& term, double* sums) {
  using V = Vector<T, 16>;
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T)), short_run = 64;
  constexpr int wide = Sums == 1 ? 4 : 2;  // vectors side by side, to hide the latency of addition
  const auto strip = [&](const auto& get, Index c, Index count, const auto& vectors) {
    constexpr int side = std::decay_t<decltype(vectors)>::value;
    for (Index r0 = 0; r0 < rows; r0 += short_run) {
      V sum[std::size_t{Sums}][std::size_t{side}] = {};
      for (Index r = r0; r < std::min(rows, r0 + short_run); ++r)
        for (int j = 0; j < side; ++j) {
          V v[std::size_t{Sums}];
          term(get, r * columns + c + j * lanes, c + j * lanes, v);
          for (int s = 0; s < Sums; ++s) sum[s][j] += v[s];
        }
      for (int s = 0; s < Sums; ++s)
        for (Index i = 0; i < count; ++i) sums[s * columns + c + i] += static_cast<double>(sum[s][i / lanes][i % lanes]);
    }
  };
  const auto whole = [](const T* from) {
    V v;
    load(v, from);
    return v;
  };
  Index c = 0;
  for (; c + wide * lanes <= columns; c += wide * lanes) strip(whole, c, wide * lanes, std::integral_constant<int, wide>());
  for (; c < columns; c += lanes) {
    const Index count = std::min(lanes, columns - c);
    const auto some = [count](const T* from) {
      V v;
      load_some(v, from, count);
      return v;
    };
    strip(some, c, count, std::integral_constant<int, 1>());
  }
}

/// The same over all rows in parallel, into sums[s][c] of the unfolded columns: chunks of rows that depend on the sizes alone, added in order.
template <class T, int Sums, class Term>
void column_sums(Index rows, Index columns, const Term& term, double* sums) {
  const Index fold = row_fold(rows, columns), wide = fold * columns, high = rows / fold;
  const Index chunk = std::max<Index>(1, 32768 / std::max<Index>(1, wide)), chunks = (high + chunk - 1) / chunk;
  std::vector<double, CachedAllocator<double>> parts(static_cast<std::size_t>(chunks * Sums * wide));
  parallel_for(high, chunk, [&](Index begin, Index end) {
    const auto shifted = [&](const auto& get, Index i, Index c, auto* v) { term(get, begin * wide + i, c, v); };
    add_column_sums<T, Sums>(end - begin, wide, shifted, parts.data() + begin / chunk * Sums * wide);
  });
  std::fill(sums, sums + Sums * columns, 0.0);
  for (Index part = 0; part < chunks * Sums; ++part)
    for (Index f = 0; f < fold; ++f)
      for (Index c = 0; c < columns; ++c)
        sums[part % Sums * columns + c] += parts[static_cast<std::size_t>(part * wide + f * columns + c)];
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
