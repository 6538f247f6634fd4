// SPDX-License-Identifier: MIT
#pragma once

#include "compare.hpp"
#include "indexing.hpp"
#include "reduce.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// The largest and smallest elements and where they are; NaN wins. Without an axis the whole tensor is searched, and the gradient is shared
// evenly among equals; along an axis values and positions come back, and the gradient goes to that position, the first among equals.
//
// Shapes   x [...], returns x's shape without the axis, or with size 1 there if keep_dim is set; row-major
// Throws   IndexError if the axis does not exist, ValueError if there is no element to choose.

namespace detail {

inline void check_not_empty(const char* op, const Shape& shape, Index count) {
  if (count == 0) throw ValueError(message(op, ": x must have an element to choose, got shape ", shape));
}

/// The extremum over the marked axes.   dx = dy / (number of equals) where x = y
template <Scalar T>
Tensor<T> extremum_over(const char* op, ReduceOp reduce_op, const Tensor<T>& x, const Axes& axes, const ReduceOptions& options) {
  const AxisMarks reduced = axes.mark(op, x.rank());
  check_not_empty(op, x.shape(), reduced_count(x.shape(), reduced));
  Tensor<T> y = reduce(reduce_op, x, reduced, options.keep_dim);
  if constexpr (Floating<T>) {
    return record(op, y, {x}, [x_grad = grad_of(x), reduced, x, y](const Tensor<T>& dy) {
      const auto over_x = [&](const Tensor<T>& z) { return repeat_over(z, x.shape(), reduced, x.layout()); };
      const Tensor<T> equal = cast<T>(compare("max", CompareOp::equal, x, over_x(y)));
      const Tensor<T> count = in_layout(detail::reduce(ReduceOp::sum, equal, reduced, true), Layout::row_major);
      x_grad.add(multiply(equal, over_x(dy / view_of(count, dy.shape(), Layout::row_major))));
    });
  } else {
    return y;
  }
}

template <Scalar T>
ValuesAndIndices<T> extremum_along(const char* op, ReduceOp reduce_op, const Tensor<T>& x, Index axis, bool keep_dim) {
  const Index at = checked_axis(op, axis, x.rank());
  const AxisView view(x.shape(), at);
  check_not_empty(op, x.shape(), view.size);
  Shape shape = x.shape();
  if (x.rank() > 0) shape[at] = 1;
  const Shape kept = shape;
  if (x.rank() > 0 && !keep_dim) shape.erase(at);
  const Tensor<T> row = in_layout(x, Layout::row_major);
  ValuesAndIndices<T> y{Tensor<T>(shape, Layout::row_major, x.device()), Tensor<Index>(shape, Layout::row_major, x.device())};
  if (y.values.numel() > 0)
    kernels_of(x).arg_reduce(reduce_op, view.outer, view.size, view.inner, row.data(), y.values.mutable_data(), y.indices.mutable_data());
  y.values = record(op, y.values, {x, y.indices}, [x_grad = grad_of(x), indices = y.indices, at, kept](const Tensor<T>& dy) {
    add_at(x_grad, view_of(in_layout(dy, Layout::row_major), kept, Layout::row_major), indices, at);
  });
  return y;
}

}  // namespace detail

/// The largest element.
template <Scalar T>
Tensor<T> max(const Tensor<T>& x) {
  return detail::extremum_over("max", ReduceOp::maximum, x, {}, {});
}
/// The smallest element.
template <Scalar T>
Tensor<T> min(const Tensor<T>& x) {
  return detail::extremum_over("min", ReduceOp::minimum, x, {}, {});
}
/// The largest along an axis and their positions: `auto [values, indices] = max(x, 1);`
template <Scalar T>
ValuesAndIndices<T> max(const Tensor<T>& x, Index axis, const ReduceOptions& options = {}) {
  return detail::extremum_along("max", ReduceOp::maximum, x, axis, options.keep_dim);
}
/// The smallest along an axis and their positions.
template <Scalar T>
ValuesAndIndices<T> min(const Tensor<T>& x, Index axis, const ReduceOptions& options = {}) {
  return detail::extremum_along("min", ReduceOp::minimum, x, axis, options.keep_dim);
}
/// The largest over several axes; equals share the gradient.
template <Scalar T>
Tensor<T> amax(const Tensor<T>& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  return detail::extremum_over("amax", ReduceOp::maximum, x, axes, options);
}
/// The smallest over several axes; equals share the gradient.
template <Scalar T>
Tensor<T> amin(const Tensor<T>& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  return detail::extremum_over("amin", ReduceOp::minimum, x, axes, options);
}

/// The position of the largest along an axis, the first among equals.
template <Scalar T>
Tensor<Index> argmax(const Tensor<T>& x, Index axis, const ReduceOptions& options = {}) {
  return detail::extremum_along("argmax", ReduceOp::maximum, x.detach(), axis, options.keep_dim).indices;
}
template <Scalar T>
Tensor<Index> argmin(const Tensor<T>& x, Index axis, const ReduceOptions& options = {}) {
  return detail::extremum_along("argmin", ReduceOp::minimum, x.detach(), axis, options.keep_dim).indices;
}
/// The position of the largest element in the flattened tensor.
template <Scalar T>
Tensor<Index> argmax(const Tensor<T>& x) {
  return argmax(in_layout(x.detach(), Layout::row_major).with_shape({x.numel()}), 0);
}
template <Scalar T>
Tensor<Index> argmin(const Tensor<T>& x) {
  return argmin(in_layout(x.detach(), Layout::row_major).with_shape({x.numel()}), 0);
}

}  // namespace tapestry::inline TAPESTRY_ABI
