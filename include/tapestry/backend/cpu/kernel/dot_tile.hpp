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
    constexpr Index size = columns * Bytes / static_cast<Index>(sizeof(T));
    T parts[static_cast<std::size_t>(most<Bytes> * size)];
    for (Index first = 0, rows; first < t->rows; first += rows) {
      rows = std::min(most<Bytes>, t->rows - first);
      if (rows > 2)
        add_rows<Bytes, most<Bytes>>(*t, first, parts);
      else if (rows == 2)
        add_rows<Bytes, 2>(*t, first, parts);
      else
        add_rows<Bytes, 1>(*t, first, parts);
      for (Index i = 0; i < rows; ++i) write_row<Bytes>(*t, first + i, parts + i * size);
    }
  }

 private:
  template <int Bytes>
  static constexpr Index most = Bytes == 64 ? 6 : 3;  // rows at a time

  /// parts[row][column][lane]: sums of every so many-th number.
  template <int Bytes, Index Rows>
  [[gnu::always_inline]] static void add_rows(const DotOperands<T>& t, Index first, T* parts) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    const T *a[std::size_t{Rows}], *b[columns];
    V sum[std::size_t{Rows}][columns];
    TAPESTRY_UNROLL
    for (Index i = 0; i < Rows; ++i) {  // rows and columns that are not there repeat the last
      a[i] = t.a + std::min(first + i, t.rows - 1) * t.a_row;
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) sum[i][j] = V{};
    }
    TAPESTRY_UNROLL
    for (int j = 0; j < columns; ++j) b[j] = t.b + std::min<Index>(j, t.columns - 1) * t.b_row;
    for (Index p = 0; p < t.depth / lanes * lanes; p += lanes) {
      V w[columns], x;
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) load(w[j], b[j] + p);
      TAPESTRY_UNROLL
      for (Index i = 0; i < Rows; ++i) {
        load(x, a[i] + p);
        TAPESTRY_UNROLL
        for (int j = 0; j < columns; ++j) sum[i][j] += x * w[j];
      }
    }
    TAPESTRY_UNROLL
    for (Index i = 0; i < Rows; ++i) {
      TAPESTRY_UNROLL
      for (int j = 0; j < columns; ++j) store(sum[i][j], parts + (i * columns + j) * lanes);
    }
  }

  /// The parts' sums, what is left of the depth, and the epilogue.
  template <int Bytes>
  [[gnu::always_inline]] static void write_row(const DotOperands<T>& t, Index row, const T* parts) {
    using Part = Vector<T, 16>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T)), part = 16 / static_cast<Index>(sizeof(T));
    T values[columns];
    TAPESTRY_UNROLL
    for (int j = 0; j < columns; ++j) {
      Part total{}, next;
      TAPESTRY_UNROLL
      for (Index p = 0; p < lanes; p += part) load(next, parts + j * lanes + p), total += next;
      values[j] = total[0] + total[1];
      if constexpr (part == 4) values[j] += total[2] + total[3];
    }
    T* c = t.c + row * t.c_row;
    const T* residual = t.residual ? t.residual + row * t.c_row : nullptr;
    for (Index j = 0; j < t.columns; ++j) {
      for (Index p = t.depth / lanes * lanes; p < t.depth; ++p) values[j] += t.a[row * t.a_row + p] * t.b[j * t.b_row + p];
      if (t.beta != T{0}) values[j] += t.beta * c[j];
    }
    for (Index j = 0; j < t.columns; j += part) {  // whole vectors, or one number after the other
      if (t.columns - j >= part) {
        Part v;
        load(v, values + j);
        if (t.epilogue) finish(v, *t.epilogue, t.channel + j, residual ? residual + j : nullptr);
        store(v, c + j);
      } else {
        for (Index k = j; k < t.columns; ++k) {
          if (t.epilogue) finish(values[k], *t.epilogue, t.channel + k, residual ? residual + k : nullptr);
          c[k] = values[k];
        }
      }
    }
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
