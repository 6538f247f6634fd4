// SPDX-License-Identifier: MIT
#pragma once

#include <limits>

#include "reshape.hpp"
#include "strided.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Positions start, start + step, ... before stop, as Python writes start:stop:step. Negative ones count from the end, and those beyond
/// either end mean that end: {.start = 2}, {.stop = -1}, {0, 10, 2}.
struct Range {
  Index start = 0;
  Index stop = std::numeric_limits<Index>::max();
  Index step = 1;
};

namespace detail {
/// The part of x that begins at offset and has these strides; its gradient goes back to where the part was.
template <Scalar T>
Tensor<T> part(const char* op, const Tensor<T>& x, Index offset, const Shape& stride, const Shape& shape, Layout layout) {
  return record(op, read_strided(x, offset, stride, shape, layout), {x}, [x_grad = grad_of(x), offset, stride](const Tensor<T>& dy) {
    Tensor<T> dx(x_grad.shape(), x_grad.layout(), dy.device());
    write_strided(dy, dx.fill(T{0}), offset, stride);
    x_grad.add(dx);
  });
}
}  // namespace detail

/// The given positions of one axis: `slice(x, 1, {.start = 2, .stop = 5})` is x[:, 2:5]. Keeps x's layout.
/// Throws   IndexError if the axis does not exist, ValueError unless step > 0.
template <Scalar T>
Tensor<T> slice(const Tensor<T>& x, Index axis, const Range& range) {
  if (x.rank() == 0) throw IndexError("slice: x must have an axis, got shape []");
  const Index at = checked_axis("slice", axis, x.rank()), size = x.shape()[at];
  if (range.step < 1) throw ValueError(message("slice: step must be at least 1, got ", range.step));
  const auto from_end = [size](Index position) { return std::clamp<Index>(position < 0 ? position + size : position, 0, size); };
  const Index start = from_end(range.start), stop = std::max(start, from_end(range.stop));
  Shape shape = x.shape(), stride = x.strides();
  const Index offset = start * stride[at];
  shape[at] = stop == start ? 0 : (stop - start - 1) / range.step + 1;
  stride[at] *= shape[at] > 1 ? range.step : 1;
  return detail::part("slice", x, offset, stride, shape, x.layout());
}

/// One position of an axis, which vanishes: `select(x, 0, 3)` is x[3].
/// Throws   IndexError if the axis or the position does not exist.
template <Scalar T>
Tensor<T> select(const Tensor<T>& x, Index axis, Index position) {
  if (x.rank() == 0) throw IndexError("select: x must have an axis, got shape []");
  const Index at = checked_axis("select", axis, x.rank()), size = x.shape()[at];
  if (position < -size || position >= size)
    throw IndexError(message("select: position must be from ", -size, " to ", size - 1, " on axis ", axis, ", got ", position, " (shape ",
                             x.shape(), ")"));
  Shape shape = x.shape(), stride = x.strides();
  const Index offset = (position < 0 ? position + size : position) * stride[at];
  shape.erase(at);
  stride.erase(at);
  return detail::part("select", x, offset, stride, shape, Layout::row_major);
}

/// Pieces of the given sizes along one axis.
/// Throws   ValueError unless the sizes add up to the axis'.
template <Scalar T>
std::vector<Tensor<T>> split(const Tensor<T>& x, const std::vector<Index>& sizes, Index axis = 0) {
  Index total = 0;
  for (Index size : sizes) {
    if (size < 0) throw ValueError(message("split: sizes must be at least 0, got ", size));
    total += size;
  }
  if (total != x.dim(axis))
    throw ValueError(message("split: sizes must add up to ", x.dim(axis), " on axis ", axis, ", got ", total, " (shape ", x.shape(), ")"));
  std::vector<Tensor<T>> pieces;
  Index start = 0;
  for (Index size : sizes) {
    pieces.push_back(slice(x, axis, {start, start + size}));
    start += size;
  }
  return pieces;
}
/// Pieces of `size` along one axis, the last one smaller if they do not come out even.
/// Throws   ValueError unless size > 0.
template <Scalar T>
std::vector<Tensor<T>> split(const Tensor<T>& x, Index size, Index axis = 0) {
  if (size < 1) throw ValueError(message("split: size must be at least 1, got ", size));
  std::vector<Index> sizes;
  for (Index left = x.dim(axis); left > 0 || sizes.empty(); left -= size) sizes.push_back(std::min(left, size));
  return split(x, sizes, axis);
}
/// At most `count` pieces of one size along one axis, the last one smaller if they do not come out even.
/// Throws   ValueError unless count > 0.
template <Scalar T>
std::vector<Tensor<T>> chunk(const Tensor<T>& x, Index count, Index axis = 0) {
  if (count < 1) throw ValueError(message("chunk: count must be at least 1, got ", count));
  return split(x, std::max<Index>(1, (x.dim(axis) + count - 1) / count), axis);
}

}  // namespace tapestry::inline TAPESTRY_ABI
