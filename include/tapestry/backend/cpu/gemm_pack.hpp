// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>

#include "kernel/gemm_tile.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// panel[p][j] = b[p*b_row + j] for p < depth, j < columns; the rest of the panel's `width` is 0.
template <class T>
void pack_rows(Index depth, Index columns, Index width, const T* b, Index b_row, T* panel) noexcept {
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  for (Index p = 0; p < depth; ++p, b += b_row, panel += width) {
    Index j = 0;
    for (; j + 2 * lanes <= columns; j += 2 * lanes) std::memcpy(panel + j, b + j, 32);
    for (; j < columns; ++j) panel[j] = b[j];
    for (; j < width; ++j) panel[j] = T{0};
  }
}

/// to[p*to_row + j] = b[j*b_row + p] for p < depth, j < columns. Blocks of 4 x 4 turn over in registers.
template <class T>
void turn_over(Index depth, Index columns, const T* b, Index b_row, T* to, Index to_row) noexcept {
  using V = Vector<T, 4 * sizeof(T)>;
  Index j = 0;
  for (; j + 4 <= columns; j += 4) {
    const T* row = b + j * b_row;
    Index p = 0;
    for (; p + 4 <= depth; p += 4) {
      V r0, r1, r2, r3;
      load(r0, row + p), load(r1, row + p + b_row), load(r2, row + p + 2 * b_row), load(r3, row + p + 3 * b_row);
      const V low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
      const V low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5), high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
      T* place = to + p * to_row + j;
      store(V(__builtin_shufflevector(low01, low23, 0, 1, 4, 5)), place);
      store(V(__builtin_shufflevector(low01, low23, 2, 3, 6, 7)), place + to_row);
      store(V(__builtin_shufflevector(high01, high23, 0, 1, 4, 5)), place + 2 * to_row);
      store(V(__builtin_shufflevector(high01, high23, 2, 3, 6, 7)), place + 3 * to_row);
    }
    for (; p < depth; ++p)
      for (Index q = 0; q < 4; ++q) to[p * to_row + j + q] = row[q * b_row + p];
  }
  for (; j < columns; ++j)
    for (Index p = 0; p < depth; ++p) to[p * to_row + j] = b[j * b_row + p];
}

/// panel[p][j] = b[j*b_row + p], the rest of the panel's `width` 0: as pack_rows where B is stored transposed.
template <class T>
void pack_columns(Index depth, Index columns, Index width, const T* b, Index b_row, T* panel) noexcept {
  turn_over(depth, columns, b, b_row, panel, width);
  for (Index j = columns; j < width; ++j)
    for (Index p = 0; p < depth; ++p) panel[p * width + j] = T{0};
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
