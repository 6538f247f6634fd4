// SPDX-License-Identifier: MIT
#pragma once

#include "column_sums.hpp"
#include "pool_gradient.hpp"
#include "winograd.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

namespace detail {
/// All of a convolution's backward in the domain of its transforms, as the exact adjoint of the forward pass: the gradient is transformed once,
/// dY' = A dY A^T, and in each plane dU = dY'^T V and dV = dY' U; then dW = G^T dU G, and windows of dX add up from B dV B^T.
struct WinogradBackward {
  const ConvGeometry& g;
  const float *x, *w;
  ResultGradient dy;
  float *dx, *dw, *dbias;  // each may be null
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  WinogradTiles tiles{g};
  Index of_image = tiles.down * tiles.across, x_size = g.in_pixels() * g.in_channels, y_size = g.out_pixels() * g.out_channels;

  /// dV = dY' U in one plane, where V was.
  void multiply(const float* u, Index u_panel, const float* dyt, Index count, float* v) const {
    TileOperands<float> t{};
    t.depth = g.out_channels, t.a_step = 1, t.b_step = t.columns = kernels.columns, t.c_row = tiles.x_row;
    for (Index c = 0; c < g.in_channels; c += kernels.columns) {
      t.b = u + c / kernels.columns * u_panel;
      for_each_tile(kernels, count, t, [&](TileOperands<float>& tile, Index i) {
        tile.set_rows(dyt + i * tiles.y_row, tiles.y_row);
        tile.c = v + i * tiles.x_row + c;
        tile.rows = kernels.computed[static_cast<std::size_t>(tile.rows)];  // v has room for them
      });
    }
  }
  /// Adds the windows of tiles [begin, end), whose planes begin with tile `first`, to dx.
  void add_windows(Index first, Index begin, Index end, const float* v, Index v_plane) const {
    WinogradTile t;
    t.channels = g.in_channels;
    for (Index tile = begin; tile < end; ++tile) {
      const Index n = tile / of_image, i = tile / tiles.across % tiles.down * 4 - g.padding.height, j = tile % tiles.across * 4 - g.padding.width;
      WinogradTiles::point_at_planes<const float>(t.from, tiles.planes, v + (tile - first) * tiles.x_row, v_plane);
      WinogradTiles::square<float>(t.to, 6, dx + n * x_size, i, j, g.height, g.width, g.in_channels, nullptr);
      transform_tile<WinogradInputGradient>(t);
    }
  }
  /// sum[o] = that of `count` images' gradients; `sum` has room for twice as many numbers.
  void bias_sums(const float* images, Index count, double* sum) const {
    column_sums<float>(count * g.out_pixels(), g.out_channels, images, nullptr, images, nullptr, sum, sum + g.out_channels);
  }

  /// Few tiles: all are transformed, then threads share out the planes.
  void by_planes(const WinogradFilters& filters, const float* u) const {
    const Index v_plane = WinogradTiles::plane(kernels.padded_rows(tiles.count), tiles.x_row), y_plane = WinogradTiles::plane(tiles.count, tiles.y_row);
    const Index du_plane = WinogradTiles::plane(g.out_channels, tiles.x_row);
    const Scratch<float> v(tiles.planes * v_plane), dyt(tiles.planes * y_plane), du(dw ? tiles.planes * du_plane : 0);
    const Scratch<float> place(dy.scratch(g.batch * y_size));
    const float* whole = dy.images(g, 0, g.batch, place.data());
    parallel_for(tiles.count, 4, [&](Index begin, Index end) {
      winograd_pair(tiles, x, whole, 0, begin, end, v.data(), v_plane, dyt.data(), y_plane);
    });
    const WinogradWeightSum sum{tiles, kernels, v.data(), dyt.data(), v_plane, y_plane, 0, g.out_channels, du.data()};
    parallel_for(tiles.planes, 1, [&](Index plane, Index) {
      if (dw) sum.add(plane, tiles.count, 0.f);
      if (dx) multiply(u + plane * filters.plane, filters.panel_size, dyt.data() + plane * y_plane, tiles.count, v.data() + plane * v_plane);
    });
    if (dw) parallel_for(g.out_channels, 4, [&](Index begin, Index end) { sum.transform(begin, end, dw); });
    if (dx)
      parallel_for(g.batch, divide_up(4, of_image), [&](Index begin, Index end) {
        std::fill(dx + begin * x_size, dx + end * x_size, 0.f);
        add_windows(0, begin * of_image, end * of_image, v.data(), v_plane);
      });
    if (!dbias) return;
    const Scratch<double> sums(2 * g.out_channels);
    bias_sums(whole, g.batch, sums.data());
    for (Index o = 0; o < g.out_channels; ++o) dbias[o] = static_cast<float>(sums[o]);
  }

