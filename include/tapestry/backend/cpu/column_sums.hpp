// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "allocator.hpp"
#include "kernel/vector.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many rows of a matrix are taken as one, so that few columns fill vectors too: the sums of x[rows][columns] are those of
/// x[rows/fold][fold*columns], added up fold by fold.
constexpr Index row_fold(Index rows, Index columns) { return columns < 32 && rows % 8 == 0 ? 8 : 1; }

/// The sums of a[r][c] - p[c] and of (a[r][c] - p[c]) * (b[r][c] - m[c]) over r < rows, for `Side` vectors of columns from c on, of which
/// `count` numbers are wanted. They are kept in T for 64 rows at a time, then in double.
template <class T, int Side>
void add_column_strip(Index rows, Index columns, Index c, Index count, const T* a, const T* p, const T* b, const T* m, double* sums) {
  using V = Vector<T, 16>;
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T)), run = 64;
  const auto read = [count](V& v, const T* from) {
    if (Side > 1 || count == lanes)
      load(v, from);
    else
      load_some(v, from, count);
  };
  V p_here[std::size_t{Side}], m_here[std::size_t{Side}];
  for (Index j = 0; j < Side; ++j) read(p_here[j], p + c + j * lanes), read(m_here[j], m + c + j * lanes);
  for (Index r0 = 0; r0 < rows; r0 += run) {
    V sum[std::size_t{Side}] = {}, product[std::size_t{Side}] = {};
    for (Index r = r0; r < std::min(rows, r0 + run); ++r)
      for (Index j = 0; j < Side; ++j) {
        V from_a, from_b;
        read(from_a, a + r * columns + c + j * lanes);
        read(from_b, b + r * columns + c + j * lanes);
        from_a -= p_here[j];
        sum[j] += from_a;
        product[j] += from_a * (from_b - m_here[j]);
      }
    for (Index i = 0; i < count; ++i) {
      sums[c + i] += static_cast<double>(sum[i / lanes][i % lanes]);
      sums[columns + c + i] += static_cast<double>(product[i / lanes][i % lanes]);
    }
  }
}

/// sums[c] = sum over r of a[r][c] - p[c];  products[c] = sum over r of (a[r][c] - p[c]) * (b[r][c] - m[c]);  a null p or m is 0.
/// Rows go in chunks that depend on the sizes alone, whose sums are added in order.
template <class T>
void column_sums(Index rows, Index columns, const T* a, const T* p, const T* b, const T* m, double* sums, double* products) {
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T)), side = 3;
  const Index fold = row_fold(rows, columns), wide = fold * columns, high = rows / fold;
  const Index chunk = std::max<Index>(1, 32768 / std::max<Index>(1, wide)), chunks = (high + chunk - 1) / chunk;
  const Scratch<T> centers(2 * wide);
  for (Index c = 0; c < wide; ++c) centers[c] = p ? p[c % columns] : T{0}, centers[wide + c] = m ? m[c % columns] : T{0};
  const Scratch<double> parts(chunks * 2 * wide);
  parallel_for(high, chunk, [&](Index begin, Index end) {
    double* part = parts.data() + begin / chunk * 2 * wide;
    std::fill(part, part + 2 * wide, 0.0);
    const T *from_a = a + begin * wide, *from_b = b + begin * wide, *to_p = centers.data(), *to_m = to_p + wide;
    Index c = 0;
    for (; c + side * lanes <= wide; c += side * lanes) add_column_strip<T, side>(end - begin, wide, c, side * lanes, from_a, to_p, from_b, to_m, part);
    for (; c < wide; c += lanes) add_column_strip<T, 1>(end - begin, wide, c, std::min(lanes, wide - c), from_a, to_p, from_b, to_m, part);
  });
  std::fill(sums, sums + columns, 0.0);
  std::fill(products, products + columns, 0.0);
  for (Index part = 0; part < chunks; ++part)
    for (Index c = 0; c < wide; ++c) {
      sums[c % columns] += parts[part * 2 * wide + c];
      products[c % columns] += parts[(part * 2 + 1) * wide + c];
    }
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
