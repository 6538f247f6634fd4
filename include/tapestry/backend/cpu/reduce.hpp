// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "../reference/reduce.hpp"
#include "column_sums.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// The sum of up to a few thousand numbers that lie in a row: 16 partial sums in T, added in double.
template <Floating T>
double run_sum(const T* x, Index count) {
  using V = Vector<T, 16>;
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  V sum[4] = {};
  Index i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes)
    for (Index j = 0; j < 4; ++j) {
      V v;
      load(v, x + i + j * lanes);
      sum[j] += v;
    }
  double total = 0;
  for (Index j = 0; j < 4 * lanes; ++j) total += static_cast<double>(sum[j / lanes][j % lanes]);
  for (; i < count; ++i) total += static_cast<double>(x[i]);
  return total;
}

/// y[o] = the sum of x[o][.]: runs of a fixed length, whose sums are added in order.
template <Floating T>
void row_sums(Index rows, Index size, const T* x, T* y) {
  constexpr Index run = 2048;
  const Index runs = (size + run - 1) / run;
  const Scratch<double> parts(rows * runs);
  parallel_for(rows * runs, std::max<Index>(1, 32768 / std::clamp<Index>(size, 1, run)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index row = i / runs, at = i % runs * run;
      parts[i] = run_sum(x + row * size + at, std::min(run, size - at));
    }
  });
  for (Index row = 0; row < rows; ++row) {
    double total = 0;
    for (Index i = 0; i < runs; ++i) total += parts[row * runs + i];
    y[row] = static_cast<T>(total);
  }
}

/// y[o][i] = the reduction of x[o][.][i] over the middle axis.
template <Scalar T>
void reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* y) {
  if constexpr (Floating<T>) {
    if (op == ReduceOp::sum && inner == 1) return row_sums(outer, size, x, y);
    if (op == ReduceOp::sum) {
      parallel_for(outer, outer < 8 ? 8 : 1, [=](Index begin, Index end) {  // few matrices share the threads, many have one each
        const Scratch<double> sums(2 * inner);
        for (Index o = begin; o < end; ++o) {
          const T* from = x + o * size * inner;
          column_sums<T>(size, inner, from, nullptr, from, nullptr, sums.data(), sums.data() + inner);
          for (Index i = 0; i < inner; ++i) y[o * inner + i] = static_cast<T>(sums[i]);
        }
      });
      return;
    }
  }
  parallel_for(outer, std::max<Index>(1, 16384 / std::max<Index>(1, size * inner)), [=](Index begin, Index end) {
    plain::reduce(op, end - begin, size, inner, x + begin * size * inner, y + begin * inner);
  });
}

template <Scalar T>
void arg_reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* values, Index* positions) {
  parallel_for(outer, std::max<Index>(1, 16384 / std::max<Index>(1, size * inner)), [=](Index begin, Index end) {
    plain::arg_reduce(op, end - begin, size, inner, x + begin * size * inner, values ? values + begin * inner : nullptr,
                      positions + begin * inner);
  });
}

/// y[o][indices[i]][r] += x[o][i][r]: each thread has columns r of its own, so equal indices add up in order.
template <Scalar T>
void index_add(Index outer, Index size, Index inner, const Index* indices, Index count, const T* x, T* y) {
  using W = plain::Wide<T>;
  const Index columns = std::max<Index>(64, 16384 / std::max<Index>(1, outer * count) / 64 * 64);
  parallel_for(inner, columns, [=](Index begin, Index end) {
    for (Index o = 0; o < outer; ++o)
      for (Index i = 0; i < count; ++i) {
        T* to = y + (o * size + indices[i]) * inner;
        const T* from = x + (o * count + i) * inner;
        for (Index r = begin; r < end; ++r) to[r] = static_cast<T>(static_cast<W>(to[r]) + static_cast<W>(from[r]));
      }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
