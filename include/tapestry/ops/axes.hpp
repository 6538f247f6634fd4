// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "../core/shape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The axes that a reduction goes over: one, `sum(x, 1)`, several, `sum(x, {0, -1})`, or all of them, `sum(x)`.
class Axes {
 public:
  Axes() = default;
  template <std::integral I>
  Axes(I axis) : axes_{static_cast<Index>(axis)} {}  // NOLINT: implicit, so that sum(x, 1) works
  Axes(std::initializer_list<Index> axes) : axes_(axes) {}
  Axes(const Shape& axes) : axes_(axes) {}  // NOLINT: implicit

  /// For each axis of a tensor of that rank whether it is among these.
  /// Throws   IndexError if an axis does not exist, ValueError if one is named twice.
  std::array<bool, static_cast<std::size_t>(Shape::max_rank)> mark(std::string_view op, Index rank) const {
    std::array<bool, static_cast<std::size_t>(Shape::max_rank)> marked{};
    for (Index axis : axes_) {
      bool& mark = marked[static_cast<std::size_t>(checked_axis(op, axis, rank))];
      if (mark) throw ValueError(message(op, ": axes must differ, got ", axes_));
      mark = true;
    }
    if (axes_.empty()) marked.fill(true);
    return marked;
  }

 private:
  Shape axes_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
