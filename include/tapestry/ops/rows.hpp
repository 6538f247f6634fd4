// SPDX-License-Identifier: MIT
#pragma once

#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {
namespace detail {

/// Sizes, strides or coordinates with one axis moved to the end.
inline Shape axis_last(const Shape& shape, Index axis) {
  if (shape.rank() == 0) return shape;
  Shape moved = shape;
  moved.erase(axis);
  moved.push_back(shape[axis]);
  return moved;
}

/// The vectors of x along one axis as the rows of a matrix [*, size], the other axes in their order; a scalar is one row of one. Shares
/// storage where the vectors lie so already, as the channels of a channels-last tensor do. Recorded by no tape.
template <Scalar T>
Tensor<T> rows_along(const Tensor<T>& x, Index axis) {
  const Shape moved = axis_last(x.shape(), axis), stride = axis_last(x.strides(), axis), row_stride = strides_of(moved, Layout::row_major);
  const Index size = x.rank() == 0 ? 1 : moved.back();
  const Shape matrix{size == 0 ? 0 : x.numel() / size, size};
  if (stride == row_stride) return x.with_shape(matrix);
  Tensor<T> y(matrix, Layout::row_major, x.device());
  x.device().memory().strided_copy(sizeof(T), moved, x.data(), stride, y.mutable_data(), row_stride);
  return y;
}

/// The reverse: a tensor of that shape and layout whose vectors along the axis are the rows.
template <Scalar T>
Tensor<T> from_rows(const Tensor<T>& rows, const Shape& shape, Layout layout, Index axis) {
  const Shape moved = axis_last(shape, axis), stride = axis_last(strides_of(shape, layout), axis);
  const Shape row_stride = strides_of(moved, Layout::row_major);
  if (stride == row_stride) return view_of(rows, shape, layout);
  Tensor<T> y(shape, layout, rows.device());
  y.device().memory().strided_copy(sizeof(T), moved, rows.data(), row_stride, y.mutable_data(), stride);
  return y;
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
