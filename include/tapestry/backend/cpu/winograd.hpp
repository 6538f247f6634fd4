// SPDX-License-Identifier: MIT
#pragma once

#include "../epilogue.hpp"
#include "../geometry.hpp"
#include "gemm.hpp"
#include "kernel/winograd_transform.hpp"
#include "winograd_edge.hpp"
#include "winograd_pool.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Winograd's convolution F(4x4, 3x3): a window of 6 x 6 pixels gives a tile of 4 x 4 outputs by 36 products a pair of channels instead of 144,
// or F(6x6, 3x3): a window of 8 x 8 pixels gives a tile of 6 x 6 outputs by 64 products instead of 324, in the forward pass of large images with
// many channels, or F(2x2, 3x3): 4 x 4 pixels give 2 x 2 outputs by 16 products instead of 36, where pixels are so few that reading the filters takes
// all the time,
//
//   Y = A^T [ sum over c of (G w G^T) . (B^T X B) ] A      and, its adjoint,   dW = G^T [ sum over tiles of (B^T X B) . (A dY A^T) ] G
//
// where the sums are 16, 36 or 64 matrix products, a plane each. The gradient of x is the forward pass of dy with filters turned around.
// In float32 its errors are, in the mean over 16 to 512 random channels, 4e-7 to 1.1e-6 of the result's root mean square with tiles of 4 x 4, 2e-6 to
// 5e-6 with tiles of 6 x 6, and 1e-7 to 1.2e-6 of a direct sum, whose errors grow with the channels. The largest stay below 2e-5 and 1e-4.
// Source   Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015.

inline bool winograd_fits(const ConvGeometry& g) {
  return g.kernel == Size2(3) && g.stride == Size2(1) && g.dilation == Size2(1) && g.groups == 1 &&
         g.in_channels >= 4 && g.out_channels >= 4;
}

/// The convolution of dy whose result is dx, for stride 1: what was padded is cut off and the other way round.
inline ConvGeometry adjoint_geometry(const ConvGeometry& g) {
  ConvGeometry a = g;
  a.in_channels = g.out_channels, a.out_channels = g.in_channels;
  a.height = g.out_height, a.width = g.out_width, a.out_height = g.height, a.out_width = g.width;
  a.padding = {(g.kernel.height - 1) * g.dilation.height - g.padding.height, (g.kernel.width - 1) * g.dilation.width - g.padding.width};
  return a;
}

/// The side of the tiles that a forward pass is cut into, by the number of products, which take a little longer where the filters are more than a core's
/// cache holds, of transformed numbers, and of filters' numbers that are read, from a cache if they fit there. Large tiles must gain a good part of the
/// time: they round more, and their filters are nearly twice as many numbers.
/// The error of large tiles hardly depends on the number of channels, that of a direct sum grows with its root: from 128 channels on they err four to nine
/// times as much as a direct sum, below up to twelve times, and a network can multiply that beyond use.
inline Index winograd_side(const ConvGeometry& g) {
  if (std::min(g.in_channels, g.out_channels) < 16) return 4;
  const auto cost = [&](Index side) {
    const Index all = g.batch * winograd_planes(g.out_height, side) * winograd_planes(g.out_width, side), planes = (side + 2) * (side + 2);
    const double pair = static_cast<double>(g.in_channels * g.out_channels), filters = static_cast<double>(planes) * pair;
    return static_cast<double>(all) * (pair * (filters > 190000 ? 1.15 : 1) + static_cast<double>(14 * (g.in_channels + g.out_channels))) +
           (filters <= 131072 ? 2 : 10) * filters;
  };
  if (g.in_channels >= 128 && cost(6) < 0.87 * cost(4)) return 6;
  return cost(2) < 0.95 * cost(4) ? 2 : 4;
}

inline constexpr Index winograd_depth = 128;  // channels that are summed up before they are added to those before

