// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/owed_gradient.hpp"
#include "pool_window.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct MaxPool2dOptions {
  PoolStride stride{};     ///< from one window to the next; by default the kernel
  PoolSize padding = 0;    ///< pixels on each side that never win; at most half the kernel
  PoolSize dilation = 1;   ///< pixels from one tap of the window to the next
  bool ceil_mode = false;  ///< whether a last window may hang over the edge
};

/// All sizes of a max pooling, from the input's shape alone.
/// Throws   as max_pool2d does.
inline PoolGeometry max_pool2d_geometry(const Shape& x, Size2 kernel, const MaxPool2dOptions& options) {
  const auto g = detail::pool_geometry("max_pool2d", x, kernel, options.stride, options.padding, options.dilation, options.ceil_mode);
  // A dilated window may step over a narrow image: then it has no largest pixel.
  const auto sees_some = [](Index positions, Index taps, Index size, auto&& pixel) {
    for (Index i = 0; i < positions; ++i) {
      Index tap = 0;
      while (tap < taps && pixel(i, tap) < 0) ++tap;
      if (tap == taps || pixel(i, tap) >= size) return false;
    }
    return true;
  };
  if (!sees_some(g.out_height, kernel.height, g.height, [&](Index i, Index tap) { return g.in_row(i, tap); }) ||
      !sees_some(g.out_width, kernel.width, g.width, [&](Index i, Index tap) { return g.in_column(i, tap); }))
    throw ShapeError(message("max_pool2d: kernel ", kernel, " with dilation ", options.dilation, " and padding ", options.padding,
                             " has a window that sees no pixel (input ", x, ")"));
  if (g.in_pixels() > (Index{1} << 31) - 1)
    throw ShapeError(message("max_pool2d: input must have fewer than 2^31 pixels an image, got ", x));
  return g;
}

/// The shape of max_pool2d's result, from the input's shape alone.
inline Shape max_pool2d_shape(const Shape& x, Size2 kernel, const MaxPool2dOptions& options) {
  const PoolGeometry g = max_pool2d_geometry(x, kernel, options);
  return detail::image_shape(x, g.channels, g.out_height, g.out_width);
}

/// The largest value under each window.
///
///   y[n,c,i,j] = max over u,v of x[n, c, i*stride + u*dilation - padding, j*stride + v*dilation - padding]
///
/// Shapes   x [N, C, H, W] or [C, H, W], returns [N, C, H', W'], channels-last, or [C, H', W']
///          H' = floor((H + 2*padding - dilation*(K - 1) - 1) / stride) + 1, W' likewise; with ceil_mode rounded up, unless the last window
///          would then start beyond the image
///          indices, if given, receives for each y the pixel i*W + j of the input's plane that it came from
/// Method   forward   notes the winner of each window, in a byte or a few: the first among equals; NaN wins over all
///          backward  dx[winner of y] += dy
/// Throws   ShapeError if the window does not fit, ValueError if an option is out of its range.
/// Source   Ranzato, Huang, Boureau and LeCun, "Unsupervised learning of invariant feature hierarchies", 2007.
template <Floating T>
Tensor<T> max_pool2d(const Tensor<T>& x, Size2 kernel, const MaxPool2dOptions& options = {}, Tensor<Index>* indices = nullptr) {
  const PoolGeometry g = max_pool2d_geometry(x.shape(), kernel, options);
  const Shape batch_shape{g.batch, g.channels, g.out_height, g.out_width};
  const Shape y_shape = detail::image_shape(x.shape(), g.channels, g.out_height, g.out_width);
  const auto backend = backend_of(x);
  Tensor<std::uint8_t> winners;
  if (Tape::records({x})) winners = Tensor<std::uint8_t>({backend.winner_bytes(g)}, Layout::row_major, x.device());
  Tensor<T> batch = detail::owe_pool(x, g, winners);
  if (!batch.defined()) {
    batch = Tensor<T>(batch_shape, Layout::channels_last, x.device());
    backend.max_pool2d_kept(g, detail::as_batch(x).data(), batch.mutable_data(), winners.defined() ? winners.mutable_data() : nullptr);
  }
  if (indices) {
    const Tensor<std::int32_t> places(batch_shape, Layout::channels_last, x.device());
    const Tensor<T> again(batch_shape, Layout::channels_last, x.device());
    backend.max_pool2d(g, detail::as_batch(x).data(), again.mutable_data(), places.mutable_data());
    const Tensor<Index> wide(batch_shape, Layout::channels_last, x.device());
    x.device().memory().cast(DType::int32, places.data(), DType::int64, wide.mutable_data(), wide.numel());
    *indices = detail::from_batch(wide, y_shape);
  }

  const Tensor<T> y = detail::from_batch(batch, y_shape);
  return record("max_pool2d", y, {x}, [g, winners, y = batch, of = x.body().storage.get(), x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    y.data();  // computed by now, and the winners with it, should it have been owed
    const Tensor<T> dx = detail::pooled_gradient<T>({.pool = g, .dy = detail::as_batch(dy), .y = y, .winners = winners, .pooled = of});
    x_grad.add(detail::from_batch(dx, x_grad.shape()));
  });
}

template <Floating T>
struct MaxPool2dResult {
  Tensor<T> y;
  Tensor<Index> indices;
};

/// The same with the winners' places: `auto [y, indices] = max_pool2d_with_indices(x, 2);`
template <Floating T>
MaxPool2dResult<T> max_pool2d_with_indices(const Tensor<T>& x, Size2 kernel, const MaxPool2dOptions& options = {}) {
  Tensor<Index> indices;
  const Tensor<T> y = max_pool2d(x, kernel, options, &indices);
  return {y, indices};
}

}  // namespace tapestry::inline TAPESTRY_ABI
