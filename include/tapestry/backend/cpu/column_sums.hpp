// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "allocator.hpp"
#include "kernel/normalize_rows.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many rows of a matrix are taken as one, so that few columns fill vectors too: the sums of x[rows][columns] are those of
/// x[rows/fold][fold*columns], added up fold by fold.
constexpr Index row_fold(Index rows, Index columns) {
  const Index fold = columns < 8 ? 8 : columns < 16 ? 4 : columns < 32 ? 2 : 1;
  return rows % fold == 0 ? fold : 1;
}

/// Runs a kernel over rows of so many numbers with the widest vectors that they fill; results may depend on that choice, by rounding.
template <class T, class Kernel>
void run_rows(Index columns, const Kernel& kernel) {
  const Index bytes = columns * static_cast<Index>(sizeof(T));
  if (bytes >= 64) return dispatch<Kernel>(&kernel);
  if (bytes >= 16) return run_baseline<Kernel>(&kernel);
  Kernel::template run<static_cast<int>(sizeof(T))>(&kernel);
}

/// Sums of numbers as they are.
struct AsTheyAre {
  template <class V, class T>
  [[gnu::always_inline]] void operator()(V&, const V&, const T*, Index) const {}
};

/// Adds to sums[c] the numbers a[r][c] - p[c] and to sums[columns + c] the products (a[r][c] - p[c]) * (b[r][c] - m[c]) over r < rows; columns fill a
/// vector at least. `rows` is small, so within it T is good enough. Four vectors go by at a time, so that narrow rows are read from end to end.
/// First becomes(a, b - m, m, c) changes a.
template <class T, class Becomes>
struct ColumnSums {
  Index rows, columns;
  const T *a, *p, *b, *m;
  double* sums;
  Becomes becomes;

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
          from_b -= m[j];
          s->becomes(from_a, from_b, s->m, place[j]);
          from_a -= p[j];
          sum[j] += from_a;
          product[j] += from_a * from_b;
        }
      }
      for (unsigned j = 0; j < side; ++j)
        for (Index lane = 0; lane < lanes; ++lane) {
          if (place[j] + lane < c + static_cast<Index>(j) * lanes) continue;  // the vector before has had it
          s->sums[place[j] + lane] += static_cast<double>(sum[j][lane]);
          s->sums[s->columns + place[j] + lane] += static_cast<double>(product[j][lane]);
        }
    }
  }
};

/// How a matrix is cut into chunks of rows, each of which has sums of its own; a function of its sizes alone.
template <class T>
struct RowChunks {
  Index fold, wide, high;       // rows taken as one, their numbers, and how many there are of them
  Index chunk, count;           // rows of a chunk; chunks
  Index run;                    // rows that stay in the first-level cache

  RowChunks(Index rows, Index columns)
      : fold(row_fold(rows, columns)), wide(fold * columns), high(rows / fold), chunk(std::max<Index>(1, 32768 / std::max<Index>(1, wide))),
        count((high + chunk - 1) / chunk), run(std::clamp<Index>(16384 / (std::max<Index>(1, wide) * static_cast<Index>(sizeof(T))), 8, 64)) {}

  /// Sums of the rows [begin, end), added to `sums`.
  template <class Becomes>
  void add(Index begin, Index end, const T* a, const T* p, const T* b, const T* m, const Becomes& becomes, double* sums) const {
    for (Index r = begin; r < end; r += run)
      run_rows<T>(wide, ColumnSums<T, Becomes>{std::min(run, end - r), wide, a + r * wide, p, b + r * wide, m, sums, becomes});
  }
};

/// sums[c] = sum over r of a[r][c] - p[c];  products[c] = sum over r of (a[r][c] - p[c]) * (b[r][c] - m[c]);  a null p or m is 0. `becomes`
/// may change a's numbers first, see ColumnSums. Chunks' sums are added in order.
template <class T, class Becomes = AsTheyAre>
void column_sums(Index rows, Index columns, const T* a, const T* p, const T* b, const T* m, double* sums, double* products, const Becomes& becomes = {}) {
  if (columns == 0) return;
  const RowChunks<T> by(rows, columns);
  const Index wide = by.wide;
  const Scratch<T> centers(2 * wide);
  for (Index c = 0; c < wide; ++c) centers[c] = p ? p[c % columns] : T{0}, centers[wide + c] = m ? m[c % columns] : T{0};
  const Scratch<double> parts(by.count * 2 * wide);
  parallel_for(by.high, by.chunk, [&](Index begin, Index end) {
    double* part = parts.data() + begin / by.chunk * 2 * wide;
    std::fill(part, part + 2 * wide, 0.0);
    by.add(begin, end, a, centers.data(), b, centers.data() + wide, becomes, part);
  });
  std::fill(sums, sums + columns, 0.0);
  std::fill(products, products + columns, 0.0);
  for (Index part = 0; part < by.count; ++part)
    for (Index c = 0; c < wide; ++c) {
      sums[c % columns] += parts[part * 2 * wide + c];
      products[c % columns] += parts[(part * 2 + 1) * wide + c];
    }
}

/// Mean of each column, and the sum of squared distances from it, in one pass through memory. Of squares' sum minus sum's square nothing would be
/// left where the mean is large, so each chunk measures from a number of its own, the mean of its first rows; then chunks come together in order.
/// Source   Chan, Golub and LeVeque, "Algorithms for computing the sample variance: analysis and recommendations", 1983.
template <class T>
void column_moments(Index rows, Index columns, const T* x, double* mean, double* squares) {
  std::fill(mean, mean + columns, 0.0);
  std::fill(squares, squares + columns, 0.0);
  if (columns == 0) return;
  const RowChunks<T> by(rows, columns);
  const Index wide = by.wide;
  const Scratch<double> parts(by.count * 3 * wide);  // of each chunk: where it measures from, its sums and its sums of squares
  parallel_for(by.high, by.chunk, [&](Index begin, Index end) {
    double *from = parts.data() + begin / by.chunk * 3 * wide, *sums = from + wide;
    const Scratch<T> numbers(2 * wide);
    T *zero = numbers.data(), *center = zero + wide;
    const Index first = std::min<Index>(end - begin, 16);
    std::fill(zero, zero + wide, T{0});
    std::fill(sums, sums + 2 * wide, 0.0);
    by.add(begin, begin + first, x, zero, x, zero, AsTheyAre{}, sums);
    for (Index c = 0; c < wide; ++c) from[c] = static_cast<double>(center[c] = static_cast<T>(sums[c] / static_cast<double>(first)));
    std::fill(sums, sums + 2 * wide, 0.0);
    by.add(begin, end, x, center, x, center, AsTheyAre{}, sums);
  });
  double known = 0;  // numbers that a column has so far
  const auto count_of = [&](Index part) { return static_cast<double>(std::min(by.chunk, by.high - part * by.chunk)); };
  for (Index part = 0; part < by.count; ++part) {
    const double n = count_of(part), *from = parts.data() + part * 3 * wide, *sums = from + wide;
    for (Index i = 0; i < by.fold; ++i, known += n)
      for (Index c = 0; c < columns; ++c) {
        const Index at = i * columns + c;
        const double away = sums[at] / n, distance = from[at] + away - mean[c];
        mean[c] += distance * (n / (known + n));
        squares[c] += sums[wide + at] - away * sums[at] + distance * distance * (n * known / (known + n));
      }
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
