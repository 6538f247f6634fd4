// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "../autograd/owed_gradient.hpp"
#include "pad.hpp"
#include "padding.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The options of conv2d; the kernel's size is the weight's.
struct Conv2dOptions {
  Size2 stride = 1;    ///< pixels from one window to the next: {2, 1} moves by 2 down and by 1 to the right
  Padding padding{};   ///< pixels added on each side: a number, a pair, or Padding::same
  Size2 dilation = 1;  ///< pixels from one tap of the kernel to the next
  Index groups = 1;    ///< input and output channels are cut into so many parts, and part is linked to part only
  PaddingMode padding_mode = PaddingMode::zeros;  ///< what the added pixels hold
};

namespace detail {
/// What can be refused before any shape is known.
inline void check_conv2d_options(std::string_view op, const Conv2dOptions& options) {
  check_pair(op, "stride", options.stride, 1);
  check_pair(op, "dilation", options.dilation, 1);
  check_pair(op, "padding", options.padding.size, 0);
  if (options.groups < 1) throw ValueError(message(op, ": groups must be at least 1, got ", options.groups));
  if (options.padding.keeps_size && options.stride != Size2(1))
    throw ValueError(message(op, ": padding must be a number or a pair where stride is not 1, got same with stride ", options.stride));
}
}  // namespace detail

/// All sizes of a convolution, from shapes alone.
/// Throws   as conv2d does.
inline ConvGeometry conv2d_geometry(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  const Shape in = detail::batch_shape("conv2d", x);
  if (weight.rank() != 4 || weight.numel() == 0)
    throw ShapeError(message("conv2d: weight must be [out_channels, in_channels / groups, K, L] with no empty axis, got ", weight));
  const Index groups = options.groups, channels = in[1], filters = weight[0];
  const Size2 kernel(weight[2], weight[3]), stride = options.stride, dilation = options.dilation;
  detail::check_conv2d_options("conv2d", options);
  if (filters % groups != 0)
    throw ValueError(message("conv2d: groups must divide the ", filters, " filters of weight ", weight, ", got ", groups));
  if (channels % groups != 0 || channels / groups != weight[1])
    throw ShapeError(message("conv2d: input has ", channels, " channels but weight expects ", weight[1] * groups, " (input ", x,
                             ", weight ", weight, groups > 1 ? message(", groups ", groups) : "", ")"));
  const PaddingSides sides = options.padding.sides(kernel, dilation);
  const Index spare = options.padding_mode == PaddingMode::reflect ? 1 : 0;  // the border pixel has no mirror image
  if ((options.padding_mode == PaddingMode::reflect || options.padding_mode == PaddingMode::circular) &&
      (std::max(sides.top, sides.bottom) > in[2] - spare || std::max(sides.left, sides.right) > in[3] - spare))
    throw ValueError(message("conv2d: padding must be at most ", Size2(in[2] - spare, in[3] - spare), " in padding_mode ",
                             name_of(options.padding_mode), ", got ", options.padding, " (input ", x, ", weight ", weight, ")"));
  const Index rows = window_positions(in[2], sides.top + sides.bottom, kernel.height, stride.height, dilation.height);
  const Index columns = window_positions(in[3], sides.left + sides.right, kernel.width, stride.width, dilation.width);
  if (rows < 1 || columns < 1)
    throw ShapeError(message("conv2d: kernel ", kernel, " with dilation ", dilation, " does not fit into the input with padding ",
                             options.padding, " (input ", x, ", weight ", weight, ")"));
  return {in[0], channels, in[2], in[3], filters, groups, kernel, stride, dilation, {sides.top, sides.left}, rows, columns};
}

/// The shape of conv2d's result, from shapes alone.
inline Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  const ConvGeometry g = conv2d_geometry(x, weight, options);
  return detail::image_shape(x, g.out_channels, g.out_height, g.out_width);
}

