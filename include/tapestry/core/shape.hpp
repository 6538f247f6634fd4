// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>

#include "error.hpp"
#include "scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The sizes of a tensor, outermost first, as PyTorch counts them: [N, C, H, W]. Up to eight axes, kept inline so
/// that making a shape allocates nothing. Also used for strides, axes and coordinates. A default-made shape is that of a scalar: [].
class Shape {
 public:
  static constexpr Index max_rank = 8;

  Shape() = default;
  [[gnu::noinline]] Shape(std::initializer_list<Index> sizes) : Shape(sizes.begin(), sizes.end()) {}
  template <std::input_iterator It>
  Shape(It first, It last) {
    for (; first != last; ++first) push_back(static_cast<Index>(*first));
  }
  /// `rank` sizes of one value.
  static Shape filled(Index rank, Index value) {
    Shape shape;
    for (Index i = 0; i < rank; ++i) shape.push_back(value);
    return shape;
  }

  Index rank() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  /// The size of one axis; negative ones count from the end.
  /// Throws   IndexError if there is no such axis.
  Index& operator[](Index axis) { return sizes_[position(axis)]; }
  Index operator[](Index axis) const { return sizes_[position(axis)]; }
  Index back() const { return (*this)[rank_ - 1]; }
  Index* begin() { return sizes_.data(); }
  Index* end() { return sizes_.data() + rank_; }
  const Index* begin() const { return sizes_.data(); }
  const Index* end() const { return sizes_.data() + rank_; }

  void push_back(Index size) { insert(rank_, size); }
  [[gnu::noinline]] void insert(Index axis, Index size) {
    if (rank_ == max_rank) throw ShapeError("shape: a tensor has at most 8 axes");
    ++rank_;
    std::copy_backward(begin() + axis, end() - 1, end());
    (*this)[axis] = size;
  }
  void erase(Index axis) {
    std::copy(begin() + axis + 1, end(), begin() + axis);
    --rank_;
  }

  /// Number of elements: the product of the sizes, 1 for a scalar.
  [[gnu::noinline]] Index numel() const {
    Index product = 1;
    for (Index size : *this) product *= size;
    return product;
  }

  [[gnu::noinline]] friend bool operator==(const Shape& a, const Shape& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

 private:
  std::size_t position(Index axis) const {
    if (axis < 0 || axis >= rank_) axis = from_end(axis);
    return static_cast<std::size_t>(axis);
  }
  [[gnu::cold, gnu::noinline]] Index from_end(Index axis) const {
    if (axis < -rank_ || axis >= rank_) throw IndexError(message("shape: axis must be from ", -rank_, " to ", rank_ - 1, ", got ", axis));
    return axis + rank_;
  }

  std::array<Index, static_cast<std::size_t>(max_rank)> sizes_{};
  Index rank_ = 0;
};

inline std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (Index axis = 0; axis < shape.rank(); ++axis) text += message(axis > 0 ? ", " : "", shape[axis]);
  return text += ']';
}
inline std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << to_string(shape); }

/// Refuses negative sizes and a product that no memory could hold.
inline const Shape& checked_sizes(std::string_view op, const Shape& shape) {
  Index limit = std::numeric_limits<Index>::max() / 8;
  for (Index size : shape) {
    if (size < 0) throw ShapeError(message(op, ": shape must have sizes of at least 0, got ", shape));
    if (size > 0 && (limit /= size) == 0) throw ShapeError(message(op, ": shape ", shape, " has more elements than memory can hold"));
  }
  return shape;
}

/// An axis counted from either end, -rank <= axis < rank, as one counted from the front. A scalar allows 0 and -1, as in PyTorch.
inline Index checked_axis(std::string_view op, Index axis, Index rank) {
  const Index count = std::max<Index>(rank, 1);
  if (axis < -count || axis >= count)
    throw IndexError(message(op, ": axis must be from ", -count, " to ", count - 1, " for a tensor with ", rank, " axes, got ", axis));
  return axis < 0 ? axis + count : axis;
}

/// The shape two shapes broadcast to: aligned at the last axis, sizes equal or one of them 1.
inline Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b) {
  Shape result = Shape::filled(std::max(a.rank(), b.rank()), 1);
  for (Index i = 1; i <= result.rank(); ++i) {
    const Index from_a = i <= a.rank() ? a[a.rank() - i] : 1;
    const Index from_b = i <= b.rank() ? b[b.rank() - i] : 1;
    if (from_a != from_b && from_a != 1 && from_b != 1)
      throw ShapeError(message(op, ": shapes ", a, " and ", b, " do not broadcast: sizes ", from_a, " and ", from_b, " at axis -", i));
    result[result.rank() - i] = from_a == 1 ? from_b : from_a;
  }
  return result;
}

}  // namespace tapestry::inline TAPESTRY_ABI
