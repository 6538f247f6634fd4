// SPDX-License-Identifier: MIT
#pragma once

#include "broadcast.hpp"
#include "reshape.hpp"
#include "strided.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Axes in another order, or repeated. The results are copies, row-major.

/// y's axis i is x's axis order[i]: [N, C, H, W] becomes [N, H, W, C] by `permute(x, {0, 2, 3, 1})`.
/// Throws   ShapeError unless order names every axis once, IndexError if one does not exist.
template <Scalar T>
Tensor<T> permute(const Tensor<T>& x, const Shape& order) {
  const Index rank = x.rank();
  if (order.rank() != rank)
    throw ShapeError(message("permute: order must name all ", rank, " axes, got ", order, " (shape ", x.shape(), ")"));
  const Shape x_stride = x.strides();
  Shape shape = order, stride = order, place = Shape::filled(rank, -1);
  for (Index i = 0; i < rank; ++i) {
    const Index axis = checked_axis("permute", order[i], rank);
    if (place[axis] >= 0) throw ShapeError(message("permute: order must name every axis once, got ", order));
    place[axis] = i;
    shape[i] = x.shape()[axis];
    stride[i] = x_stride[axis];
  }
  return record("permute", detail::read_strided(x, 0, stride, shape), {x}, [x_grad = grad_of(x), place](const Tensor<T>& dy) {
    x_grad.add(permute(dy, place));  // place is the inverse of order
  });
}

/// Two axes exchanged.
template <Scalar T>
Tensor<T> transpose(const Tensor<T>& x, Index first, Index second) {
  const Index a = checked_axis("transpose", first, x.rank()), b = checked_axis("transpose", second, x.rank());
  Shape order;
  for (Index axis = 0; axis < x.rank(); ++axis) order.push_back(axis == a ? b : axis == b ? a : axis);
  return permute(x, order);
}

/// x repeated along new leading axes and along axes of size 1; -1 keeps an axis' size.
/// Throws   ShapeError if x does not broadcast to shape.
template <Scalar T>
Tensor<T> broadcast_to(const Tensor<T>& x, const Shape& shape) {
  Shape full = shape;
  const Index lacking = shape.rank() - x.rank();
  for (Index axis = std::max<Index>(lacking, 0); axis < shape.rank(); ++axis)
    if (shape[axis] == -1) full[axis] = x.shape()[axis - lacking];
  checked_sizes("broadcast_to", full);
  if (lacking < 0 || broadcast_shapes("broadcast_to", x.shape(), full) != full)
    throw ShapeError(message("broadcast_to: x does not broadcast to shape ", shape, " (shape of x ", x.shape(), ")"));
  return record("broadcast_to", detail::read_strided(x, 0, detail::broadcast_strides(x, full), full), {x},
                [x_grad = grad_of(x)](const Tensor<T>& dy) { x_grad.add(detail::sum_to(dy, x_grad.shape())); });
}

/// x laid side by side counts[axis] times along each axis; further counts in front make new axes.
/// Throws   ShapeError if there are fewer counts than axes or one is negative.
template <Scalar T>
Tensor<T> repeat(const Tensor<T>& x, const Shape& counts) {
  const Index lacking = counts.rank() - x.rank();
  if (lacking < 0) throw ShapeError(message("repeat: counts must name every axis, got ", counts, " (shape ", x.shape(), ")"));
  Tensor<T> y = x;
  for (Index axis = counts.rank() - 1; axis >= 0; --axis) {  // insert an axis before each, broadcast it, join the two
    const Index count = counts[axis];
    if (count < 0) throw ShapeError(message("repeat: counts must be at least 0, got ", counts));
    Index before = 1, after = 1;
    for (Index i = 0; i < axis - lacking; ++i) before *= x.shape()[i];
    for (Index i = std::max<Index>(axis - lacking, 0); i < x.rank(); ++i) after *= x.shape()[i];
    for (Index i = axis + 1; i < counts.rank(); ++i) after *= counts[i];
    y = broadcast_to(detail::reshaped("repeat", y, {before, 1, after}), {before, count, after});
  }
  Shape shape = counts;
  for (Index axis = 0; axis < x.rank(); ++axis) shape[lacking + axis] *= x.shape()[axis];
  return detail::reshaped("repeat", y, shape);
}

}  // namespace tapestry::inline TAPESTRY_ABI
