// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// Some pixels of a row of a depthwise pass: y[j][c] = epilogue(sum over t of w[t][c] * x[j*x_step + offset[t] + c]), pixels y_step and taps
/// w_step apart, over taps t = u*taps_across + v for u < tap_rows, v < tap_columns: not all of them at the border of an image.
/// In the gradient of w, w is added to: w[t][c] += sum over j of dy[j*y_step + c] * x[...] for t < taps.
struct DepthwiseRow {
  const float* x;
  Index x_step;
  const float* dy;  // instead of y in the gradient of w
  float* y;
  Index y_step, pixels, channels;
  const Index* offset;
  Index taps, tap_rows, tap_columns, taps_across;
  float* w;  // of a gradient
  const float* filter;  // else
  Index w_step;
  const Epilogue<float>* epilogue = nullptr;
  std::ptrdiff_t residual = 0;  // from y
};

/// Four pixels at a time, so that a weight that is read is used four times; at borders two vectors of one pixel, so that two sums are under way.
struct DepthwiseForward {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const DepthwiseRow* r) {
    if (r->pixels >= 4) {
      for (Index j = 0; j < r->pixels; j += 4) run_pixels<Bytes, 4, 1>(*r, std::min(j, r->pixels - 4));  // the last ones may overlap those before
    } else {
      for (Index j = 0; j < r->pixels; ++j) run_pixels<Bytes, 1, 2>(*r, j);
    }
  }

 private:
  template <int Bytes, int Pixels, int Vectors>
  [[gnu::always_inline]] static void run_pixels(const DepthwiseRow& r, Index j) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    for (Index i = 0; i < r.channels; i += Vectors * lanes) {
      Index channel[std::size_t{Vectors}];
      const float* x[std::size_t{Pixels}];
      V sum[std::size_t{Vectors}][std::size_t{Pixels}] = {};
      TAPESTRY_UNROLL
      for (int n = 0; n < Vectors; ++n) channel[n] = std::min(i + n * lanes, r.channels - lanes);  // the last vector may overlap the one before
      TAPESTRY_UNROLL
      for (int q = 0; q < Pixels; ++q) x[q] = r.x + (j + q) * r.x_step;
      const auto add_tap = [&](Index offset, const float* filter) __attribute__((always_inline)) {
        TAPESTRY_UNROLL
        for (int n = 0; n < Vectors; ++n) {
          V w, v;
          load(w, filter + channel[n]);
          TAPESTRY_UNROLL
          for (int q = 0; q < Pixels; ++q) load(v, x[q] + offset + channel[n]), sum[n][q] += v * w;
        }
      };
      for (Index u = 0; u < r.tap_rows; ++u) {
        const Index* offset = r.offset + u * r.taps_across;
        const float* filter = r.filter + u * r.taps_across * r.w_step;
        if (r.tap_columns == 3) {
          add_tap(offset[0], filter), add_tap(offset[1], filter + r.w_step), add_tap(offset[2], filter + 2 * r.w_step);
        } else {
          for (Index t = 0; t < r.tap_columns; ++t) add_tap(offset[t], filter + t * r.w_step);
        }
      }
      TAPESTRY_UNROLL
      for (int n = 0; n < Vectors; ++n) {
        float* const y = r.y + j * r.y_step + channel[n];
        if (r.epilogue) finish_all<Pixels>(sum[n], *r.epilogue, channel[n], y + r.residual, r.y_step);
        TAPESTRY_UNROLL
        for (int q = 0; q < Pixels; ++q) store(sum[n][q], y + q * r.y_step);
      }
    }
  }
};

/// Nine taps at a time, as many as most kernels have, so that neighbouring pixels find what they share in the first-level cache.
struct DepthwiseBackwardWeight {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const DepthwiseRow* r) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4, side = 9;
    const Index pixels = r->pixels, x_step = r->x_step, y_step = r->y_step;
    for (Index i = 0; i < r->channels; i += lanes) {
      const Index c = std::min(i, r->channels - lanes), known = i - c;  // the last vector's first lanes may belong to the one before
      for (Index t = 0; t < r->taps; t += side) {
        const float* x[std::size_t{side}];
        V sum[std::size_t{side}], v, d;
        TAPESTRY_UNROLL
        for (Index q = 0; q < side; ++q) x[q] = r->x + r->offset[std::min(t + q, r->taps - 1)] + c, sum[q] = V{};
        const float* y = r->dy + c;
        for (Index j = 0, at = 0; j < pixels; ++j, at += x_step, y += y_step) {
          load(d, y);
          TAPESTRY_UNROLL
          for (int q = 0; q < side; ++q) load(v, x[q] + at), sum[q] += v * d;
        }
        float sums[std::size_t{side * lanes}];
        TAPESTRY_UNROLL
        for (Index q = 0; q < side; ++q) store(sum[q], sums + q * lanes);
        for (Index q = 0; q < std::min<Index>(side, r->taps - t); ++q) {
          float* w = r->w + (t + q) * r->w_step + c;
          if (known == 0) {
            V own;
            load(own, w), load(v, sums + q * lanes), own += v, store(own, w);
          } else {
            for (Index lane = known; lane < lanes; ++lane) w[lane] += sums[q * lanes + lane];
          }
        }
      }
    }
  }
};

/// Runs the kernel with the widest vectors that the channels, at least 4, fill.
template <class Kernel>
void depthwise_row(const DepthwiseRow& r) noexcept {
  if (r.channels >= 16) {
    if constexpr (std::is_same_v<Kernel, DepthwiseForward>)
      return dispatch<Kernel>(&r);
    else
      return dispatch_memory_bound<Kernel>(&r);
  }
  run_baseline<Kernel>(&r);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
