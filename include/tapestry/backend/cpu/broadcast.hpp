// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// A Broadcast with as few axes as possible, seen as planes of rows of columns: neighbouring axes that both operands walk evenly are joined.
struct Planes {
  Shape outer, a_outer, b_outer;
  Index rows = 1, columns = 1, a_row = 0, a_column = 0, b_row = 0, b_column = 0;

  explicit Planes(const Broadcast& walk) {
    Shape size, a, b;
    for (Index axis = 0; axis < walk.shape.rank(); ++axis) {
      const Index n = walk.shape[axis], to_a = walk.a_stride[axis], to_b = walk.b_stride[axis], last = size.rank() - 1;
      if (n == 1) continue;
      if (last >= 0 && a[last] == n * to_a && b[last] == n * to_b)
        size[last] *= n, a[last] = to_a, b[last] = to_b;
      else
        size.push_back(n), a.push_back(to_a), b.push_back(to_b);
    }
    const auto take_last = [&](Index& n, Index& to_a, Index& to_b) {
      if (size.empty()) return;
      const Index last = size.rank() - 1;
      n = size[last], to_a = a[last], to_b = b[last];
      size.erase(last), a.erase(last), b.erase(last);
    };
    take_last(columns, a_column, b_column);
    take_last(rows, a_row, b_row);
    outer = size, a_outer = a, b_outer = b;
  }
  Index offset(Index plane, const Shape& stride) const {
    Index at = 0;
    for (Index axis = outer.rank() - 1; axis >= 0; --axis) {
      at += plane % outer[axis] * stride[axis];
      plane /= outer[axis];
    }
    return at;
  }
};

inline constexpr Index broadcast_block = 1024;  // elements that are brought together at a time

/// An operand of a broadcast, brought into the order of the result block by block.
template <class T>
class Gathered {
 public:
  Gathered(Index columns, Index row_stride, Index column_stride)
      : columns_(columns), row_stride_(row_stride), column_stride_(column_stride) {}

  /// The `count` elements from (row, column) of the plane at `from` on: where they lie if they lie one behind the other, else copied.
  const T* block(const T* from, Index row, Index column, Index count) {
    if (column_stride_ == 1 && (column + count <= columns_ || row_stride_ == columns_)) return from + row * row_stride_ + column;
    const bool constant = column_stride_ == 0 && (row_stride_ == 0 || column + count <= columns_);
    from += row * row_stride_;
    if (constant && held_ == from && held_count_ >= count) return buffer_;
    held_ = constant ? from : nullptr;
    held_count_ = count;
    for (Index i = 0; i < count; column = 0, from += row_stride_) {
      const Index run = std::min(count - i, columns_ - column);
      if (column_stride_ == 0)
        std::fill(buffer_ + i, buffer_ + i + run, *from);
      else if (column_stride_ == 1)
        std::copy(from + column, from + column + run, buffer_ + i);
      else
        for (Index j = 0; j < run; ++j) buffer_[i + j] = from[(column + j) * column_stride_];
      i += run;
    }
    return buffer_;
  }

 private:
  Index columns_, row_stride_, column_stride_, held_count_ = 0;
  const T* held_ = nullptr;  // the one number that fills the buffer
  T buffer_[broadcast_block];
};

/// Calls f(count, a, b, y) for blocks of the result, with both operands brought into its order.
template <class T, class Y, class F>
void for_each_block(const Broadcast& walk, const T* a, const T* b, Y* y, const F& f) {
  if (walk.shape.numel() == 0) return;
  const Planes planes(walk);
  const Index size = planes.rows * planes.columns;
  parallel_for(walk.shape.numel(), elementwise_grain, [&](Index begin, Index end) {
    Gathered<T> from_a(planes.columns, planes.a_row, planes.a_column), from_b(planes.columns, planes.b_row, planes.b_column);
    for (Index i = begin; i < end;) {
      const Index plane = i / size, row = i % size / planes.columns, column = i % planes.columns;
      const Index count = std::min({end - i, (plane + 1) * size - i, broadcast_block});
      f(count, from_a.block(a + planes.offset(plane, planes.a_outer), row, column, count),
        from_b.block(b + planes.offset(plane, planes.b_outer), row, column, count), y + i);
      i += count;
    }
  });
}

template <Scalar T>
void binary(BinaryOp op, const Broadcast& walk, const T* a, const T* b, T* y) {
  if constexpr (!Floating<T>)
    if (op == BinaryOp::divide) plain::check_divisors(walk, b);
  for_each_block(walk, a, b, y, [op](Index count, const T* p, const T* q, T* to) {
    if constexpr (Floating<T>) {
      switch (op) {
        case BinaryOp::add: return map(count, to, [](auto& u, const auto& v) { u = u + v; }, p, q);
        case BinaryOp::subtract: return map(count, to, [](auto& u, const auto& v) { u = u - v; }, p, q);
        case BinaryOp::multiply: return map(count, to, [](auto& u, const auto& v) { u = u * v; }, p, q);
        case BinaryOp::divide: return map(count, to, [](auto& u, const auto& v) { u = u / v; }, p, q);
        default: break;
      }
    }
    for (Index i = 0; i < count; ++i) to[i] = plain::binary_value(op, p[i], q[i]);
  });
}

template <Scalar T>
void compare(CompareOp op, const Broadcast& walk, const T* a, const T* b, bool* y) {
  for_each_block(walk, a, b, y, [op](Index count, const T* p, const T* q, bool* to) {
    for (Index i = 0; i < count; ++i) to[i] = plain::compare_value(op, p[i], q[i]);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
