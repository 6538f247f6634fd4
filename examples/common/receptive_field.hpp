// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <optional>

namespace tapestry::examples {

/// What the numbers of a feature map see of the network's input, along one axis: number i sees the `size` pixels from start + i*step on.
/// Pixels before 0 or beyond the end are padding.
struct Extent {
  double start = 0, size = 1, step = 1;

  /// The same after a window of `kernel` taps that moves by `stride` and starts `padding` before the map.
  Extent after(Index kernel, Index stride, Index padding, Index dilation) const {
    return {start - step * static_cast<double>(padding), size + step * static_cast<double>(dilation * (kernel - 1)), step * static_cast<double>(stride)};
  }
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// A receptive field: which rectangle of the input a number of a layer's output can depend on.
///
/// Method   A window of K taps, d apart, on a map whose numbers lie `step` input pixels apart widens the field by step*d*(K - 1), and its stride
///          multiplies the step.
/// Source   Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks", Distill, 2019.
struct ReceptiveField {
  Extent rows, columns;
  bool whole = false;     ///< the layer mixes all positions, as Linear does
  bool estimated = false;  ///< something happened between the layers that no layer tells of, as a sum of two maps
  friend bool operator==(const ReceptiveField&, const ReceptiveField&) = default;
};

inline std::string to_string(const ReceptiveField& field) {
  if (field.whole) return "all";
  return message(field.estimated ? "~ " : "", field.rows.size, " x ", field.columns.size);
}

namespace detail {
/// What a map sees that was made of both, number by number.
inline ReceptiveField united(const ReceptiveField& a, const ReceptiveField& b) {
  const auto both = [](const Extent& x, const Extent& y) {
    const double start = std::min(x.start, y.start);
    return Extent{start, std::max(x.start + x.size, y.start + y.size) - start, x.step};
  };
  return {both(a.rows, b.rows), both(a.columns, b.columns), a.whole || b.whole, a.estimated || b.estimated};
}
inline ReceptiveField windowed(const ReceptiveField& field, Size2 kernel, Size2 stride, Size2 padding, Size2 dilation) {
  ReceptiveField y = field;
  y.rows = field.rows.after(kernel.height, stride.height, padding.height, dilation.height);
  y.columns = field.columns.after(kernel.width, stride.width, padding.width, dilation.width);
  return y;
}
/// Whether each number of the layer's output comes from the input's number at the same place, or from all numbers of its channel alike.
inline bool keeps_place(const std::string& name) {
  for (const char* known : {"BatchNorm2d", "ReLU", "ReLU6", "LeakyReLU", "ELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Hardswish", "Dropout", "Dropout2d", "Identity"})
    if (name == known) return true;
  return false;
}
}  // namespace detail

/// The field of a layer's output, from that of its input. Nothing if the layer is of a kind that is not known here.
inline std::optional<ReceptiveField> field_after(Module& layer, const ReceptiveField& field, const Shape& input, const Shape& output) {
  if (output.rank() != 4 || input.rank() != 4 || field.whole) {
    ReceptiveField all = field;
    all.whole = true;
    return all;
  }
  if (const auto* conv = dynamic_cast<Conv2d<>*>(&layer)) {
    const auto& o = conv->options();
    const PaddingSides sides = o.padding.sides(o.kernel, o.dilation);
    return detail::windowed(field, o.kernel, o.stride, {sides.top, sides.left}, o.dilation);
  }
  if (const auto* pool = dynamic_cast<MaxPool2d<>*>(&layer))
    return detail::windowed(field, pool->kernel(), pool->options().stride.or_kernel(pool->kernel()), pool->options().padding, pool->options().dilation);
  if (const auto* pool = dynamic_cast<AvgPool2d<>*>(&layer))
    return detail::windowed(field, pool->kernel(), pool->options().stride.or_kernel(pool->kernel()), pool->options().padding, 1);
  if (dynamic_cast<AdaptiveAvgPool2d<>*>(&layer)) {
    if (input[2] % output[2] != 0 || input[3] % output[3] != 0) return std::nullopt;  // windows of several sizes
    const Size2 window(input[2] / output[2], input[3] / output[3]);
    return detail::windowed(field, window, window, 0, 1);
  }
  if (detail::keeps_place(layer.name())) return field;
  return std::nullopt;
}

}  // namespace tapestry::examples
