// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/random.hpp>

#include <vector>

/// `count` numbers in [-1, 1), the same on every machine.
template <class T>
std::vector<T> random_values(tapestry::Index count, std::uint64_t seed) {
  const tapestry::RandomStream random{seed};
  std::vector<T> values;
  for (tapestry::Index i = 0; i < count; ++i) values.push_back(static_cast<T>(2 * random.uniform(i) - 1));
  return values;
}

/// The inner product, in double.
template <class T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}
