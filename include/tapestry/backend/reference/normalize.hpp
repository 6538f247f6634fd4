// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

/// Mean and biased variance of each column of x[rows][channels], in two passes: the mean of squares minus the square of the mean
/// would lose all digits where the mean is large.
template <Floating T>
void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) {
  for (Index c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (Index r = 0; r < rows; ++r) sum += x[r * channels + c];
    const double average = sum / static_cast<double>(rows);
    for (Index r = 0; r < rows; ++r) {
      const double distance = x[r * channels + c] - average;
      squares += distance * distance;
    }
    mean[c] = static_cast<T>(average);
    variance[c] = static_cast<T>(squares / static_cast<double>(rows));
  }
}

/// y = h*gamma + beta,  h = (x - mean) / sqrt(variance + eps), by column; gamma and beta may be null.
template <Floating T>
void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, T* y) {
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < channels; ++c) {
      const T h = (x[r * channels + c] - mean[c]) / std::sqrt(variance[c] + eps);
      y[r * channels + c] = h * (gamma ? gamma[c] : T{1}) + (beta ? beta[c] : T{0});
    }
}

/// dbeta = sum of dy;  dgamma = sum of dy*h;  dx = gamma / sqrt(variance + eps) * (dy - dbeta/rows - h*dgamma/rows).
///
/// The last two terms are there because every x of a batch moves the mean and the variance of all; where mean and variance are
/// given numbers (of_batch is false) they drop out. gamma may be null (then 1), dx may be null (not wanted).
template <Floating T>
void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy,
                        bool of_batch, T* dx, T* dgamma, T* dbeta) {
  for (Index c = 0; c < channels; ++c) {
    const double inverse = 1 / std::sqrt(static_cast<double>(variance[c]) + eps);
    const auto h = [&](Index r) { return (static_cast<double>(x[r * channels + c]) - mean[c]) * inverse; };
    double sum = 0, product = 0;
    for (Index r = 0; r < rows; ++r) {
      sum += dy[r * channels + c];
      product += dy[r * channels + c] * h(r);
    }
    dbeta[c] = static_cast<T>(sum);
    dgamma[c] = static_cast<T>(product);
    if (!dx) continue;
    const double scale = (gamma ? static_cast<double>(gamma[c]) : 1.0) * inverse;
    for (Index r = 0; r < rows; ++r) {
      const double through_statistics = of_batch ? (sum + h(r) * product) / static_cast<double>(rows) : 0.0;
      dx[r * channels + c] = static_cast<T>(scale * (dy[r * channels + c] - through_statistics));
    }
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
