// SPDX-License-Identifier: MIT
#pragma once

#include "../geometry.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

// Storage is channels-last: x[n][row][column][c], w[o][u][v][c], y[n][i][j][o]. A filter o of group q sees only the channels of its group,
// which begin at q*group_in; its own weights count them from 0. These are the places of single elements:

inline bool inside(const ConvGeometry& g, Index row, Index column) { return row >= 0 && row < g.height && column >= 0 && column < g.width; }
inline Index x_at(const ConvGeometry& g, Index n, Index row, Index column, Index c) {
  return ((n * g.height + row) * g.width + column) * g.in_channels + c;
}
inline Index w_at(const ConvGeometry& g, Index o, Index u, Index v, Index c) {
  return ((o * g.kernel.height + u) * g.kernel.width + v) * g.group_in() + c;
}
inline Index y_at(const ConvGeometry& g, Index n, Index i, Index j, Index o) {
  return ((n * g.out_height + i) * g.out_width + j) * g.out_channels + o;
}

/// y[n,i,j,o] = bias[o] + sum over u,v,c of w[o,u,v,c] * x[n, i*stride + u*dilation - padding, j*stride + v*dilation - padding, c]
template <Floating T>
void conv2d(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  for (Index n = 0; n < g.batch; ++n)
    for (Index i = 0; i < g.out_height; ++i)
      for (Index j = 0; j < g.out_width; ++j)
        for (Index o = 0; o < g.out_channels; ++o) {
          const Index first = o / g.group_out() * g.group_in();
          double sum = bias ? static_cast<double>(bias[o]) : 0.0;
          for (Index u = 0; u < g.kernel.height; ++u)
            for (Index v = 0; v < g.kernel.width; ++v) {
              const Index row = g.in_row(i, u), column = g.in_column(j, v);
              if (!inside(g, row, column)) continue;
              for (Index c = 0; c < g.group_in(); ++c)
                sum += static_cast<double>(w[w_at(g, o, u, v, c)]) * x[x_at(g, n, row, column, first + c)];
            }
          y[y_at(g, n, i, j, o)] = static_cast<T>(sum);
        }
}

/// dx[n,row,column,c] = sum over all i,j,o,u,v whose forward line read that pixel of w[o,u,v,c] * dy[n,i,j,o].
///
/// The forward line reads row = i*stride + u*dilation - padding; so tap u met this row at i = (row + padding - u*dilation) / stride,
/// if that is a whole number and a row of y.
template <Floating T>
void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  for (Index n = 0; n < g.batch; ++n)
    for (Index row = 0; row < g.height; ++row)
      for (Index column = 0; column < g.width; ++column)
        for (Index c = 0; c < g.in_channels; ++c) {
          const Index group = c / g.group_in(), first = group * g.group_out();
          double sum = 0;
          for (Index u = 0; u < g.kernel.height; ++u)
            for (Index v = 0; v < g.kernel.width; ++v) {
              const Index down = row + g.padding.height - u * g.dilation.height, across = column + g.padding.width - v * g.dilation.width;
              if (down < 0 || across < 0 || down % g.stride.height != 0 || across % g.stride.width != 0) continue;
              const Index i = down / g.stride.height, j = across / g.stride.width;
              if (i >= g.out_height || j >= g.out_width) continue;
              for (Index o = first; o < first + g.group_out(); ++o)
                sum += static_cast<double>(w[w_at(g, o, u, v, c % g.group_in())]) * dy[y_at(g, n, i, j, o)];
            }
          dx[x_at(g, n, row, column, c)] = static_cast<T>(sum);
        }
}

/// dw[o,u,v,c] = sum over n,i,j of dy[n,i,j,o] * x[n, i*stride + u*dilation - padding, j*stride + v*dilation - padding, c]
template <Floating T>
void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  for (Index o = 0; o < g.out_channels; ++o)
    for (Index u = 0; u < g.kernel.height; ++u)
      for (Index v = 0; v < g.kernel.width; ++v)
        for (Index c = 0; c < g.group_in(); ++c) {
          const Index first = o / g.group_out() * g.group_in();
          double sum = 0;
          for (Index n = 0; n < g.batch; ++n)
            for (Index i = 0; i < g.out_height; ++i)
              for (Index j = 0; j < g.out_width; ++j) {
                const Index row = g.in_row(i, u), column = g.in_column(j, v);
                if (inside(g, row, column))
                  sum += static_cast<double>(dy[y_at(g, n, i, j, o)]) * x[x_at(g, n, row, column, first + c)];
              }
          dw[w_at(g, o, u, v, c)] = static_cast<T>(sum);
        }
}

/// Calls f(place in patches, place in x or -1 outside the image) for every number under every filter position of one group.
template <class F>
void for_each_patch_entry(const ConvGeometry& g, Index group, F&& f) {
  Index entry = 0;  // patches lie in the order of this walk: [n][i][j][u][v][c]
  for (Index n = 0; n < g.batch; ++n)
    for (Index i = 0; i < g.out_height; ++i)
      for (Index j = 0; j < g.out_width; ++j)
        for (Index u = 0; u < g.kernel.height; ++u)
          for (Index v = 0; v < g.kernel.width; ++v)
            for (Index c = 0; c < g.group_in(); ++c) {
              const Index row = g.in_row(i, u), column = g.in_column(j, v);
              f(entry++, inside(g, row, column) ? x_at(g, n, row, column, group * g.group_in() + c) : -1);
            }
}

/// Lays what the filters of one group see into rows, one an output pixel; 0 outside the image.
template <Floating T>
void im2col(const ConvGeometry& g, Index group, const T* x, T* patches) {
  for_each_patch_entry(g, group, [&](Index entry, Index pixel) { patches[entry] = pixel < 0 ? T{0} : x[pixel]; });
}

/// x += the adjoint of im2col: every patch entry is added to the pixel it came from.
template <Floating T>
void col2im(const ConvGeometry& g, Index group, const T* patches, T* x) {
  for_each_patch_entry(g, group, [&](Index entry, Index pixel) {
    if (pixel >= 0) x[pixel] += patches[entry];
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
