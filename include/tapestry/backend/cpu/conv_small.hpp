// SPDX-License-Identifier: MIT
#pragma once

#include "conv_run.hpp"
#include "normalize.hpp"
#include "pool.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// A convolution of one or a few small images with all that follows it: too little for a thread to take images, so it takes some filters of one, and some
// of the rows where the filters are too few, and computes, activates, pools and normalises its part while that lies in its cache. Threads meet once.

/// What the windows of a pooling see of a convolution's result, of Winograd's in whole tiles, which compute as they would without pooling.
inline ConvGeometry seen_by_windows(const ConvGeometry& g, const PoolGeometry& pool, ConvAlgorithm algorithm, Index side) {
  ConvGeometry seen = cropped_to_windows(g, pool);
  if (algorithm != ConvAlgorithm::winograd) return seen;
  seen.out_height = std::min(g.out_height, round_up(seen.out_height, side));
  seen.out_width = std::min(g.out_width, round_up(seen.out_width, side));
  return seen;
}

/// How a convolution is cut into such parts; a function of the sizes and of the instruction set.
struct SmallParts {
  ConvAlgorithm algorithm;
  Index side, weight_size;                        // of Winograd's tiles; of the prepared weights
  Index columns = gemm_kernels<float>().columns;  // filters of a panel
  Index panels, panels_of_part, shares;           // a share: the filters of a part
  Index rows_of_part, bands;                      // a band: its rows of the pooling's result
  Index count;                                    // of all parts

  SmallParts(const ConvGeometry& g, const PoolGeometry& pool, ConvAlgorithm way, Index tile_side, Index weights)
      : algorithm(way), side(tile_side), weight_size(weights) {
    // Every share transforms its own copy of the image for Winograd's algorithm, so there are fewer.
    const bool winograd = algorithm == ConvAlgorithm::winograd;
    const Index wanted = winograd ? std::clamp<Index>(g.out_channels / 64, 2, 8) : 8;
    panels = divide_up(g.out_channels, columns);
    panels_of_part = divide_up(panels, std::min(panels, divide_up(wanted, g.batch)));
    shares = divide_up(panels, panels_of_part);
    // Tiles of Winograd's algorithm do not end where windows do. Those of a direct convolution want a few pixels each.
    const Index few = divide_up(gemm_kernels<float>().rows, pool.stride.height * g.out_width);
    rows_of_part = winograd ? pool.out_height : std::min(pool.out_height, std::max(few, divide_up(pool.out_height * g.batch * shares, wanted)));
    bands = divide_up(pool.out_height, rows_of_part);
    count = g.batch * bands * shares;
  }
  /// Whether it is worth it, and possible.
  bool suit(const ConvGeometry& g, const PoolGeometry& pool, const Epilogue<float>& epilogue) const {
    const Index results = g.out_pixels() * g.out_channels * 4, last = g.out_channels - (shares - 1) * panels_of_part * columns;
    return (algorithm == ConvAlgorithm::winograd || (algorithm == ConvAlgorithm::direct && g.groups == 1)) && windows_apart(pool) && !epilogue.residual &&
           results <= Index{256} << 10 && last >= 4 && weight_size * 4 <= Index{1} << 20;
  }
};

/// y = last(the max pooling of epilogue(x * w)); `prepared` comes from convolution_prepare_weight, `last` may be null. The parts must suit.
inline void small_convolution_pooled(const SmallParts& parts, const ConvGeometry& g, const PoolGeometry& pool, const float* x, const float* prepared,
                                     const Epilogue<float>& epilogue_of_all, const Epilogue<float>* last_of_all, float* y, std::int8_t* winners) {
  const ConvGeometry seen = seen_by_windows(g, pool, parts.algorithm, parts.side);
  const Index panel_size = parts.weight_size / parts.panels;
  // Without a scale, which may turn the order of numbers around, bias and activation wait for those that win; then filters of 0 may fill the last panel.
  const bool waits = !epilogue_of_all.scale;
  parallel_for(parts.count, 1, [&](Index unit, Index) {
    const Index share = unit / (g.batch * parts.bands), n = unit / parts.bands % g.batch, first_row = unit % parts.bands * parts.rows_of_part;
    const Index first_panel = share * parts.panels_of_part, filter = first_panel * parts.columns;
    const Index filters = std::min(g.out_channels - filter, parts.panels_of_part * parts.columns);
    const Index rows = std::min(parts.rows_of_part, pool.out_height - first_row), top = first_row * pool.stride.height;
    ConvGeometry part = seen;
    part.batch = 1, part.out_channels = waits ? round_up(filters, parts.columns) : filters;
    part.padding.height -= top * g.stride.height;
    if (parts.bands > 1) part.out_height = std::min(seen.out_height - top, (rows - 1) * pool.stride.height + pool.kernel.height);
    const Epilogue<float> epilogue = epilogue_of_all.from_channel(filter), last = last_of_all ? last_of_all->from_channel(filter) : Epilogue<float>{};
    const float *image = x + n * g.in_pixels() * g.in_channels, *filters_of_part = prepared + first_panel * panel_size;
    const Scratch<float> whole(part.out_pixels() * part.out_channels);
    if (parts.algorithm == ConvAlgorithm::winograd)  // in the tiles of the whole convolution, for which the filters are prepared
      winograd_forward({.g = part, .w = nullptr, .u = filters_of_part, .side = parts.side}, image, waits ? Epilogue<float>{} : epilogue, whole.data(), 1);
    else
      direct_forward(DirectPass<float>::forward(part, nullptr), image, filters_of_part, waits ? Epilogue<float>{} : epilogue, whole.data());
    PoolGeometry here = pool;
    here.channels = filters, here.height = part.out_height, here.width = part.out_width;
    for (Index i = 0; i < rows; ++i) {
      const Index out = (n * pool.out_height + first_row + i) * pool.out_width * pool.channels + filter;
      const MaxPoolRow row{&here, whole.data(), part.out_channels, i * pool.stride.height, y + out, pool.channels, nullptr, winners ? winners + out : nullptr,
                           waits ? &epilogue : nullptr, last_of_all ? &last : nullptr};
      filters >= 16 ? dispatch<MaxPoolRow>(&row) : run_baseline<MaxPoolRow>(&row);  // from a cache, where the widest vectors pay
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
