// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// One row of a depthwise pass: y[j][c] = epilogue(sum over t < taps of w[t][c] * x[j*x_step + offset[t] + c]), pixels y_step apart.
/// In the gradient of w, w is added to: w[t][c] += sum over j of dy[j*y_step + c] * x[...].
struct DepthwiseRow {
  const float* x;
  Index x_step;
  const float* dy;  // instead of y in the gradient of w
  float* y;
  Index y_step, pixels, channels;
  const Index* offset;
  Index taps;
  float* w;
  const Epilogue<float>* epilogue = nullptr;
  std::ptrdiff_t residual = 0;  // from y
};

/// Four pixels at a time, so that a weight that is read is used four times.
struct DepthwiseForward {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const DepthwiseRow* r) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    for (Index j = 0; j < r->pixels; j += 4) {
      const Index last = r->pixels - 1 - j;  // beyond it the last pixel is computed again
      const float* x[4];
      float* y[4];
      TAPESTRY_UNROLL
      for (Index q = 0; q < 4; ++q) x[q] = r->x + (j + std::min(q, last)) * r->x_step, y[q] = r->y + (j + std::min(q, last)) * r->y_step;
      for (Index i = 0; i < r->channels; i += lanes) {
        const Index c = std::min(i, r->channels - lanes);  // the last vector may overlap the one before
        V sum[4] = {}, w, v;
        for (Index t = 0; t < r->taps; ++t) {
          const Index at = r->offset[t] + c;
          load(w, r->w + t * r->channels + c);
          TAPESTRY_UNROLL
          for (int q = 0; q < 4; ++q) load(v, x[q] + at), sum[q] += v * w;
        }
        V done[4];  // apart from the sums, which stay in registers because nothing walks over them
        TAPESTRY_UNROLL
        for (int q = 0; q < 4; ++q) done[q] = sum[q];
        for (Index q = 0; q <= std::min<Index>(3, last); ++q) {
          if (r->epilogue) finish(done[q], *r->epilogue, c, y[q] + c + r->residual);
          store(done[q], y[q] + c);
        }
      }
    }
  }
};

/// Three taps at a time, so that a number of dy that is read is used three times.
struct DepthwiseBackwardWeight {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const DepthwiseRow* r) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    for (Index i = 0; i < r->channels; i += lanes) {
      const Index c = std::min(i, r->channels - lanes), known = i - c;  // the last vector's first lanes may belong to the one before
      for (Index t = 0; t < r->taps; t += 3) {
        const float* x[3];
        V sum[3], v, d;
        TAPESTRY_UNROLL
        for (Index q = 0; q < 3; ++q) x[q] = r->x + r->offset[std::min(t + q, r->taps - 1)] + c, sum[q] = V{};
        const float* y = r->dy + c;
        for (Index j = 0; j < r->pixels; ++j, y += r->y_step) {
          load(d, y);
          TAPESTRY_UNROLL
          for (int q = 0; q < 3; ++q) load(v, x[q]), sum[q] += v * d, x[q] += r->x_step;
        }
        float sums[std::size_t{3 * lanes}];
        TAPESTRY_UNROLL
        for (Index q = 0; q < 3; ++q) store(sum[q], sums + q * lanes);
        for (Index q = 0; q < std::min<Index>(3, r->taps - t); ++q) {
          float* w = r->w + (t + q) * r->channels + c;
          for (Index lane = known; lane < lanes; ++lane) w[lane] += sums[q * lanes + lane];
        }
      }
    }
  }
};

/// Runs the kernel with the widest vectors that the channels, at least 4, fill.
template <class Kernel>
void depthwise_row(const DepthwiseRow& r) {
  if (r.channels >= 16) return dispatch<Kernel>(&r);
  run_baseline<Kernel>(&r);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
