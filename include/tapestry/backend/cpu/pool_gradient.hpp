// SPDX-License-Identifier: MIT
#pragma once

#include "../backend.hpp"
#include "gemm_pack.hpp"
#include "pool.hpp"
#include "row_source.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// The gradient of a max pooling whose windows lie apart, as nearly all do: every pixel belongs to one window at most, so each is written once,
// whether it won or not, and nothing is added.

/// A row of windows: those of one row of the pooling's result.
struct PoolGradientRow {
  const PooledGradient<float>* gradient;
  const float *dy, *y;
  const std::int8_t* winners;
  Index row;    // of the image, where the windows begin
  float* dx;    // the image
  Size2 image;  // its size
  Index pixel;  // from one pixel of it to the next

  template <int Bytes>
  [[gnu::always_inline]] static void run(const PoolGradientRow* r) {
    using V = Vector<float, Bytes>;
    using Lanes = Vector<std::int32_t, Bytes>;
    using Bytes8 = Vector<std::int8_t, Bytes / 4>;
    constexpr Index lanes = Bytes / 4;
    const PooledGradient<float>& d = *r->gradient;
    const PoolGeometry& g = d.pool;
    const Index rows = std::min(g.kernel.height, r->image.height - r->row);
    for (Index j = 0; j < g.out_width; ++j) {
      const Index column = j * g.stride.width, columns = std::min(g.kernel.width, r->image.width - column);
      for (Index i = 0; i < g.channels; i += lanes) {
        const Index c = std::min(i, g.channels - lanes), at = j * g.channels + c;  // the last vector may overlap the one before
        V dy, y;
        Bytes8 winner;
        load(dy, r->dy + at), load(y, r->y + at), load(winner, r->winners + at);
        const Lanes number = __builtin_convertvector(winner, Lanes);
        const V zero{};
        if (d.activation == Activation::relu)
          dy = y <= zero ? zero : dy;
        else if (d.activation == Activation::leaky_relu)
          dy = y > zero ? dy : d.slope * dy;
        else if (d.activation == Activation::clamp)
          dy = y > zero + d.low ? dy : zero, keep_apart(dy), dy = y < zero + d.high ? dy : zero;
        for (Index u = 0; u < rows; ++u)
          for (Index v = 0; v < columns; ++v) {
            const V won = number == Lanes{} + static_cast<std::int32_t>(u * g.kernel.width + v) ? dy : zero;
            store(won, r->dx + ((r->row + u) * r->image.width + column + v) * r->pixel + c);
          }
      }
    }
  }
};

/// dx of `count` images from image n0 on. Of each the first rows and columns are wanted, as many as `size` says, beyond which no window goes; pixels lie
/// `pixel` >= channels numbers apart, between which numbers are left alone. Windows must lie apart.
inline void pooled_gradient(const PooledGradient<float>& d, Index n0, Index count, Size2 size, Index pixel, float* dx) {
  const PoolGeometry& g = d.pool;
  parallel_for(count * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index row = i % g.out_height * g.stride.height, from = (n0 * g.out_height + i) * g.out_width * g.channels;
      float* image = dx + i / g.out_height * size.height * size.width * pixel;
      const auto clear = [&](Index first_row, Index last_row, Index first, Index last) {
        for (Index r = first_row; r < last_row; ++r)
          for (Index c = first; c < last; ++c) std::fill_n(image + (r * size.width + c) * pixel, g.channels, 0.f);
      };
      // What lies between windows and beyond the last.
      const Index bottom = std::min(size.height, row + g.kernel.height), next = i % g.out_height + 1 == g.out_height ? size.height : row + g.stride.height;
      clear(bottom, next, 0, size.width);
      for (Index j = 0; j < g.out_width; ++j)
        clear(row, bottom, std::min(size.width, j * g.stride.width + g.kernel.width), j + 1 == g.out_width ? size.width : (j + 1) * g.stride.width);
      const PoolGradientRow r{&d, d.dy + from, d.y + from, static_cast<const std::int8_t*>(d.winners) + from, row, image, size, pixel};
      if (g.channels >= 16)
        dispatch<PoolGradientRow>(&r);
      else
        run_baseline<PoolGradientRow>(&r);
    }
  });
}

/// The gradient of a convolution's result: as it is, or told by that of what was pooled of it, or still to be computed, pixel by pixel.
struct ResultGradient {
  const float* dy = nullptr;
  const PooledGradient<float>* pooled = nullptr;
  const RowSource* owed = nullptr;

  Index scratch(Index numbers) const { return dy ? 0 : numbers; }
  /// That of `count` images from n0 on, as large as g has them; `place` has room for scratch(...) of its numbers.
  const float* images(const ConvGeometry& g, Index n0, Index count, float* place) const {
    if (!pooled) return pixels(g, n0 * g.out_pixels(), count * g.out_pixels(), place);
    pooled_gradient(*pooled, n0, count, {g.out_height, g.out_width}, g.out_channels, place);
    return place;
  }
  /// That of `count` pixels of all images from `first` on, unless it was pooled.
  const float* pixels(const ConvGeometry& g, Index first, Index count, float* place) const {
    if (!owed) return dy + first * g.out_channels;
    owed->rows(first, first + count, place);
    return place;
  }
  /// That of image n in rows of `row` numbers a pixel, of which those of g's channels are set.
  const float* rows(const ConvGeometry& g, Index n, Index row, float* place) const {
    const Index count = g.out_pixels(), channels = g.out_channels;
    if (pooled) {
      pooled_gradient(*pooled, n, 1, {g.out_height, g.out_width}, row, place);
      return place;
    }
    const float* from = pixels(g, n * count, count, place);
    if (row == channels) return from;
    for (Index p = count - 1; p >= 0; --p) std::copy_backward(from + p * channels, from + (p + 1) * channels, place + p * row + channels);
    return place;
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
