// SPDX-License-Identifier: MIT
#pragma once

#include "indexing.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct TopkOptions {
  Index axis = -1;
  bool largest = true;  // else the smallest
};

/// The k largest elements along an axis and their positions, best first, equals in order of position; NaN counts as largest. The gradient
/// of a value goes to its position.
/// Shapes   x [..., S, ...], returns values and indices [..., k, ...]
/// Throws   IndexError if the axis does not exist, ValueError unless 0 <= k <= S.
template <Scalar T>
ValuesAndIndices<T> topk(const Tensor<T>& x, Index k, const TopkOptions& options = {}) {
  const Index at = checked_axis("topk", options.axis, x.rank());
  const detail::AxisView view(x.shape(), at);
  if (k < 0 || k > view.size)
    throw ValueError(message("topk: k must be from 0 to ", view.size, " on axis ", options.axis, ", got ", k, " (shape ", x.shape(), ")"));
  Shape shape = x.shape();
  if (x.rank() > 0) shape[at] = k;
  const Tensor<T> row = in_layout(x, Layout::row_major);
  ValuesAndIndices<T> y{Tensor<T>(shape, Layout::row_major, x.device()), Tensor<Index>(shape, Layout::row_major, x.device())};
  if (y.values.numel() > 0)
    kernels_of(x).topk(view.outer, view.size, view.inner, k, options.largest, row.data(), y.values.mutable_data(),
                       y.indices.mutable_data());
  y.values = record("topk", y.values, {x, y.indices}, [x_grad = grad_of(x), indices = y.indices, at](const Tensor<T>& dy) {
    detail::add_at(x_grad, dy, indices, at);
  });
  return y;
}

}  // namespace tapestry::inline TAPESTRY_ABI
