// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "../geometry.hpp"
#include "number.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

inline Index in_at(const PoolGeometry& g, Index n, Index row, Index column, Index c) {
  return ((n * g.height + row) * g.width + column) * g.channels + c;
}
inline Index out_at(const PoolGeometry& g, Index n, Index i, Index j, Index c) {
  return ((n * g.out_height + i) * g.out_width + j) * g.channels + c;
}

/// Calls f(n, i, j, c) for every number of the output.
template <class F>
void for_each_output(const PoolGeometry& g, F&& f) {
  for (Index n = 0; n < g.batch; ++n)
    for (Index i = 0; i < g.out_height; ++i)
      for (Index j = 0; j < g.out_width; ++j)
        for (Index c = 0; c < g.channels; ++c) f(n, i, j, c);
}

/// Calls f(row, column) for every pixel of the image under the window at (i, j).
template <class F>
void for_each_tap(const PoolGeometry& g, Index i, Index j, F&& f) {
  for (Index u = 0; u < g.kernel.height; ++u)
    for (Index v = 0; v < g.kernel.width; ++v) {
      const Index row = g.in_row(i, u), column = g.in_column(j, v);
      if (row >= 0 && row < g.height && column >= 0 && column < g.width) f(row, column);
    }
}

/// y = the largest under each window, where = the pixel it came from. A window that sees padding alone gives -infinity and where = -1.
template <Floating T>
void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) {
  for_each_output(g, [&](Index n, Index i, Index j, Index c) {
    T best = -std::numeric_limits<T>::infinity();
    Index pixel = -1;
    for_each_tap(g, i, j, [&](Index row, Index column) {
      const T value = x[in_at(g, n, row, column, c)];
      if (pixel >= 0 && !beats(true, value, best)) return;
      best = value;
      pixel = row * g.width + column;
    });
    y[out_at(g, n, i, j, c)] = best;
    if (where) where[out_at(g, n, i, j, c)] = static_cast<std::int32_t>(pixel);
  });
}

/// Every dy goes to the pixel that won.
template <Floating T>
void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* where, T* dx) {
  for (Index i = 0; i < g.batch * g.in_pixels() * g.channels; ++i) dx[i] = T{0};
  for_each_output(g, [&](Index n, Index i, Index j, Index c) {
    const Index out = out_at(g, n, i, j, c), pixel = where[out];
    if (pixel >= 0) dx[(n * g.in_pixels() + pixel) * g.channels + c] += dy[out];
  });
}

/// What the sum under the window at (i, j) is divided by.
inline Index average_divisor(const PoolGeometry& g, bool count_padding, Index divisor, Index i, Index j) {
  if (divisor != 0) return divisor;
  const Index pad_rows = count_padding ? g.padding.height : 0, pad_columns = count_padding ? g.padding.width : 0;
  Index rows = 0, columns = 0;
  for (Index u = 0; u < g.kernel.height; ++u)
    if (g.in_row(i, u) >= -pad_rows && g.in_row(i, u) < g.height + pad_rows) ++rows;
  for (Index v = 0; v < g.kernel.width; ++v)
    if (g.in_column(j, v) >= -pad_columns && g.in_column(j, v) < g.width + pad_columns) ++columns;
  return std::max<Index>(1, rows * columns);  // an empty window has the average 0
}

/// y = sum under each window / divisor
template <Floating T>
void avg_pool2d(const PoolGeometry& g, bool count_padding, Index divisor, const T* x, T* y) {
  for_each_output(g, [&](Index n, Index i, Index j, Index c) {
    double sum = 0;
    for_each_tap(g, i, j, [&](Index row, Index column) { sum += x[in_at(g, n, row, column, c)]; });
    y[out_at(g, n, i, j, c)] = static_cast<T>(sum / static_cast<double>(average_divisor(g, count_padding, divisor, i, j)));
  });
}

/// Every pixel under a window gets dy / divisor.
template <Floating T>
void avg_pool2d_backward(const PoolGeometry& g, bool count_padding, Index divisor, const T* dy, T* dx) {
  for (Index i = 0; i < g.batch * g.in_pixels() * g.channels; ++i) dx[i] = T{0};
  for_each_output(g, [&](Index n, Index i, Index j, Index c) {
    const T share = dy[out_at(g, n, i, j, c)] / static_cast<T>(average_divisor(g, count_padding, divisor, i, j));
    for_each_tap(g, i, j, [&](Index row, Index column) { dx[in_at(g, n, row, column, c)] += share; });
  });
}

/// The input rows or columns that output `at` of `out` averages when there are `in`: floor(at*in/out) to ceil((at + 1)*in/out).
struct AdaptiveSpan {
  Index begin, end;
  AdaptiveSpan(Index at, Index in, Index out) : begin(at * in / out), end(((at + 1) * in + out - 1) / out) {}
  Index size() const { return end - begin; }
};

/// Every output averages its own share of the image, however large the image.
template <Floating T>
void adaptive_avg_pool2d(const PoolGeometry& g, const T* x, T* y) {
  for_each_output(g, [&](Index n, Index i, Index j, Index c) {
    const AdaptiveSpan rows(i, g.height, g.out_height), columns(j, g.width, g.out_width);
    double sum = 0;
    for (Index row = rows.begin; row < rows.end; ++row)
      for (Index column = columns.begin; column < columns.end; ++column) sum += x[in_at(g, n, row, column, c)];
    y[out_at(g, n, i, j, c)] = static_cast<T>(sum / static_cast<double>(rows.size() * columns.size()));
  });
}

template <Floating T>
void adaptive_avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) {
  for (Index i = 0; i < g.batch * g.in_pixels() * g.channels; ++i) dx[i] = T{0};
  for_each_output(g, [&](Index n, Index i, Index j, Index c) {
    const AdaptiveSpan rows(i, g.height, g.out_height), columns(j, g.width, g.out_width);
    const T share = dy[out_at(g, n, i, j, c)] / static_cast<T>(rows.size() * columns.size());
    for (Index row = rows.begin; row < rows.end; ++row)
      for (Index column = columns.begin; column < columns.end; ++column) dx[in_at(g, n, row, column, c)] += share;
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