/// Two-dimensional cross-correlation, which deep learning calls convolution:
///
///   y[n,o,i,j] = bias[o] + sum over c,u,v of weight[o,c,u,v] * x[n, c, i*stride + u*dilation - padding, j*stride + ...]
///
/// where x is 0 outside the image (or what padding_mode says) and c runs over the input channels of o's group.
///
/// Shapes   x [N, C, H, W] or [C, H, W], weight [O, C/groups, K, L], bias [O] or undefined
///          returns [N, O, H', W'], channels-last, or [O, H', W']
///          H' = floor((H + 2*padding - dilation*(K - 1) - 1) / stride) + 1, W' likewise; Padding::same: H' = H, W' = W
/// Method   P = im2col(x), a row an output pixel; then one GEMM a group:
///          forward   Y = P W^T + bias          backward  dX = col2im(dY W)    dW = dY^T P    dbias[o] = sum of dY[., o]
///          x and weight are kept, channels-last. P is rebuilt in backward: kept, it would hold up to K*L times the input.
///          Backend::conv2d, conv2d_backward_data and conv2d_backward_weight (backend/backend.hpp) spell these lines out.
/// Throws   ShapeError if channels, bias or the window do not fit, ValueError if an option is out of its range, TypeError if devices
///          differ.
/// Source   Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006.
template <Floating T>
Tensor<T> conv2d(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& weight, const std::type_identity_t<Tensor<T>>& bias = {},
                 const Conv2dOptions& options = {}) {
  const ConvGeometry g = conv2d_geometry(x.shape(), weight.shape(), options);
  check_same_device("conv2d", x, weight);
  if (bias.defined()) {
    check_same_device("conv2d", x, bias);
    if (bias.shape() != Shape{g.out_channels})
      throw ShapeError(message("conv2d: bias must be ", Shape{g.out_channels}, " for weight ", weight.shape(), ", got ", bias.shape()));
  }
  if (options.padding_mode != PaddingMode::zeros) {  // surround the image first; then nothing is left to pad
    const auto [top, bottom, left, right] = options.padding.sides(g.kernel, g.dilation);
    const PadMode mode = options.padding_mode == PaddingMode::reflect     ? PadMode::reflect
                         : options.padding_mode == PaddingMode::replicate ? PadMode::replicate
                                                                          : PadMode::circular;
    return conv2d(detail::pad_image(x, top, bottom, left, right, mode), weight, bias,
                  {.stride = options.stride, .padding = 0, .dilation = options.dilation, .groups = options.groups});
  }

  const Tensor<T> images = detail::as_batch(x), filters = in_layout(weight, Layout::channels_last);
  const Shape batch_shape{g.batch, g.out_channels, g.out_height, g.out_width};
  Tensor<T> batch;
  if (detail::may_owe() && x.rank() == 4) {
    batch = detail::owe_convolution<T>(batch_shape, images, Tape::records({x, weight, bias}),
                                       {.source = detail::Staged<T>::convolution, .weight = filters, .stages = {.bias = bias}, .g = g, .keeps_weight = !Tape::records({weight})});
  } else {
    batch = Tensor<T>(batch_shape, Layout::channels_last, x.device());
    backend_of(x).conv2d(g, images.data(), filters.data(), bias.defined() ? bias.data() : nullptr, batch.mutable_data());
  }
  const Tensor<T> y = detail::from_batch(batch, detail::image_shape(x.shape(), g.out_channels, g.out_height, g.out_width));

  return record("conv2d", y, {x, weight, bias}, [g, images, filters, x_grad = grad_of(x), weight_grad = grad_of(weight),
                                                 bias_grad = grad_of(bias)](const Tensor<T>& dy_any) {
    const Tensor<T> dy = detail::as_batch(dy_any);
    const auto backend = backend_of(dy);
    const auto wanted = [&](const Grad<T>& grad, const Shape& shape, Layout layout) {
      return grad.wanted() ? Tensor<T>(shape, layout, dy.device()) : Tensor<T>();
    };
    const auto place = [](const Tensor<T>& tensor) { return tensor.defined() ? tensor.values_to_write() : nullptr; };
    const Tensor<T> dx = wanted(x_grad, images.shape(), Layout::channels_last), dw = wanted(weight_grad, filters.shape(), Layout::channels_last);
    const Tensor<T> dbias = wanted(bias_grad, {g.out_channels}, Layout::row_major);
    if (const auto* owed = detail::owed_gradient(dy))  // a max pooling or batch norm follows
      owed->conv2d_backward(g, images.data(), filters.data(), place(dx), place(dw), place(dbias));
    else
      backend.conv2d_backward(g, images.data(), filters.data(), dy.data(), place(dx), place(dw), place(dbias));
    if (dx.defined()) x_grad.add(detail::from_batch(dx, x_grad.shape()));
    if (dw.defined()) weight_grad.add(dw);
    if (dbias.defined()) bias_grad.add(dbias);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