/// The tiles of a convolution and how their numbers lie while they are worked on: planes[plane][tile][channel].
struct WinogradTiles {
  const ConvGeometry& g;
  Index side, window = side + 2, planes = window * window;  // pixels of a tile of outputs, and of what it is computed from
  Index down = divide_up(g.out_height, side), across = divide_up(g.out_width, side), count = g.batch * down * across;
  Index columns = gemm_kernels<float>().columns;
  Index panels = divide_up(g.out_channels, columns);  // of filters
  Index x_row = padded_row(g.in_channels, columns), y_row = padded_row(g.out_channels, columns);
  Scratch<float> zeros{std::max(g.in_channels, g.out_channels)};  // what lies outside an image

  explicit WinogradTiles(const ConvGeometry& geometry, Index tile_side = 4) : g(geometry), side(tile_side) {
    std::fill(zeros.data(), zeros.data() + std::max(g.in_channels, g.out_channels), 0.f);
  }
  // Rows and planes must not lie a large power of two apart, or they would compete for the same places of the cache.
  static Index padded_row(Index channels, Index columns) {
    const Index row = round_up(channels, columns);
    return row % 256 == 0 ? row + 16 : row;
  }
  static Index plane(Index rows, Index row) { return rows * row + 16; }

  /// Points `places` at a square of pixels of an image whose upper left one is (row, column), or at `outside`.
  template <class P>
  static void square(P** places, Index pixels, P* image, Index row, Index column, Index height, Index width, Index channels, P* outside) {
    for (Index i = 0; i < pixels; ++i)
      for (Index j = 0; j < pixels; ++j) {
        const Index r = row + i, c = column + j;
        *places++ = r >= 0 && r < height && c >= 0 && c < width ? image + (r * width + c) * channels : outside;
      }
  }
  void x_square(const float** places, const float* x, Index tile) const {
    const Index n = tile / (down * across), i = tile / across % down * side - g.padding.height, j = tile % across * side - g.padding.width;
    square<const float>(places, window, x + n * g.in_pixels() * g.in_channels, i, j, g.height, g.width, g.in_channels, zeros.data());
  }
  template <class P>
  void y_square(P** places, P* y, Index tile, P* outside) const {
    const Index n = tile / (down * across), i = tile / across % down * side, j = tile % across * side;
    square(places, side, y + n * g.out_pixels() * g.out_channels, i, j, g.out_height, g.out_width, g.out_channels, outside);
  }
  Index number(const WinogradOrder::Tile& tile) const { return (tile.image * down + tile.row) * across + tile.column; }
  template <class P>
  static void point_at_planes(P** places, Index planes, P* first, Index plane) {
    for (Index f = 0; f < planes; ++f) places[f] = first + f * plane;
  }
};

/// The filters of a pass whose geometry is g. `adjoint`: w is that of the forward pass, and this pass gives its dx: filters are turned by 180
/// degrees and channels change places. Transformed they lie u[panel][plane][c][filter of the panel], a panel as wide as the micro-kernel,
/// whence u is good for as long as w and the instruction set stay the same.
struct WinogradFilters {
  ConvGeometry g;
  const float* w;
  bool adjoint = false;
  const float* u = nullptr;  // transformed already, or null
  bool turned = true;        // adjoint filters: as dx by a forward pass wants them; else as they are, for the adjoint of one
  Index side = winograd_side(g), planes = (side + 2) * (side + 2);
  Index columns = gemm_kernels<float>().columns;
  Index plane = WinogradTiles::plane(g.in_channels, columns), panel_size = planes * plane;

  void transform(const WinogradTile& t) const { transform_tile<SmallWinogradWeight, WinogradWeight, LargeWinogradWeight>(side, t); }

