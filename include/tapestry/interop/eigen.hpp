// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>
#include <memory>

#include "../tensor/creation.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Tensors as Eigen sees them and back, sharing memory. Not in the umbrella: whoever includes this has Eigen. Use the maps on the stack;
// a map neither owns nor follows the tensor, so it must not outlive it. Files of one program that use Eigen should be compiled
// with the same flags, because Eigen's own inline code depends on them.

/// A tensor of two axes, a row a matrix row.
template <Scalar T>
using EigenMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <Scalar T>
using EigenVector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

namespace detail {
inline void check_mappable(const char* op, const AnyTensor& x, Index rank) {
  if (x.rank() != rank)
    throw ShapeError(message(op, ": tensor must have ", rank, rank == 1 ? " axis" : " axes", ", got shape ", x.shape()));
  if (!x.device().memory().host_readable())
    throw TypeError(message(op, ": tensor lies on ", x.device(), ", whose memory the host cannot read; copy it to cpu() first"));
}
inline void check_constant(const char* op, const AnyTensor& x) {
  if (x.requires_grad() && active_tape() != 0)
    throw AutogradError(message(op, ": the open tape would not see what is written to a tensor that requires gradients (shape ", x.shape(), ")"));
}
}  // namespace detail

/// A matrix that reads x's elements in place.
///
/// Shapes   x [R, C], returns R x C
/// Throws   ShapeError unless x has two axes, TypeError if the host cannot read its memory.
template <Scalar T>
Eigen::Map<const EigenMatrix<T>> eigen_matrix(const Tensor<T>& x) {
  detail::check_mappable("eigen_matrix", x, 2);
  return {x.data(), x.dim(0), x.dim(1)};
}

/// A column vector that reads x's elements in place.
///
/// Shapes   x [N], returns N
/// Throws   ShapeError unless x has one axis, TypeError if the host cannot read its memory.
template <Scalar T>
Eigen::Map<const EigenVector<T>> eigen_vector(const Tensor<T>& x) {
  detail::check_mappable("eigen_vector", x, 1);
  return {x.data(), x.dim(0)};
}

/// The same for writing: what is assigned to the matrix is in the tensor. It counts as one write, at the time of the call, so make a new
/// map for each step.
///
/// Throws   as eigen_matrix, and AutogradError if a tape is open and x requires gradients.
template <Scalar T>
Eigen::Map<EigenMatrix<T>> mutable_eigen_matrix(const Tensor<T>& x) {
  detail::check_mappable("mutable_eigen_matrix", x, 2);
  detail::check_constant("mutable_eigen_matrix", x);
  return {x.mutable_data(), x.dim(0), x.dim(1)};
}

/// The same for a tensor of one axis.
template <Scalar T>
Eigen::Map<EigenVector<T>> mutable_eigen_vector(const Tensor<T>& x) {
  detail::check_mappable("mutable_eigen_vector", x, 1);
  detail::check_constant("mutable_eigen_vector", x);
  return {x.mutable_data(), x.dim(0)};
}

/// A tensor that lives in the matrix's memory. A matrix that is given away (std::move) is kept by the tensor; one that is not stays the
/// caller's, who must let it outlive the tensor and must not resize it.
///
/// Shapes   a row-major matrix R x C, returns [R, C]; a vector of N, returns [N]
template <Scalar T, int Rows, int Columns, int Options>
  requires(Rows == 1 || Columns == 1 || (Options & Eigen::RowMajor) != 0)  // a column-major matrix would come out transposed
Tensor<T> tensor_of(Eigen::Matrix<T, Rows, Columns, Options>& matrix) {
  const Shape shape = Rows == 1 || Columns == 1 ? Shape{matrix.size()} : Shape{matrix.rows(), matrix.cols()};
  return from_blob(matrix.data(), shape);
}
template <Scalar T, int Rows, int Columns, int Options>
  requires((Rows == Eigen::Dynamic || Columns == Eigen::Dynamic) && (Rows == 1 || Columns == 1 || (Options & Eigen::RowMajor) != 0))
Tensor<T> tensor_of(Eigen::Matrix<T, Rows, Columns, Options>&& matrix) {
  const auto kept = std::make_shared<Eigen::Matrix<T, Rows, Columns, Options>>(std::move(matrix));  // its elements stay where they are
  const Shape shape = Rows == 1 || Columns == 1 ? Shape{kept->size()} : Shape{kept->rows(), kept->cols()};
  return from_blob(kept->data(), shape, [kept](void*) {});
}

}  // namespace tapestry::inline TAPESTRY_ABI
