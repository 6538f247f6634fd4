// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/tape.hpp"
#include "../tensor/creation.hpp"

namespace tapestry::inline TAPESTRY_ABI::detail {

// Ops that only choose and move elements walk the longer tensor's memory with an offset and strides, in elements and in logical order.

/// y[coordinates] = x.data()[offset + sum of coordinate*stride], y new; recorded by no tape.
template <Scalar T>
Tensor<T> read_strided(const Tensor<T>& x, Index offset, const Shape& stride, const Shape& shape, Layout layout = Layout::row_major) {
  Tensor<T> y(shape, layout, x.device());
  if (y.numel() > 0)
    x.device().memory().strided_copy(sizeof(T), storage_order(shape, y.layout()), x.data() + offset, storage_order(stride, y.layout()),
                                     y.mutable_data(), storage_order(y.strides(), y.layout()));
  return y;
}

/// y.data()[offset + sum of coordinate*stride] = x[coordinates].
template <Scalar T>
void write_strided(const Tensor<T>& x, const Tensor<T>& y, Index offset, const Shape& stride) {
  if (x.numel() > 0)
    x.device().memory().strided_copy(sizeof(T), storage_order(x.shape(), y.layout()), x.data(), storage_order(x.strides(), y.layout()),
                                     y.mutable_data() + offset, storage_order(stride, y.layout()));
}

}  // namespace tapestry::inline TAPESTRY_ABI::detail
