// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>

#include "../core/error.hpp"
#include "../core/scalar.hpp"
#include "../core/shape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Two lengths in pixels, height first. One number stands for a square.
struct Size2 {
  Index height = 1, width = 1;
  constexpr Size2() = default;
  template <std::integral I>
  constexpr Size2(I side) : height(static_cast<Index>(side)), width(static_cast<Index>(side)) {}  // NOLINT: implicit, so that .kernel = 3 works
  constexpr Size2(Index h, Index w) : height(h), width(w) {}
  friend constexpr bool operator==(const Size2&, const Size2&) = default;
};
inline std::string to_string(const Size2& s) { return message('(', s.height, ", ", s.width, ')'); }

/// Positions that a window of `kernel` taps, `dilation` apart, takes when it moves by `stride` over `size` pixels with `padding` in total
/// added at the two ends: floor((size + padding - dilation*(kernel - 1) - 1) / stride) + 1. Not positive where the window does not fit.
constexpr Index window_positions(Index size, Index padding, Index kernel, Index stride, Index dilation) {
  const Index room = size + padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

/// Every size of a convolution, named once. Images lie channels-last: x[n][y][x][c], w[o][u][v][c], y[n][i][j][o].
/// Output pixel (i, j) sees input pixels (i*stride + u*dilation - padding) for taps u, v of the kernel; outside lies 0.
struct ConvGeometry {
  Index batch, in_channels, height, width, out_channels;
  Index groups = 1;
  Size2 kernel, stride, dilation;
  Size2 padding;  // above and to the left; what lies below and to the right follows from the output size
  Index out_height, out_width;

  Index group_in() const { return in_channels / groups; }      // channels that one filter sees
  Index group_out() const { return out_channels / groups; }    // filters of one group
  Index taps() const { return kernel.height * kernel.width; }
  Index patch() const { return taps() * group_in(); }          // numbers under one filter
  Index in_pixels() const { return height * width; }
  Index out_pixels() const { return out_height * out_width; }
  /// The input row or column under tap `tap` of output row or column `at`.
  Index in_row(Index at, Index tap) const { return at * stride.height + tap * dilation.height - padding.height; }
  Index in_column(Index at, Index tap) const { return at * stride.width + tap * dilation.width - padding.width; }
  /// The same convolution over `count` images.
  ConvGeometry with_batch(Index count) const {
    ConvGeometry g = *this;
    g.batch = count;
    return g;
  }
};

/// Every size of a pooling window. Images lie channels-last: x[n][y][x][c].
struct PoolGeometry {
  Index batch, channels, height, width;
  Size2 kernel, stride, dilation, padding;
  Index out_height, out_width;

  Index in_pixels() const { return height * width; }
  Index out_pixels() const { return out_height * out_width; }
  Index in_row(Index at, Index tap) const { return at * stride.height + tap * dilation.height - padding.height; }
  Index in_column(Index at, Index tap) const { return at * stride.width + tap * dilation.width - padding.width; }
};

/// A convolution without the last rows and columns of its results, if no window of the pooling that follows sees them.
inline ConvGeometry cropped_to_windows(const ConvGeometry& g, const PoolGeometry& pool) {
  ConvGeometry cropped = g;
  cropped.out_height = std::min(g.out_height, pool.in_row(pool.out_height - 1, pool.kernel.height - 1) + 1);
  cropped.out_width = std::min(g.out_width, pool.in_column(pool.out_width - 1, pool.kernel.width - 1) + 1);
  return cropped;
}

/// An element-wise walk over `shape`, one stride an axis and operand, in elements; a stride of 0 repeats (broadcasts).
/// The result is contiguous: axes stand in its storage order.
struct Broadcast {
  Shape shape, a_stride, b_stride;
};

}  // namespace tapestry::inline TAPESTRY_ABI
