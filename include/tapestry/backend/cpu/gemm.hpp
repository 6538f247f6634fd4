// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "../backend.hpp"
#include "allocator.hpp"
#include "gemm_pack.hpp"
#include "kernel/dot_tile.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

constexpr Index divide_up(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return divide_up(a, b) * b; }

/// A product C = op(A) op(B) + beta C as the contract has it.
template <class T>
struct Product {
  Transpose a_op, b_op;
  Index m, n, k;
  const T* a;
  Index lda;
  const T* b;
  Index ldb;
  T beta;
  T* c;
  Index ldc;
  const Epilogue<T>* epilogue = nullptr;  // of C, whose rows' numbers are channels; its residual has C's rows
  const T* panels = nullptr;              // B in panels of the micro-kernel's width, packed before: [panel][k][column]

  /// Whether packing would cost more than it gains: rows lie close together and each number is used by few tiles.
  bool direct_a(const GemmKernels<T>& kernels) const {
    return a_op == Transpose::no || (n <= 3 * kernels.columns && lda * Index{sizeof(T)} <= 512);
  }
  /// Whether rows of A lie so far apart, by a large power of two, that a tile's would compete for the same places of the cache; they are copied.
  bool spread_a(const GemmKernels<T>& kernels) const {
    return a_op == Transpose::no && lda * Index{sizeof(T)} % 2048 == 0 && n > 3 * kernels.columns && m >= kernels.rows;
  }
  /// As direct_a for a block of B; a tile then reads past the columns there are, so enough rows must follow the block's.
  bool direct_b(const GemmKernels<T>& kernels, Index end) const {
    return b_op == Transpose::no && m <= 3 * kernels.rows && ldb * Index{sizeof(T)} <= 512 && end + kernels.columns <= k;
  }
  const T* a_at(Index i, Index p) const { return a_op == Transpose::no ? a + i * lda + p : a + p * lda + i; }
  const T* b_at(Index p, Index j) const { return b_op == Transpose::no ? b + p * ldb + j : b + j * ldb + p; }
};

/// How a product is cut up; depends on its sizes and the instruction set alone.
template <class T>
struct GemmBlocking {
  Index depth;         // k of a block: a panel of B stays in the second-level cache
  Index width;         // n of a block: the packed block of B stays in the last-level cache
  Index rows, panels;  // of a unit of work: its share of A stays in the second-level cache

  GemmBlocking(const Product<T>& g, const GemmKernels<T>& kernels) {
    constexpr Index wanted_units = 16, cache = Index{192} << 10;
    depth = divide_up(g.k, divide_up(g.k, 8192 / static_cast<Index>(sizeof(T))));
    width = std::min<Index>(round_up(g.n, kernels.columns), Index{4096} / static_cast<Index>(sizeof(T)));
    rows = std::max(kernels.rows, cache / (depth * static_cast<Index>(sizeof(T))) / kernels.rows * kernels.rows);
    rows = std::min(rows, std::max(round_up(divide_up(g.m, wanted_units), kernels.rows), std::min(rows, 4 * kernels.rows)));
    const Index all_panels = width / kernels.columns;
    panels = divide_up(all_panels, std::min(all_panels, divide_up(wanted_units, divide_up(g.m, rows))));
  }
};

