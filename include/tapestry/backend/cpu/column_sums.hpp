// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "allocator.hpp"
#include "kernel/isa.hpp"
#include "kernel/vector.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many rows of a matrix are taken as one, so that few columns fill vectors too: the sums of x[rows][columns] are those of
/// x[rows/fold][fold*columns], added up fold by fold.
constexpr Index row_fold(Index rows, Index columns) {
  const Index fold = columns < 8 ? 8 : columns < 16 ? 4 : columns < 32 ? 2 : 1;
  return rows % fold == 0 ? fold : 1;
}

/// Adds to sums[c] the numbers a[r][c] - p[c] and to sums[columns + c] the products (a[r][c] - p[c]) * (b[r][c] - m[c]) over r < rows; columns fill a
/// vector at least. `rows` is small, so within it T is good enough. Four vectors go by at a time, so that narrow rows are read from end to end.
template <class T>
struct ColumnSums {
  Index rows, columns;
  const T *a, *p, *b, *m;
  double* sums;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const ColumnSums* s) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    constexpr unsigned side = 4;
    for (Index c = 0; c < s->columns; c += side * lanes) {
      Index place[side];  // the last vector ends where the row does and may overlap the one before, or repeat it
      V p[side], m[side], sum[side] = {}, product[side] = {};
      TAPESTRY_UNROLL
      for (unsigned j = 0; j < side; ++j) {
        place[j] = std::min(c + static_cast<Index>(j) * lanes, s->columns - lanes);
        load(p[j], s->p + place[j]), load(m[j], s->m + place[j]);
      }
      for (Index r = 0; r < s->rows; ++r) {
        const T *a = s->a + r * s->columns, *b = s->b + r * s->columns;
        TAPESTRY_UNROLL
        for (unsigned j = 0; j < side; ++j) {
          V from_a, from_b;
          load(from_a, a + place[j]), load(from_b, b + place[j]);
          from_a -= p[j];
          sum[j] += from_a;
          product[j] += from_a * (from_b - m[j]);
        }
      }
      for (unsigned j = 0; j < side; ++j)
        for (Index lane = std::min(lanes, c + static_cast<Index>(j) * lanes - place[j]); lane < lanes; ++lane) {
          s->sums[place[j] + lane] += static_cast<double>(sum[j][lane]);
          s->sums[s->columns + place[j] + lane] += static_cast<double>(product[j][lane]);
        }
    }
  }
};

/// How the rows of a matrix are gone through: `wide` numbers at a time, a row or a few short ones, and chunks of them that stay in the second-level
/// cache; depends on the sizes alone.
struct ColumnChunks {
  Index wide, high, chunk, count;

  ColumnChunks(Index rows, Index columns)
      : wide(row_fold(rows, columns) * columns), high(rows * columns / wide), chunk(std::max<Index>(1, 32768 / wide)), count((high + chunk - 1) / chunk) {}

  /// Adds the sums and products of rows [begin, end) of `wide` numbers to part[2*wide].
  template <class T>
  void add(Index begin, Index end, const T* a, const T* p, const T* b, const T* m, double* part) const {
    const Index run = std::clamp<Index>(16384 / (wide * static_cast<Index>(sizeof(T))), 8, 64);  // rows that stay in the first-level cache
    for (Index r = begin; r < end; r += run) {
      const ColumnSums<T> strip{std::min(run, end - r), wide, a + r * wide, p, b + r * wide, m, part};
      if (wide * static_cast<Index>(sizeof(T)) >= 64)
        dispatch_memory_bound<ColumnSums<T>>(&strip);
      else if (wide * static_cast<Index>(sizeof(T)) >= 16)
        run_baseline<ColumnSums<T>>(&strip);
      else
        ColumnSums<T>::template run<static_cast<int>(sizeof(T))>(&strip);
    }
  }
};

