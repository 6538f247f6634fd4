// SPDX-License-Identifier: MIT
#pragma once

#include "avg_pool2d.hpp"
#include "max_pool1d.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct AvgPool1dOptions {
  PoolStride1d stride{};          ///< from one window to the next; by default the kernel
  Index padding = 0;              ///< zeros at each end; at most half the kernel
  bool ceil_mode = false;         ///< whether a last window may hang over the end
  bool count_include_pad = true;  ///< whether padding counts among what is averaged
};

/// The shape of avg_pool1d's result, from the input's shape alone.
/// Throws   as avg_pool1d does.
inline Shape avg_pool1d_shape(const Shape& x, Index kernel, const AvgPool1dOptions& o = {}) {
  return detail::pool1d_shape("avg_pool1d", x, kernel, o.stride, o.padding, 1, o.ceil_mode);
}

/// The average under each window.
///
///   y[n,c,t] = 1/count * sum over u of x[n, c, t*stride + u - padding]
///
/// where count is the window's length, padding included unless count_include_pad is off; what hangs over the padded end by ceil_mode
/// never counts.
///
/// Shapes   x [N, C, L] or [C, L], returns [N, C, L'] or [C, L'], row-major
///          L' = floor((L + 2*padding - K) / stride) + 1; with ceil_mode rounded up, unless the last window would start beyond the sequence
/// Method   avg_pool2d of an image with one row; backward  dx[every position under the window] += dy / count. Nothing is kept.
/// Throws   ShapeError if the window does not fit, ValueError if an option is out of its range.
/// Source   LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
template <Floating T>
Tensor<T> avg_pool1d(const Tensor<T>& x, Index kernel, const AvgPool1dOptions& o = {}) {
  avg_pool1d_shape(x.shape(), kernel, o);
  return squeeze(avg_pool2d(as_row_image(x), {1, kernel},
                            {.stride = {1, o.stride.or_kernel(kernel)}, .padding = {0, o.padding}, .ceil_mode = o.ceil_mode,
                             .count_include_pad = o.count_include_pad}), -2);
}

}  // namespace tapestry::inline TAPESTRY_ABI
