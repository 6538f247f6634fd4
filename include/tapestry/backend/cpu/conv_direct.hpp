// SPDX-License-Identifier: MIT
#pragma once

#include "../epilogue.hpp"
#include "conv_band.hpp"
#include "gemm.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Convolution without patches: a tile of the product Y[pixels, O] = P[pixels, K*L*C] W^T reads its rows of P where they lie in the image, for
// the taps of a window are runs of neighbouring numbers, the same distance apart for all pixels. Only where a window reaches over the
// edge, a band of the image is copied with zeros around it. Any stride, dilation, padding and groups.
// Source   Dukhan, "The indirect convolution algorithm", 2019.

/// A pass with its filters: column o of its products is sum over taps (u, v) and c < depth of x[u, v, c] * filter, where tap (u, v) of filter o
/// of a group is w[(u*L + v)*tap_step + o*out_step + c*in_step] from the group's first.
template <class T>
struct DirectPass {
  WindowPass window;
  Index batch, groups, depth, filters;  // depth: channels of x that a group sees; filters: of a group
  Index out_height, out_width;          // of y
  const T* w;
  bool adjoint;  // w[depth][tap][filters], else w[filters][tap][depth]
  Index all_taps, kernel_width;

  static DirectPass forward(const ConvGeometry& g, const T* w) {
    return {WindowPass::forward(g), g.batch, g.groups, g.group_in(), g.group_out(), g.out_height, g.out_width, w, false, g.taps(),
            g.kernel.width};
  }
  static DirectPass backward(const ConvGeometry& g, const T* w, Index row, Index column) {
    return {WindowPass::backward(g, row, column), g.batch, g.groups, g.group_out(), g.group_in(), g.height, g.width, w, true, g.taps(),
            g.kernel.width};
  }
  Index taps() const { return window.taps(); }
  /// Neighbouring taps whose channels follow one another are one run.
  bool joined() const { return groups == 1 && window.columns.taps > 1 && window.columns.by.offset == 1; }
  Index runs() const { return joined() ? window.rows.taps : taps(); }
  Index run_depth() const { return joined() ? window.columns.taps * depth : depth; }
  Index panels(Index columns) const { return divide_up(filters, columns); }
  Index panel_size(Index columns) const { return taps() * depth * columns; }

  /// panel[tap][channel][filter]
  void pack_panel(Index group, Index panel, Index columns, T* to) const {
    const Index first = panel * columns, count = std::min(columns, filters - first);
    for (Index u = 0; u < window.rows.taps; ++u)
      for (Index v = 0; v < window.columns.taps; ++v) {
        const Index tap = window.rows.tap(u).index * kernel_width + window.columns.tap(v).index;
        if (adjoint)
          pack_rows(depth, count, columns, w + (group * depth * all_taps + tap) * filters + first, all_taps * filters, to);
        else
          pack_columns(depth, count, columns, w + ((group * filters + first) * all_taps + tap) * depth, all_taps * depth, to);
        to += depth * columns;
      }
  }
  /// Where the runs lie from a window's first number, in the order of a panel.
  void fill_runs(Index columns, TileRun* to) const {
    const Index across = joined() ? 1 : window.columns.taps;
    for (Index r = 0; r < runs(); ++r)
      to[r] = {r / across * window.rows.by.offset * window.row_size() + r % across * window.columns.by.offset * window.channels,
               r * run_depth() * columns};
  }
};

/// How many numbers the packed filters of a pass have.
template <class T>
Index direct_weight_size(const DirectPass<T>& pass) {
  const Index columns = gemm_kernels<T>().columns;
  return pass.groups * pass.panels(columns) * pass.panel_size(columns);
}

/// packed[group][panel][tap][channel][filter]; good for as long as w and the instruction set stay the same.
template <class T>
void direct_weight(const DirectPass<T>& pass, T* packed) {
  const Index columns = gemm_kernels<T>().columns, panels = pass.panels(columns), size = pass.panel_size(columns);
  parallel_for(pass.groups * panels, divide_up(Index{1} << 14, size + 1), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) pass.pack_panel(i / panels, i % panels, columns, packed + i * size);
  });
}

