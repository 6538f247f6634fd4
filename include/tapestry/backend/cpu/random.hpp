// SPDX-License-Identifier: MIT
#pragma once

#include "../reference/random.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

inline constexpr Index random_grain = 4096;

// Element i is a function of i alone: any thread may compute it.

template <Floating T>
void uniform(RandomStream random, T low, T high, Index count, T* y) {
  parallel_for(count, random_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = plain::uniform_value(random, i, low, high);
  });
}

template <Floating T>
void normal(RandomStream random, T mean, T deviation, Index count, T* y) {
  parallel_for(count, random_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = plain::normal_value(random, i, mean, deviation);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
