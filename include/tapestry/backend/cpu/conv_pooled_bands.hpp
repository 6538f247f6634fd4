// SPDX-License-Identifier: MIT
#pragma once

#include "conv_direct.hpp"
#include "pool.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// A direct convolution of large images whose result is pooled by windows that overlap, as a ResNet's first: a thread computes a band of its rows, pools
// them while they lie in its cache, and keeps those that the next windows see, too.

struct PooledBands {
  const ConvGeometry& g;
  const PoolGeometry& pool;
  Index row = g.out_width * g.out_channels;                                                 // numbers of a row of what is pooled
  Index more = (pool.kernel.height - 1) * pool.dilation.height + 1 - pool.stride.height;    // rows that two windows have in common
  Index units = std::clamp<Index>(8 / std::max<Index>(1, g.batch), 1, pool.out_height);     // of an image, for threads
  Index share = divide_up(pool.out_height, units);                                          // rows of windows of a unit
  Index rows = std::clamp<Index>((Index{448} << 10) / (row * 4 * pool.stride.height), 1, share);  // and of a band

  /// The rows [first, last) that the windows of output row p see.
  Index first(Index p) const { return std::max<Index>(0, pool.in_row(p, 0)); }
  Index last(Index p) const { return std::min(pool.height, pool.in_row(p, pool.kernel.height - 1) + 1); }
  /// Whether a band pays: what is pooled would not stay in a cache, and few rows are computed twice.
  bool fit() const {
    return g.batch * g.out_pixels() * g.out_channels >= Index{1} << 19 && more >= 0 && pool.in_row(0, pool.kernel.height - 1) >= 0 &&
           8 * more <= share * pool.stride.height;
  }
};

/// y = the max pooling of epilogue(x * w), which has no residual, by packed filters; `where` notes the winners' pixels, or is null.
/// Scratch   a band of what is pooled, about 0.5 MB, a thread.
inline void direct_pooled_bands(const PooledBands& bands, const float* x, const float* packed, const Epilogue<float>& epilogue, float* y,
                                std::int32_t* where) {
  const ConvGeometry& g = bands.g;
  const PoolGeometry& pool = bands.pool;
  parallel_for(g.batch * bands.units, 1, [&](Index unit, Index) {
    const Index n = unit / bands.units, from = unit % bands.units * bands.share, to = std::min(pool.out_height, from + bands.share);
    const Scratch<float> whole((bands.rows * pool.stride.height + bands.more) * bands.row);
    MaxPoolAnyRow<float> pool_row(pool);
    Index kept = 0, end = 0;  // the rows at hand
    for (Index p = from; p < to; p += bands.rows) {
      const Index next = std::min(to, p + bands.rows), begin = bands.first(p), last = bands.last(next - 1);
      if (p == from) kept = end = begin;
      std::copy(whole.data() + (begin - kept) * bands.row, whole.data() + (end - kept) * bands.row, whole.data());
      kept = begin;
      DirectPass<float> pass = DirectPass<float>::forward(g.with_batch(1), nullptr);
      pass.window.rows.from.offset += end * g.stride.height;
      pass.window.rows.positions = pass.out_height = last - end;
      direct_forward(pass, x + n * g.in_pixels() * g.in_channels, packed, epilogue, whole.data() + (end - kept) * bands.row);
      end = last;
      for (Index i = p; i < next; ++i) {
        const Index at = (n * pool.out_height + i) * pool.out_width * pool.channels;
        pool_row(i, whole.data(), kept, y + at, where ? where + at : nullptr);
      }
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