  /// Many tiles of few channels: the images are cut into at most 8 parts, of which a thread takes a few images and of these a few tiles at a time,
  /// which stay in its cache with the part's sums; at the end the parts are added in order.
  void by_parts(const WinogradFilters& filters, const float* u) const {
    const Index tile_bytes = tiles.planes * (tiles.x_row + tiles.y_row) * 4, block = std::clamp<Index>((Index{512} << 10) / tile_bytes, 24, 64);
    const Index v_plane = WinogradTiles::plane(kernels.padded_rows(block), tiles.x_row), y_plane = WinogradTiles::plane(block, tiles.y_row);
    const Index du_plane = WinogradTiles::plane(g.out_channels, tiles.x_row), size = tiles.planes * du_plane;
    const Index part = divide_up(g.batch, 8), parts = divide_up(g.batch, part), images = std::clamp<Index>(block / of_image, 1, part);
    const Scratch<float> du(parts * size);
    const Scratch<double> bias(parts * g.out_channels);
    parallel_for(g.batch, part, [&](Index part_begin, Index part_end) {
      const Index p = part_begin / part;
      const Scratch<float> v(tiles.planes * v_plane), dyt(tiles.planes * y_plane), place(dy.scratch(images * y_size));
      const Scratch<double> sums(2 * g.out_channels);
      double* bias_sum = bias.data() + p * g.out_channels;
      std::fill(bias_sum, bias_sum + g.out_channels, 0.0);
      const WinogradWeightSum sum{tiles, kernels, v.data(), dyt.data(), v_plane, y_plane, 0, g.out_channels, du.data() + p * size};
      for (Index n = part_begin; n < part_end; n += images) {
        const Index last = std::min(part_end, n + images);
        const float* here = dy.images(g, n, last - n, place.data()) - n * y_size;
        if (dx) std::fill(dx + n * x_size, dx + last * x_size, 0.f);
        for (Index first = n * of_image; first < last * of_image; first += block) {
          const Index end = std::min(last * of_image, first + block), count = end - first;
          winograd_pair(tiles, x, here, first, first, end, v.data(), v_plane, dyt.data(), y_plane);
          for (Index plane = 0; plane < tiles.planes; ++plane) {
            if (dw) sum.add(plane, count, first == part_begin * of_image ? 0.f : 1.f);
            if (dx) multiply(u + plane * filters.plane, filters.panel_size, dyt.data() + plane * y_plane, count, v.data() + plane * v_plane);
          }
          if (dx) add_windows(first, first, end, v.data(), v_plane);
        }
        if (!dbias) continue;
        bias_sums(here + n * y_size, last - n, sums.data());
        for (Index o = 0; o < g.out_channels; ++o) bias_sum[o] += sums[o];
      }
    });
    if (dw) {
      const WinogradWeightSum all{tiles, kernels, nullptr, nullptr, 0, 0, 0, g.out_channels, du.data()};
      parallel_for(g.out_channels, 4, [&](Index begin, Index end) {
        for (Index plane = 0; plane < tiles.planes; ++plane) {
          float* to = du.data() + plane * du_plane;
          for (Index p = 1; p < parts; ++p)
            for (Index i = begin * tiles.x_row; i < end * tiles.x_row; ++i) to[i] += to[p * size + i];
        }
        all.transform(begin, end, dw);
      });
    }
    for (Index o = 0; dbias && o < g.out_channels; ++o) {
      double s = 0;
      for (Index p = 0; p < parts; ++p) s += bias[p * g.out_channels + o];
      dbias[o] = static_cast<float>(s);
    }
  }
};
}  // namespace detail

/// dx, dw and dbias, of which each may be null, in one go; false, and nothing done, where that would not pay.
/// Scratch   the transformed filters; all tiles, if they are few, else about 0.5 MB of them a thread; the filters' transformed gradients, eight times.
inline bool winograd_backward(const ConvGeometry& g, const float* x, const float* w, const ResultGradient& dy, float* dx, float* dw, float* dbias) {
  if (g.batch * g.out_pixels() == 0) return false;
  const detail::WinogradBackward pass{g, x, w, dy, dx, dw, dbias};
  const bool few = pass.tiles.planes * (pass.tiles.x_row + pass.tiles.y_row) * 4 * pass.tiles.count <= Index{8} << 20;
  if (!few && (g.batch < 8 || pass.tiles.planes * pass.tiles.x_row * g.out_channels * 4 > Index{1200} << 10)) return false;
  const WinogradFilters filters{.g = adjoint_geometry(g), .w = w, .adjoint = true, .turned = false, .side = pass.tiles.side};
  const Scratch<float> u(dx ? winograd_weight_size(filters) : 0);
  if (dx) winograd_weight(filters, u.data());
  if (few)
    pass.by_planes(filters, u.data());
  else
    pass.by_parts(filters, u.data());
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
