// SPDX-License-Identifier: MIT
#pragma once

#include "../epilogue.hpp"
#include "conv_band.hpp"
#include "kernel/depthwise_row.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Depthwise convolution: every channel has one filter of its own, so there is no product of matrices in it, and a channel is a lane of a vector, of
// which the smallest has four.

inline bool depthwise_fits(const ConvGeometry& g) { return g.groups >= 4 && g.groups == g.in_channels && g.groups == g.out_channels; }

namespace detail {
/// The rows of one pass over images, cut into bands whose pixels stay in a cache.
struct DepthwiseBands {
  WindowPass window;
  Index batch, channels, rows, bands;  // rows of a band, bands of an image
  Scratch<Index> offsets;  // of the taps from a window's first number

  DepthwiseBands(const WindowPass& pass, Index images, Index most_rows) : window(pass), batch(images), channels(pass.channels), offsets(pass.taps()) {
    const Index row_bytes = window.row_size() * window.rows.step * 4;
    rows = std::clamp<Index>((Index{128} << 10) / std::max<Index>(1, row_bytes), 1, std::max<Index>(1, std::min(most_rows, window.rows.positions)));
    bands = (std::max<Index>(0, window.rows.positions) + rows - 1) / rows;
    for (Index t = 0; t < window.taps(); ++t)
      offsets[t] = t / window.columns.taps * window.rows.by.offset * window.row_size() + t % window.columns.taps * window.columns.by.offset * channels;
  }
  /// Calls f(image, row, where the row's first window lies) for the rows of one band.
  template <class F>
  void for_each_row(const float* x, Index unit, float* copy, const F& f) const {
    const Index n = unit / bands, first = unit % bands * rows, count = std::min(rows, window.rows.positions - first);
    const float* base = window.band(x + n * window.height * window.width * channels, first, count, copy);
    for (Index i = 0; i < count; ++i) f(n, first + i, base + i * window.rows.step * window.row_size());
  }
};

/// Those taps [begin, end) of an axis that position i meets inside an image of `size`.
struct TapRange {
  Index begin = 0, end = 0;
  TapRange(const WindowAxis& axis, Index i, Index size) {
    while (begin < axis.taps && i * axis.step + axis.tap(begin).offset < 0) ++begin;
    end = begin;
    while (end < axis.taps && i * axis.step + axis.tap(end).offset < size) ++end;
  }
  bool operator==(const TapRange&) const = default;
};

/// Neighbouring positions of a row that meet the same taps.
struct TapSegment {
  Index begin, end;
  TapRange taps;
};
/// Cuts a row into such, at most one a position; returns how many.
inline Index tap_segments(const WindowAxis& columns, Index width, TapSegment* segments) {
  Index count = 0;
  for (Index j = 0; j < columns.positions; ++j) {
    const TapRange across(columns, j, width);
    if (count == 0 || !(segments[count - 1].taps == across)) segments[count++] = {j, j, across};
    segments[count - 1].end = j + 1;
  }
  return count;
}

/// packed[tap][channel], from w[channel][tap], of the taps that the pass has.
inline void pack_depthwise(const WindowPass& window, Index kernel_width, Index taps, const float* w, float* packed) {
  for (Index t = 0; t < window.taps(); ++t) {
    const Index tap = window.rows.tap(t / window.columns.taps).index * kernel_width + window.columns.tap(t % window.columns.taps).index;
    for (Index c = 0; c < window.channels; ++c) packed[t * window.channels + c] = w[c * taps + tap];
  }
}

/// y = epilogue(x * w) at the pixels that the pass has, from packed filters.
inline void depthwise_pass(const WindowPass& window, Index batch, Index height, Index width, const float* x, const float* packed,
                           const Epilogue<float>& epilogue, float* y) {
  const WindowAxis &rows = window.rows, &columns = window.columns;
  const Index channels = window.channels, row_size = window.width * channels;
  if (rows.positions <= 0 || columns.positions <= 0) return;
  const Scratch<Index> offsets(window.taps());  // from a window's first number
  for (Index t = 0; t < window.taps(); ++t)
    offsets[t] = rows.tap(t / columns.taps).offset * row_size + columns.tap(t % columns.taps).offset * channels;
  const Scratch<TapSegment> segments(columns.positions);
  const Index count = tap_segments(columns, window.width, segments.data());
  const Index wanted = std::max<Index>(1, batch * rows.positions / 16);  // rows of a unit: no fewer units than threads could use
  const Index band = std::clamp<Index>((Index{128} << 10) / std::max<Index>(1, row_size * rows.step * 4), 1, std::min(wanted, rows.positions));
  const Index bands = (rows.positions + band - 1) / band;
  parallel_for(batch * bands, 1, [&](Index unit, Index) {
    const Index n = unit / bands, first = unit % bands * band;
    DepthwiseRow r{};
    r.x_step = columns.step * channels, r.y_step = columns.stride * channels;
    r.channels = r.w_step = channels, r.taps_across = columns.taps;
    r.epilogue = epilogue.empty() ? nullptr : &epilogue;
    if (epilogue.residual) r.residual = epilogue.residual - y;
    for (Index i = first; i < std::min(rows.positions, first + band); ++i) {
      const TapRange down(rows, i, window.height);
      for (Index segment = 0; segment < count; ++segment) {
        const auto& [j, end, across] = segments[segment];
        const Index tap = down.begin * columns.taps + across.begin;
        r.pixels = end - j, r.tap_rows = down.end - down.begin, r.tap_columns = across.end - across.begin;
        r.offset = offsets.data() + tap, r.filter = packed + tap * channels;
        r.x = x + ((n * window.height + i * rows.step) * window.width + j * columns.step) * channels;
        r.y = y + ((n * height + rows.first + i * rows.stride) * width + columns.first + j * columns.stride) * channels;
        depthwise_row<DepthwiseForward>(r);
      }
    }
  });
}
}  // namespace detail

