// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "column_sums.hpp"
#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

template <class T>
using Numbers = std::vector<T, CachedAllocator<T>>;

/// One number a column, repeated for as many rows as are taken as one: value(c) for c < columns.
template <class T, class F>
Numbers<T> folded(Index rows, Index columns, const F& value) {
  Numbers<T> numbers(static_cast<std::size_t>(row_fold(rows, columns) * columns));
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<T>(value(static_cast<Index>(i) % columns));
  return numbers;
}

/// y = f(x..., numbers of the column...), row by row.
template <class F>
void for_each_row(Index rows, Index columns, const F& f) {
  const Index fold = row_fold(rows, columns), wide = fold * columns;
  parallel_for(rows / fold, std::max<Index>(1, elementwise_grain / std::max<Index>(1, wide)), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) f(r * wide, wide);
  });
}

/// Mean and biased variance of each column, in two passes: of squares' sum minus sum's square nothing would be left where the mean is large.
template <Floating T>
void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) {
  Numbers<double> sums(static_cast<std::size_t>(channels));
  const double count = static_cast<double>(rows);
  column_sums<T, 1>(rows, channels, [x](const auto& get, Index i, Index, auto* v) { v[0] = get(x + i); }, sums.data());
  for (Index c = 0; c < channels; ++c) mean[c] = static_cast<T>(sums[static_cast<std::size_t>(c)] / count);
  const Numbers<T> means = folded<T>(rows, channels, [=](Index c) { return mean[c]; });
  column_sums<T, 1>(rows, channels,
                    [x, m = means.data()](const auto& get, Index i, Index c, auto* v) {
                      const auto distance = get(x + i) - get(m + c);
                      v[0] = distance * distance;
                    },
                    sums.data());
  for (Index c = 0; c < channels; ++c) variance[c] = static_cast<T>(sums[static_cast<std::size_t>(c)] / count);
}

/// y = (x - mean) * scale + beta,  scale = gamma / sqrt(variance + eps)
template <Floating T>
void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, T* y) {
  using V = Vector<T, 16>;
  const Numbers<T> means = folded<T>(rows, channels, [=](Index c) { return mean[c]; });
  const Numbers<T> scales = folded<T>(rows, channels, [=](Index c) { return (gamma ? gamma[c] : T{1}) / std::sqrt(variance[c] + eps); });
  const Numbers<T> shifts = folded<T>(rows, channels, [=](Index c) { return beta ? beta[c] : T{0}; });
  for_each_row(rows, channels, [&](Index at, Index wide) {
    map(wide, y + at, [](V& v, const V& m, const V& scale, const V& shift) { v = (v - m) * scale + shift; }, x + at, means.data(),
        scales.data(), shifts.data());
  });
}

/// With d = x - mean and s = 1/sqrt(variance + eps): dbeta = sum of dy, dgamma = s * sum of dy*d, and
/// dx = gamma*s * dy - gamma*s * dbeta/rows - gamma*s^2 * dgamma/rows * d; the last two only if the statistics are the batch's own.
template <Floating T>
void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy,
                        bool of_batch, T* dx, T* dgamma, T* dbeta) {
  using V = Vector<T, 16>;
  Numbers<double> sums(static_cast<std::size_t>(2 * channels));
  const Numbers<T> means = folded<T>(rows, channels, [=](Index c) { return mean[c]; });
  column_sums<T, 2>(rows, channels,
                    [x, dy, m = means.data()](const auto& get, Index i, Index c, auto* v) {
                      v[0] = get(dy + i);
                      v[1] = v[0] * (get(x + i) - get(m + c));
                    },
                    sums.data());
  const auto s = [=](Index c) { return 1 / std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(eps)); };
  const auto scale = [=](Index c) { return (gamma ? static_cast<double>(gamma[c]) : 1.0) * s(c); };
  const auto sum = [&](Index which, Index c) { return sums[static_cast<std::size_t>(which * channels + c)]; };
  for (Index c = 0; c < channels; ++c) {
    dbeta[c] = static_cast<T>(sum(0, c));
    dgamma[c] = static_cast<T>(s(c) * sum(1, c));
  }
  if (!dx) return;
  const double share = of_batch ? 1 / static_cast<double>(rows) : 0.0;
  const Numbers<T> scales = folded<T>(rows, channels, scale);
  const Numbers<T> shifts = folded<T>(rows, channels, [&](Index c) { return -scale(c) * share * sum(0, c); });
  const Numbers<T> slopes = folded<T>(rows, channels, [&](Index c) { return -scale(c) * share * s(c) * s(c) * sum(1, c); });
  for_each_row(rows, channels, [&](Index at, Index wide) {
    map(wide, dx + at,
        [](V& v, const V& from, const V& m, const V& a, const V& b, const V& slope) { v = a * v + b + slope * (from - m); }, dy + at, x + at,
        means.data(), scales.data(), shifts.data(), slopes.data());
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
