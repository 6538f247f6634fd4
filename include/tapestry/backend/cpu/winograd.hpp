// SPDX-License-Identifier: MIT
#pragma once

#include "../epilogue.hpp"
#include "../geometry.hpp"
#include "gemm.hpp"
#include "kernel/winograd_transform.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Winograd's convolution F(4x4, 3x3): a window of 6 x 6 pixels gives a tile of 4 x 4 outputs by 36 products a pair of channels instead of 144,
//
//   Y = A^T [ sum over c of (G w G^T) . (B^T X B) ] A      and, its adjoint,   dW = G^T [ sum over tiles of (B^T X B) . (A dY A^T) ] G
//
// where the sums are 36 matrix products, a plane each. The gradient of x is the forward pass of dy with filters turned around.
// In float32 its errors are up to 1e-4 of the result's root mean square, against 1e-6 of a direct sum.
// Source   Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015.

inline constexpr Index winograd_planes = 36;

inline bool winograd_fits(const ConvGeometry& g) {
  return g.kernel == Size2(3) && g.stride == Size2(1) && g.dilation == Size2(1) && g.groups == 1;
}

/// The convolution of dy whose result is dx, for stride 1: what was padded is cut off and the other way round.
inline ConvGeometry adjoint_geometry(const ConvGeometry& g) {
  ConvGeometry a = g;
  a.in_channels = g.out_channels, a.out_channels = g.in_channels;
  a.height = g.out_height, a.width = g.out_width, a.out_height = g.height, a.out_width = g.width;
  a.padding = {(g.kernel.height - 1) * g.dilation.height - g.padding.height, (g.kernel.width - 1) * g.dilation.width - g.padding.width};
  return a;
}

/// The tiles of a convolution and how their numbers lie while they are worked on.
struct WinogradTiles {
  const ConvGeometry& g;
  Index down = divide_up(g.out_height, 4), across = divide_up(g.out_width, 4), count = g.batch * down * across;
  Index columns = gemm_kernels<float>().columns;
  Index x_row = round_up(g.in_channels, columns), y_row = round_up(g.out_channels, columns);  // channels of a tile in a plane

  // A plane's numbers lie an odd number of cache lines from the next one's, or all 36 would compete for the same places of the cache.
  static Index plane(Index rows, Index row) { return rows * row + 16; }
  /// Points `places` at a square of pixels of one tile's image whose upper left one is (row, column); null outside.
  template <class P>
  static void square(P** places, int side, P* image, Index row, Index column, Index height, Index width, Index channels) {
    for (int i = 0; i < side; ++i)
      for (int j = 0; j < side; ++j) {
        const Index r = row + i, c = column + j;
        *places++ = r >= 0 && r < height && c >= 0 && c < width ? image + (r * width + c) * channels : nullptr;
      }
  }
  template <class P>
  void x_square(P** places, P* x, Index tile) const {
    const Index n = tile / (down * across), i = tile / across % down * 4, j = tile % across * 4;
    square(places, 6, x + n * g.in_pixels() * g.in_channels, i - g.padding.height, j - g.padding.width, g.height, g.width, g.in_channels);
  }
  template <class P>
  void y_square(P** places, P* y, Index tile) const {
    const Index n = tile / (down * across), i = tile / across % down * 4, j = tile % across * 4;
    square(places, 4, y + n * g.out_pixels() * g.out_channels, i, j, g.out_height, g.out_width, g.out_channels);
  }
  template <class P>
  static void planes(P** places, P* first, Index plane) {
    for (Index f = 0; f < winograd_planes; ++f) places[f] = first + f * plane;
  }
};

/// How many numbers the transformed weights of a forward pass have; for the pass that gives dx ask with adjoint_geometry.
inline Index winograd_weight_size(const ConvGeometry& g) {
  return winograd_planes * g.in_channels * round_up(g.out_channels, gemm_kernels<float>().columns);
}

/// u[plane][panel of filters][c][filter] = G w G^T. They may be kept for as long as w and the instruction set stay the same.
inline void winograd_weight(const ConvGeometry& g, const float* w, float* u) {
  const Index columns = gemm_kernels<float>().columns, channels = g.in_channels, block = std::min<Index>(64, channels);
  const Index plane = channels * round_up(g.out_channels, columns), blocks = divide_up(channels, block);
  parallel_for(divide_up(g.out_channels, columns) * blocks, 1, [&](Index unit, Index) {
    const Index o = unit / blocks * columns, first = unit % blocks * block, count = std::min(block, channels - first);
    const Scratch<float> panels(9 * count * columns);  // [tap][c][filter]
    for (Index tap = 0; tap < 9; ++tap)
      pack_columns(count, std::min(columns, g.out_channels - o), columns, w + (o * 9 + tap) * channels + first, 9 * channels,
                   panels.data() + tap * count * columns);
    WinogradTile t;
    t.channels = count * columns;
    for (Index tap = 0; tap < 9; ++tap) t.from[tap] = panels.data() + tap * t.channels;
    WinogradTiles::planes(t.to, u + o * channels + first * columns, plane);
    transform_tile<WinogradWeight>(t);
  });
}

