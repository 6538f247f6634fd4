// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "arithmetic.hpp"
#include "axes.hpp"
#include "convert.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Sums and moments over all elements, over one axis or over several. Reduced axes vanish, or stay with size 1 if keep_dim is set.
//
// Shapes   x [...], returns x's shape without the reduced axes, row-major
// Throws   IndexError if an axis does not exist, ValueError if one is named twice.

struct ReduceOptions {
  bool keep_dim = false;
};

namespace detail {

using AxisMarks = std::array<bool, static_cast<std::size_t>(Shape::max_rank)>;

/// The shape without the marked axes.
inline Shape without_axes(const Shape& shape, const AxisMarks& reduced) {
  Shape left;
  for (Index axis = 0; axis < shape.rank(); ++axis)
    if (!reduced[static_cast<std::size_t>(axis)]) left.push_back(shape[axis]);
  return left;
}
/// The shape with the marked axes at size 1: what a reduction's gradient broadcasts from.
inline Shape with_ones(Shape shape, const AxisMarks& reduced) {
  for (Index axis = 0; axis < shape.rank(); ++axis)
    if (reduced[static_cast<std::size_t>(axis)]) shape[axis] = 1;
  return shape;
}
/// How many elements go into each result.
inline Index reduced_count(const Shape& shape, const AxisMarks& reduced) {
  Index count = 1;
  for (Index axis = 0; axis < shape.rank(); ++axis)
    if (reduced[static_cast<std::size_t>(axis)]) count *= shape[axis];
  return count;
}
/// The reduction as the caller asked for it; recorded by no tape.
template <Scalar T>
Tensor<T> reduce(ReduceOp op, const Tensor<T>& x, const AxisMarks& reduced, bool keep_dim) {
  const Tensor<T> y = in_layout(reduce_axes(op, x, reduced), Layout::row_major);
  return keep_dim ? y : view_of(y, without_axes(x.shape(), reduced), Layout::row_major);
}
/// A result's gradient repeated over the elements it came from.
template <Scalar T>
Tensor<T> repeat_over(const Tensor<T>& dy, const Shape& shape, const AxisMarks& reduced, Layout layout) {
  const Tensor<T> source = view_of(in_layout(dy, Layout::row_major), with_ones(shape, reduced), Layout::row_major);
  Tensor<T> dx(shape, layout, dy.device());
  const Shape stride = broadcast_strides(source, shape);
  if (dx.numel() > 0)
    dy.device().memory().strided_copy(sizeof(T), storage_order(shape, layout), source.data(), storage_order(stride, layout),
                                      dx.mutable_data(), storage_order(strides_of(shape, layout), layout));
  return dx;
}

}  // namespace detail

/// What sums of T are made of: T itself where it has derivatives, else Index, so that counts do not overflow.
template <Scalar T>
using SumOf = std::conditional_t<Floating<T>, T, Index>;

/// y = sum of x; that of nothing is 0. Integers and bool add up as Index.
template <Scalar T>
Tensor<SumOf<T>> sum(const Tensor<T>& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  if constexpr (!Floating<T> && !std::same_as<T, Index>) {
    return sum(to<Index>(x), axes, options);
  } else {
    const auto reduced = axes.mark("sum", x.rank());
    return record("sum", detail::reduce(ReduceOp::sum, x, reduced, options.keep_dim), {x},
                  [x_grad = grad_of(x), reduced](const Tensor<T>& dy) {
                    x_grad.add(detail::repeat_over(dy, x_grad.shape(), reduced, x_grad.layout()));
                  });
  }
}

/// y = sum of x / n, NaN if n is 0.
template <Floating T>
Tensor<T> mean(const Tensor<T>& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  const auto reduced = axes.mark("mean", x.rank());
  const auto n = detail::scalar_beside(x, detail::reduced_count(x.shape(), reduced));
  const Tensor<T> total = detail::reduce(ReduceOp::sum, x, reduced, options.keep_dim);
  return record("mean", detail::binary("mean", BinaryOp::divide, total, n), {x}, [x_grad = grad_of(x), reduced, n](const Tensor<T>& dy) {
    x_grad.add(detail::repeat_over(detail::binary("mean", BinaryOp::divide, dy, n), x_grad.shape(), reduced, x_grad.layout()));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
