// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "../autograd/tape.hpp"
#include "../tensor/creation.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What arithmetic is done on: every Scalar but bool.
template <class T>
concept Number = Scalar<T> && !std::same_as<T, bool>;

/// A plain number that may stand beside a tensor of T: `2 * x`, `x * 0.5`. A fraction beside integers is refused, for it would be cut off.
template <class S, class T>
concept NumberFor = std::is_arithmetic_v<S> && (Floating<T> || std::integral<S>);

namespace detail {

/// Shape and layout of what op(a, b) returns: channels-last if a 4-D operand of the full shape is.
struct BroadcastResult {
  Shape shape;
  Layout layout = Layout::row_major;
};
inline BroadcastResult broadcast_result(std::string_view op, const AnyTensor& a, const AnyTensor& b) {
  check_same_device(op, a, b);
  BroadcastResult y{broadcast_shapes(op, a.shape(), b.shape()), Layout::row_major};
  for (const AnyTensor* x : {&a, &b})
    if (x->layout() == Layout::channels_last && x->shape() == y.shape) y.layout = Layout::channels_last;
  return y;
}

/// The strides with which x repeats over `shape`, in logical order: 0 along the axes that it lacks or that have size 1.
inline Shape broadcast_strides(const AnyTensor& x, const Shape& shape) {
  Shape stride = Shape::filled(shape.rank(), 0);
  const Shape own = x.strides();
  const Index lacking = shape.rank() - x.rank();
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (x.shape()[axis] != 1) stride[lacking + axis] = own[axis];
  return stride;
}

/// The walk over y in storage order. Neighbouring axes that both operands cross evenly become one, so that equal shapes are one run.
inline Broadcast broadcast_walk(const BroadcastResult& y, const AnyTensor& a, const AnyTensor& b) {
  const Shape size = storage_order(y.shape, y.layout);
  const Shape a_stride = storage_order(broadcast_strides(a, y.shape), y.layout);
  const Shape b_stride = storage_order(broadcast_strides(b, y.shape), y.layout);
  Broadcast walk;
  for (Index axis = 0; axis < size.rank(); ++axis) {
    if (size[axis] == 1) continue;
    const Index last = walk.shape.rank() - 1;
    if (last >= 0 && walk.a_stride[last] == a_stride[axis] * size[axis] && walk.b_stride[last] == b_stride[axis] * size[axis]) {
      walk.shape[last] *= size[axis];
      walk.a_stride[last] = a_stride[axis];
      walk.b_stride[last] = b_stride[axis];
    } else {
      walk.shape.push_back(size[axis]);
      walk.a_stride.push_back(a_stride[axis]);
      walk.b_stride.push_back(b_stride[axis]);
    }
  }
  if (walk.shape.empty()) walk = {{1}, {0}, {0}};
  return walk;
}

/// x's elements under another shape and layout of as many elements, sharing storage; recorded by no tape.
template <Scalar T>
Tensor<T> view_of(const Tensor<T>& x, const Shape& shape, Layout layout) {
  return Tensor<T>(make_body(x.body().storage, shape, dtype_of<T>(), layout));
}

/// Reduces the marked axes to size 1, keeping layout; recorded by no tape. Neighbouring axes go in one pass, the innermost first.
template <Scalar T>
Tensor<T> reduce_axes(ReduceOp op, const Tensor<T>& x, const std::array<bool, static_cast<std::size_t>(Shape::max_rank)>& reduced) {
  const Shape size = storage_order(x.shape(), x.layout());
  const Shape axis_at = storage_order({0, 1, 2, 3}, x.layout());  // of a 4-D tensor; others store their axes as they come
  const auto is_reduced = [&](Index at) { return reduced[static_cast<std::size_t>(x.rank() == 4 ? axis_at[at] : at)]; };
  Shape kept = x.shape();
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (reduced[static_cast<std::size_t>(axis)]) kept[axis] = 1;

  Tensor<T> y = x;
  Index inner = 1;
  for (Index at = x.rank() - 1; at >= 0;) {
    if (!is_reduced(at)) {
      inner *= size[at--];
      continue;
    }
    Index count = 1, outer = 1;
    while (at >= 0 && is_reduced(at)) count *= size[at--];
    for (Index i = 0; i <= at; ++i) outer *= size[i];
    Tensor<T> next({outer * inner}, Layout::row_major, x.device());
    if (outer * inner > 0) kernels_of(x).reduce(op, outer, count, inner, y.data(), next.mutable_data());
    y = next;
  }
  if (y.handle() == x.handle()) return copy_of(x, x.layout()).template as<T>();
  return view_of(y, kept, x.layout());
}

/// The gradient of a broadcast: dy summed over the axes along which a tensor of `shape` was repeated.
template <Scalar T>
Tensor<T> sum_to(const Tensor<T>& dy, const Shape& shape) {
  if (dy.shape() == shape) return dy;
  std::array<bool, static_cast<std::size_t>(Shape::max_rank)> reduced{};
  const Index lacking = dy.rank() - shape.rank();
  for (Index axis = 0; axis < dy.rank(); ++axis)
    reduced[static_cast<std::size_t>(axis)] = axis < lacking || (shape[axis - lacking] == 1 && dy.shape()[axis] != 1);
  const Tensor<T> sum = reduce_axes(ReduceOp::sum, dy, reduced);
  return lacking == 0 ? sum : view_of(in_layout(sum, Layout::row_major), shape, Layout::row_major);
}

/// y = op(a, b) by element with broadcasting; recorded by no tape.
template <Scalar T>
Tensor<T> binary(const char* name, BinaryOp op, const Tensor<T>& a, const Tensor<T>& b) {
  const BroadcastResult result = broadcast_result(name, a, b);
  Tensor<T> y(result.shape, result.layout, a.device());
  if (y.numel() > 0) kernels_of(a).binary(op, broadcast_walk(result, a, b), a.data(), b.data(), y.mutable_data());
  return y;
}

/// A plain number as a tensor without axes beside x.
template <Scalar T, class S>
Tensor<T> scalar_beside(const Tensor<T>& x, S value) {
  return full<T>({}, static_cast<T>(value), x.device());
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
