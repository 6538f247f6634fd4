// SPDX-License-Identifier: MIT
#pragma once

#include "../tensor/tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {
namespace detail {

// What ops that look classes or rows up by number have in common: they refuse a number that does not exist.

/// Refuses a value outside [low, high) that is not `except`, naming it and where it stands.
inline void check_range(std::string_view op, std::string_view what, const Tensor<Index>& values, Index low, Index high, Index except) {
  const Tensor<Index> in_order = in_layout(values, Layout::row_major);
  Index at = values.device().memory().first_outside(in_order.data(), values.numel(), low, high, except);
  if (at < 0) return;
  Shape position = values.shape();
  for (Index axis = position.rank() - 1; axis >= 0; --axis) {
    position[axis] = at % values.shape()[axis];
    at /= values.shape()[axis];
  }
  throw IndexError(message(op, ": ", what, " ", values.at(position), " at position ", position, " must be from ", low, " to ", high - 1));
}

/// The axis of a loss's classes: 1, or 0 where the input is one unbatched vector of them.
/// Throws   ShapeError if the input has no classes.
inline Index class_axis(std::string_view op, const Shape& input) {
  const Index axis = input.rank() == 1 ? 0 : 1;
  if (input.rank() == 0 || input[axis] < 1)
    throw ShapeError(message(op, ": input must be [N, C], [N, C, d1, ...] or [C] with at least one class, got ", input));
  return axis;
}

/// Refuses labels that do not fit the input: another shape than the input's without its classes, another device, or no such class.
inline void check_labels(std::string_view op, const AnyTensor& input, Index axis, const Tensor<Index>& target, Index ignore_index) {
  Shape expected = input.shape();
  const Index classes = expected[axis];
  expected.erase(axis);
  if (target.shape() != expected)
    throw ShapeError(message(op, ": target must be ", expected, " for input ", input.shape(), ", got ", target.shape()));
  check_same_device(op, input, target);
  check_range(op, "label", target, 0, classes, ignore_index);
}

/// Refuses class weights of another number or device. Undefined weights stand for 1.
inline void check_class_weight(std::string_view op, const AnyTensor& input, Index axis, const AnyTensor& weight) {
  if (!weight.defined()) return;
  const Shape expected{input.shape()[axis]};
  if (weight.shape() != expected)
    throw ShapeError(message(op, ": weight must be ", expected, " for input ", input.shape(), ", got ", weight.shape()));
  check_same_device(op, input, weight);
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
