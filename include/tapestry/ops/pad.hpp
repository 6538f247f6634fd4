// SPDX-License-Identifier: MIT
#pragma once

#include "indexing.hpp"
#include "strided.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What lies beyond the edge, for abcd: constant 00|abcd|00, reflect cb|abcd|cb, replicate aa|abcd|dd, circular cd|abcd|ab.
enum class PadMode : std::uint8_t { constant, reflect, replicate, circular };

struct PadOptions {
  PadMode mode = PadMode::constant;
  double value = 0;  // for constant
};

namespace detail {

/// Which element of 0 to size - 1 stands at `position`, which may lie outside.
inline Index padded_position(PadMode mode, Index position, Index size) {
  if (mode == PadMode::replicate) return std::clamp<Index>(position, 0, size - 1);
  if (mode == PadMode::circular) return (position + size) % size;
  return position < 0 ? -position : position >= size ? 2 * (size - 1) - position : position;
}

/// An axis as the kernels see it in x's own layout.
template <Scalar T>
AxisView stored_axis(const Tensor<T>& x, Index axis) {
  const Shape order = storage_order({0, 1, 2, 3}, x.layout());
  Index at = axis;
  while (x.rank() == 4 && order[at] != axis) at = (at + 1) % 4;
  return AxisView(storage_order(x.shape(), x.layout()), at);
}

/// x with `before` and `after` further positions on an axis, copied from those that are there.
template <Scalar T>
Tensor<T> pad_axis(const Tensor<T>& x, Index axis, Index before, Index after, PadMode mode) {
  const AxisView view = stored_axis(x, axis);
  std::vector<Index> positions;
  for (Index i = -before; i < view.size + after; ++i) positions.push_back(padded_position(mode, i, view.size));
  const Index count = view.size + before + after;
  const auto indices = tensor<Index>(positions, {count}, x.device());
  Shape shape = x.shape();
  shape[axis] = count;
  Tensor<T> y(shape, x.layout(), x.device());
  if (y.numel() > 0)
    x.device().memory().gather(sizeof(T), view.outer, view.size, view.inner, indices.data(), count, x.data(), y.mutable_data());
  return record("pad", y, {x}, [x_grad = grad_of(x), view, indices, count](const Tensor<T>& dy) {
    Tensor<T> dx(x_grad.shape(), x_grad.layout(), dy.device());
    dx.fill(T{0});
    kernels_of(dy).index_add(view.outer, view.size, view.inner, indices.data(), count, dy.data(), dx.mutable_data());
    x_grad.add(dx);
  });
}

/// The part of x that stays lies in y at y_offset; x's own begins at x_offset (further in where an amount is negative).
template <Scalar T>
Tensor<T> pad_constant(const Tensor<T>& x, const Shape& before, const Shape& shape, T value) {
  Tensor<T> y(shape, x.layout(), x.device());
  const Shape x_stride = x.strides(), y_stride = y.strides();
  Shape kept = x.shape();
  Index x_offset = 0, y_offset = 0;
  for (Index axis = 0; axis < x.rank(); ++axis) {
    const Index skipped = std::max<Index>(0, -before[axis]), start = std::max<Index>(0, before[axis]);
    kept[axis] = std::max<Index>(0, std::min(x.shape()[axis] - skipped, shape[axis] - start));
    x_offset += skipped * x_stride[axis];
    y_offset += start * y_stride[axis];
  }
  write_strided(read_strided(x, x_offset, x_stride, kept, x.layout()), y.fill(value), y_offset, y_stride);
  return record("pad", y, {x}, [x_grad = grad_of(x), kept, x_offset, y_offset, x_stride, y_stride](const Tensor<T>& dy) {
    Tensor<T> dx(x_grad.shape(), x_grad.layout(), dy.device());
    write_strided(read_strided(dy, y_offset, y_stride, kept, x_grad.layout()), dx.fill(T{0}), x_offset, x_stride);
    x_grad.add(dx);
  });
}

/// x with positions that are there already copied around its last two axes, as many as may be in that mode. Apart from pad(), so that
/// convolutions compile no more of it.
template <Scalar T>
Tensor<T> pad_image(const Tensor<T>& x, Index top, Index bottom, Index left, Index right, PadMode mode) {
  Tensor<T> y = x;
  if (top != 0 || bottom != 0) y = pad_axis(y, x.rank() - 2, top, bottom, mode);
  if (left != 0 || right != 0) y = pad_axis(y, x.rank() - 1, left, right, mode);
  return y;
}

}  // namespace detail

/// x with more positions around it. Amounts come in pairs, before and after, from the last axis backwards as in PyTorch: two columns on the
/// left and one on the right are `pad(x, {2, 1})`, a frame of one pixel is `pad(x, {1, 1, 1, 1})`. Negative amounts cut off, in constant
/// mode only. Keeps x's layout.
/// Throws   ValueError if amounts do not come in pairs, there are more pairs than axes, or an amount does not fit mode and size.
template <Scalar T>
Tensor<T> pad(const Tensor<T>& x, const std::vector<Index>& amounts, const PadOptions& options = {}) {
  const Index pairs = static_cast<Index>(amounts.size()) / 2;
  if (amounts.size() % 2 != 0 || pairs > x.rank())
    throw ValueError(message("pad: amounts must be one pair an axis, for at most ", x.rank(), " axes, got ", amounts.size(), " numbers"));
  Shape before = Shape::filled(x.rank(), 0), after = before, shape = x.shape();
  for (Index i = 0; i < pairs; ++i) {
    const Index axis = x.rank() - 1 - i, size = x.shape()[axis];
    before[axis] = amounts[static_cast<std::size_t>(2 * i)];
    after[axis] = amounts[static_cast<std::size_t>(2 * i + 1)];
    shape[axis] += before[axis] + after[axis];
    const Index low = options.mode == PadMode::constant ? -size : 0;
    const Index high = options.mode == PadMode::reflect    ? size - 1
                       : options.mode == PadMode::circular ? size
                                                           : std::numeric_limits<Index>::max() / 4;
    if (before[axis] < low || after[axis] < low || before[axis] > high || after[axis] > high || shape[axis] < 0 ||
        (options.mode != PadMode::constant && size == 0 && shape[axis] > 0))
      throw ValueError(
          message("pad: amounts ", before[axis], " and ", after[axis], " do not fit axis ", axis, " of size ", size, " in this mode"));
  }
  checked_sizes("pad", shape);
  if (options.mode == PadMode::constant) return detail::pad_constant(x, before, shape, static_cast<T>(options.value));
  Tensor<T> y = x;
  for (Index axis = 0; axis < x.rank(); ++axis)
    if (before[axis] != 0 || after[axis] != 0) y = detail::pad_axis(y, axis, before[axis], after[axis], options.mode);
  return y;
}

}  // namespace tapestry::inline TAPESTRY_ABI
