// SPDX-License-Identifier: MIT
#pragma once

#include "adaptive_avg_pool2d.hpp"
#include "concat.hpp"
#include "max_pool1d.hpp"
#include "slice.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Averages a sequence of any length down (or up) to a given length. Length 1 is the mean over time.
///
///   y[n,c,t] = mean of x[n,c,p] over  floor(t*L/L') <= p < ceil((t+1)*L/L')
///
/// Shapes   x [N, C, L] or [C, L], returns [N, C, L'] or [C, L'], row-major
/// Method   adaptive_avg_pool2d of an image with one row.
/// Throws   ShapeError if the input is empty, ValueError unless output_size > 0.
/// Source   He, Zhang, Ren and Sun, "Spatial pyramid pooling in deep convolutional networks for visual recognition", 2014.
template <Floating T>
Tensor<T> adaptive_avg_pool1d(const Tensor<T>& x, Index output_size) {
  detail::sequence_shape("adaptive_avg_pool1d", x.shape());
  detail::check_length("adaptive_avg_pool1d", "output_size", output_size, 1);
  return squeeze(adaptive_avg_pool2d(as_row_image(x), {1, output_size}), -2);
}

/// The largest of each of L' parts of a sequence of any length. Length 1 is the maximum over time.
///
///   y[n,c,t] = max of x[n,c,p] over  floor(t*L/L') <= p < ceil((t+1)*L/L')
///
/// Shapes   x [N, C, L] or [C, L], returns [N, C, L'] or [C, L'], row-major
/// Method   L' poolings, each of one window; the first among equals wins, NaN wins over all.
/// Throws   ShapeError if the input is empty, ValueError unless output_size > 0.
/// Source   as above
template <Floating T>
Tensor<T> adaptive_max_pool1d(const Tensor<T>& x, Index output_size) {
  const Index length = detail::sequence_shape("adaptive_max_pool1d", x.shape())[2];
  detail::check_length("adaptive_max_pool1d", "output_size", output_size, 1);
  if (length % output_size == 0) return max_pool1d(x, length / output_size);
  std::vector<Tensor<T>> parts;
  for (Index t = 0; t < output_size; ++t) {
    const Index start = t * length / output_size, stop = ((t + 1) * length + output_size - 1) / output_size;
    parts.push_back(max_pool1d(slice(x, -1, {start, stop}), stop - start));
  }
  return concat(parts, -1);
}

}  // namespace tapestry::inline TAPESTRY_ABI