  /// u of one panel = G w G^T; filters that the last panel lacks are 0.
  void transform_panel(Index panel, float* to) const {
    const Index first = panel * columns, count = std::min(columns, g.out_channels - first), channels = g.in_channels;
    if (adjoint) {  // w[c of this pass][tap][filter of this pass]
      const Scratch<float> padded(count < columns ? 9 * columns : 0);
      if (count < columns) std::fill(padded.data(), padded.data() + 9 * columns, 0.f);
      for (Index c = 0; c < channels; ++c) {
        WinogradTile t;
        t.channels = columns;
        for (Index tap = 0; tap < 9; ++tap) {
          const float* from = w + (c * 9 + tap) * g.out_channels + first;
          if (count < columns) from = std::copy(from, from + count, padded.data() + tap * columns) - count;
          t.from[turned ? 8 - tap : tap] = from;
        }
        WinogradTiles::point_at_planes(t.to, planes, to + c * columns, plane);
        transform(t);
      }
      return;
    }
    constexpr Index block = 32;
    const Scratch<float> panels(9 * block * columns);  // [tap][c][filter]
    for (Index c = 0; c < channels; c += block) {
      const Index depth = std::min(block, channels - c);
      WinogradTile t;
      t.channels = depth * columns;
      for (Index tap = 0; tap < 9; ++tap) {
        t.from[tap] = panels.data() + tap * t.channels;
        pack_columns(depth, count, columns, w + (first * 9 + tap) * channels + c, 9 * channels, panels.data() + tap * t.channels);
      }
      WinogradTiles::point_at_planes(t.to, planes, to + c * columns, plane);
      transform(t);
    }
  }
};

/// How many numbers the transformed filters of a pass have.
inline Index winograd_weight_size(const WinogradFilters& filters) {
  return divide_up(filters.g.out_channels, filters.columns) * filters.panel_size;
}

/// All of u, for passes to come.
inline void winograd_weight(const WinogradFilters& filters, float* u) {
  parallel_for(divide_up(filters.g.out_channels, filters.columns), 1,
               [&](Index panel, Index) { filters.transform_panel(panel, u + panel * filters.panel_size); });
}

namespace detail {
/// What a forward pass does with `count` tiles from place `first` of their order on, in three steps; v and m hold their planes.
struct WinogradBlock {
  const WinogradTiles& tiles;
  const WinogradOrder& order;
  const GemmKernels<float>& kernels;
  Index first, count;
  float *v, *m;
  Index v_plane = WinogradTiles::plane(count, tiles.x_row), m_plane = WinogradTiles::plane(m_rows(kernels, count), tiles.y_row);

  /// Micro-kernels compute whole tiles of rows, from wherever the rows begin that have a plane.
  static Index m_rows(const GemmKernels<float>& kernels, Index count) { return count + kernels.rows - 1; }
  static Index v_size(const WinogradTiles& tiles, Index count) { return tiles.planes * WinogradTiles::plane(count, tiles.x_row); }
  static Index m_size(const WinogradTiles& tiles, const GemmKernels<float>& kernels, Index count) {
    return tiles.planes * WinogradTiles::plane(m_rows(kernels, count), tiles.y_row);
  }

