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

/// The `count` elements of an operand from (row, column) on, one behind the other: where they lie if they lie so, else a copy in `buffer`.
template <class T>
const T* gathered(const T* from, Index row_stride, Index column_stride, Index columns, Index row, Index column, Index count, T* buffer) {
  const bool one_run = column_stride == 1 && (column + count <= columns || row_stride == columns);
  if (one_run) return from + row * row_stride + column;
  for (Index i = 0; i < count; ++row, column = 0) {
    const Index run = std::min(count - i, columns - column);
    const T* source = from + row * row_stride + column * column_stride;
    if (column_stride == 0)
      std::fill(buffer + i, buffer + i + run, *source);
    else
      for (Index j = 0; j < run; ++j) buffer[i + j] = source[j * column_stride];
    i += run;
  }
  return buffer;
}

/// Calls f(count, a, b, y) for blocks of the result, with both operands brought into its order.
template <class T, class Y, class F>
void for_each_block(const Broadcast& walk, const T* a, const T* b, Y* y, const F& f) {
  if (walk.shape.numel() == 0) return;
  const Planes planes(walk);
  const Index size = planes.rows * planes.columns;
  parallel_for(walk.shape.numel(), elementwise_grain, [&](Index begin, Index end) {
    T a_buffer[broadcast_block], b_buffer[broadcast_block];
    for (Index i = begin; i < end;) {
      const Index plane = i / size, row = i % size / planes.columns, column = i % planes.columns;
      const Index count = std::min({end - i, (plane + 1) * size - i, broadcast_block});
      f(count, gathered(a + planes.offset(plane, planes.a_outer), planes.a_row, planes.a_column, planes.columns, row, column, count, a_buffer),
        gathered(b + planes.offset(plane, planes.b_outer), planes.b_row, planes.b_column, planes.columns, row, column, count, b_buffer), y + i);
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
