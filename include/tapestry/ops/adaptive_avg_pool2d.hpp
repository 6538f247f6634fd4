// SPDX-License-Identifier: MIT
#pragma once

#include "images.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// In place of a size: as many as the input has, `adaptive_avg_pool2d(x, {1, keep_size})`. PyTorch's None.
inline constexpr Index keep_size = -1;

/// All sizes of an adaptive average pooling, from the input's shape alone.
/// Throws   as adaptive_avg_pool2d does.
inline PoolGeometry adaptive_avg_pool2d_geometry(const Shape& x, Size2 output_size) {
  const bool fits = x.rank() == 3 || x.rank() == 4;
  if (!fits || x[x.rank() - 2] < 1 || x[x.rank() - 1] < 1)
    throw ShapeError(message("adaptive_avg_pool2d: input must be [N, C, H, W] or [C, H, W] with at least one pixel, got ", x));
  const Index height = x[x.rank() - 2], width = x[x.rank() - 1];
  const auto resolve = [](Index wanted, Index size) { return wanted == keep_size ? size : wanted; };
  const Size2 out(resolve(output_size.height, height), resolve(output_size.width, width));
  detail::check_pair("adaptive_avg_pool2d", "output_size", out, 0);
  return {x.rank() == 4 ? x[0] : 1, x[x.rank() - 3], height, width, 1, 1, 1, 0, out.height, out.width};
}

/// The shape of adaptive_avg_pool2d's result, from the input's shape alone.
inline Shape adaptive_avg_pool2d_shape(const Shape& x, Size2 output_size) {
  const PoolGeometry g = adaptive_avg_pool2d_geometry(x, output_size);
  return detail::image_shape(x, g.channels, g.out_height, g.out_width);
}

/// Averages an image of any size down (or up) to a given size, so that a linear layer may follow. Size 1 is the mean of the plane.
///
///   y[n,c,i,j] = mean of x[n,c,p,q] over  floor(i*H/H') <= p < ceil((i+1)*H/H')  and  floor(j*W/W') <= q < ceil((j+1)*W/W')
///
/// Shapes   x [N, C, H, W] or [C, H, W], output_size a number, a pair {H', W'}, or keep_size in place of either
///          returns [N, C, H', W'], channels-last, or [C, H', W']
/// Method   backward  every pixel of a window gets dy / pixels of the window; windows may overlap by one. Nothing is kept.
/// Throws   ShapeError if the input has no pixel, ValueError if output_size is negative.
/// Source   He, Zhang, Ren and Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition", 2014.
template <Floating T>
Tensor<T> adaptive_avg_pool2d(const Tensor<T>& x, Size2 output_size) {
  const PoolGeometry g = adaptive_avg_pool2d_geometry(x.shape(), output_size);
  Tensor<T> batch({g.batch, g.channels, g.out_height, g.out_width}, Layout::channels_last, x.device());
  backend_of(x).adaptive_avg_pool2d(g, detail::as_batch(x).data(), batch.mutable_data());
  const Tensor<T> y = detail::from_batch(batch, detail::image_shape(x.shape(), g.channels, g.out_height, g.out_width));

  return record("adaptive_avg_pool2d", y, {x}, [g, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    Tensor<T> dx({g.batch, g.channels, g.height, g.width}, Layout::channels_last, dy.device());
    backend_of(dy).adaptive_avg_pool2d_backward(g, detail::as_batch(dy).data(), dx.mutable_data());
    x_grad.add(detail::from_batch(dx, x_grad.shape()));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