  void transform_input(const float* x, Index begin, Index end) const {
    const Scratch<float> beyond(order.beyond_size(tiles.g.in_channels));
    WinogradTile t;
    t.channels = tiles.g.in_channels;
    for (Index i = begin; i < end; ++i) {
      const WinogradOrder::Tile tile = order.tile(first + i);
      tiles.x_square(t.from, x, tiles.number(tile));
      order.extend(tile, t.from, tiles.g.in_channels, beyond.data());
      WinogradTiles::point_at_planes(t.to, tiles.planes, v + i * tiles.x_row, v_plane);
      transform_tile<SmallWinogradInput, WinogradInput, LargeWinogradInput>(tiles.side, t);
    }
  }
  /// M = V U in one plane of one panel of filters, for the tiles that have it. Long sums are sums of blocks, which round less.
  void multiply(const WinogradFilters& filters, const float* u_panel, Index plane, Index panel) const {
    const auto [from, to] = order.places(plane);
    const Index begin = std::max(from - first, Index{0}), end = std::min(to - first, count);
    TileOperands<float> t{};
    t.a_step = 1, t.b_step = t.columns = kernels.columns, t.c_row = tiles.y_row;
    for (Index i = begin; i < end; i += kernels.rows) {  // filters go by from end to end, and the few results stay in the first-level cache
      const Index rows = std::min(kernels.rows, end - i);
      t.c = m + plane * m_plane + i * tiles.y_row + panel * kernels.columns;
      for (Index c = 0; c < tiles.g.in_channels; c += winograd_depth) {
        t.depth = std::min(winograd_depth, tiles.g.in_channels - c), t.beta = c == 0 ? 0.f : 1.f;
        t.b = u_panel + plane * filters.plane + c * kernels.columns;
        t.rows = rows;
        t.set_rows(v + plane * v_plane + i * tiles.x_row + c, tiles.x_row);
        t.rows = kernels.computed[static_cast<std::size_t>(rows)];  // m has room for them
        kernels(t);
      }
    }
  }
  /// Asks memory for what later steps will read or write, a part for each plane, so that it works while planes are multiplied: the places of these tiles'
  /// results, the residual there, and images under the tiles that follow. y may be null.
  void ask_ahead(const float* x, const Epilogue<float>& epilogue, const float* y, Index plane) const {
    const ConvGeometry& g = tiles.g;
    const Index side = tiles.side, lines = count * side;
    for (Index line = lines * plane / tiles.planes; line < lines * (plane + 1) / tiles.planes; ++line) {
      const auto ask = [&](const float* images, const WinogradOrder::Tile& tile, Index beyond, Index height, Index width, Index channels) {
        const Index i = tile.row * side + line % side + beyond, j = tile.column * side + std::max<Index>(0, beyond);
        if (i < 0 || i >= height || j >= width) return;
        const float* from = images + ((tile.image * height + i) * width + j) * channels;
        for (Index k = 0; k < std::min(side, width - j) * channels; k += 16) __builtin_prefetch(from + k, 0, 2);
      };
      const Index place = first + line / side;
      const WinogradOrder::Tile tile = order.tile(place);
      if (y) ask(y, tile, 0, g.out_height, g.out_width, g.out_channels);
      if (epilogue.residual) ask(epilogue.residual, tile, 0, g.out_height, g.out_width, g.out_channels);
      if (place + count < tiles.count) ask(x, order.tile(place + count), 1 - g.padding.height, g.height, g.width, g.in_channels);
    }
  }
  /// Stores the tiles' results in y, or the largest in each window of `pool`.
  void transform_output(const Epilogue<float>& epilogue, float* y, const WinogradPool* pool, Index begin, Index end) const {
    const Index channels = tiles.g.out_channels, pixels = tiles.side * tiles.side;
    const Scratch<float> results(pool ? pixels * channels : 0);
    WinogradTile t;
    t.channels = channels;
    t.epilogue = epilogue.empty() ? nullptr : &epilogue;
    if (epilogue.residual) t.residual = epilogue.residual - y;
    for (Index pixel = 0; pool && pixel < pixels; ++pixel) t.to[pixel] = results.data() + pixel * channels;
    for (Index i = begin; i < end; ++i) {
      const WinogradOrder::Tile tile = order.tile(first + i);
      WinogradTiles::point_at_planes<const float>(t.from, tiles.planes, m + i * tiles.y_row, m_plane);
      for (Index plane = 0; order.hangs(tile) && plane < tiles.planes; ++plane)
        if (!order.has(tile, plane)) t.from[plane] = tiles.zeros.data();
      if (!pool) tiles.y_square<float>(t.to, y, tiles.number(tile), nullptr);
      transform_tile<SmallWinogradOutput, WinogradOutput, LargeWinogradOutput>(tiles.side, t);
      if (pool) pool->take(tile.image, tile.row * tiles.side, tile.column * tiles.side, tiles.side, results.data());
    }
  }
};
}  // namespace detail

