// SPDX-License-Identifier: MIT
#pragma once

#include "conv2d.hpp"
#include "sequences.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The options of conv1d; the kernel's length is the weight's.
struct Conv1dOptions {
  Index stride = 1;    ///< positions from one window to the next
  Padding padding{};   ///< positions added at each end: a number, or Padding::same
  Index dilation = 1;  ///< positions from one tap of the kernel to the next
  Index groups = 1;    ///< input and output channels are cut into so many parts, and part is linked to part only
  PaddingMode padding_mode = PaddingMode::zeros;  ///< what the added positions hold
};

namespace detail {
/// The same options for an image of one row.
inline Conv2dOptions along_width(const Conv1dOptions& o) {
  const Padding padding = o.padding.keeps_size ? o.padding : Padding(0, o.padding.size.width);
  return {.stride = {1, o.stride}, .padding = padding, .dilation = {1, o.dilation}, .groups = o.groups, .padding_mode = o.padding_mode};
}
/// What can be refused before any shape is known.
inline void check_conv1d_options(std::string_view op, const Conv1dOptions& o) {
  check_length(op, "stride", o.stride, 1);
  check_length(op, "dilation", o.dilation, 1);
  check_length(op, "padding", o.padding.size.width, 0);
  if (o.padding.size.height != o.padding.size.width)
    throw ValueError(message(op, ": padding must be one number or Padding::same, got ", o.padding));
  if (o.groups < 1) throw ValueError(message(op, ": groups must be at least 1, got ", o.groups));
  if (o.padding.keeps_size && o.stride != 1)
    throw ValueError(message(op, ": padding must be a number where stride is not 1, got same with stride ", o.stride));
}
}  // namespace detail

/// The shape of conv1d's result, from shapes alone.
/// Throws   as conv1d does.
inline Shape conv1d_shape(const Shape& x, const Shape& weight, const Conv1dOptions& o = {}) {
  const Shape in = detail::sequence_shape("conv1d", x);
  if (weight.rank() != 3 || weight.numel() == 0)
    throw ShapeError(message("conv1d: weight must be [out_channels, in_channels / groups, K] with no empty axis, got ", weight));
  detail::check_conv1d_options("conv1d", o);
  const Index filters = weight[0], taps = weight[2], length = in[2];
  if (filters % o.groups != 0)
    throw ValueError(message("conv1d: groups must divide the ", filters, " filters of weight ", weight, ", got ", o.groups));
  if (in[1] != weight[1] * o.groups)
    throw ShapeError(message("conv1d: input has ", in[1], " channels but weight expects ", weight[1] * o.groups, " (input ", x, ", weight ",
                             weight, o.groups > 1 ? message(", groups ", o.groups) : "", ")"));
  const PaddingSides sides = detail::along_width(o).padding.sides({1, taps}, {1, o.dilation});
  const Index most = o.padding_mode == PaddingMode::reflect ? length - 1 : length;  // the last position has no mirror image
  if ((o.padding_mode == PaddingMode::reflect || o.padding_mode == PaddingMode::circular) && std::max(sides.left, sides.right) > most)
    throw ValueError(message("conv1d: padding must be at most ", most, " in padding_mode ", name_of(o.padding_mode), ", got ",
                             std::max(sides.left, sides.right), " (input ", x, ", weight ", weight, ")"));
  const Index positions = window_positions(length, sides.left + sides.right, taps, o.stride, o.dilation);
  if (positions < 1)
    throw ShapeError(message("conv1d: kernel ", taps, " with dilation ", o.dilation, " does not fit into the input with padding ",
                             sides.left, " (input ", x, ", weight ", weight, ")"));
  return x.rank() == 3 ? Shape{x[0], filters, positions} : Shape{filters, positions};
}

/// One-dimensional cross-correlation. On text, whose channels are the entries of each character's vector, a filter of K taps scores every
/// K characters in a row: it is a detector of n-grams.
///
///   y[n,o,t] = bias[o] + sum over c,u of weight[o,c,u] * x[n, c, t*stride + u*dilation - padding]
///
/// where x is 0 before its begin and after its end (or what padding_mode says) and c runs over the input channels of o's group.
///
/// Shapes   x [N, C, L] or [C, L], weight [O, C/groups, K], bias [O] or undefined; returns [N, O, L'] or [O, L'], row-major
///          L' = floor((L + 2*padding - dilation*(K - 1) - 1) / stride) + 1; Padding::same: L' = L
/// Method   conv2d of an image with one row and a kernel of height 1; the backward pass is conv2d's. x [N, C, L] and image kernels store
///          axes in different orders, so x and y are copied once each. Text needs none of that: an embedding's rows are an image already,
///          conv2d(channels_from_last(embedded), as_row_image(weight), bias).
/// Throws   ShapeError if channels, bias or the window do not fit, ValueError if an option is out of its range, TypeError if devices
///          differ.
/// Source   Waibel, Hanazawa, Hinton, Shikano and Lang, "Phoneme recognition using time-delay neural networks", 1989.
template <Floating T>
Tensor<T> conv1d(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& weight, const std::type_identity_t<Tensor<T>>& bias = {},
                 const Conv1dOptions& options = {}) {
  conv1d_shape(x.shape(), weight.shape(), options);
  check_same_device("conv1d", x, weight);
  if (bias.defined()) {
    check_same_device("conv1d", x, bias);
    if (bias.shape() != Shape{weight.dim(0)})
      throw ShapeError(message("conv1d: bias must be ", Shape{weight.dim(0)}, " for weight ", weight.shape(), ", got ", bias.shape()));
  }
  return squeeze(conv2d(as_row_image(x), as_row_image(weight), bias, detail::along_width(options)), -2);
}

}  // namespace tapestry::inline TAPESTRY_ABI
