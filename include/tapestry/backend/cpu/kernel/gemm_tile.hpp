// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <utility>

#include "isa.hpp"
#include "vector.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// One tile of a product: C[i][j] = sum over p < depth of A[i][p] * B[p][j] + beta*C[i][j], i < the tile's rows, j < columns.
/// Element A[i][p] lies at a[i*a_row + p*a_step]; row p of B at b + p*b_step, where a whole tile's width may be read.
template <class T>
struct TileOperands {
  Index depth;
  const T* a;
  Index a_row, a_step;
  const T* b;
  Index b_step;
  T* c;
  Index c_row;
  T beta;
  Index columns;
};

#ifdef __clang__
#define TAPESTRY_UNROLL _Pragma("clang loop unroll(full)")
#else
#define TAPESTRY_UNROLL _Pragma("GCC unroll 16")
#endif

/// Copies `count` < 2*Half elements in steps of a power of two, without a loop or a call.
template <int Half, class T>
[[gnu::always_inline]] inline void copy_some(const T* from, T* to, Index count) {
  if constexpr (Half > 0) {
    if (count & Half) {
      std::memcpy(to, from, Half * sizeof(T));
      from += Half, to += Half;
    }
    copy_some<Half / 2>(from, to, count);
  }
}

/// Adds a tile's sums, `rows` x 2 vectors, to C. Apart from the micro-kernels, for it is the same for all of them.
template <class T>
struct WriteTile {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const T* sums, Index rows, const TileOperands<T>& t) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    T* c = t.c;
    for (Index i = 0; i < rows; ++i, c += t.c_row)
      for (Index j = 0; j < 2; ++j, sums += lanes) {
        const Index columns = t.columns - j * lanes;
        V sum, old;
        load(sum, sums);
        if (columns >= lanes) {
          if (t.beta != T{0}) load(old, c + j * lanes), sum += t.beta * old;
          store(sum, c + j * lanes);
        } else if (columns > 0) {
          T some[std::size_t{lanes}] = {};
          if (t.beta != T{0}) copy_some<lanes / 2>(c + j * lanes, some, columns), load(old, some), sum += t.beta * old;
          store(sum, some);
          copy_some<lanes / 2>(some, c + j * lanes, columns);
        }
      }
  }
};

/// The micro-kernel: the tile stays in registers, Rows x 2 vectors of it, while depth goes by; every number of A that is read meets
/// two vectors of B, every vector of B meets Rows numbers of A. `write` adds the result to C.
/// Source   Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.
template <class T, int Rows, auto write>
struct GemmTile {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const TileOperands<T>& t) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    V sum[std::size_t{Rows}][2];
    TAPESTRY_UNROLL
    for (int i = 0; i < Rows; ++i) sum[i][0] = sum[i][1] = V{};
    // three rows a pointer: an address can add once or twice a register to it
    const T* a[4] = {t.a, t.a + (Rows > 3 ? 3 : 0) * t.a_row, t.a + (Rows > 6 ? 6 : 0) * t.a_row, t.a + (Rows > 9 ? 9 : 0) * t.a_row};
    const T* b = t.b;
    const Index row = t.a_row, a_step = t.a_step, b_step = t.b_step;
    for (Index p = t.depth; p > 0; --p) {
      V b0, b1;
      load(b0, b);
      load(b1, b + lanes);
      b += b_step;
      TAPESTRY_UNROLL
      for (int i = 0; i < Rows; ++i) {
        const T value = a[i / 3][(i % 3) * row];
        sum[i][0] += value * b0;
        sum[i][1] += value * b1;
      }
      TAPESTRY_UNROLL
      for (int g = 0; g < 4; ++g) a[g] += a_step;
    }
    T sums[static_cast<std::size_t>(Rows * 2 * lanes)];
    TAPESTRY_UNROLL
    for (int i = 0; i < Rows; ++i) {
      store(sum[i][0], sums + 2 * i * lanes);
      store(sum[i][1], sums + (2 * i + 1) * lanes);
    }
    write(sums, Rows, t);
  }
};

#undef TAPESTRY_UNROLL

/// The micro-kernels of an instruction set: tile[r] computes r rows, up to `rows`, where there is one; all compute `columns` columns.
template <class T>
struct GemmKernels {
  using Tile = void (*)(const TileOperands<T>&);
  Index rows, columns;
  std::array<Tile, 13> tile;

  /// How many rows to take next when `left` are left: the last two tiles share what is left, for small ones waste time.
  Index next_rows(Index left) const {
    Index next = left > rows && left < 2 * rows ? (left + 1) / 2 : std::min(left, rows);
    while (!tile[static_cast<std::size_t>(next)]) --next;
    return next;
  }
};

template <class T>
const GemmKernels<T>& gemm_kernels() {
  constexpr Index size = sizeof(T);
  using Sums = const T*;
  using Operands = const TileOperands<T>&;
  // Not every number of rows has a kernel: each costs compile time, and few rows are rare.
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr GemmKernels<T> avx512 = []<int... Rows>(std::integer_sequence<int, Rows...>) {
    GemmKernels<T> k{12, 128 / size, {}};
    ((k.tile[Rows] = run_avx512<GemmTile<T, Rows, run_avx512<WriteTile<T>, Sums, Index, Operands>>, Operands>), ...);
    return k;
  }(std::integer_sequence<int, 1, 2, 4, 6, 8, 10, 12>());
  static constexpr GemmKernels<T> avx2 = []<int... Rows>(std::integer_sequence<int, Rows...>) {
    GemmKernels<T> k{6, 64 / size, {}};
    ((k.tile[Rows] = run_avx2<GemmTile<T, Rows, run_avx2<WriteTile<T>, Sums, Index, Operands>>, Operands>), ...);
    return k;
  }(std::integer_sequence<int, 1, 2, 4, 6>());
  if (instruction_set() == InstructionSet::avx512) return avx512;
  if (instruction_set() == InstructionSet::avx2) return avx2;
#endif
  static constexpr GemmKernels<T> baseline = []<int... Rows>(std::integer_sequence<int, Rows...>) {
    GemmKernels<T> k{6, 32 / size, {}};
    ((k.tile[Rows] = run_baseline<GemmTile<T, Rows, run_baseline<WriteTile<T>, Sums, Index, Operands>>, Operands>), ...);
    return k;
  }(std::integer_sequence<int, 1, 3, 6>());
  return baseline;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
