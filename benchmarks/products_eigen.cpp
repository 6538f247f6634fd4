// SPDX-License-Identifier: MIT
// Eigen's product. It is alone in its file, which is compiled for this very processor: that is how Eigen is fast, and no other file may have it.
#include "products.hpp"

#include <Eigen/Core>

namespace benchmarks {

void eigen_product(const ProductShape& s, int threads, const float* a, const float* b, float* c) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::setNbThreads(threads);
  const Eigen::Map<const Matrix> left(a, s.transpose_a ? s.k : s.m, s.a_columns()), right(b, s.transpose_b ? s.n : s.k, s.b_columns());
  Eigen::Map<Matrix> result(c, s.m, s.n);
  if (s.transpose_a)
    result.noalias() = left.transpose() * right;
  else if (s.transpose_b)
    result.noalias() = left * right.transpose();
  else
    result.noalias() = left * right;
}

}  // namespace benchmarks
