// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

/// The largest |a - b| over the largest |b|; infinity if sizes differ or only one of a pair is NaN. Equal infinities do not differ.
template <class T>
double relative_error(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return INFINITY;
  double error = 0, size = 1e-30;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    if (std::isnan(x) != std::isnan(y)) return INFINITY;
    if (std::isnan(x) || x == y) {
      if (std::isfinite(y)) size = std::max(size, std::abs(y));
      continue;
    }
    error = std::max(error, std::abs(x - y));
    size = std::max(size, std::abs(y));
  }
  return error / size;
}
