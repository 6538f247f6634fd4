// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "column_sums.hpp"
#include "elementwise.hpp"
#include "kernel/finish.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many numbers of a matrix are taken as one row, if its own rows are short.
constexpr Index wide_row(Index rows, Index columns) {
  Index fold = row_fold(rows, columns);
  while (fold * columns < 64 && rows % (2 * fold) == 0 && rows > 0) fold *= 2;
  return fold * columns;
}

/// Calls f(offset, columns) for the rows of a matrix, several short ones at a time.
template <class F>
void for_each_row(Index rows, Index columns, const F& f) {
  const Index wide = wide_row(rows, columns);
  parallel_for(wide == 0 ? 0 : rows * columns / wide, std::max<Index>(1, elementwise_grain / std::max<Index>(1, wide)), [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) f(r * wide, wide);
  });
}

/// Mean and biased variance of each column, in two passes: of squares' sum minus sum's square nothing would be left where the mean is large.
/// The second pass also sums x - mean, which is not quite 0, for mean was rounded to T.
template <Floating T>
void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) {
  const double count = static_cast<double>(rows);
  const Scratch<double> sums(2 * channels);
  column_sums<T>(rows, channels, x, nullptr, x, nullptr, sums.data(), sums.data() + channels);
  for (Index c = 0; c < channels; ++c) mean[c] = static_cast<T>(sums[c] / count);
  column_sums<T>(rows, channels, x, mean, x, mean, sums.data(), sums.data() + channels);
  for (Index c = 0; c < channels; ++c) variance[c] = static_cast<T>((sums[channels + c] - sums[c] * sums[c] / count) / count);
}

/// y = activation((x - mean) * scale + beta + residual),  scale = gamma / sqrt(variance + eps); one pass through memory.
template <Floating T>
void normalize_staged(Index rows, Index channels, const T* x, const Stages<T>& s, T* y) {
  const Index wide = wide_row(rows, channels);
  const Scratch<T> numbers(3 * wide);
  T *means = numbers.data(), *scales = means + wide, *shifts = scales + wide;
  for (Index c = 0; c < channels; ++c) {
    means[c] = s.mean[c];
    scales[c] = (s.gamma ? s.gamma[c] : T{1}) / std::sqrt(s.variance[c] + s.eps);
    shifts[c] = s.beta ? s.beta[c] : T{0};
  }
  for (Index i = channels; i < wide; ++i) means[i] = means[i - channels], scales[i] = scales[i - channels], shifts[i] = shifts[i - channels];
  const Epilogue<T> after{nullptr, nullptr, nullptr, nullptr, s.activation, s.slope, s.low, s.high};
  for_each_row(rows, channels, [=, residual = s.residual](Index at, Index count) {
    if (residual)
      map(count, y + at, [&](auto& v, const auto& m, const auto& scale, const auto& shift, const auto& other) {
        v = (v - m) * scale + shift + other;
        finish(v, after, 0, residual);
      }, x + at, means, scales, shifts, residual + at);
    else
      map(count, y + at, [&](auto& v, const auto& m, const auto& scale, const auto& shift) {
        v = (v - m) * scale + shift;
        finish(v, after, 0, residual);
      }, x + at, means, scales, shifts);
  });
}
/// Without more stages.
template <Floating T>
void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, T* y) {
  normalize_staged(rows, channels, x, {nullptr, mean, variance, gamma, beta, eps}, y);
}

/// With d = x - mean and s = 1/sqrt(variance + eps): dbeta = sum of dy, dgamma = s * sum of dy*d, and
/// dx = gamma*s * dy - gamma*s * dbeta/rows - gamma*s^2 * dgamma/rows * d; the last two only if the statistics are the batch's own.
template <Floating T>
void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy,
                        bool of_batch, T* dx, T* dgamma, T* dbeta) {
  const Index wide = wide_row(rows, channels);
  const Scratch<double> sums(2 * channels);
  const Scratch<T> numbers(4 * wide);
  T *means = numbers.data(), *scales = means + wide, *shifts = scales + wide, *slopes = shifts + wide;
  column_sums<T>(rows, channels, dy, nullptr, x, mean, sums.data(), sums.data() + channels);
  const double share = of_batch ? 1 / static_cast<double>(rows) : 0.0;
  for (Index i = 0; i < wide; ++i) {
    const Index c = i % channels;
    const double s = 1 / std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(eps));
    const double scale = (gamma ? static_cast<double>(gamma[c]) : 1.0) * s;
    means[i] = mean[c];
    scales[i] = static_cast<T>(scale);
    shifts[i] = static_cast<T>(-scale * share * sums[c]);
    slopes[i] = static_cast<T>(-scale * share * s * s * sums[channels + c]);
    dbeta[c] = static_cast<T>(sums[c]);
    dgamma[c] = static_cast<T>(s * sums[channels + c]);
  }
  if (!dx) return;
  for_each_row(rows, channels, [=](Index at, Index count) {
    map(count, dx + at,
        [](auto& v, const auto& from, const auto& m, const auto& a, const auto& b, const auto& slope) { v = a * v + b + slope * (from - m); },
        dy + at, x + at, means, scales, shifts, slopes);
  });
}

/// A layer's stages as a kernel's epilogue: a normalisation by fixed statistics becomes a scale and a shift a channel.
template <Floating T>
class FoldedStages {
 public:
  FoldedStages(Index channels, const Stages<T>& s) : numbers_(s.mean ? 2 * channels : 0) {
    epilogue_ = {s.bias, nullptr, nullptr, s.residual, s.activation, s.slope, s.low, s.high};
    if (!s.mean) return;
    T *scale = numbers_.data(), *shift = scale + channels;
    for (Index c = 0; c < channels; ++c) {
      scale[c] = (s.gamma ? s.gamma[c] : T{1}) / std::sqrt(s.variance[c] + s.eps);
      shift[c] = (s.beta ? s.beta[c] : T{0}) - s.mean[c] * scale[c];
    }
    epilogue_.scale = scale, epilogue_.shift = shift;
  }
  const Epilogue<T>& epilogue() const { return epilogue_; }

 private:
  Scratch<T> numbers_;
  Epilogue<T> epilogue_;
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