/// y = epilogue(x * w) at the pixels that the pass has, from packed filters.
/// `spills`: y has room for a tile's width behind its last pixel, and the filters fit into one panel, so that what a tile computes beyond them may lie
/// where the next pixel's numbers go afterwards; for one thread.
/// Scratch   a band of x with its padding, at most about 384 KB, and a place a pixel of it, a thread.
template <class T>
void direct_forward(const DirectPass<T>& pass, const T* x, const T* packed, const Epilogue<T>& epilogue, T* y, bool spills = false) {
  const WindowAxis &rows = pass.window.rows, &across = pass.window.columns;
  if (pass.batch <= 0 || rows.positions <= 0 || across.positions <= 0) return;
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  const Index columns = kernels.columns, panels = pass.panels(columns), size = pass.panel_size(columns), channels = pass.groups * pass.filters;
  const Scratch<TileRun> runs(pass.runs());
  pass.fill_runs(columns, runs.data());
  const bool whole_rows = rows.stride == 1 && across.stride == 1;  // then neighbouring rows of y follow one another, and tiles may cross
  const Index row_bytes = std::max<Index>(1, (pass.window.row_size() * rows.step + across.positions * channels) * Index{sizeof(T)});
  const Index few = divide_up(8 * kernels.rows, across.positions), many = std::max((Index{384} << 10) / row_bytes, few);
  const Index wanted = divide_up(pass.batch * rows.positions, 16);  // no fewer units than threads could use
  const Index band = std::min(rows.positions, std::clamp(wanted, few, many)), bands = divide_up(rows.positions, band), all_bands = pass.batch * bands;
  const Index all_panels = pass.groups * panels, share = divide_up(all_panels, std::min(all_panels, divide_up(8, all_bands)));  // of filters, where pixels are few
  parallel_for(divide_up(all_panels, share) * all_bands, 1, [&](Index part, Index) {
    const Index unit = part % all_bands, first_panel = part / all_bands * share;
    const Index n = unit / bands, first = unit % bands * band, count = std::min(band, rows.positions - first);
    const Scratch<T> copy(pass.window.band_size(count));
    const T* base = pass.window.band(x + n * pass.window.height * pass.window.width * pass.window.channels, first, count, copy.data());
    const Index pixels = count * across.positions, segment = whole_rows ? pixels : across.positions;
    const Scratch<const T*> places(pixels + max_tile_rows);  // a tile may compute more rows than there are: those of the last pixel again
    for (Index i = 0; i < count; ++i)
      for (Index j = 0; j < across.positions; ++j)
        places[i * across.positions + j] = base + i * rows.step * pass.window.row_size() + j * across.step * pass.window.channels;
    std::fill_n(places.data() + pixels, max_tile_rows, places[pixels - 1]);
    TileOperands<T> t{};
    t.run = runs.data(), t.runs = pass.runs(), t.depth = pass.run_depth();
    t.a_step = 1, t.b_step = columns, t.c_row = channels * across.stride;
    t.epilogue = epilogue.empty() ? nullptr : &epilogue;
    for (Index panel = first_panel; panel < std::min(all_panels, first_panel + share); ++panel) {
      const Index group = panel / panels, filter = panel % panels * columns;
      t.b = packed + panel * size;
      t.columns = spills ? columns : std::min(columns, pass.filters - filter);
      t.channel = group * pass.filters + filter;
      for (Index begin = 0; begin < pixels; begin += segment) {
        const Index row = rows.first + (first + begin / across.positions) * rows.stride;
        T* to = y + ((n * pass.out_height + row) * pass.out_width + across.first) * channels + t.channel;
        for_each_tile(kernels, segment, t, [&](TileOperands<T>& tile, Index i) {
          for (Index r = 0; r < max_tile_rows; ++r) tile.a[static_cast<std::size_t>(r)] = places[begin + i + r] + group * pass.depth;
          tile.c = to + i * tile.c_row;
          tile.residual = epilogue.residual_at(tile.c - y);
        });
      }
    }
  });
}

/// y = epilogue(x * w)
template <class T>
void direct_convolution(const ConvGeometry& g, const T* x, const T* w, const Epilogue<T>& epilogue, T* y) {
  const DirectPass<T> pass = DirectPass<T>::forward(g, w);
  const Scratch<T> packed(direct_weight_size(pass));
  direct_weight(pass, packed.data());
  direct_forward(pass, x, packed.data(), epilogue, y);
}

/// dx from dy. With a stride, pixels of x fall into stride^2 classes, each of which met taps of its own: a pass a class.
template <class T>
void direct_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  for (Index row = 0; row < std::min(g.stride.height, g.height); ++row)
    for (Index column = 0; column < std::min(g.stride.width, g.width); ++column) {
      const DirectPass<T> pass = DirectPass<T>::backward(g, w, row, column);
      const Scratch<T> packed(direct_weight_size(pass));
      direct_weight(pass, packed.data());
      direct_forward(pass, dy, packed.data(), Epilogue<T>{}, dx);  // without a tap it writes 0
    }
}

