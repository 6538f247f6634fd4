// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// C[i][j] = beta*C[i][j] + sum over p < depth of A[i][p] * B[j][p] for any rows of A and columns <= 4 of B, both with neighbouring numbers
/// along p: every number of B is read from where it lies.
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
  const Epilogue<T>* epilogue = nullptr;  // at `channel` and `residual` for the first number of C
  Index channel = 0;
  const T* residual = nullptr;
};

template <class T>
struct DotTile {
  static constexpr int columns = 4;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const DotOperands<T>* t) {
    Index first = 0;
    for (; t->rows - first > 2; first += most<Bytes>) run_rows<Bytes, most<Bytes>>(*t, first);
    if (first < t->rows) run_rows<Bytes, 2>(*t, first);
  }

 private:
  template <int Bytes>
  static constexpr int most = Bytes == 64 ? 6 : 3;  // rows at a time

  template <int Bytes, int Rows>
  [[gnu::always_inline]] static void run_rows(const DotOperands<T>& t, Index first) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    const T *a[std::size_t{Rows}], *b[columns];
    V sum[std::size_t{Rows}][columns];
    TAPESTRY_UNROLL
    for (int i = 0; i < Rows; ++i) {  // rows and columns that are not there repeat the last
      a[i] = t.a + std::min<Index>(first + i, t.rows - 1) * t.a_row;
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) sum[i][j] = V{};
    }
    TAPESTRY_UNROLL
    for (int j = 0; j < columns; ++j) b[j] = t.b + std::min<Index>(j, t.columns - 1) * t.b_row;
    const Index whole = t.depth / lanes * lanes;
    for (Index p = 0; p < whole; p += lanes) {
      V w[columns], x;
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) load(w[j], b[j] + p);
      TAPESTRY_UNROLL
      for (int i = 0; i < Rows; ++i) {
        load(x, a[i] + p);
        TAPESTRY_UNROLL
        for (int j = 0; j < columns; ++j) sum[i][j] += x * w[j];
      }
    }
    T parts[std::size_t{Rows * columns * lanes}];
    TAPESTRY_UNROLL
    for (int i = 0; i < Rows; ++i) {
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) store(sum[i][j], parts + (i * columns + j) * lanes);
    }
    for (Index i = 0; i < std::min<Index>(Rows, t.rows - first); ++i)
      for (Index j = 0; j < t.columns; ++j) {
        using Part = Vector<T, 16>;
        constexpr Index part = 16 / static_cast<Index>(sizeof(T));
        Part total{}, next;
        for (Index p = 0; p < lanes; p += part) load(next, parts + (i * columns + j) * lanes + p), total += next;
        T value = total[0] + total[1];
        if constexpr (part == 4) value += total[2] + total[3];
        for (Index p = whole; p < t.depth; ++p) value += a[i][p] * b[j][p];
        const Index at = (first + i) * t.c_row + j;
        if (t.beta != T{0}) value += t.beta * t.c[at];
        if (t.epilogue) finish(value, *t.epilogue, t.channel + j, t.residual ? t.residual + at : nullptr);
        t.c[at] = value;
      }
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