/// The same for the pass that gives dx, from the weights of the forward pass g: u[plane][panel of c][filter][c], filters turned by 180 degrees.
inline void winograd_adjoint_weight(const ConvGeometry& g, const float* w, float* u) {
  const Index columns = gemm_kernels<float>().columns, channels = g.in_channels;
  const Index plane = g.out_channels * round_up(channels, columns);
  parallel_for(g.out_channels, 8, [&](Index begin, Index end) {
    for (Index o = begin; o < end; ++o)
      for (Index c = 0; c < channels; c += columns) {
        WinogradTile t;
        t.channels = std::min(columns, channels - c);
        for (Index tap = 0; tap < 9; ++tap) t.from[8 - tap] = w + (o * 9 + tap) * channels + c;
        float* first = u + c * g.out_channels + o * columns;
        WinogradTiles::planes(t.to, first, plane);
        transform_tile<WinogradWeight>(t);
        for (Index f = 0; f < winograd_planes; ++f) std::fill(first + f * plane + t.channels, first + f * plane + columns, 0.f);
      }
  });
}

namespace detail {
/// What a forward pass does with `count` tiles from `first` on, in three steps; v and m hold their planes.
struct WinogradBlock {
  const WinogradTiles& tiles;
  const GemmKernels<float>& kernels;
  Index first, count;
  float *v, *m;
  Index v_plane = WinogradTiles::plane(count, tiles.x_row), m_rows = kernels.padded_rows(count),
        m_plane = WinogradTiles::plane(m_rows, tiles.y_row);

  static Index v_size(const WinogradTiles& tiles, Index count) { return winograd_planes * WinogradTiles::plane(count, tiles.x_row); }
  static Index m_size(const WinogradTiles& tiles, const GemmKernels<float>& kernels, Index count) {
    return winograd_planes * WinogradTiles::plane(kernels.padded_rows(count), tiles.y_row);
  }

  void transform_input(const float* x, Index begin, Index end) const {
    WinogradTile t;
    t.channels = tiles.g.in_channels;
    for (Index i = begin; i < end; ++i) {
      tiles.x_square(t.from, x, first + i);
      WinogradTiles::planes(t.to, v + i * tiles.x_row, v_plane);
      transform_tile<WinogradInput>(t);
    }
  }
  /// M = V U in one plane, for the panels [begin, end) of filters.
  void multiply(const float* u, Index plane, Index begin, Index end) const {
    const Index depth = tiles.g.in_channels, panel = depth * kernels.columns;
    TileOperands<float> t{};
    t.depth = depth, t.a_step = 1, t.b_step = t.columns = kernels.columns, t.c_row = tiles.y_row;
    for (Index p = begin; p < end; ++p) {
      t.b = u + plane * panel * (tiles.y_row / kernels.columns) + p * panel;
      for_each_tile(kernels, count, t, [&](TileOperands<float>& tile, Index i) {
        tile.set_rows(v + plane * v_plane + i * tiles.x_row, tiles.x_row);
        tile.c = m + plane * m_plane + i * tiles.y_row + p * kernels.columns;
        tile.rows = kernels.computed[static_cast<std::size_t>(tile.rows)];  // m has room for them
      });
    }
  }
  void transform_output(const Epilogue<float>& epilogue, float* y, Index begin, Index end) const {
    WinogradTile t;
    t.channels = tiles.g.out_channels;
    t.epilogue = epilogue.empty() ? nullptr : &epilogue;
    if (epilogue.residual) t.residual = epilogue.residual - y;
    for (Index i = begin; i < end; ++i) {
      WinogradTiles::planes<const float>(t.from, m + i * tiles.y_row, m_plane);
      tiles.y_square(t.to, y, first + i);
      transform_tile<WinogradOutput>(t);
    }
  }
};
}  // namespace detail