/// y = epilogue(x * w); g is the pass's own geometry, for dx that of adjoint_geometry.
/// Scratch   36 * (C + O) numbers a tile, or 64 for a large one, for at most 48 tiles a thread and the filters if they are few; else for up to
///           28 MB of tiles, and 36 or 64 * C numbers a filter of one panel a thread.
/// `pool`, if not null, takes the results instead of y, and the epilogue has no residual. `units`: into how many blocks of tiles it should be cut for threads.
inline void winograd_forward(const WinogradFilters& filters, const float* x, const Epilogue<float>& epilogue, float* y, Index units = 6,
                             const WinogradPool* pool = nullptr) {
  const ConvGeometry& g = filters.g;
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const WinogradTiles tiles(g, filters.side);
  const WinogradOrder order{g.batch, {g.out_height, filters.side}, {g.out_width, filters.side}};
  const Index tile_bytes = tiles.planes * (tiles.x_row + tiles.y_row) * 4, panels_size = tiles.panels * filters.panel_size;
  const bool many = tiles.count >= 12 * units || panels_size <= Index{1} << 17;  // tiles, or so few filters that it does not matter
  if (many && panels_size * 4 <= std::min(Index{20} << 20, tiles.count * (Index{192} << 10))) {  // a thread takes a few tiles, which stay in its cache, through all steps
    const Scratch<float> transformed(filters.u ? 0 : panels_size);
    if (!filters.u) winograd_weight(filters, transformed.data());
    const float* u = filters.u ? filters.u : transformed.data();
    Index block = std::clamp<Index>((Index{640} << 10) / tile_bytes / 12, 1, 4) * 12;
    while (block > 12 && tiles.count < units * block) block -= 12;
    return parallel_for(tiles.count, block, [&](Index begin, Index end) {
      const Scratch<float> v(detail::WinogradBlock::v_size(tiles, end - begin)), m(detail::WinogradBlock::m_size(tiles, kernels, end - begin));
      const detail::WinogradBlock b{tiles, order, kernels, begin, end - begin, v.data(), m.data()};
      b.transform_input(x, 0, b.count);
      for (Index plane = 0; plane < tiles.planes; ++plane) {
        for (Index panel = 0; panel < tiles.panels; ++panel) b.multiply(filters, u + panel * filters.panel_size, plane, panel);
        b.ask_ahead(x, epilogue, y, plane);
      }
      b.transform_output(epilogue, y, pool, 0, b.count);
    });
  }
  // The filters are more than a cache holds: threads share them out, and each goes by once for many tiles.
  const Index most = std::max<Index>(12, (Index{28} << 20) / tile_bytes / 12 * 12), blocks = divide_up(tiles.count, most);
  const Index block = blocks <= 1 ? tiles.count : round_up(divide_up(tiles.count, blocks), 12);  // of equal size, for each reads all filters
  const Scratch<float> v(detail::WinogradBlock::v_size(tiles, block)), m(detail::WinogradBlock::m_size(tiles, kernels, block));
  for (Index first = 0; first < tiles.count; first += block) {
    const detail::WinogradBlock b{tiles, order, kernels, first, std::min(block, tiles.count - first), v.data(), m.data()};
    parallel_for(b.count, 4, [&](Index begin, Index end) { b.transform_input(x, begin, end); });
    if (filters.u) {  // then a plane's tiles stay in a thread's cache while its filters go by
      parallel_for(tiles.planes, 1, [&](Index plane, Index) {
        for (Index panel = 0; panel < tiles.panels; ++panel) b.multiply(filters, filters.u + panel * filters.panel_size, plane, panel);
        b.ask_ahead(x, epilogue, y, plane);
      });
    } else {
      parallel_for(tiles.panels, 1, [&](Index panel, Index) {
        const Scratch<float> u(filters.panel_size);
        filters.transform_panel(panel, u.data());
        for (Index plane = 0; plane < tiles.planes; ++plane) b.multiply(filters, u.data(), plane, panel);
      });
    }
    parallel_for(b.count, 4, [&](Index begin, Index end) { b.transform_output(epilogue, y, pool, begin, end); });
  }
}

