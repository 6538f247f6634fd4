// SPDX-License-Identifier: MIT
#pragma once

#include "images.hpp"
#include "reshape.hpp"

namespace tapestry::inline TAPESTRY_ABI {
namespace detail {

// What the ops on sequences share. A sequence [N, C, L] or [C, L] is an image of one row, so that every kernel for images serves it, too.

/// [N, C, L] of a sequence's shape, which may lack N.
/// Throws   ShapeError unless there are two or three axes, all but N of at least one entry.
inline Shape sequence_shape(std::string_view op, const Shape& x) {
  const bool fits = x.rank() == 2 || x.rank() == 3;
  Shape batch = x;
  if (x.rank() == 2) batch.insert(0, 1);
  if (!fits || batch[1] < 1 || batch[2] < 1)
    throw ShapeError(message(op, ": input must be [N, C, L] or [C, L] with no empty axis but N, got ", x));
  return batch;
}

/// A length within [low, 2^31), as check_pair says for images.
inline void check_length(std::string_view op, std::string_view parameter, Index value, Index low) {
  constexpr Index high = (Index{1} << 31) - 1;
  if (value < low || value > high) throw ValueError(message(op, ": ", parameter, " must be from ", low, " to ", high, ", got ", value));
}

}  // namespace detail

/// A sequence as an image of one row: [N, C, L] becomes [N, C, 1, L] and [C, L] becomes [C, 1, L].
/// Throws   ShapeError for another number of axes.
template <Scalar T>
Tensor<T> as_row_image(const Tensor<T>& x) {
  if (x.rank() != 2 && x.rank() != 3) throw ShapeError(message("as_row_image: x must be [N, C, L] or [C, L], got ", x.shape()));
  return unsqueeze(x, -2);
}

/// Vectors one after another, as an embedding gives them, as an image of one row whose channels are the vectors' entries:
///
///   y[n, c, 0, t] = x[n, t, c]
///
/// Shapes   x [N, L, C], returns [N, C, 1, L], channels-last
/// Method   the elements lie so already: forward and backward copy nothing.
/// Throws   ShapeError for another number of axes.
template <Scalar T>
Tensor<T> channels_from_last(const Tensor<T>& x) {
  if (x.rank() != 3) throw ShapeError(message("channels_from_last: x must be [N, L, C], got ", x.shape()));
  const Shape& s = x.shape();
  const Tensor<T> y(detail::make_body(x.body().storage, {s[0], s[2], 1, s[1]}, dtype_of<T>(), Layout::channels_last));
  return record("channels_from_last", y, {x}, [x_grad = grad_of(x)](const Tensor<T>& dy) {
    const Tensor<T> rows = in_layout(dy, Layout::channels_last);
    x_grad.add(Tensor<T>(detail::make_body(rows.body().storage, x_grad.shape(), dtype_of<T>(), Layout::row_major)));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
