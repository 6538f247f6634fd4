// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "../../core/random.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

/// Element i of a uniform fill of [low, high): rounding to T must not reach `high`.
template <Floating T>
T uniform_value(const RandomStream& random, Index i, T low, T high) {
  const T value = static_cast<T>(low + (static_cast<double>(high) - low) * random.uniform(i));
  return value >= high && low < high ? std::nextafter(high, low) : value;
}

/// Element i of a normal fill.
template <Floating T>
T normal_value(const RandomStream& random, Index i, T mean, T deviation) {
  return static_cast<T>(mean + deviation * random.normal(i));
}

template <Floating T>
void uniform(const RandomStream& random, T low, T high, Index count, T* y) {
  for (Index i = 0; i < count; ++i) y[i] = uniform_value(random, i, low, high);
}

template <Floating T>
void normal(const RandomStream& random, T mean, T deviation, Index count, T* y) {
  for (Index i = 0; i < count; ++i) y[i] = normal_value(random, i, mean, deviation);
}

inline void bernoulli(const RandomStream& random, double probability, Index count, bool* to) {
  for (Index i = 0; i < count; ++i) to[i] = random.uniform(i) < probability;
}

inline void random_integers(const RandomStream& random, Index low, Index high, Index count, Index* to) {
  for (Index i = 0; i < count; ++i) to[i] = low + random.below(i, high - low);
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
