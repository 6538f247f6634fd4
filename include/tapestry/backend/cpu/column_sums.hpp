// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "allocator.hpp"
#include "kernel/vector.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many rows of a matrix are taken as one, so that few columns fill vectors too: the sums of x[rows][columns] are those of
/// x[rows/fold][fold*columns], added up fold by fold.
constexpr Index row_fold(Index rows, Index columns) {
  const Index fold = columns < 8 ? 8 : columns < 16 ? 4 : columns < 32 ? 2 : 1;
  return rows % fold == 0 ? fold : 1;
}

/// Adds to sums[c] the numbers a[r][c] - p[c] and to sums[columns + c] the products (a[r][c] - p[c]) * (b[r][c] - m[c]) over r < rows, for
/// `Side` vectors of columns from c on, of which `count` numbers are wanted. `rows` is small, so within it T is good enough.
template <class T, int Side>
void add_column_strip(Index rows, Index columns, Index c, Index count, const T* a, const T* p, const T* b, const T* m, double* sums) {
  using V = Vector<T, 16>;
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  const auto read = [count](V& v, const T* from) {
    if (Side > 1 || count == lanes)
      load(v, from);
    else
      load_some(v, from, count);
  };
  V p_here[std::size_t{Side}], m_here[std::size_t{Side}], sum[std::size_t{Side}] = {}, product[std::size_t{Side}] = {};
  for (Index j = 0; j < Side; ++j) read(p_here[j], p + c + j * lanes), read(m_here[j], m + c + j * lanes);
  for (Index r = 0; r < rows; ++r)
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

/// sums[c] = sum over r of a[r][c] - p[c];  products[c] = sum over r of (a[r][c] - p[c]) * (b[r][c] - m[c]);  a null p or m is 0.
/// Rows go in chunks that depend on the sizes alone, whose sums are added in order.
template <class T>
void column_sums(Index rows, Index columns, const T* a, const T* p, const T* b, const T* m, double* sums, double* products) {
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T)), side = 4;
  if (columns == 0) return;
  const Index fold = row_fold(rows, columns), wide = fold * columns, high = rows / fold;
  const Index chunk = std::max<Index>(1, 32768 / wide), chunks = (high + chunk - 1) / chunk;
  const Index run = std::clamp<Index>(16384 / (wide * static_cast<Index>(sizeof(T))), 8, 64);  // rows that stay in the first-level cache
  const Scratch<T> centers(2 * wide);
  for (Index c = 0; c < wide; ++c) centers[c] = p ? p[c % columns] : T{0}, centers[wide + c] = m ? m[c % columns] : T{0};
  const Scratch<double> parts(chunks * 2 * wide);
  parallel_for(high, chunk, [&](Index begin, Index end) {
    double* part = parts.data() + begin / chunk * 2 * wide;
    std::fill(part, part + 2 * wide, 0.0);
    for (Index r = begin; r < end; r += run) {
      const Index here = std::min(run, end - r);
      const T *from_a = a + r * wide, *from_b = b + r * wide, *to_p = centers.data(), *to_m = to_p + wide;
      Index c = 0;
      for (; c + side * lanes <= wide; c += side * lanes)
        add_column_strip<T, side>(here, wide, c, side * lanes, from_a, to_p, from_b, to_m, part);
      for (; c < wide; c += lanes) add_column_strip<T, 1>(here, wide, c, std::min(lanes, wide - c), from_a, to_p, from_b, to_m, part);
    }
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
