// SPDX-License-Identifier: MIT
#pragma once

#include "../../core/error.hpp"
#include "../backend.hpp"
#include "element.hpp"
#include "number.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

template <Scalar T>
void unary(UnaryOp op, Index count, const T* x, T a, T b, T* y) {
  check_supported<T>(op);
  for (Index i = 0; i < count; ++i) y[i] = unary_value(op, x[i], a, b);
}

template <Floating T>
void unary_backward(UnaryOp op, Index count, const T* x, const T* y, const T* dy, T a, T b, T* dx) {
  for (Index i = 0; i < count; ++i) dx[i] = unary_gradient(op, x[i], y[i], dy[i], a, b);
}

/// Refuses an integer division by 0 before anything is written.
template <Scalar T>
void check_divisors(const Broadcast& walk, const T* b) {
  for (Index i = 0; i < walk.shape.numel(); ++i)
    if (b[offset_of(i, walk.shape, walk.b_stride)] == T{0})
      throw ValueError(message("divide: divisor must not be 0 for ", tapestry::name_of(dtype_of<T>()), ", got 0 at position ", i));
}

template <Scalar T>
void binary(BinaryOp op, const Broadcast& walk, const T* a, const T* b, T* y) {
  if constexpr (!Floating<T>)
    if (op == BinaryOp::divide) check_divisors(walk, b);
  for (Index i = 0; i < walk.shape.numel(); ++i)
    y[i] = binary_value(op, a[offset_of(i, walk.shape, walk.a_stride)], b[offset_of(i, walk.shape, walk.b_stride)]);
}

template <Scalar T>
void compare(CompareOp op, const Broadcast& walk, const T* a, const T* b, bool* y) {
  for (Index i = 0; i < walk.shape.numel(); ++i)
    y[i] = compare_value(op, a[offset_of(i, walk.shape, walk.a_stride)], b[offset_of(i, walk.shape, walk.b_stride)]);
}

template <Scalar T>
void where(Index count, const bool* condition, const T* a, const T* b, T* y) {
  for (Index i = 0; i < count; ++i) y[i] = condition[i] ? a[i] : b[i];
}

/// y[i] = alpha*x[i] + beta*y[i]; y is not read where beta is 0.
template <Scalar T>
void scale_add(Index count, T alpha, const T* x, T beta, T* y) {
  using W = Wide<T>;
  for (Index i = 0; i < count; ++i) {
    const W scaled = static_cast<W>(alpha) * static_cast<W>(x[i]);
    y[i] = static_cast<T>(beta == T{0} ? scaled : scaled + static_cast<W>(beta) * static_cast<W>(y[i]));
  }
}

/// y[i] = start + i*step
template <Scalar T>
void arange(Index count, T start, T step, T* y) {
  using W = Accumulator<T>;  // double keeps a long float range exact
  for (Index i = 0; i < count; ++i) y[i] = static_cast<T>(static_cast<W>(start) + static_cast<W>(i) * static_cast<W>(step));
}

/// y[i] = keep[i] ? x[i]*scale : 0
template <Floating T>
void mask_scale(Index count, const bool* keep, T scale, const T* x, T* y) {
  for (Index i = 0; i < count; ++i) y[i] = keep[i] ? x[i] * scale : T{0};
}

/// y[r][c] += bias[c]
template <Floating T>
void add_rows(Index rows, Index columns, const T* bias, T* y) {
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < columns; ++c) y[r * columns + c] += bias[c];
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