/// dw from x and dy:   dW^T[K*L*C, O] = sum over pixels of P^T dY, where rows of P^T are read where they lie in x.
/// The pixels are cut into a number of parts that depends on the sizes alone, whose sums are added in order.
/// Scratch   up to 4 MB or one dw for the parts; a band of x with its padding and of dy, at most about 512 KB, a thread.
template <class T>
void direct_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  const WindowPass window = WindowPass::forward(g);
  const Index columns = kernels.columns, patch = g.patch(), panels = divide_up(g.group_out(), columns), pixel = window.channels;
  constexpr Index bytes = sizeof(T);
  // A band is a few rows of an image, or a few whole images where they are small.
  const Index rows = std::clamp<Index>(512 / std::max<Index>(1, g.out_width), 1, std::max<Index>(1, g.out_height));
  const Index bands_of_image = divide_up(g.out_height, rows), images = std::clamp<Index>(256 / std::max<Index>(1, g.out_pixels()), 1, std::max<Index>(1, g.batch));
  const Index bands = bands_of_image > 1 ? g.batch * bands_of_image : divide_up(g.batch, images);
  const Index sum_size = panels * patch * columns;  // of one group
  const Index wanted = std::clamp<Index>((Index{4} << 20) / (g.groups * sum_size * bytes), 1, std::clamp<Index>(bands, 1, 16));
  const Index part = divide_up(std::max<Index>(1, bands), wanted), parts = divide_up(std::max<Index>(1, bands), part);
  const Index share = divide_up(panels, std::min(panels, divide_up(8, parts * g.groups))), shares = divide_up(panels, share);
  const Scratch<T> sums(parts * g.groups * sum_size);

  const Scratch<Index> places(patch);  // of a patch's numbers from its first
  Index* place = places.data();
  for (Index u = 0; u < g.kernel.height; ++u)
    for (Index v = 0; v < g.kernel.width; ++v)
      for (Index c = 0; c < g.group_in(); ++c) *place++ = u * g.dilation.height * window.row_size() + v * g.dilation.width * pixel + c;

  parallel_for(parts * g.groups * shares, 1, [&](Index unit, Index) {
    const Index p = unit / (g.groups * shares), group = unit / shares % g.groups, first_panel = unit % shares * share;
    const Index last_panel = std::min(panels, first_panel + share);
    T* sum = sums.data() + (p * g.groups + group) * sum_size;
    std::fill(sum + first_panel * patch * columns, sum + last_panel * patch * columns, T{0});
    const Scratch<T> copy(images * window.band_size(rows)), dy_panel(images * rows * g.out_width * columns);
    const Scratch<TileRun> runs(images * rows);
    for (Index band = p * part; band < std::min(bands, (p + 1) * part); ++band) {
      const bool in_image = bands_of_image > 1;
      const Index n0 = in_image ? band / bands_of_image : band * images, n1 = in_image ? n0 + 1 : std::min(g.batch, n0 + images);
      const Index first = in_image ? band % bands_of_image * rows : 0, count = std::min(rows, g.out_height - first);
      const T* base = nullptr;
      Index run = 0;
      for (Index n = n0; n < n1; ++n) {
        const T* begin = window.band(x + n * g.in_pixels() * g.in_channels, first, count, copy.data() + (n - n0) * window.band_size(count));
        if (n == n0) base = begin;
        for (Index i = 0; i < count; ++i, ++run)
          runs[run] = {begin - base + i * g.stride.height * window.row_size(), run * g.out_width * columns};
      }
      TileOperands<T> t{};
      t.run = runs.data(), t.runs = run, t.depth = g.out_width, t.a_step = g.stride.width * pixel;
      t.b = dy_panel.data(), t.b_step = t.c_row = t.columns = columns, t.beta = T{1};
      for (Index panel = first_panel; panel < last_panel; ++panel) {
        const Index filter = panel * columns, from = (n0 * g.out_height + first) * g.out_width * g.out_channels + group * g.group_out() + filter;
        pack_rows(run * g.out_width, std::min(columns, g.group_out() - filter), columns, dy + from, g.out_channels, dy_panel.data());
        for_each_tile(kernels, patch, t, [&](TileOperands<T>& tile, Index k) {
          for (Index r = 0; r < max_tile_rows; ++r)
            tile.a[static_cast<std::size_t>(r)] = base + group * g.group_in() + places[k + std::min(r, tile.rows - 1)];
          tile.c = sum + (panel * patch + k) * columns;
        });
      }
    }
  });
  parallel_for(g.groups * panels, 1, [&](Index unit, Index) {
    const Index group = unit / panels, filter = unit % panels * columns;
    T* sum = sums.data() + group * sum_size + filter * patch;
    for (Index p = 1; p < parts; ++p)
      for (Index i = 0; i < patch * columns; ++i) sum[i] += sum[p * g.groups * sum_size + i];
    const Index count = std::min(columns, g.group_out() - filter);
    pack_columns(count, patch, patch, sum, columns, dw + (group * g.group_out() + filter) * patch);  // turned over
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