/// y = epilogue(x * w) from transformed weights; g is the pass's own geometry, for dx that of adjoint_geometry.
/// Scratch   36 * (C + O) numbers a tile for at most 36 tiles a thread; with many channels for up to 12 MB of tiles.
inline void winograd_forward(const ConvGeometry& g, const float* x, const float* u, const Epilogue<float>& epilogue, float* y) {
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const WinogradTiles tiles{g};
  const Index tile_bytes = winograd_planes * (tiles.x_row + tiles.y_row) * 4, weight_bytes = winograd_weight_size(g) * 4;
  if (weight_bytes <= Index{4} << 20) {  // a thread takes a few tiles, which stay in its cache, through all steps
    Index block = std::clamp<Index>((Index{640} << 10) / tile_bytes / 12, 2, 4) * 12;
    while (block > 12 && tiles.count < 6 * block) block -= 12;
    return parallel_for(tiles.count, block, [&](Index begin, Index end) {
      const Scratch<float> v(detail::WinogradBlock::v_size(tiles, end - begin)), m(detail::WinogradBlock::m_size(tiles, kernels, end - begin));
      const detail::WinogradBlock b{tiles, kernels, begin, end - begin, v.data(), m.data()};
      b.transform_input(x, 0, b.count);
      for (Index plane = 0; plane < winograd_planes; ++plane) b.multiply(u, plane, 0, tiles.y_row / kernels.columns);
      b.transform_output(epilogue, y, 0, b.count);
    });
  }
  // The weights are more than a cache holds: they go by once for many tiles, and threads share out the planes.
  const Index block = std::clamp<Index>((Index{12} << 20) / tile_bytes / 12 * 12, 12, std::max<Index>(12, tiles.count));
  const Scratch<float> v(detail::WinogradBlock::v_size(tiles, block)), m(detail::WinogradBlock::m_size(tiles, kernels, block));
  for (Index first = 0; first < tiles.count; first += block) {
    const detail::WinogradBlock b{tiles, kernels, first, std::min(block, tiles.count - first), v.data(), m.data()};
    const Index panels = tiles.y_row / kernels.columns, part = divide_up(panels, 2), parts = divide_up(panels, part);
    parallel_for(b.count, 4, [&](Index begin, Index end) { b.transform_input(x, begin, end); });
    parallel_for(winograd_planes * parts, 1, [&](Index unit, Index) {
      const Index p = unit % parts * part;
      b.multiply(u, unit / parts, p, std::min(panels, p + part));
    });
    parallel_for(b.count, 4, [&](Index begin, Index end) { b.transform_output(epilogue, y, begin, end); });
  }
}

/// dw from x and dy: the exact adjoint of the forward pass. Threads share out the planes, so every sum has one order.
/// Scratch   36 * (C + O) numbers a tile for up to 8 MB of tiles, and 36 numbers a pair of channels.
inline void winograd_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const WinogradTiles tiles{g};
  const Index tile_bytes = winograd_planes * (tiles.x_row + tiles.y_row) * 4;
  const Index block = std::clamp<Index>((Index{8} << 20) / tile_bytes, 16, std::max<Index>(16, tiles.count));
  const Index v_plane = WinogradTiles::plane(block, tiles.x_row), y_plane = WinogradTiles::plane(block, tiles.y_row);
  const Index du_plane = WinogradTiles::plane(g.out_channels, tiles.x_row);
  const Scratch<float> v(winograd_planes * v_plane), dyt(winograd_planes * y_plane), du(winograd_planes * du_plane);
  for (Index first = 0; first < tiles.count; first += block) {
    const Index count = std::min(block, tiles.count - first);
    parallel_for(count, 4, [&](Index begin, Index end) {
      WinogradTile a, b;
      a.channels = g.in_channels, b.channels = g.out_channels;
      for (Index i = begin; i < end; ++i) {
        tiles.x_square(a.from, x, first + i);
        WinogradTiles::planes(a.to, v.data() + i * tiles.x_row, v_plane);
        transform_tile<WinogradInput>(a);
        tiles.y_square(b.from, dy, first + i);
        WinogradTiles::planes(b.to, dyt.data() + i * tiles.y_row, y_plane);
        transform_tile<WinogradGradient>(b);
      }
    });
    const Index rows = kernels.rows * 8, parts = divide_up(g.out_channels, rows);
    parallel_for(winograd_planes * parts, 1, [&](Index unit, Index) {  // dU[o][c] += sum over tiles of dY[tile][o] * V[tile][c]
      const Index plane = unit / parts, o = unit % parts * rows;
      TileOperands<float> t{};
      t.depth = count, t.a_step = tiles.y_row, t.b_step = tiles.x_row, t.c_row = tiles.x_row, t.columns = kernels.columns;
      t.beta = first == 0 ? 0.f : 1.f;
      for (Index c = 0; c < tiles.x_row; c += kernels.columns) {
        t.b = v.data() + plane * v_plane + c;
        for_each_tile(kernels, std::min(rows, g.out_channels - o), t, [&](TileOperands<float>& tile, Index i) {
          tile.set_rows(dyt.data() + plane * y_plane + o + i, 1);
          tile.c = du.data() + plane * du_plane + (o + i) * tiles.x_row + c;
        });
      }
    });
  }
  if (tiles.count == 0) std::fill(du.data(), du.data() + winograd_planes * du_plane, 0.f);
  parallel_for(g.out_channels, 4, [&](Index begin, Index end) {
    WinogradTile t;
    t.channels = g.in_channels;
    for (Index o = begin; o < end; ++o) {
      WinogradTiles::planes<const float>(t.from, du.data() + o * tiles.x_row, du_plane);
      for (Index tap = 0; tap < 9; ++tap) t.to[tap] = dw + (o * 9 + tap) * g.in_channels;
      transform_tile<WinogradWeightGradient>(t);
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
