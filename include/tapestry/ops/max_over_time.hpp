// SPDX-License-Identifier: MIT
#pragma once

#include "max_pool2d.hpp"
#include "sequences.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// Calls f(first, count, length) for every run of neighbours with one length.
template <class F>
void for_each_run(const std::vector<Index>& lengths, F&& f) {
  const Index size = static_cast<Index>(lengths.size());
  for (Index first = 0, end = 0; first < size; first = end) {
    const Index length = lengths[static_cast<std::size_t>(first)];
    while (end < size && lengths[static_cast<std::size_t>(end)] == length) ++end;
    f(first, end - first, length);
  }
}
/// A window over the first `length` positions of `count` images of one row.
inline PoolGeometry first_positions(const Shape& x, Index count, Index length) {
  return {count, x[1], 1, x[3], {1, length}, 1, 1, 0, 1, 1};
}
}  // namespace detail

/// Each channel's largest value in each sequence's own length; what stands behind, padding, never wins. For a filter that detects an
/// n-gram this asks whether the n-gram stands anywhere in the word.
///
///   y[n,c] = max over t < lengths[n] of x[n,c,t]
///
/// Shapes   x [N, C, L], or [N, C, 1, L], which needs no copy where it lies channels-last; lengths N numbers from 1 to L; returns [N, C]
///          winners, if given, receives the position of each maximum, [N, C]
/// Method   one max pooling for each run of sequences of one length, so order or group a batch by length; the first among equals wins,
///          NaN wins over all.   backward  dx[n, c, winner of y] = dy, else 0
/// Throws   ShapeError if x or the number of lengths does not fit, ValueError naming a length that is out of its range.
/// Source   Collobert and Weston, "A unified architecture for natural language processing", 2008; Kim, Jernite, Sontag and Rush,
///          "Character-aware neural language models", 2016.
template <Floating T>
Tensor<T> max_over_time(const Tensor<T>& x, const std::vector<Index>& lengths, Tensor<Index>* winners = nullptr) {
  if (x.rank() == 3) return max_over_time(as_row_image(x), lengths, winners);
  const Shape shape = x.shape();
  if (shape.rank() != 4 || shape[1] < 1 || shape[2] != 1)
    throw ShapeError(message("max_over_time: input must be [N, C, L] or [N, C, 1, L] with at least one channel, got ", shape));
  if (static_cast<Index>(lengths.size()) != shape[0])
    throw ShapeError(message("max_over_time: lengths must hold ", shape[0], " numbers for input ", shape, ", got ", lengths.size()));
  for (std::size_t n = 0; n < lengths.size(); ++n)
    if (lengths[n] < 1 || lengths[n] > shape[3])
      throw ValueError(message("max_over_time: length ", lengths[n], " at position ", n, " must be from 1 to ", shape[3]));

  const Index channels = shape[1], sequence = channels * shape[3];
  const Tensor<T> rows = in_layout(x, Layout::channels_last);
  Tensor<T> y({shape[0], channels}, Layout::row_major, x.device());
  Tensor<std::int32_t> winner(y.shape(), Layout::row_major, x.device());
  detail::for_each_run(lengths, [&](Index first, Index count, Index length) {
    backend_of(x).max_pool2d(detail::first_positions(shape, count, length), rows.data() + first * sequence,
                             y.mutable_data() + first * channels, winner.mutable_data() + first * channels);
  });
  if (winners) {
    *winners = Tensor<Index>(y.shape(), Layout::row_major, x.device());
    x.device().memory().cast(DType::int32, winner.data(), DType::int64, winners->mutable_data(), winner.numel());
  }

  return record("max_over_time", y, {x}, [shape, lengths, channels, sequence, winner, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    Tensor<T> dx(shape, Layout::channels_last, dy.device());
    detail::for_each_run(lengths, [&](Index first, Index count, Index length) {
      backend_of(dy).max_pool2d_backward(detail::first_positions(shape, count, length), dy.data() + first * channels,
                                         winner.data() + first * channels, dx.mutable_data() + first * sequence);
    });
    x_grad.add(dx);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
