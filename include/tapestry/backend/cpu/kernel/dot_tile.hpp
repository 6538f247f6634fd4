// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "isa.hpp"
#include "vector.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// C[i][j] = beta*C[i][j] + sum over p < depth of A[i][p] * B[j][p] for rows <= 6 of A and columns <= 4 of B, both with neighbouring numbers
/// along p: every number of B is read once, from where it lies.
template <class T>
struct DotOperands {
  Index rows, columns, depth;
  const T* a;
  Index a_row;
  const T* b;
  Index b_row;
  T* c;
  Index c_row;
  T beta;
};

template <class T>
struct DotTile {
  static constexpr int columns = 4;
  template <int Bytes>
  static constexpr int rows = Bytes == 64 ? 6 : 3;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const DotOperands<T>* t) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    constexpr int most = rows<Bytes>;
    for (Index first = 0; first < t->rows; first += most) {
      const T *a[std::size_t{most}], *b[columns];
      V sum[std::size_t{most}][columns];
      TAPESTRY_UNROLL
      for (int i = 0; i < most; ++i) {  // rows and columns that are not there repeat the last
        a[i] = t->a + std::min<Index>(first + i, t->rows - 1) * t->a_row;
        TAPESTRY_UNROLL
        for (int j = 0; j < columns; ++j) sum[i][j] = V{};
      }
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) b[j] = t->b + std::min<Index>(j, t->columns - 1) * t->b_row;
      const Index whole = t->depth / lanes * lanes;
      for (Index p = 0; p < whole; p += lanes) {
        V w[columns], x;
        TAPESTRY_UNROLL
        for (int j = 0; j < columns; ++j) load(w[j], b[j] + p);
        TAPESTRY_UNROLL
        for (int i = 0; i < most; ++i) {
          load(x, a[i] + p);
          TAPESTRY_UNROLL
          for (int j = 0; j < columns; ++j) sum[i][j] += x * w[j];
        }
      }
      for (Index i = 0; i < std::min<Index>(most, t->rows - first); ++i)
        for (Index j = 0; j < t->columns; ++j) {
          T parts[std::size_t{lanes}], total{};
          store(sum[i][j], parts);
          for (Index p = whole; p < t->depth; ++p) parts[p - whole] += a[i][p] * b[j][p];
          for (Index p = 0; p < lanes; ++p) total += parts[p];
          T& c = t->c[(first + i) * t->c_row + j];
          c = t->beta == T{0} ? total : total + t->beta * c;
        }
    }
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
