// SPDX-License-Identifier: MIT
#pragma once

#include "images.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A size of a pooling window that remembers whether it was given as a number or as a pair, since print() shows it so: `2` or `(2, 2)`.
struct PoolSize : Size2 {
  bool pair = false;

  template <std::integral I>
  constexpr PoolSize(I both) : Size2(both) {}  // NOLINT: implicit, so that .padding = 1 works
  constexpr PoolSize(Index h, Index w) : Size2(h, w), pair(true) {}
  constexpr PoolSize(Size2 size) : Size2(size), pair(true) {}  // NOLINT
};

/// How far a pooling window moves: a number, a pair, or by default its own size, so that windows lie side by side.
struct PoolStride {
  PoolSize size = 1;
  bool of_kernel = true;

  constexpr PoolStride() = default;
  template <std::integral I>
  constexpr PoolStride(I both) : size(both), of_kernel(false) {}  // NOLINT: implicit, so that .stride = 2 works
  constexpr PoolStride(Index height, Index width) : size(height, width), of_kernel(false) {}
  constexpr PoolStride(Size2 pair) : size(pair), of_kernel(false) {}  // NOLINT
  constexpr PoolSize or_kernel(PoolSize kernel) const { return of_kernel ? kernel : size; }
};

namespace detail {

/// Positions that a pooling window takes along one axis. With ceil_mode a last window may hang over the end, as long as it starts inside
/// the image or the padding before it.
inline Index pool_positions(Index size, Index padding, Index kernel, Index stride, Index dilation, bool ceil_mode) {
  const Index room = size + 2 * padding - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  if (room < 0) return 0;
  const Index positions = room / stride + 1;
  return ceil_mode && (positions - 1) * stride >= size + padding ? positions - 1 : positions;
}

/// What can be refused before any shape is known.
inline void check_pool_options(std::string_view op, Size2 kernel, PoolStride step, Size2 padding, Size2 dilation) {
  check_pair(op, "kernel", kernel, 1);
  check_pair(op, "stride", step.or_kernel(kernel), 1);
  check_pair(op, "padding", padding, 0);
  check_pair(op, "dilation", dilation, 1);
  if (padding.height > kernel.height / 2 || padding.width > kernel.width / 2)
    throw ValueError(message(op, ": padding must be at most half the kernel ", kernel, ", got ", padding));
}

/// All sizes of a pooling over windows, from the input's shape alone.
inline PoolGeometry pool_geometry(std::string_view op, const Shape& x, Size2 kernel, PoolStride step, Size2 padding, Size2 dilation,
                                  bool ceil_mode) {
  const Size2 stride = step.or_kernel(kernel);
  const Shape in = batch_shape(op, x);
  check_pool_options(op, kernel, step, padding, dilation);
  const Index rows = pool_positions(in[2], padding.height, kernel.height, stride.height, dilation.height, ceil_mode);
  const Index columns = pool_positions(in[3], padding.width, kernel.width, stride.width, dilation.width, ceil_mode);
  if (rows < 1 || columns < 1)
    throw ShapeError(message(op, ": kernel ", kernel, " with dilation ", dilation, " does not fit into the input with padding ", padding,
                             " (input ", x, ")"));
  return {in[0], in[1], in[2], in[3], kernel, stride, dilation, padding, rows, columns};
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
