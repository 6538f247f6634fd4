// SPDX-License-Identifier: MIT
#pragma once

#include "reshape.hpp"
#include "strided.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Tensors one after another along an axis, `concat({a, b}, 1)`; in the first one's layout.
/// Shapes   equal but for that axis
/// Throws   ValueError if there is no tensor, ShapeError if shapes do not fit, IndexError if the axis does not exist, TypeError if the
///          devices differ.
template <Scalar T>
Tensor<T> concat(const std::vector<Tensor<T>>& tensors, Index axis = 0) {
  if (tensors.empty()) throw ValueError("concat: tensors must hold at least one");
  const Tensor<T>& first = tensors.front();
  if (first.rank() == 0) throw ShapeError("concat: tensors must have an axis, got shape []; use stack");
  const Index at = checked_axis("concat", axis, first.rank());
  Shape shape = first.shape();
  shape[at] = 0;
  for (const Tensor<T>& x : tensors) {
    check_same_device("concat", first, x);
    Shape expected = first.shape();
    if (x.rank() == first.rank()) expected[at] = x.shape()[at];
    if (x.shape() != expected)
      throw ShapeError(message("concat: tensors must agree but on axis ", axis, ", got shapes ", first.shape(), " and ", x.shape()));
    shape[at] += x.shape()[at];
  }
  Tensor<T> y(checked_sizes("concat", shape), first.layout(), first.device());
  const Shape stride = y.strides();
  Index start = 0;
  for (const Tensor<T>& x : tensors) {
    detail::write_strided(x, y, start * stride[at], stride);
    start += x.shape()[at];
  }
  std::vector<std::pair<Grad<T>, Index>> parts;  // with sizes, for what asks for no gradient tells none
  for (const Tensor<T>& x : tensors) parts.emplace_back(grad_of(x), x.shape()[at]);
  return record("concat", y, std::vector<RecordedInput>(tensors.begin(), tensors.end()), [parts, at, stride](const Tensor<T>& dy) {
    Index begin = 0;
    for (const auto& [x_grad, size] : parts) {
      if (x_grad.wanted()) x_grad.add(detail::read_strided(dy, begin * stride[at], stride, x_grad.shape(), x_grad.layout()));
      begin += size;
    }
  });
}
template <Scalar T>
Tensor<T> concat(std::initializer_list<Tensor<T>> tensors, Index axis = 0) {
  return concat(std::vector<Tensor<T>>(tensors), axis);
}

/// Tensors of one shape along a new axis.
/// Throws   ShapeError if the shapes differ, else as concat.
template <Scalar T>
Tensor<T> stack(const std::vector<Tensor<T>>& tensors, Index axis = 0) {
  if (tensors.empty()) throw ValueError("stack: tensors must hold at least one");
  std::vector<Tensor<T>> rows;
  for (const Tensor<T>& x : tensors) {
    if (x.shape() != tensors.front().shape())
      throw ShapeError(message("stack: tensors must have one shape, got ", tensors.front().shape(), " and ", x.shape()));
    rows.push_back(unsqueeze(x, axis));
  }
  return concat(rows, axis);
}
template <Scalar T>
Tensor<T> stack(std::initializer_list<Tensor<T>> tensors, Index axis = 0) {
  return stack(std::vector<Tensor<T>>(tensors), axis);
}

}  // namespace tapestry::inline TAPESTRY_ABI