namespace detail {
/// The gradient of some filters' weights while it is transformed: du[plane][filter][c].
struct WinogradWeightSum {
  const WinogradTiles& tiles;
  const GemmKernels<float>& kernels;
  const float *v, *dyt;
  Index v_plane, y_plane;
  Index first, filters;
  float* du;
  Index plane_size = WinogradTiles::plane(filters, tiles.x_row);

  /// dU[o][c] += sum over `count` tiles of dY[tile][o] * V[tile][c] in one plane.
  void add(Index plane, Index count, float beta) const {
    TileOperands<float> t{};
    t.depth = count, t.a_step = tiles.y_row, t.b_step = tiles.x_row, t.c_row = tiles.x_row, t.columns = kernels.columns, t.beta = beta;
    for (Index c = 0; c < tiles.g.in_channels; c += kernels.columns) {
      t.b = v + plane * v_plane + c;
      for_each_tile(kernels, filters, t, [&](TileOperands<float>& tile, Index i) {
        tile.set_rows(dyt + plane * y_plane + first + i, 1);
        tile.c = du + plane * plane_size + i * tiles.x_row + c;
      });
    }
  }
  void transform(Index begin, Index end, float* dw) const {
    WinogradTile t;
    t.channels = tiles.g.in_channels;
    for (Index i = begin; i < end; ++i) {
      WinogradTiles::point_at_planes<const float>(t.from, tiles.planes, du + i * tiles.x_row, plane_size);
      for (Index tap = 0; tap < 9; ++tap) t.to[tap] = dw + ((first + i) * 9 + tap) * tiles.g.in_channels;
      transform_tile<WinogradWeightGradient>(t);
    }
  }
};
}  // namespace detail

