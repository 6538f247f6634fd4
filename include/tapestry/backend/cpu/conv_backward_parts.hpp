// SPDX-License-Identifier: MIT
#pragma once

#include "conv_run.hpp"
#include "pool_gradient.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// dx and dw of a convolution together, from a part of the result's gradient at a time: it is made, if it is still owed, and read by both while it lies
// in a core's cache. How it is cut up is a function of the sizes alone; the sums of at most 16 parts are added in order.

namespace detail {
/// dw = the sum of `parts` arrays of [rows][columns]; of [columns][rows] if they are turned over.
inline void add_parts(Index parts, Index rows, Index columns, bool turned, const float* sums, float* dw) {
  const Index size = rows * columns;
  parallel_for(rows, std::max<Index>(1, 16384 / std::max<Index>(1, parts * columns)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      for (Index j = 0; j < columns; ++j) {
        const float* from = sums + (turned ? j * rows + i : i * columns + j);
        float sum = 0;
        for (Index p = 0; p < parts; ++p) sum += from[p * size];
        dw[i * columns + j] = sum;
      }
  });
}
/// sum = beta * sum + A^T B, where A [count][m] and B [count][n] are read as they lie, B up to a tile's width past its end.
inline void add_outer_products(const GemmKernels<float>& kernels, Index count, Index m, Index n, const float* a, const float* b, float beta, float* sum) {
  TileOperands<float> t{};
  t.depth = count, t.a_step = m, t.b_step = t.c_row = n, t.beta = beta;
  for (Index j = 0; j < n; j += kernels.columns) {
    t.b = b + j, t.columns = std::min(kernels.columns, n - j);
    for_each_tile(kernels, m, t, [&](TileOperands<float>& tile, Index i) {
      tile.set_rows(a + i, 1);
      tile.c = sum + i * n + j;
    });
  }
}
}  // namespace detail

/// Depthwise, an image at a time; dx and dw may be null. False, and nothing done, where that would not pay.
/// Scratch   an image's gradient a thread, if it is owed.
inline bool depthwise_backward(const ConvGeometry& g, const float* x, const float* w, const ResultGradient& dy, float* dx, float* dw, float* dbias) {
  if (g.batch < 4 || dbias || convolution_algorithm(g, ConvPass::backward_data) != ConvAlgorithm::depthwise) return false;
  const ConvGeometry one = g.with_batch(1);
  const Index x_size = g.in_pixels() * g.in_channels, y_size = g.out_pixels() * g.out_channels, size = g.taps() * g.in_channels;
  const Index part = divide_up(g.batch, 16), parts = divide_up(g.batch, part);
  const Scratch<float> sums(dw ? parts * size : 0);
  parallel_for(g.batch, part, [&](Index begin, Index end) {
    const Scratch<float> place(dy.scratch(y_size)), next(dw ? size : 0);
    float* sum = sums.data() + begin / part * size;
    for (Index n = begin; n < end; ++n) {
      const float* here = dy.images(g, n, 1, place.data());
      if (dx) depthwise_backward_data(one, here, w, dx + n * x_size);
      if (!dw) continue;
      depthwise_backward_weight(one, x + n * x_size, here, n == begin ? sum : next.data());
      for (Index i = 0; n > begin && i < size; ++i) sum[i] += next[i];
    }
  });
  if (dw) detail::add_parts(parts, g.in_channels, g.taps(), false, sums.data(), dw);
  return true;
}

/// 1x1, some pixels at a time; dx and dw may be null. False, and nothing done, where that would not pay: where images are small or dw is large.
/// Scratch   about 128 KB of the gradient a thread, if it is owed; 16 times dw.
inline bool product_backward(const ConvGeometry& g, const float* x, const float* w, const ResultGradient& dy, float* dx, float* dw, float* dbias) {
  const Index rows = g.batch * g.out_pixels(), in = g.in_channels, out = g.out_channels, size = in * out;
  const int forced = tapestry::detail::forced_convolution().load(std::memory_order_relaxed);
  if (rows < 4096 || size > Index{1} << 15 || dbias || !convolution_fits(ConvAlgorithm::product, g)) return false;
  if (forced >= 0 && forced != static_cast<int>(ConvAlgorithm::product)) return false;
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  constexpr Index step = 48;  // whole tiles, and whole rows of a normalisation
  const Index chunk = std::max(step, (Index{128} << 10) / (std::max(in, out) * 4) / step * step), part = round_up(divide_up(rows, 16), step), parts = divide_up(rows, part);
  // The sums of dw or of its transpose: whichever leaves tiles less empty.
  const auto filled = [&](Index m, Index n) { return round_up(m, 4) * round_up(n, kernels.columns); };
  const bool turned = filled(in, out) < filled(out, in);
  const Index m = turned ? in : out, n = turned ? out : in;
  const Scratch<float> sums(dw ? parts * size : 0), packed(dx ? out * round_up(in, kernels.columns) : 0);
  Product<float> data{Transpose::no, Transpose::no, rows, in, out, nullptr, out, w, in, 0, nullptr, in};
  if (dx) pack_b(data, 0, in, 0, out, kernels.columns, packed.data());
  parallel_for(rows, part, [&](Index begin, Index end) {
    const Scratch<float> place(dy.scratch(chunk * out + kernels.columns)), last(dw ? chunk * n + kernels.columns : 0);
    float* sum = sums.data() + begin / part * size;
    for (Index r = begin; r < end; r += chunk) {
      const Index count = std::min(chunk, end - r);
      const float* here = dy.pixels(g, r, count, place.data());
      if (dx) {
        Product<float> of = data;
        of.m = count, of.a = here, of.c = dx + r * in;
        gemm_unit(of, kernels, 0, count, 0, in, 0, out, packed.data(), kernels.columns, out * kernels.columns);
      }
      if (!dw) continue;
      const float *a = turned ? x + r * in : here, *b = turned ? here : x + r * in;
      if (r + count == rows && b != place.data()) std::copy_n(b, count * n, last.data()), b = last.data();  // nothing is there to be read past the end
      detail::add_outer_products(kernels, count, m, n, a, b, r == begin ? 0.f : 1.f, sum);
    }
  });
  if (dw) detail::add_parts(parts, out, in, turned, sums.data(), dw);
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
