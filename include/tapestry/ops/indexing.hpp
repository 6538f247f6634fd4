// SPDX-License-Identifier: MIT
#pragma once

#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Elements chosen by tensors of positions. The results are row-major.

/// An op's result with the positions that its values came from.
template <Scalar T>
struct ValuesAndIndices {
  Tensor<T> values;
  Tensor<Index> indices;
};

namespace detail {

/// An axis as the kernels see it: [outer, size, inner] of a row-major tensor.
struct AxisView {
  Index outer = 1, size = 1, inner = 1;
  AxisView(const Shape& shape, Index axis) {
    for (Index i = 0; i < shape.rank(); ++i) (i < axis ? outer : i == axis ? size : inner) *= shape[i];
  }
};

/// Where the chosen elements lie in the memory of a row-major tensor of `shape`: indices[...] along the axis, its own coordinates
/// elsewhere. A template only so that programs that do without compile no kernels of integers.
template <std::same_as<Index> I>
Tensor<I> flat_positions(const Tensor<I>& indices, Index axis, const Shape& shape) {
  const Shape stride = strides_of(shape, Layout::row_major);
  const auto kernel = kernels_of(indices);
  Tensor<Index> flat(indices.shape(), Layout::row_major, indices.device());
  const Tensor<Index> row = in_layout(indices, Layout::row_major);
  kernel.unary(UnaryOp::affine, flat.numel(), row.data(), shape.rank() > 0 ? stride[axis] : 1, 0, flat.mutable_data());
  for (Index other = 0; other < shape.rank(); ++other) {
    if (other == axis || indices.shape()[other] == 1) continue;
    Shape along = Shape::filled(shape.rank(), 1);
    along[other] = indices.shape()[other];
    Tensor<Index> steps(along, Layout::row_major, indices.device());
    if (steps.numel() > 0) kernel.arange(steps.numel(), 0, stride[other], steps.mutable_data());
    flat = binary("gather", BinaryOp::add, flat, steps);
  }
  return flat;
}

/// dx of values that were chosen from x by indices along an axis: each dy goes back to where its value came from.
template <Scalar T>
void add_at(const Grad<T>& x_grad, const Tensor<T>& dy, const Tensor<Index>& indices, Index axis) {
  const Tensor<Index> flat = flat_positions(view_of(indices, dy.shape(), Layout::row_major), axis, x_grad.shape());
  Tensor<T> dx = zeros<T>(x_grad.shape(), dy.device());
  const Tensor<T> row_dy = in_layout(dy, Layout::row_major);
  kernels_of(dy).index_add(1, dx.numel(), 1, flat.data(), dy.numel(), row_dy.data(), dx.mutable_data());
  x_grad.add(dx);
}

inline void check_positions(const char* op, const Tensor<Index>& indices, Index size) {
  const Index bad = indices.device().memory().first_outside(indices.data(), indices.numel(), 0, size, 0);
  if (bad < 0) return;
  Tensor<Index> flat = view_of(indices, {indices.numel()}, Layout::row_major);
  throw IndexError(message(op, ": indices must be from 0 to ", size - 1, ", got ", flat.at(bad)));
}

}  // namespace detail

/// y[..., i, ...] = x[..., indices[i], ...] along one axis; a position may come up more than once.
/// Shapes   x [..., S, ...], indices [I], returns [..., I, ...]
/// Throws   ShapeError unless indices has at most one axis, IndexError if the axis or a position does not exist.
template <Scalar T>
Tensor<T> index_select(const Tensor<T>& x, Index axis, const Tensor<Index>& indices) {
  const Index at = checked_axis("index_select", axis, x.rank());
  check_same_device("index_select", x, indices);
  if (indices.rank() > 1) throw ShapeError(message("index_select: indices must have one axis, got shape ", indices.shape()));
  const detail::AxisView view(x.shape(), at);
  detail::check_positions("index_select", indices, view.size);
  Shape shape = x.shape();
  if (x.rank() > 0) shape[at] = indices.numel();
  const Tensor<T> row = in_layout(x, Layout::row_major);
  Tensor<T> y(shape, Layout::row_major, x.device());
  if (y.numel() > 0)
    x.device().memory().gather(sizeof(T), view.outer, view.size, view.inner, indices.data(), indices.numel(), row.data(), y.mutable_data());
  return record("index_select", y, {x, indices}, [x_grad = grad_of(x), view, indices](const Tensor<T>& dy) {
    Tensor<T> dx = zeros<T>(x_grad.shape(), dy.device());
    const Tensor<T> row_dy = in_layout(dy, Layout::row_major);
    kernels_of(dy).index_add(view.outer, view.size, view.inner, indices.data(), indices.numel(), row_dy.data(), dx.mutable_data());
    x_grad.add(dx);
  });
}

/// y[i, j, ...] = x[indices[i, j, ...], j, ...] for axis 0, and likewise for the others.
/// Shapes   x [...], indices as many axes, none longer than x's but that one; returns indices' shape
/// Throws   ShapeError if the shapes do not fit, IndexError if the axis or a position does not exist.
template <Scalar T>
Tensor<T> gather(const Tensor<T>& x, Index axis, const Tensor<Index>& indices) {
  const Index at = checked_axis("gather", axis, x.rank());
  check_same_device("gather", x, indices);
  bool fits = indices.rank() == x.rank();
  for (Index i = 0; fits && i < x.rank(); ++i) fits = i == at || indices.shape()[i] <= x.shape()[i];
  if (!fits)
    throw ShapeError(message("gather: indices of shape ", indices.shape(), " do not fit x of shape ", x.shape(), " on axis ", axis));
  detail::check_positions("gather", indices, x.rank() > 0 ? x.shape()[at] : 1);
  const Tensor<Index> flat = detail::flat_positions(indices, at, x.shape());
  const Tensor<T> row = in_layout(x, Layout::row_major);
  Tensor<T> y(indices.shape(), Layout::row_major, x.device());
  if (y.numel() > 0) x.device().memory().gather(sizeof(T), 1, x.numel(), 1, flat.data(), y.numel(), row.data(), y.mutable_data());
  return record("gather", y, {x, indices}, [x_grad = grad_of(x), flat](const Tensor<T>& dy) {
    Tensor<T> dx = zeros<T>(x_grad.shape(), dy.device());
    const Tensor<T> row_dy = in_layout(dy, Layout::row_major);
    kernels_of(dy).index_add(1, dx.numel(), 1, flat.data(), dy.numel(), row_dy.data(), dx.mutable_data());
    x_grad.add(dx);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
