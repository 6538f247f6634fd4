// SPDX-License-Identifier: MIT
#pragma once

#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {

/// The sizes of C = A B for one or many matrices: batch axes broadcast, and a batch that repeats has stride 0.
struct MatmulPlan {
  Index m, n, k;
  Shape batch, a_stride, b_stride;  // in elements, an axis of the batch each
};

/// Shapes as matrices: a vector on the left is a row, one on the right a column.
inline Shape as_left(const Shape& a) { return a.rank() == 1 ? Shape{1, a[0]} : a; }
inline Shape as_right(const Shape& b) { return b.rank() == 1 ? Shape{b[0], 1} : b; }

inline MatmulPlan plan_matmul(const Shape& a, const Shape& b) {
  const Shape left = as_left(a), right = as_right(b);
  const Shape a_batch(left.begin(), left.end() - 2), b_batch(right.begin(), right.end() - 2);
  MatmulPlan plan{left[left.rank() - 2], right.back(), left.back(), broadcast_shapes("matmul", a_batch, b_batch), {}, {}};
  const auto strides = [&](const Shape& own, Index matrix) {
    Shape stride = Shape::filled(plan.batch.rank(), 0);
    Index step = matrix;
    for (Index i = 1; i <= own.rank(); ++i) {
      if (own[own.rank() - i] != 1) stride[stride.rank() - i] = step;
      step *= own[own.rank() - i];
    }
    return stride;
  };
  plan.a_stride = strides(a_batch, plan.m * plan.k);
  plan.b_stride = strides(b_batch, plan.k * plan.n);
  // A stack of matrices times one matrix is one tall matrix times it.
  if (plan.batch.rank() > 0 && a_batch == plan.batch && b_batch.numel() == 1) {
    plan.m *= plan.batch.numel();
    plan.batch = plan.a_stride = plan.b_stride = {};
  }
  return plan;
}

/// Calls f(offset in A, offset in B, offset in C) for every matrix of the batch.
template <class F>
void for_each_matrix(const MatmulPlan& plan, F&& f) {
  Shape at = Shape::filled(plan.batch.rank(), 0);
  const Index count = plan.batch.numel();
  for (Index i = 0; i < count; ++i) {
    Index a = 0, b = 0;
    for (Index axis = 0; axis < at.rank(); ++axis) {
      a += at[axis] * plan.a_stride[axis];
      b += at[axis] * plan.b_stride[axis];
    }
    f(a, b, i * plan.m * plan.n);
    for (Index axis = at.rank() - 1; axis >= 0 && ++at[axis] == plan.batch[axis]; --axis) at[axis] = 0;
  }
}

}  // namespace detail

/// The product of two matrices, of two stacks of matrices, of a matrix and a vector, or of two vectors.
///
///   y[..., i, j] = sum over l of a[..., i, l] * b[..., l, j]
///
/// Shapes   a [..., M, K] or [K], b [..., K, N] or [K]; the axes in front broadcast
///          returns [..., M, N] without M if a is a vector and without N if b is one
/// Method   one GEMM a matrix, or a single one if b is one matrix   backward  dA += dY B^T    dB += A^T dY
///          A matrix that was repeated gathers the gradient of every repetition.
/// Throws   ShapeError if an operand has no axes, the inner sizes differ or the batches do not broadcast.
template <Floating T>
Tensor<T> matmul(const Tensor<T>& a, const Tensor<T>& b) {
  check_same_device("matmul", a, b);
  if (a.rank() == 0 || b.rank() == 0)
    throw ShapeError(message("matmul: operands must have at least one axis, got shapes ", a.shape(), " and ", b.shape()));
  const Index a_inner = a.shape().back(), b_inner = b.shape()[std::max<Index>(b.rank() - 2, 0)];
  if (a_inner != b_inner)
    throw ShapeError(message("matmul: a has ", a_inner, " columns but b has ", b_inner, " rows (a ", a.shape(), ", b ", b.shape(), ")"));
  const detail::MatmulPlan plan = detail::plan_matmul(a.shape(), b.shape());

  const Shape left = detail::as_left(a.shape()), right = detail::as_right(b.shape());
  Shape shape = broadcast_shapes("matmul", Shape(left.begin(), left.end() - 2), Shape(right.begin(), right.end() - 2));
  if (a.rank() > 1) shape.push_back(left[left.rank() - 2]);
  if (b.rank() > 1) shape.push_back(right.back());
  const Tensor<T> row_a = in_layout(a, Layout::row_major), row_b = in_layout(b, Layout::row_major);
  Tensor<T> y(shape, Layout::row_major, a.device());
  detail::for_each_matrix(plan, [&](Index at_a, Index at_b, Index at_y) {
    backend_of(a).gemm(Transpose::no, Transpose::no, plan.m, plan.n, plan.k, row_a.data() + at_a, plan.k, row_b.data() + at_b, plan.n, T{0},
                       y.mutable_data() + at_y, plan.n);
  });

  return record("matmul", y, {a, b}, [a_grad = grad_of(a), b_grad = grad_of(b), row_a, row_b, plan](const Tensor<T>& dy) {
    const Tensor<T> row_dy = in_layout(dy, Layout::row_major);
    const auto backend = backend_of(dy);
    if (a_grad.wanted()) {
      const Tensor<T> da = zeros_like(row_a);
      detail::for_each_matrix(plan, [&](Index at_a, Index at_b, Index at_y) {  // dA += dY B^T
        backend.gemm(Transpose::no, Transpose::yes, plan.m, plan.k, plan.n, row_dy.data() + at_y, plan.n, row_b.data() + at_b, plan.n, T{1},
                     da.mutable_data() + at_a, plan.k);
      });
      a_grad.add(da);
    }
    if (b_grad.wanted()) {
      const Tensor<T> db = zeros_like(row_b);
      detail::for_each_matrix(plan, [&](Index at_a, Index at_b, Index at_y) {  // dB += A^T dY
        backend.gemm(Transpose::yes, Transpose::no, plan.k, plan.n, plan.m, row_a.data() + at_a, plan.k, row_dy.data() + at_y, plan.n, T{1},
                     db.mutable_data() + at_b, plan.n);
      });
      b_grad.add(db);
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
