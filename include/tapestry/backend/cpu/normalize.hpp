// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "column_sums.hpp"
#include "elementwise.hpp"
#include "row_source.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// How many rows of a matrix are taken as one, if its own rows are short.
constexpr Index wide_fold(Index rows, Index columns) {
  Index fold = row_fold(rows, columns);
  while (fold * columns < 64 && rows % (2 * fold) == 0 && rows > 0 && columns > 0) fold *= 2;
  return fold;
}

/// Mean and biased variance of each column.
template <Floating T>
void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) {
  const Scratch<double> moments(2 * channels);
  double *means = moments.data(), *squares = means + channels;
  column_moments<T>(rows, channels, x, means, squares);
  for (Index c = 0; c < channels; ++c) {
    mean[c] = static_cast<T>(rows == 0 ? std::nan("") : means[c]);
    variance[c] = static_cast<T>(squares[c] / static_cast<double>(rows));
  }
}

/// What a normalisation has for each column of a matrix, several short rows of which are taken as one.
template <Floating T>
struct NormalizationColumns {
  Index fold, wide;
  Scratch<T> numbers;
  T *means, *scales, *shifts, *rest;

  NormalizationColumns(Index rows, Index channels, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, Index more = 0)
      : fold(wide_fold(rows, channels)), wide(fold * channels), numbers((3 + more) * wide), means(numbers.data()), scales(means + wide), shifts(scales + wide),
        rest(shifts + wide) {
    for (Index c = 0; c < channels; ++c) {
      means[c] = mean[c];
      scales[c] = (gamma ? gamma[c] : T{1}) / std::sqrt(variance[c] + eps);
      shifts[c] = beta ? beta[c] : T{0};
    }
    for (Index i = channels; i < wide; ++i) means[i] = means[i - channels], scales[i] = scales[i - channels], shifts[i] = shifts[i - channels];
  }
  Index grain() const { return std::max<Index>(1, elementwise_grain / std::max<Index>(1, wide)); }
};

/// y = activation((x - mean) * scale + beta + residual),  scale = gamma / sqrt(variance + eps); one pass through memory.
template <Floating T>
void normalize_staged(Index rows, Index channels, const T* x, const Stages<T>& s, T* y) {
  if (channels == 0) return;
  const NormalizationColumns<T> of(rows, channels, s.mean, s.variance, s.eps, s.gamma, s.beta);
  parallel_for(rows / of.fold, of.grain(), [&](Index begin, Index end) {
    const Index at = begin * of.wide;
    run_rows<T>(of.wide, NormalizeRows<T>{end - begin, of.wide, x + at, of.means, of.scales, of.shifts, s.residual ? s.residual + at : nullptr, s.activation,
                                          s.slope, s.low, s.high, y + at});
  });
}
/// Without more stages.
template <Floating T>
void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, T* y) {
  normalize_staged(rows, channels, x, {nullptr, mean, variance, gamma, beta, eps}, y);
}

/// With d = x - mean: dbeta = sum of dy * activation', dgamma = 1/sqrt(variance + eps) * sum of dy * activation' * d.
template <Floating T>
void normalization_sums(const NormalizedGradient<T>& g, T* dgamma, T* dbeta) {
  const Index channels = g.channels;
  const Scratch<double> sums(2 * channels);
  double *sum = sums.data(), *product = sum + channels;
  if (g.activation == Activation::none) {
    column_sums<T>(g.rows, channels, g.dy, nullptr, g.x, g.mean, sum, product);
  } else {
    const NormalizationColumns<T> of(g.rows, channels, g.mean, g.variance, g.eps, g.gamma, g.beta);
    column_sums<T>(g.rows, channels, g.dy, nullptr, g.x, g.mean, sum, product,
                   NormalizedMask<T>{of.scales, of.shifts, g.activation, g.slope, g.low, g.high});
  }
  for (Index c = 0; c < channels; ++c) {
    dbeta[c] = static_cast<T>(sum[c]);
    dgamma[c] = static_cast<T>(product[c] / std::sqrt(static_cast<double>(g.variance[c]) + static_cast<double>(g.eps)));
  }
}

/// With s = 1/sqrt(variance + eps): dx = gamma*s * dy * activation' - gamma*s * dbeta/rows - gamma*s^2 * dgamma/rows * (x - mean); the last two only if
/// the statistics are the batch's own.
template <Floating T>
class NormalizationGradient {
 public:
  explicit NormalizationGradient(const NormalizedGradient<T>& g) : g_(g), of_(g.rows, g.channels, g.mean, g.variance, g.eps, g.gamma, g.beta, 2) {
    const double share = g.of_batch ? 1 / static_cast<double>(g.rows) : 0.0;
    for (Index i = 0; i < of_.wide; ++i) {
      const Index c = i % g.channels;
      const double s = 1 / std::sqrt(static_cast<double>(g.variance[c]) + static_cast<double>(g.eps)), scale = static_cast<double>(of_.scales[i]);
      of_.rest[i] = static_cast<T>(-scale * share * static_cast<double>(g.dbeta[c]));
      of_.rest[of_.wide + i] = static_cast<T>(-scale * share * s * static_cast<double>(g.dgamma[c]));
    }
  }
  /// dx, by all threads.
  void all(T* dx) const {
    if (g_.channels == 0) return;
    parallel_for(g_.rows / of_.fold, of_.grain(), [&](Index begin, Index end) { run(begin * of_.wide, of_.wide, end - begin, dx + begin * of_.wide); });
  }
  /// dx of rows [begin, end), from `dx` on, by this thread alone; channels fill a vector.
  void rows(Index begin, Index end, T* dx) const {
    const Index folded = (end - begin) / of_.fold, rest = (end - begin) % of_.fold;
    run(begin * g_.channels, of_.wide, folded, dx);
    if (rest > 0) run((end - rest) * g_.channels, rest * g_.channels, 1, dx + folded * of_.wide);
  }

 private:
  void run(Index at, Index columns, Index rows, T* dx) const {
    run_rows<T>(columns, NormalizationGradientRows<T>{rows, columns, g_.x + at, g_.dy + at, of_.means, of_.rest, of_.rest + of_.wide,
                                                      {of_.scales, of_.shifts, g_.activation, g_.slope, g_.low, g_.high}, dx});
  }
  const NormalizedGradient<T>& g_;
  NormalizationColumns<T> of_;
};

/// The same for whoever asks for some rows; channels fill a vector, of which float has 16.
template <std::same_as<float> T>
class NormalizationGradientSource final : public RowSource {
 public:
  explicit NormalizationGradientSource(const NormalizedGradient<T>& g) : gradient_(g) {}
  void rows(Index begin, Index end, float* to) const override { gradient_.rows(begin, end, to); }

 private:
  NormalizationGradient<T> gradient_;
};

/// All of it, without an activation; dx may be null.
template <Floating T>
void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy,
                        bool of_batch, T* dx, T* dgamma, T* dbeta) {
  NormalizedGradient<T> gradient{rows, channels, x, mean, variance, gamma, nullptr, eps, of_batch, dy};
  normalization_sums(gradient, dgamma, dbeta);
  gradient.dgamma = dgamma, gradient.dbeta = dbeta;
  if (dx) NormalizationGradient<T>(gradient).all(dx);
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
