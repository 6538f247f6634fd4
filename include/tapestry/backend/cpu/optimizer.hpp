// SPDX-License-Identifier: MIT
#pragma once

#include "../reference/optimizer.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

inline constexpr Index optimizer_grain = 16384;

/// What may be null stays null.
template <class T>
T* advanced(T* pointer, Index offset) {
  return pointer ? pointer + offset : nullptr;
}

template <Floating T>
void sgd_step(const SgdStep& s, Index count, const T* dw, T* momentum, T* w) {
  parallel_for(count, optimizer_grain,
               [&](Index i, Index end) { plain::sgd_step(s, end - i, dw + i, advanced(momentum, i), w + i); });
}

template <Floating T>
void adam_step(const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w) {
  parallel_for(count, optimizer_grain, [&](Index i, Index end) {
    plain::adam_step(s, end - i, dw + i, first + i, second + i, advanced(largest, i), w + i);
  });
}

template <Floating T>
void rmsprop_step(const RmsPropStep& s, Index count, const T* dw, T* square, T* mean, T* momentum, T* w) {
  parallel_for(count, optimizer_grain, [&](Index i, Index end) {
    plain::rmsprop_step(s, end - i, dw + i, square + i, advanced(mean, i), advanced(momentum, i), w + i);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