/// sums[c] = sum over r of a[r][c] - p[c];  products[c] = sum over r of (a[r][c] - p[c]) * (b[r][c] - m[c]);  a null p or m is 0.
/// Rows go in chunks that depend on the sizes alone, whose sums are added in order.
template <class T>
void column_sums(Index rows, Index columns, const T* a, const T* p, const T* b, const T* m, double* sums, double* products) {
  if (columns == 0) return;
  const ColumnChunks chunks(rows, columns);
  const Index wide = chunks.wide;
  const Scratch<T> centers(2 * wide);
  for (Index c = 0; c < wide; ++c) centers[c] = p ? p[c % columns] : T{0}, centers[wide + c] = m ? m[c % columns] : T{0};
  const Scratch<double> parts(chunks.count * 2 * wide);
  parallel_for(chunks.high, chunks.chunk, [&](Index begin, Index end) {
    double* part = parts.data() + begin / chunks.chunk * 2 * wide;
    std::fill(part, part + 2 * wide, 0.0);
    chunks.add(begin, end, a, centers.data(), b, centers.data() + wide, part);
  });
  std::fill(sums, sums + columns, 0.0);
  std::fill(products, products + columns, 0.0);
  for (Index part = 0; part < chunks.count; ++part)
    for (Index c = 0; c < wide; ++c) {
      sums[c % columns] += parts[part * 2 * wide + c];
      products[c % columns] += parts[(part * 2 + 1) * wide + c];
    }
}

/// Mean and biased variance of each column: of squares' sum minus sum's square nothing would be left where the mean is large, so squares are those of
/// distances from a mean. x is read from memory once: a chunk is gone through twice while it is in a cache, the second time around its own mean, and
/// chunks are put together in order by
///   M = M_a + M_b + (mean_b - mean_a)^2 * a*b/(a + b),   M a sum of squared distances, of a and b rows.
/// Source   Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
template <class T>
void column_statistics(Index rows, Index columns, const T* x, T* mean, T* variance) {
  if (columns == 0) return;
  const ColumnChunks chunks(rows, columns);
  const Index wide = chunks.wide;
  const Scratch<double> parts(std::max<Index>(1, chunks.count) * 2 * wide);  // of each chunk, mean and sum of squared distances
  parallel_for(chunks.high, chunks.chunk, [&](Index begin, Index end) {
    const double count = static_cast<double>(end - begin);
    double* part = parts.data() + begin / chunks.chunk * 2 * wide;
    const Scratch<T> center(wide);
    std::fill(center.data(), center.data() + wide, T{0});
    std::fill(part, part + 2 * wide, 0.0);
    chunks.add(begin, end, x, center.data(), x, center.data(), part);
    for (Index c = 0; c < wide; ++c) center[c] = static_cast<T>(part[c] / count);
    std::fill(part, part + 2 * wide, 0.0);
    chunks.add(begin, end, x, center.data(), x, center.data(), part);
    for (Index c = 0; c < wide; ++c) {  // the sum of x - center is not quite 0, for center was rounded to T
      const double off = part[c] / count;
      part[c] = static_cast<double>(center[c]) + off;
      part[wide + c] -= off * off * count;
    }
  });
  const Scratch<double> together(2 * columns);
  double *average = together.data(), *squares = average + columns, count = 0;
  std::fill(average, average + 2 * columns, 0.0);
  for (Index part = 0; part < chunks.count; ++part) {
    const double more = static_cast<double>(std::min(chunks.chunk, chunks.high - part * chunks.chunk));
    for (Index at = part * 2 * wide; at < (part * 2 + 1) * wide; at += columns, count += more) {
      const double share = more / (count + more);
      for (Index c = 0; c < columns; ++c) {
        const double distance = parts[at + c] - average[c];
        average[c] += distance * share;
        squares[c] += parts[at + wide + c] + distance * distance * count * share;
      }
    }
  }
  for (Index c = 0; c < columns; ++c) mean[c] = static_cast<T>(average[c]), variance[c] = static_cast<T>(squares[c] / static_cast<double>(rows));
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
