// SPDX-License-Identifier: MIT
#pragma once

#include "../backend.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

/// General matrix multiplication:  C[i][j] = sum over p of op(A)[i][p] * op(B)[p][j]  + beta*C[i][j]
///
/// op(A) is m x k, op(B) is k x n; a transposed A is stored k x m. Rows lie lda, ldb, ldc apart. C is not read where beta is 0.
template <Floating T>
void gemm(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T beta, T* c,
          Index ldc) {
  for (Index i = 0; i < m; ++i)
    for (Index j = 0; j < n; ++j) {
      double sum = 0;
      for (Index p = 0; p < k; ++p) {
        const double from_a = a_op == Transpose::no ? a[i * lda + p] : a[p * lda + i];
        const double from_b = b_op == Transpose::no ? b[p * ldb + j] : b[j * ldb + p];
        sum += from_a * from_b;
      }
      if (beta != 0) sum += static_cast<double>(beta) * c[i * ldc + j];
      c[i * ldc + j] = static_cast<T>(sum);
    }
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
