// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>

#include "../geometry.hpp"
#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// to[i] = from[i]; short runs, for which a call of memcpy would take longer than the copy.
template <class T>
void copy_run(Index count, const T* from, T* to) {
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  Index i = 0;
  for (; i + lanes <= count; i += lanes) std::memcpy(to + i, from + i, 16);
  for (; i < count; ++i) to[i] = from[i];
}

/// Calls inside(run of the patch, run of x, length) and outside(run of the patch, length) for the taps under one output pixel, where runs are
/// as long as the layout lets them be: a whole row of the window where its pixels are neighbours. Offsets are from the patch and from the image.
template <class Inside, class Outside>
void for_each_run(const ConvGeometry& g, Index group, Index i, Index j, const Inside& inside, const Outside& outside) {
  const Index c = g.group_in(), window = g.kernel.width * c, first = g.in_column(j, 0);
  const bool joined = g.dilation.width == 1 && g.groups == 1;
  for (Index u = 0; u < g.kernel.height; ++u) {
    const Index row = g.in_row(i, u), patch = u * window;
    if (row < 0 || row >= g.height) {
      outside(patch, window);
    } else if (joined) {
      const Index left = std::clamp<Index>(-first, 0, g.kernel.width), right = std::clamp<Index>(g.width - first, left, g.kernel.width);
      if (left > 0) outside(patch, left * c);
      if (right > left) inside(patch + left * c, (row * g.width + first + left) * c, (right - left) * c);
      if (right < g.kernel.width) outside(patch + right * c, (g.kernel.width - right) * c);
    } else {
      for (Index v = 0; v < g.kernel.width; ++v) {
        const Index column = g.in_column(j, v);
        if (column < 0 || column >= g.width)
          outside(patch + v * c, c);
        else
          inside(patch + v * c, (row * g.width + column) * g.in_channels + group * c, c);
      }
    }
  }
}

/// A row of patches an output pixel; a unit of work is a few rows of output pixels.
template <Floating T>
void im2col(const ConvGeometry& g, Index group, const T* x, T* patches) {
  const Index size = g.patch(), row_size = std::max<Index>(1, g.out_width * size);
  parallel_for(g.batch * g.out_height, std::max<Index>(1, 16384 / row_size), [&](Index begin, Index end) {
    for (Index at = begin; at < end; ++at) {
      const T* image = x + at / g.out_height * g.in_pixels() * g.in_channels;
      for (Index j = 0; j < g.out_width; ++j) {
        T* patch = patches + (at * g.out_width + j) * size;
        for_each_run(g, group, at % g.out_height, j,
                     [=](Index to, Index from, Index count) { copy_run(count, image + from, patch + to); },
                     [=](Index to, Index count) { std::fill(patch + to, patch + to + count, T{0}); });
      }
    }
  });
}

/// Every patch entry is added to the pixel it came from; a unit of work is an image, whose sums have one order.
template <Floating T>
void col2im(const ConvGeometry& g, Index group, const T* patches, T* x) {
  const Index size = g.patch();
  parallel_for(g.batch, 1, [&](Index n, Index) {
    T* image = x + n * g.in_pixels() * g.in_channels;
    for (Index i = 0; i < g.out_height; ++i)
      for (Index j = 0; j < g.out_width; ++j) {
        const T* patch = patches + (n * g.out_pixels() + i * g.out_width + j) * size;
        for_each_run(g, group, i, j,
                     [=](Index from, Index to, Index count) {
                       map(count, image + to, [](auto& v, const auto& add) { v = v + add; }, image + to, patch + from);
                     },
                     [](Index, Index) {});
      }
  });
}

/// y[r][c] += bias[c]
template <Floating T>
void add_rows(Index rows, Index columns, const T* bias, T* y) {
  parallel_for(rows, std::max<Index>(1, elementwise_grain / std::max<Index>(1, columns)), [=](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      T* row = y + r * columns;
      map(columns, row, [](auto& v, const auto& add) { v = v + add; }, row, bias);
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
