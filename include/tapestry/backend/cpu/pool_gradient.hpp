// SPDX-License-Identifier: MIT
#pragma once

#include "../backend.hpp"
#include "gemm_pack.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// The gradient of a max pooling whose windows lie apart, as nearly all do: every pixel belongs to one window at most, so each is written once,
// whether it won or not, and nothing is added.

inline bool windows_apart(const PoolGeometry& g) {
  return g.kernel.height <= g.stride.height && g.kernel.width <= g.stride.width && g.dilation == Size2(1) && g.padding == Size2(0) && g.channels >= 4;
}

/// A row of windows: those of one row of the pooling's result.
struct PoolGradientRow {
  const PooledGradient<float>* gradient;
  const float *dy, *y;
  const std::int32_t* where;
  Index row;    // of the image, where the windows begin
  float* dx;    // the image
  Index pixel;  // from one pixel of dx to the next

  template <int Bytes>
  [[gnu::always_inline]] static void run(const PoolGradientRow* r) {
    using V = Vector<float, Bytes>;
    using Lanes = Vector<std::int32_t, Bytes>;
    constexpr Index lanes = Bytes / 4;
    const PooledGradient<float>& d = *r->gradient;
    const PoolGeometry& g = d.pool;
    const Index rows = std::min(g.kernel.height, g.height - r->row);
    for (Index j = 0; j < g.out_width; ++j) {
      const Index column = j * g.stride.width, columns = std::min(g.kernel.width, g.width - column);
      for (Index i = 0; i < g.channels; i += lanes) {
        const Index c = std::min(i, g.channels - lanes), at = j * g.channels + c;  // the last vector may overlap the one before
        V dy, y;
        Lanes where;
        load(dy, r->dy + at), load(y, r->y + at), load(where, r->where + at);
        const V zero{};
        if (d.activation == Activation::relu)
          dy = y <= zero ? zero : dy;
        else if (d.activation == Activation::leaky_relu)
          dy = y > zero ? dy : d.slope * dy;
        else if (d.activation == Activation::clamp)
          dy = y > zero + d.low ? dy : zero, keep_apart(dy), dy = y < zero + d.high ? dy : zero;
        for (Index u = 0; u < rows; ++u)
          for (Index v = 0; v < columns; ++v) {
            const Index place = (r->row + u) * g.width + column + v;
            const V won = where == Lanes{} + static_cast<std::int32_t>(place) ? dy : zero;
            store(won, r->dx + place * r->pixel + c);
          }
      }
    }
  }
};

/// dx of `count` images from image n0 on, whose pixels lie `pixel` >= channels numbers apart; numbers between are left alone. Windows must lie apart.
inline void pooled_gradient(const PooledGradient<float>& d, Index n0, Index count, Index pixel, float* dx) {
  const PoolGeometry& g = d.pool;
  parallel_for(count * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index row = i % g.out_height * g.stride.height, from = (n0 * g.out_height + i) * g.out_width * g.channels;
      float* image = dx + i / g.out_height * g.in_pixels() * pixel;
      const auto clear = [&](Index first_row, Index last_row, Index first, Index last) {
        for (Index r = first_row; r < last_row; ++r)
          for (Index c = first; c < last; ++c) std::fill_n(image + (r * g.width + c) * pixel, g.channels, 0.f);
      };
      // What lies between windows and beyond the last.
      const Index bottom = std::min(g.height, row + g.kernel.height), next = i % g.out_height + 1 == g.out_height ? g.height : row + g.stride.height;
      clear(bottom, next, 0, g.width);
      for (Index j = 0; j < g.out_width; ++j)
        clear(row, bottom, std::min(g.width, j * g.stride.width + g.kernel.width), j + 1 == g.out_width ? g.width : (j + 1) * g.stride.width);
      const PoolGradientRow r{&d, d.dy + from, d.y + from, d.where + from, row, image, pixel};
      if (g.channels >= 16)
        dispatch<PoolGradientRow>(&r);
      else
        run_baseline<PoolGradientRow>(&r);
    }
  });
}

/// The gradient of a convolution's result: as it is, or told by that of what was pooled of it.
struct ResultGradient {
  const float* dy = nullptr;
  const PooledGradient<float>* pooled = nullptr;

  Index scratch(Index numbers) const { return pooled ? numbers : 0; }
  /// That of `count` images from n0 on, of `size` numbers each; `place` has room for scratch(count * size).
  const float* images(Index n0, Index count, Index size, float* place) const {
    if (!pooled) return dy + n0 * size;
    pooled_gradient(*pooled, n0, count, pooled->pool.channels, place);
    return place;
  }
  /// That of image n in rows of `row` numbers a pixel, of which `channels` are set.
  const float* rows(Index n, Index pixels, Index channels, Index row, float* place) const {
    if (pooled)
      pooled_gradient(*pooled, n, 1, row, place);
    else if (row == channels)
      return dy + n * pixels * channels;
    else
      for (Index p = 0; p < pixels; ++p) std::copy_n(dy + (n * pixels + p) * channels, channels, place + p * row);
    return place;
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
