// SPDX-License-Identifier: MIT
#pragma once

#include "conv_band.hpp"
#include "gemm.hpp"
#include "pool_gradient.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Backward of a convolution whose images have at most three channels, as a network's first: a gradient of so few channels would leave vectors nearly
// empty, so here a vector's lanes are neighbouring pixels. dy is turned over to a plane a filter, with zeros around, and
//   dx[c][pixel] = sum over filters o and taps t of w[o][t][c] * dy[o][pixel + offset of t]
// whose sums stay in registers. dw is the sum over pixels of patches times dy, its tiles as in direct_backward_weight, and its last row, where the
// patch's number is 1, gives dbias.

struct FewChannels {
  const ConvGeometry& g;
  Index columns = gemm_kernels<float>().columns, row = round_up(g.out_channels, columns), patch_rows = g.patch() + 1;
  Index width = std::max(g.out_width + g.kernel.width - 1, g.width + g.padding.width);  // of a row of a plane: zeros at its end serve the next row, too
  Index lead = std::max<Index>(0, (g.kernel.height - 1 - g.padding.height) * width + g.kernel.width - 1 - g.padding.width);
  Index count = round_up(g.height * width, 128);
  Index plane = lead + count + std::max<Index>(0, g.padding.height * width + g.padding.width) + 16;

  bool fit() const {
    return has_wide_vectors() && g.groups == 1 && g.stride == Size2(1) && g.dilation == Size2(1) && g.in_channels <= 3 && g.batch >= 16 && g.padding.height < g.kernel.height &&
           g.padding.width < g.kernel.width && g.taps() <= 49 && g.out_pixels() * row * 4 <= Index{1} << 20;
  }
};

/// dx[3][count] of one image from planes of dy.
struct PlanarGradient {
  const float* dy;  // the first plane, at pixel 0 of dx
  Index plane, filters, taps;
  const Index* offset;  // of each tap
  const float* w;       // [filter][tap][3]
  Index count;          // a multiple of 128
  float* dx;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const PlanarGradient* r) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    constexpr unsigned vectors = Bytes == 64 ? 8 : 4;
    for (Index at = 0; at < r->count; at += vectors * lanes) {
      V sum[3][vectors] = {};
      const float* w = r->w;
      for (Index o = 0; o < r->filters; ++o)
        for (Index t = 0; t < r->taps; ++t, w += 3) {
          const float* from = r->dy + o * r->plane + at + r->offset[t];
          TAPESTRY_UNROLL
          for (unsigned i = 0; i < vectors; ++i) {
            V v;
            load(v, from + static_cast<Index>(i) * lanes);
            sum[0][i] += w[0] * v, sum[1][i] += w[1] * v, sum[2][i] += w[2] * v;
          }
        }
      for (unsigned c = 0; c < 3; ++c)
        for (unsigned i = 0; i < vectors; ++i) store(sum[c][i], r->dx + c * r->count + at + static_cast<Index>(i) * lanes);
    }
  }
};

/// dx, dw and dbias, of which each may be null; false, and nothing done, where it does not fit. The images are cut into at most 16 parts, whose sums are
/// added in order.
/// Scratch   an image's gradient twice, and a copy of the image if it is padded, a thread; 16 times dw.
inline bool few_channels_backward(const ConvGeometry& g, const float* x, const float* w, const ResultGradient& dy, float* dx, float* dw, float* dbias) {
  const FewChannels f{g};
  if (!f.fit()) return false;
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const WindowPass window = WindowPass::forward(g);
  const Index channels = g.in_channels, taps = g.taps(), x_size = g.in_pixels() * channels, sum_size = f.patch_rows * f.row;
  const Index part = divide_up(g.batch, 16), parts = divide_up(g.batch, part), window_size = std::max(window.band_size(g.out_height), x_size);
  const bool sums_wanted = dw || dbias;
  const Scratch<float> sums(sums_wanted ? parts * sum_size : 0), ones(window_size), filters(g.out_channels * taps * 3);
  const Scratch<Index> places(f.patch_rows), offsets(taps);
  std::fill_n(ones.data(), window_size, 1.f);
  std::fill_n(filters.data(), g.out_channels * taps * 3, 0.f);
  for (Index i = 0; i < g.out_channels * taps; ++i) std::copy_n(w + i * channels, channels, filters.data() + i * 3);
  for (Index t = 0; t < taps; ++t) {
    const Index u = t / g.kernel.width, v = t % g.kernel.width;
    offsets[t] = (g.padding.height - u) * f.width + g.padding.width - v;
    for (Index c = 0; c < channels; ++c) places[t * channels + c] = u * window.row_size() + v * channels + c;
  }
  const Scratch<TileRun> runs(g.out_height);
  for (Index i = 0; i < g.out_height; ++i) runs[i] = {i * window.row_size(), i * g.out_width * f.row};

  parallel_for(g.batch, part, [&](Index begin, Index end) {
    const Scratch<float> panel(g.out_pixels() * f.row), copy(window.band_size(g.out_height)), planes(dx ? g.out_channels * f.plane : 0), planar(3 * f.count);
    std::fill_n(panel.data(), g.out_pixels() * f.row, 0.f);
    if (dx) std::fill_n(planes.data(), g.out_channels * f.plane, 0.f);
    float* sum = sums.data() + begin / part * sum_size;
    for (Index n = begin; n < end; ++n) {
      const float* from = dy.rows(g, n, f.row, panel.data());
      if (sums_wanted) {
        const float* base = window.band(x + n * x_size, 0, g.out_height, copy.data());
        TileOperands<float> t{};
        t.run = runs.data(), t.runs = g.out_height, t.depth = g.out_width, t.a_step = channels;
        t.b_step = t.c_row = f.row, t.columns = f.columns, t.beta = n == begin ? 0.f : 1.f;
        for (Index o = 0; o < f.row; o += f.columns) {
          t.b = from + o;
          for_each_tile(kernels, f.patch_rows, t, [&](TileOperands<float>& tile, Index k) {
            for (Index r = 0; r < max_tile_rows; ++r) {
              const Index at = k + std::min(r, tile.rows - 1);
              tile.a[static_cast<std::size_t>(r)] = at == g.patch() ? ones.data() : base + places[at];
            }
            tile.c = sum + k * f.row + o;
          });
        }
      }
      if (!dx) continue;
      for (Index i = 0; i < g.out_height; ++i)
        turn_over(g.out_channels, g.out_width, from + i * g.out_width * f.row, f.row, planes.data() + f.lead + i * f.width, f.plane);
      const PlanarGradient planar_gradient{planes.data() + f.lead, f.plane, g.out_channels, taps, offsets.data(), filters.data(), f.count, planar.data()};
      dispatch_wide<PlanarGradient>(&planar_gradient);
      float* to = dx + n * x_size;
      for (Index i = 0; i < g.height; ++i)
        for (Index j = 0; j < g.width; ++j)
          for (Index c = 0; c < channels; ++c) *to++ = planar[c * f.count + i * f.width + j];
    }
  });
  if (!sums_wanted) return true;
  for (Index p = 1; p < parts; ++p)
    for (Index i = 0; i < sum_size; ++i) sums[i] += sums[p * sum_size + i];
  if (dw) turn_over(g.out_channels, g.patch(), sums.data(), f.row, dw, g.patch());
  if (dbias) std::copy_n(sums.data() + g.patch() * f.row, g.out_channels, dbias);
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
