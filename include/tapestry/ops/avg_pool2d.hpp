// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "pool_window.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct AvgPool2dOptions {
  PoolStride stride{};            ///< from one window to the next; by default the kernel
  PoolSize padding = 0;           ///< zero pixels on each side; at most half the kernel
  bool ceil_mode = false;         ///< whether a last window may hang over the edge
  bool count_include_pad = true;  ///< whether padding counts among what is averaged
  std::optional<Index> divisor_override{};  ///< divide by this instead of the count
};

/// All sizes of an average pooling, from the input's shape alone.
/// Throws   as avg_pool2d does.
inline PoolGeometry avg_pool2d_geometry(const Shape& x, Size2 kernel, const AvgPool2dOptions& options) {
  if (options.divisor_override == 0) throw ValueError("avg_pool2d: divisor_override must not be 0");
  return detail::pool_geometry("avg_pool2d", x, kernel, options.stride, options.padding, 1, options.ceil_mode);
}

/// The shape of avg_pool2d's result, from the input's shape alone.
inline Shape avg_pool2d_shape(const Shape& x, Size2 kernel, const AvgPool2dOptions& options) {
  const PoolGeometry g = avg_pool2d_geometry(x, kernel, options);
  return detail::image_shape(x, g.channels, g.out_height, g.out_width);
}

/// The average under each window.
///
///   y[n,c,i,j] = 1/divisor * sum over u,v of x[n, c, i*stride + u - padding, j*stride + v - padding]
///
/// where divisor counts the window's pixels, those of the padding included unless count_include_pad is off; what hangs over the padded
/// edge by ceil_mode never counts. divisor_override replaces it.
///
/// Shapes   x [N, C, H, W] or [C, H, W], returns [N, C, H', W'], channels-last, or [C, H', W']
///          H' = floor((H + 2*padding - K) / stride) + 1, W' likewise; with ceil_mode rounded up, unless the last window would then start
///          beyond the image
/// Method   backward  dx[every pixel under the window] += dy / divisor. Nothing is kept.
/// Throws   ShapeError if the window does not fit, ValueError if an option is out of its range.
/// Source   LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
template <Floating T>
Tensor<T> avg_pool2d(const Tensor<T>& x, Size2 kernel, const AvgPool2dOptions& options = {}) {
  const PoolGeometry g = avg_pool2d_geometry(x.shape(), kernel, options);
  const bool count_padding = options.count_include_pad;
  const Index divisor = options.divisor_override.value_or(0);
  Tensor<T> batch({g.batch, g.channels, g.out_height, g.out_width}, Layout::channels_last, x.device());
  backend_of(x).avg_pool2d(g, count_padding, divisor, detail::as_batch(x).data(), batch.mutable_data());
  const Tensor<T> y = detail::from_batch(batch, detail::image_shape(x.shape(), g.channels, g.out_height, g.out_width));

  return record("avg_pool2d", y, {x}, [g, count_padding, divisor, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    Tensor<T> dx({g.batch, g.channels, g.height, g.width}, Layout::channels_last, dy.device());
    backend_of(dy).avg_pool2d_backward(g, count_padding, divisor, detail::as_batch(dy).data(), dx.mutable_data());
    x_grad.add(detail::from_batch(dx, x_grad.shape()));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
