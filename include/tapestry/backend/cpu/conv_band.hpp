// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "../geometry.hpp"
#include "allocator.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// One axis of a window that moves over pixels: position i sees pixels i*step + tap(t).offset, and what comes of it belongs at first + i*stride.
/// A forward pass has every tap, the same step for all positions and stride 1. The gradient of x at pixels first, first + stride, ... sees
/// neighbouring pixels of dy through those taps that met such a pixel.
struct WindowAxis {
  struct Tap {
    Index index, offset;
  };
  Index positions, step, first, stride;
  Index taps = 0;
  Tap from{}, by{};  // the first tap, and what each next one adds

  Tap tap(Index i) const { return {from.index + i * by.index, from.offset + i * by.offset}; }

  static WindowAxis forward(Index positions, Index kernel, Index stride, Index dilation, Index padding) {
    return {positions, stride, 0, 1, kernel, {0, -padding}, {1, dilation}};
  }
  /// For the pixels first, first + stride, ... of `size`: row r met tap t at output (r + padding - t*dilation) / stride, if that is whole.
  static WindowAxis backward(Index first, Index size, Index kernel, Index stride, Index dilation, Index padding) {
    WindowAxis axis{(size - first + stride - 1) / stride, 1, first, stride};
    for (Index t = kernel - 1; t >= 0; --t) {
      if ((first + padding - t * dilation) % stride != 0) continue;
      const Tap tap{t, (first + padding - t * dilation) / stride};
      if (axis.taps == 0) axis.from = tap;
      if (axis.taps == 1) axis.by = {tap.index - axis.from.index, tap.offset - axis.from.offset};
      ++axis.taps;
    }
    return axis;
  }
  Index low() const { return taps == 0 ? 0 : from.offset; }
  Index high() const { return taps == 0 ? 0 : tap(taps - 1).offset; }
  /// How many pixels `count` positions see.
  Index span(Index count) const { return (count - 1) * step + high() - low() + 1; }
  bool inside(Index size) const { return low() >= 0 && (positions - 1) * step + high() < size; }
};

/// A window over images [batch][height][width][channels]: what lies outside an image is 0.
struct WindowPass {
  Index height, width, channels;
  WindowAxis rows, columns;

  static WindowPass forward(const ConvGeometry& g) {
    return {g.height, g.width, g.in_channels,
            WindowAxis::forward(g.out_height, g.kernel.height, g.stride.height, g.dilation.height, g.padding.height),
            WindowAxis::forward(g.out_width, g.kernel.width, g.stride.width, g.dilation.width, g.padding.width)};
  }
  /// The pass over dy that gives the gradient at pixels (row + i*stride, column + j*stride) of x.
  static WindowPass backward(const ConvGeometry& g, Index row, Index column) {
    return {g.out_height, g.out_width, g.out_channels,
            WindowAxis::backward(row, g.height, g.kernel.height, g.stride.height, g.dilation.height, g.padding.height),
            WindowAxis::backward(column, g.width, g.kernel.width, g.stride.width, g.dilation.width, g.padding.width)};
  }
  Index taps() const { return rows.taps * columns.taps; }
  /// Whether every window lies inside the image, so that no copy is needed.
  bool inside() const { return rows.inside(height) && columns.inside(width); }
  Index row_size() const { return (inside() ? width : columns.span(columns.positions)) * channels; }
  Index band_size(Index count) const { return inside() ? 0 : rows.span(count) * row_size(); }
  /// Where tap (0 offset in row and column) of the first position of a band lies; then a row is row_size() long, a pixel `channels`.
  template <class T>
  const T* band(const T* image, Index first, Index count, T* copy) const {
    const Index top = first * rows.step + rows.low(), left = columns.low();
    if (inside()) return image + (top * width + left) * channels;
    const Index across = columns.span(columns.positions), size = row_size();
    const Index begin = std::clamp<Index>(-left, 0, across), end = std::clamp<Index>(width - left, begin, across);
    for (Index i = 0; i < rows.span(count); ++i) {
      T* to = copy + i * size;
      if (top + i < 0 || top + i >= height) {
        std::fill(to, to + size, T{0});
      } else {
        std::fill(to, to + begin * channels, T{0});
        const T* from = image + ((top + i) * width + left + begin) * channels;
        std::copy(from, from + (end - begin) * channels, to + begin * channels);
        std::fill(to + end * channels, to + size, T{0});
      }
    }
    return copy;
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
