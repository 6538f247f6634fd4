// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/tape.hpp"
#include "../backend/geometry.hpp"

namespace tapestry::inline TAPESTRY_ABI {
namespace detail {

// What the ops on images share. Image kernels see batches [N, C, H, W] that lie channels-last; a single image [C, H, W] is a batch of one.

/// A pair of lengths, each within [low, 2^31): large enough for any image, small enough that their products cannot overflow.
inline void check_pair(std::string_view op, std::string_view parameter, Size2 value, Index low) {
  constexpr Index high = (Index{1} << 31) - 1;
  if (value.height < low || value.width < low || value.height > high || value.width > high)
    throw ValueError(message(op, ": ", parameter, " must be from ", low, " to ", high, ", got ", value));
}

/// [N, C, H, W] of an image shape, which may lack N.
/// Throws   ShapeError unless there are three or four axes, all but N of at least one entry.
inline Shape batch_shape(std::string_view op, const Shape& x) {
  const bool fits = x.rank() == 3 || x.rank() == 4;
  Shape batch = x;
  if (x.rank() == 3) batch.insert(0, 1);
  if (!fits || batch[1] < 1 || batch[2] < 1 || batch[3] < 1)
    throw ShapeError(message(op, ": input must be [N, C, H, W] or [C, H, W] with no empty axis but N, got ", x));
  return batch;
}

/// The shape of a result: that of the input with other channels and sizes.
inline Shape image_shape(const Shape& x, Index channels, Index height, Index width) {
  return x.rank() == 4 ? Shape{x[0], channels, height, width} : Shape{channels, height, width};
}

/// The images as kernels want them. Recorded by no tape: the op that calls it records itself.
template <Scalar T>
Tensor<T> as_batch(const Tensor<T>& x) {
  if (x.rank() == 4) return in_layout(x, Layout::channels_last);
  const Shape& s = x.shape();
  return in_layout(x.with_shape({1, s[0], s[1], s[2]}), Layout::channels_last);
}

/// A batch under the shape that the op promised: itself, or without its only N.
template <Scalar T>
Tensor<T> from_batch(const Tensor<T>& batch, const Shape& shape) {
  return shape.rank() == 4 ? batch : in_layout(batch, Layout::row_major).with_shape(shape);
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
