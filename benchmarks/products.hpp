// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace benchmarks {

/// C = op(A) op(B): C is m x n, the sums are over k; all matrices row-major.
struct ProductShape {
  const char* name;
  bool transpose_a, transpose_b;
  std::int64_t m, n, k;

  std::int64_t a_columns() const { return transpose_a ? m : k; }
  std::int64_t b_columns() const { return transpose_b ? k : n; }
};

void eigen_product(const ProductShape& shape, int threads, const float* a, const float* b, float* c);

}  // namespace benchmarks