/// One unit of work: rows [i0, i1) of C in columns [j0, j1), for depth [p0, p0 + depth). B lies at b, a panel of the micro-kernel's
/// width after the other, `panel` apart.
template <class T>
void gemm_unit(const Product<T>& g, const GemmKernels<T>& kernels, Index i0, Index i1, Index j0, Index j1, Index p0, Index depth, const T* b,
               Index b_step, Index panel) {
  TileOperands<T> t{};
  t.depth = depth, t.b_step = b_step, t.c_row = g.ldc, t.beta = p0 == 0 ? g.beta : T{1};
  t.epilogue = p0 + depth == g.k ? g.epilogue : nullptr;
  const bool turn_a = !g.direct_a(kernels), spread_a = g.spread_a(kernels);
  const Index spread = depth + 64 / static_cast<Index>(sizeof(T));
  const Scratch<T> packed_a(turn_a ? (i1 - i0) * depth : spread_a ? (i1 - i0) * spread : 0);
  if (turn_a)
    for (Index i = i0, rows; i < i1; i += rows) {
      rows = std::min(kernels.rows, i1 - i);
      pack_rows(depth, rows, rows, g.a_at(i, p0), g.lda, packed_a.data() + (i - i0) * depth);
    }
  if (spread_a)
    for (Index i = i0; i < i1; ++i) std::copy(g.a_at(i, p0), g.a_at(i, p0) + depth, packed_a.data() + (i - i0) * spread);
  const auto columns_at = [&](Index j, Index first, Index last) {  // tiles of rows [first, last)
    t.b = b + (j - j0) / kernels.columns * panel;
    t.columns = std::min(kernels.columns, j1 - j);
    for_each_tile(kernels, last - first, t, [&](TileOperands<T>& tile, Index at) {
      const Index i = first + at;
      if (spread_a)
        tile.a_step = 1, tile.set_rows(packed_a.data() + (i - i0) * spread, spread);
      else if (g.a_op == Transpose::no)
        tile.a_step = 1, tile.set_rows(g.a_at(i, p0), g.lda);
      else
        tile.a_step = turn_a ? tile.rows : g.lda, tile.set_rows(turn_a ? packed_a.data() + (i - i0) * depth : g.a_at(i, p0), 1);
      tile.c = g.c + i * g.ldc + j;
      if (tile.epilogue) tile.channel = j, tile.residual = tile.epilogue->residual_at(tile.c - g.c);
    });
  };
  if (depth <= 64) {  // then C is what takes time: its rows are written from end to end
    for (Index i = i0; i < i1; i += kernels.rows)
      for (Index j = j0; j < j1; j += kernels.columns) columns_at(j, i, std::min(i1, i + kernels.rows));
  } else {
    for (Index j = j0; j < j1; j += kernels.columns) columns_at(j, i0, i1);
  }
}

/// Lays a block of B into panels of the micro-kernel's width, one after the other.
template <class T>
void pack_b(const Product<T>& g, Index j0, Index j1, Index p0, Index depth, Index columns, T* packed) {
  parallel_for(j1 - j0, columns * std::max<Index>(1, 32768 / (depth * columns)), [&](Index begin, Index end) {
    for (Index j = begin; j < end; j += columns) {
      const auto pack = g.b_op == Transpose::no ? pack_rows<T> : pack_columns<T>;
      pack(depth, std::min(columns, end - j), columns, g.b_at(p0, j0 + j), g.ldb, packed + j * depth);
    }
  });
}

/// B is packed block by block; then the units, which own their part of C, go through it.
template <class T>
void gemm_blocked(const Product<T>& g) {
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  const GemmBlocking<T> block(g, kernels);
  const Index columns = kernels.columns;
  const Scratch<T> packed(g.panels ? 0 : block.width * block.depth);
  for (Index j0 = 0; j0 < g.n; j0 += block.width)
    for (Index p0 = 0; p0 < g.k; p0 += block.depth) {
      const Index j1 = std::min(g.n, j0 + block.width), depth = std::min(block.depth, g.k - p0);
      const bool direct = !g.panels && g.direct_b(kernels, p0 + depth);
      const T* b = g.panels ? g.panels + j0 * g.k + p0 * columns : direct ? g.b_at(p0, j0) : packed.data();
      const Index b_step = direct ? g.ldb : columns, panel = g.panels ? g.k * columns : direct ? columns : depth * columns;
      if (b == packed.data()) pack_b(g, j0, j1, p0, depth, columns, packed.data());
      const Index row_units = divide_up(g.m, block.rows), column_units = divide_up(j1 - j0, block.panels * columns);
      parallel_for(row_units * column_units, 1, [&](Index unit, Index) {
        const Index i = unit / column_units * block.rows, first = unit % column_units * block.panels;
        const Index j = j0 + first * columns;
        gemm_unit(g, kernels, i, std::min(g.m, i + block.rows), j, std::min(j1, j + block.panels * columns), p0, depth, b + first * panel,
                  b_step, panel);
      });
    }
}

