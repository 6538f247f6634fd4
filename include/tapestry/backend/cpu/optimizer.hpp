// SPDX-License-Identifier: MIT
#pragma once

#include "../reference/optimizer.hpp"
#include "kernel/isa.hpp"
#include "kernel/vector_math.hpp"
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

/// Adam's rule for whole vectors of float; see plain::adam_step for the formula.
struct AdamRange {
  float size, root, decay, shrink, beta1_rest, beta2, beta2_rest, eps;
  bool maximize, decays, decoupled;
  Index count;  // a multiple of 16
  const float* dw;
  float *first, *second, *largest, *w;

  AdamRange(const AdamStep& s, Index n, const float* gradient, float* m, float* v, float* v_largest, float* weight)
      : size(static_cast<float>(s.lr / (1 - std::pow(s.beta1, static_cast<double>(s.step))))),
        root(static_cast<float>(std::sqrt(1 - std::pow(s.beta2, static_cast<double>(s.step))))), decay(static_cast<float>(s.weight_decay)),
        shrink(static_cast<float>(1 - s.lr * s.weight_decay)), beta1_rest(static_cast<float>(1 - s.beta1)), beta2(static_cast<float>(s.beta2)),
        beta2_rest(static_cast<float>(1 - s.beta2)), eps(static_cast<float>(s.eps)), maximize(s.maximize), decays(s.weight_decay != 0),
        decoupled(s.decoupled), count(n), dw(gradient), first(m), second(v), largest(v_largest), w(weight) {}

  template <int Bytes>
  [[gnu::always_inline]] static void run(const AdamRange* r) {
    using V = Vector<float, Bytes>;
    for (Index i = 0; i < r->count; i += Bytes / 4) {
      V g, m, v, w;
      load(g, r->dw + i), load(m, r->first + i), load(v, r->second + i), load(w, r->w + i);
      if (r->maximize) g = -g;
      if (r->decays && r->decoupled) w *= r->shrink;
      if (r->decays && !r->decoupled) g += r->decay * w;
      m += r->beta1_rest * (g - m);
      v = r->beta2 * v + r->beta2_rest * g * g;
      store(m, r->first + i), store(v, r->second + i);
      if (r->largest) {
        V before;
        load(before, r->largest + i);
        v = before < v ? v : before;
        store(v, r->largest + i);
      }
      square_root(v);
      w -= r->size * m / (v / r->root + r->eps);
      store(w, r->w + i);
    }
  }
};

template <Floating T>
void adam_step(const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w) {
  if (!s.amsgrad) largest = nullptr;
  parallel_for(count, optimizer_grain, [&](Index i, Index end) {
    if constexpr (std::same_as<T, float>) {
      const AdamRange range(s, (end - i) / 16 * 16, dw + i, first + i, second + i, advanced(largest, i), w + i);
      dispatch_memory_bound<AdamRange>(&range);
      i += range.count;
    }
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
