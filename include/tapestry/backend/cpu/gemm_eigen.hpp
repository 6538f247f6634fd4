// SPDX-License-Identifier: MIT
#pragma once

#include <Eigen/Core>

#include "../backend.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// C = op(A) op(B) + beta C by Eigen: a second opinion on our own product, for tests and benchmarks. Not in the umbrella, because Eigen's
/// product alone takes seconds to compile; the arguments are those of Backend<T>::gemm.
///
/// Eigen's types live on the stack here and in no signature: their layout and code depend on the flags a file is compiled with.
template <Floating T>
void gemm_eigen(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T beta, T* c,
                Index ldc) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
  const bool a_turned = a_op == Transpose::yes, b_turned = b_op == Transpose::yes;
  const ConstMap A(a, a_turned ? k : m, a_turned ? m : k, Eigen::OuterStride<>(lda));
  const ConstMap B(b, b_turned ? n : k, b_turned ? k : n, Eigen::OuterStride<>(ldb));
  Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>> C(c, m, n, Eigen::OuterStride<>(ldc));

  if (beta == T{0})
    C.setZero();  // not a product: what C held may be NaN
  else
    C *= beta;
  if (!a_turned && !b_turned) C.noalias() += A * B;
  if (a_turned && !b_turned) C.noalias() += A.transpose() * B;
  if (!a_turned && b_turned) C.noalias() += A * B.transpose();
  if (a_turned && b_turned) C.noalias() += A.transpose() * B.transpose();
}

}  // namespace tapestry::inline TAPESTRY_ABI
