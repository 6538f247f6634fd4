// SPDX-License-Identifier: MIT
#pragma once

#include "max_pool2d.hpp"
#include "sequences.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// How far a window over a sequence moves: a number, or by default its own length, so that windows lie side by side.
struct PoolStride1d {
  Index length = 0;
  bool of_kernel = true;

  constexpr PoolStride1d() = default;
  template <std::integral I>
  constexpr PoolStride1d(I positions) : length(static_cast<Index>(positions)), of_kernel(false) {}  // NOLINT: implicit, so that .stride = 2 works
  constexpr Index or_kernel(Index kernel) const { return of_kernel ? kernel : length; }
};

struct MaxPool1dOptions {
  PoolStride1d stride{};   ///< from one window to the next; by default the kernel
  Index padding = 0;       ///< positions at each end that never win; at most half the kernel
  Index dilation = 1;      ///< positions from one tap of the window to the next
  bool ceil_mode = false;  ///< whether a last window may hang over the end
};

namespace detail {
/// What can be refused before any shape is known.
inline void check_pool1d_options(std::string_view op, Index kernel, PoolStride1d stride, Index padding, Index dilation) {
  check_length(op, "kernel", kernel, 1);
  check_length(op, "stride", stride.or_kernel(kernel), 1);
  check_length(op, "padding", padding, 0);
  check_length(op, "dilation", dilation, 1);
  if (padding > kernel / 2) throw ValueError(message(op, ": padding must be at most half the kernel ", kernel, ", got ", padding));
}
/// Refuses a pooling over a sequence that does not fit, and gives its result's shape.
inline Shape pool1d_shape(std::string_view op, const Shape& x, Index kernel, PoolStride1d stride, Index padding, Index dilation,
                          bool ceil_mode) {
  const Shape in = sequence_shape(op, x);
  check_pool1d_options(op, kernel, stride, padding, dilation);
  const Index positions = pool_positions(in[2], padding, kernel, stride.or_kernel(kernel), dilation, ceil_mode);
  if (positions < 1)
    throw ShapeError(message(op, ": kernel ", kernel, " with dilation ", dilation, " does not fit into the input with padding ", padding,
                             " (input ", x, ")"));
  Shape y = x;
  y[-1] = positions;
  return y;
}
}  // namespace detail

/// The shape of max_pool1d's result, from the input's shape alone.
/// Throws   as max_pool1d does.
inline Shape max_pool1d_shape(const Shape& x, Index kernel, const MaxPool1dOptions& o = {}) {
  const Shape y = detail::pool1d_shape("max_pool1d", x, kernel, o.stride, o.padding, o.dilation, o.ceil_mode);
  for (Index t = 0; t < y.back(); ++t) {  // a dilated window may step over a short sequence: then it has no largest entry
    const Index begin = t * o.stride.or_kernel(kernel) - o.padding;
    const Index skipped = begin < 0 ? (-begin + o.dilation - 1) / o.dilation : 0;
    if (skipped >= kernel || begin + skipped * o.dilation >= x.back())
      throw ShapeError(message("max_pool1d: kernel ", kernel, " with dilation ", o.dilation, " and padding ", o.padding,
                               " has a window that sees nothing of the input (input ", x, ")"));
  }
  return y;
}

/// The largest value under each window.
///
///   y[n,c,t] = max over u of x[n, c, t*stride + u*dilation - padding]
///
/// Shapes   x [N, C, L] or [C, L], returns [N, C, L'] or [C, L'], row-major
///          L' = floor((L + 2*padding - dilation*(K - 1) - 1) / stride) + 1; with ceil_mode rounded up, unless the last window would then
///          start beyond the sequence
///          indices, if given, receives for each y the position that it came from
/// Method   max_pool2d of an image with one row: the first among equals wins, NaN wins over all; backward  dx[winner of y] += dy
/// Throws   ShapeError if the window does not fit, ValueError if an option is out of its range.
/// Source   Collobert and Weston, "A unified architecture for natural language processing", 2008.
template <Floating T>
Tensor<T> max_pool1d(const Tensor<T>& x, Index kernel, const MaxPool1dOptions& o = {}, Tensor<Index>* indices = nullptr) {
  max_pool1d_shape(x.shape(), kernel, o);
  const Tensor<T> y = max_pool2d(as_row_image(x), {1, kernel},
                                 {.stride = {1, o.stride.or_kernel(kernel)}, .padding = {0, o.padding}, .dilation = {1, o.dilation},
                                  .ceil_mode = o.ceil_mode}, indices);
  if (indices) *indices = squeeze(*indices, -2);
  return squeeze(y, -2);
}

template <Floating T>
struct MaxPool1dResult {
  Tensor<T> y;
  Tensor<Index> indices;
};

/// The same with the winners' positions: `auto [y, indices] = max_pool1d_with_indices(x, 2);`
template <Floating T>
MaxPool1dResult<T> max_pool1d_with_indices(const Tensor<T>& x, Index kernel, const MaxPool1dOptions& options = {}) {
  Tensor<Index> indices;
  const Tensor<T> y = max_pool1d(x, kernel, options, &indices);
  return {y, indices};
}

}  // namespace tapestry::inline TAPESTRY_ABI
