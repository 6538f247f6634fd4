// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// The same elements in the same logical order under another shape. The results are row-major; whether they share storage with x is not
// promised. Throws IndexError if an axis does not exist.

namespace detail {
template <Scalar T>
Tensor<T> reshaped(const char* op, const Tensor<T>& x, const Shape& shape) {
  return record(op, in_layout(x, Layout::row_major).with_shape(shape), {x}, [x_grad = grad_of(x)](const Tensor<T>& dy) {
    x_grad.add(in_layout(dy, Layout::row_major).with_shape(x_grad.shape()));
  });
}
}  // namespace detail

/// x under the given shape, one of whose sizes may be -1: whatever is left.
/// Throws   ShapeError if the number of elements differs.
template <Scalar T>
Tensor<T> reshape(const Tensor<T>& x, const Shape& shape) {
  Shape full = shape;
  Index unknown = -1, known = 1;
  for (Index axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == -1 && unknown < 0)
      unknown = axis;
    else if (shape[axis] < 0)
      throw ShapeError(message("reshape: shape must have sizes of at least 0 and at most one -1, got ", shape));
    else
      known *= shape[axis];
  }
  if (unknown >= 0 && known > 0) full[unknown] = x.numel() / known;
  if ((unknown >= 0 && known == 0) || full.numel() != x.numel())
    throw ShapeError(message("reshape: shape ", shape, " does not hold the ", x.numel(), " elements of x (shape ", x.shape(), ")"));
  return detail::reshaped("reshape", x, full);
}

/// The axes from `start` to `end`, both included, as one: [N, C, H, W] becomes [N, C*H*W] by `flatten(x, 1)`. A scalar becomes [1].
template <Scalar T>
Tensor<T> flatten(const Tensor<T>& x, Index start = 0, Index end = -1) {
  const Index first = checked_axis("flatten", start, x.rank()), last = checked_axis("flatten", end, x.rank());
  if (first > last)
    throw ValueError(message("flatten: end must not lie before start, got start ", start, ", end ", end, " (shape ", x.shape(), ")"));
  if (x.rank() == 0) return detail::reshaped("flatten", x, {1});
  Shape shape;
  for (Index axis = 0; axis < x.rank(); ++axis) {
    if (axis <= first || axis > last)
      shape.push_back(x.shape()[axis]);
    else
      shape[first] *= x.shape()[axis];
  }
  return detail::reshaped("flatten", x, shape);
}

/// Without the axes of size 1.
template <Scalar T>
Tensor<T> squeeze(const Tensor<T>& x) {
  Shape shape;
  for (Index size : x.shape())
    if (size != 1) shape.push_back(size);
  return detail::reshaped("squeeze", x, shape);
}
/// Without that axis if its size is 1, else as it is.
template <Scalar T>
Tensor<T> squeeze(const Tensor<T>& x, Index axis) {
  const Index at = checked_axis("squeeze", axis, x.rank());
  Shape shape = x.shape();
  if (x.rank() > 0 && shape[at] == 1) shape.erase(at);
  return detail::reshaped("squeeze", x, shape);
}
/// With a new axis of size 1 before `axis`; -1 puts it last.
template <Scalar T>
Tensor<T> unsqueeze(const Tensor<T>& x, Index axis) {
  const Index at = checked_axis("unsqueeze", axis, x.rank() + 1);
  Shape shape = x.shape();
  shape.insert(at, 1);
  return detail::reshaped("unsqueeze", x, shape);
}

}  // namespace tapestry::inline TAPESTRY_ABI