/// Few rows and B transposed, as the forward pass of a fully connected layer: B takes all the time, and is read once, as it lies.
template <class T>
void gemm_dot(const Product<T>& g) {
  constexpr Index columns = DotTile<T>::columns;
  parallel_for(g.n, columns * std::clamp<Index>(16384 / (g.k * columns), 1, 16), [&](Index begin, Index end) {
    DotOperands<T> t{g.m, columns, g.k, g.a, g.lda, nullptr, g.ldb, nullptr, g.ldc, g.beta, g.epilogue};
    for (Index j = begin; j < end; j += columns) {
      t.columns = std::min(columns, end - j), t.b = g.b + j * g.ldb, t.c = g.c + j;
      if (g.epilogue) t.channel = j, t.residual = g.epilogue->residual_at(j);
      dispatch_wide<DotTile<T>>(&t);
    }
  });
}

/// Few rows, as the gradient of a fully connected layer's input: each thread packs what it needs of B, rows of many columns at a time.
template <class T>
void gemm_few_rows(const Product<T>& g) {
  const GemmKernels<T>& kernels = gemm_kernels<T>();
  const Index columns = kernels.columns, width = columns * std::clamp<Index>(divide_up(g.n, 16 * columns), 1, 16);
  constexpr Index most = 128;  // depth of a block
  parallel_for(g.n, width, [&](Index j0, Index j1) {
    const Scratch<T> packed(round_up(width, columns) * most);
    for (Index p0 = 0; p0 < g.k; p0 += most) {
      const Index depth = std::min(most, g.k - p0), panel = depth * columns;
      for (Index p = 0; p < depth; ++p)
        for (Index j = j0; j < j1; j += columns)
          pack_rows(1, std::min(columns, j1 - j), columns, g.b_at(p0 + p, j), g.ldb, packed.data() + (j - j0) / columns * panel + p * columns);
      gemm_unit(g, kernels, 0, g.m, j0, j1, p0, depth, packed.data(), columns, panel);
    }
  });
}

/// A small C with a long k, as dW of a convolution: k is cut into a fixed number of chunks, whose products are added in order.
template <class T>
void gemm_split(const Product<T>& g, Index chunks) {
  const Index length = divide_up(g.k, chunks), size = g.m * g.n;
  const Scratch<T> parts(chunks * size);
  parallel_for(chunks, 1, [&](Index chunk, Index) {
    const Index p = chunk * length;
    Product<T> part = g;
    part.k = std::min(length, g.k - p);
    part.a = g.a_at(0, p), part.b = g.b_at(p, 0);
    part.beta = T{0}, part.c = parts.data() + chunk * size, part.ldc = g.n;
    gemm_blocked(part);
  });
  for (Index i = 0; i < g.m; ++i)
    for (Index j = 0; j < g.n; ++j) {
      T sum = g.beta == T{0} ? T{0} : g.beta * g.c[i * g.ldc + j];
      for (Index chunk = 0; chunk < chunks; ++chunk) sum += parts.data()[chunk * size + i * g.n + j];
      g.c[i * g.ldc + j] = sum;
    }
}

template <Floating T>
void gemm(const Product<T>& g) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) {
    for (Index i = 0; i < g.m; ++i)
      for (Index j = 0; j < g.n; ++j) g.c[i * g.ldc + j] = g.beta == T{0} ? T{0} : g.beta * g.c[i * g.ldc + j];
    return;
  }
  const bool dot = has_wide_vectors() && g.m <= 16 && g.a_op == Transpose::no && g.b_op == Transpose::yes && g.k >= 64;
  if (dot && g.n >= 64) return gemm_dot(g);
  const Index chunks = std::min<Index>(16, g.k / 2048);
  if (chunks >= 2 && g.m * g.n <= Index{1} << 15 && !g.epilogue) {
    const Index length = divide_up(g.k, chunks);
    return gemm_split(g, divide_up(g.k, length));  // no chunk is empty
  }
  if (dot) return gemm_dot(g);
  if (g.panels) return gemm_blocked(g);
  if (g.m <= 32 && g.a_op == Transpose::no && g.b_op == Transpose::no && g.n >= 256) return gemm_few_rows(g);
  gemm_blocked(g);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