/// packed[tap][channel]; good for as long as w stays the same.
inline void depthwise_weight(const ConvGeometry& g, const float* w, float* packed) {
  detail::pack_depthwise(WindowPass::forward(g), g.kernel.width, g.taps(), w, packed);
}

/// y = epilogue(x * w), from packed filters.
inline void depthwise_forward(const ConvGeometry& g, const float* x, const float* packed, const Epilogue<float>& epilogue, float* y) {
  detail::depthwise_pass(WindowPass::forward(g), g.batch, g.out_height, g.out_width, x, packed, epilogue, y);
}
/// The same.
/// Scratch   w.
inline void depthwise_convolution(const ConvGeometry& g, const float* x, const float* w, const Epilogue<float>& epilogue, float* y) {
  const Scratch<float> packed(g.taps() * g.in_channels);
  depthwise_weight(g, w, packed.data());
  depthwise_forward(g, x, packed.data(), epilogue, y);
}

/// dx from dy. With a stride, pixels of x fall into stride^2 classes, each of which met taps of its own: a pass a class.
/// Scratch   w.
inline void depthwise_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  const Scratch<float> packed(g.taps() * g.in_channels);
  for (Index row = 0; row < std::min(g.stride.height, g.height); ++row)
    for (Index column = 0; column < std::min(g.stride.width, g.width); ++column) {
      const WindowPass window = WindowPass::backward(g, row, column);
      detail::pack_depthwise(window, g.kernel.width, g.taps(), w, packed.data());
      detail::depthwise_pass(window, g.batch, g.height, g.width, dy, packed.data(), Epilogue<float>{}, dx);
    }
}

/// dw from x and dy. The bands are cut into at most 16 parts, whose sums are added in order.
/// Scratch   dw for each part; a band of x with its padding, about 128 KB, a thread.
inline void depthwise_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  const Index channels = g.in_channels, taps = g.taps();
  const detail::DepthwiseBands bands(WindowPass::forward(g), g.batch, std::max<Index>(1, g.out_height));
  const Index all = g.batch * bands.bands, part = std::max<Index>(1, (all + 15) / 16), parts = std::max<Index>(1, (all + part - 1) / part);
  const Scratch<float> sums(parts * taps * channels);
  parallel_for(parts, 1, [&](Index p, Index) {
    float* sum = sums.data() + p * taps * channels;
    std::fill(sum, sum + taps * channels, 0.f);
    const Scratch<float> copy(bands.window.band_size(bands.rows));
    DepthwiseRow r{};
    r.x_step = g.stride.width * channels, r.y_step = channels, r.pixels = g.out_width, r.channels = channels;
    r.offset = bands.offsets.data(), r.taps = taps, r.w = sum, r.w_step = channels;
    for (Index band = p * part; band < std::min(all, (p + 1) * part); ++band)
      bands.for_each_row(x, band, copy.data(), [&](Index n, Index i, const float* base) {
        r.x = base, r.dy = dy + (n * g.out_height + i) * g.out_width * channels;
        depthwise_row<DepthwiseBackwardWeight>(r);
      });
  });
  for (Index c = 0; c < channels; ++c)
    for (Index t = 0; t < taps; ++t) {
      float sum = 0;
      for (Index p = 0; p < parts; ++p) sum += sums[(p * taps + t) * channels + c];
      dw[c * taps + t] = sum;
    }
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
