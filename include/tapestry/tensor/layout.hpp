// SPDX-License-Identifier: MIT
#pragma once

#include "../core/shape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The order of a tensor's elements in memory. Shapes, coordinates and everything a person reads are in logical order, [N, C, H, W],
/// whatever the layout; only `data()` shows the difference.
enum class Layout : std::uint8_t {
  row_major,     // the last axis innermost
  channels_last  // a 4-D tensor [N, C, H, W] lies as N, H, W, C: what the image kernels read and write
};

constexpr std::string_view name_of(Layout layout) { return layout == Layout::row_major ? "row_major" : "channels_last"; }

/// Elements between neighbours along each logical axis.
inline Shape strides_of(const Shape& shape, Layout layout) {
  Shape stride = Shape::filled(shape.rank(), 1);
  if (layout == Layout::channels_last && shape.rank() == 4) {
    const Index channels = shape[1], width = shape[3];
    return {shape[2] * width * channels, 1, width * channels, channels};
  }
  for (Index axis = shape.rank() - 2; axis >= 0; --axis) stride[axis] = stride[axis + 1] * shape[axis + 1];
  return stride;
}

/// Sizes, strides or coordinates of a 4-D tensor put into the order in which a channels-last tensor stores its axes: N, H, W, C.
inline Shape storage_order(const Shape& logical, Layout layout) {
  if (layout == Layout::row_major || logical.rank() != 4) return logical;
  return {logical[0], logical[2], logical[3], logical[1]};
}

}  // namespace tapestry::inline TAPESTRY_ABI