namespace detail {
/// Transforms tiles [begin, end) of x and dy to places [begin - first, ...) of their planes.
inline void winograd_pair(const WinogradTiles& tiles, const float* x, const float* dy, Index first, Index begin, Index end, float* v,
                          Index v_plane, float* dyt, Index y_plane) {
  WinogradTile a, b;
  a.channels = tiles.g.in_channels, b.channels = tiles.g.out_channels;
  for (Index i = begin; i < end; ++i) {
    tiles.x_square(a.from, x, i);
    WinogradTiles::point_at_planes(a.to, tiles.planes, v + (i - first) * tiles.x_row, v_plane);
    transform_tile<WinogradInput>(a);
    tiles.y_square<const float>(b.from, dy, i, tiles.zeros.data());
    WinogradTiles::point_at_planes(b.to, tiles.planes, dyt + (i - first) * tiles.y_row, y_plane);
    transform_tile<WinogradGradient>(b);
  }
}

/// Few channels: the tiles are cut into at most 8 parts. A thread takes a few tiles of a part at a time, which stay in its cache with
/// the part's sums, and at the end the parts are added in order.
inline void winograd_weight_by_parts(const WinogradTiles& tiles, const float* x, const float* dy, float* dw) {
  const ConvGeometry& g = tiles.g;
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const Index tile_bytes = tiles.planes * (tiles.x_row + tiles.y_row) * 4, block = std::clamp<Index>((Index{448} << 10) / tile_bytes, 24, 64);
  const Index v_plane = WinogradTiles::plane(block, tiles.x_row), y_plane = WinogradTiles::plane(block, tiles.y_row);
  const Index size = tiles.planes * WinogradTiles::plane(g.out_channels, tiles.x_row);
  const Index part = round_up(divide_up(tiles.count, 8), block), parts = divide_up(tiles.count, part);
  const Scratch<float> sums(parts * size);
  parallel_for(tiles.count, part, [&](Index begin, Index end) {
    const Scratch<float> v(tiles.planes * v_plane), dyt(tiles.planes * y_plane);
    const WinogradWeightSum sum{tiles, kernels, v.data(), dyt.data(), v_plane, y_plane, 0, g.out_channels, sums.data() + begin / part * size};
    for (Index first = begin; first < end; first += block) {
      const Index last = std::min(end, first + block);
      winograd_pair(tiles, x, dy, first, first, last, v.data(), v_plane, dyt.data(), y_plane);
      for (Index plane = 0; plane < tiles.planes; ++plane) sum.add(plane, last - first, first == begin ? 0.f : 1.f);
    }
  });
  const WinogradWeightSum all{tiles, kernels, nullptr, nullptr, 0, 0, 0, g.out_channels, sums.data()};
  parallel_for(g.out_channels, 4, [&](Index begin, Index end) {
    for (Index plane = 0; plane < tiles.planes; ++plane) {
      float* to = sums.data() + plane * all.plane_size;
      for (Index p = 1; p < parts; ++p)
        for (Index i = begin * tiles.x_row; i < end * tiles.x_row; ++i) to[i] += to[p * size + i];
    }
    all.transform(begin, end, dw);
  });
}

/// Many channels: tiles are transformed for all threads, which then share out the filters.
inline void winograd_weight_by_filters(const WinogradTiles& tiles, const float* x, const float* dy, float* dw) {
  const ConvGeometry& g = tiles.g;
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const Index tile_bytes = tiles.planes * (tiles.x_row + tiles.y_row) * 4;
  const bool at_once = tiles.count * tile_bytes <= Index{24} << 20;
  const Index block = at_once ? tiles.count : std::max<Index>(16, (Index{8} << 20) / tile_bytes);
  const Index v_plane = WinogradTiles::plane(block, tiles.x_row), y_plane = WinogradTiles::plane(block, tiles.y_row);
  const Scratch<float> v(tiles.planes * v_plane), dyt(tiles.planes * y_plane);
  const Index share = 2 * max_tile_rows, shares = divide_up(g.out_channels, share);  // of filters
  const Index share_size = tiles.planes * WinogradTiles::plane(share, tiles.x_row);
  const Scratch<float> kept(at_once ? 0 : shares * share_size);
  for (Index first = 0; first < tiles.count; first += block) {
    const Index count = std::min(block, tiles.count - first);
    parallel_for(count, 4, [&](Index begin, Index end) {
      winograd_pair(tiles, x, dy, first, first + begin, first + end, v.data(), v_plane, dyt.data(), y_plane);
    });
    parallel_for(shares, 1, [&](Index unit, Index) {
      const Scratch<float> own(at_once ? share_size : 0);
      const Index filters = std::min(share, g.out_channels - unit * share);
      const WinogradWeightSum sum{tiles, kernels, v.data(), dyt.data(), v_plane, y_plane, unit * share, filters,
                                  at_once ? own.data() : kept.data() + unit * share_size};
      for (Index plane = 0; plane < tiles.planes; ++plane) sum.add(plane, count, first == 0 ? 0.f : 1.f);
      if (first + count == tiles.count) sum.transform(0, filters, dw);
    });
  }
}
}  // namespace detail

/// dw from x and dy: the exact adjoint of the forward pass.
/// Scratch   with few channels at most 8 times 36 * C * O numbers and 0.5 MB a thread. Else 36 * (C + O) numbers a tile, for all tiles if
///           that is at most 24 MB, or for 8 MB of them; and 36 * C numbers for 24 filters a thread or, if not all tiles fit, for every filter.
inline void winograd_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  if (g.batch * g.out_pixels() == 0) return std::fill(dw, dw + g.out_channels * 9 * g.in_channels, 0.f);
  const WinogradTiles tiles(g);
  if (tiles.planes * tiles.x_row * g.out_channels * 4 <= Index{1200} << 10)
    detail::winograd_weight_by_parts(tiles, x, dy, dw);
  else
    detail::winograd_weight_by_filters(tiles, x, dy, dw);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
