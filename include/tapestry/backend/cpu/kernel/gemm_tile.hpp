// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <utility>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// Where a run of a tile's sum begins, in elements from the rows' beginnings in A and from b.
struct TileRun {
  Index a, b;
};
inline constexpr TileRun whole_tile_run{0, 0};
inline constexpr Index max_tile_rows = 12;

/// One tile of a product: C[i][j] = sum over the runs, and over p < depth in each, of A[i][p] * B[p][j] + beta*C[i][j].
/// Element A[i][p] of a run lies at a[i][run.a + p*a_step], row p of B at b + run.b + p*b_step, where a whole tile's width may be read.
/// With the runs at the taps of a window this is a convolution that needs no patches laid out; with one run it is a matrix product.
template <class T>
struct TileOperands {
  Index rows, columns;  // of C
  const TileRun* run = &whole_tile_run;
  Index runs = 1;
  Index depth;
  std::array<const T*, max_tile_rows> a;
  Index a_step;
  const T* b;
  Index b_step;
  T* c;
  Index c_row;
  T beta{};
  const Epilogue<T>* epilogue = nullptr;  // at `channel` and `residual` for the first number of C
  Index channel = 0;
  const T* residual = nullptr;

  /// Row i of A begins at first + i*step.
  [[gnu::always_inline]] void set_rows(const T* first, Index step) {
    for (Index i = 0; i < max_tile_rows; ++i) a[static_cast<std::size_t>(i)] = first + std::min(i, rows - 1) * step;
  }
};

/// Adds a tile's sums, rows of 2 vectors, to C, some rows at a time. Apart from the micro-kernels, for it is the same for all of them.
template <class T>
struct WriteTile {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const T* sums, const TileOperands<T>& t) {
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    Index i = 0;
    if (t.columns >= lanes)
      for (; i + 4 <= t.rows; i += 4) write_rows<Bytes, 4>(sums + i * 2 * lanes, t, i);
    for (; i < t.rows; ++i) {
      if (t.columns >= lanes) {
        write_rows<Bytes, 1>(sums + i * 2 * lanes, t, i);
      } else {
        for (Index j = 0; j < t.columns; ++j) {
          T v[1] = {sums[i * 2 * lanes + j]};
          finish_rows<1>(v, t, i, j);
          t.c[i * t.c_row + j] = v[0];
        }
      }
    }
  }

 private:
  template <int Rows, class V>
  [[gnu::always_inline]] static void finish_rows(V (&v)[std::size_t{Rows}], const TileOperands<T>& t, Index i, Index j) {
    const Index at = i * t.c_row + j;
    if (t.beta != T{0}) {
      TAPESTRY_UNROLL
      for (int r = 0; r < Rows; ++r) {
        V old;
        load(old, t.c + at + r * t.c_row), v[r] += t.beta * old;
      }
    }
    if (t.epilogue) finish_all<Rows>(v, *t.epilogue, t.channel + j, t.residual ? t.residual + at : nullptr, t.c_row);
  }
  /// The second vector ends where the row does and may overlap the first: both are read before either is written.
  template <int Bytes, int Rows>
  [[gnu::always_inline]] static void write_rows(const T* sums, const TileOperands<T>& t, Index i) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    const Index j = t.columns - lanes;
    V first[std::size_t{Rows}], second[std::size_t{Rows}];
    TAPESTRY_UNROLL
    for (int r = 0; r < Rows; ++r) load(first[r], sums + r * 2 * lanes), load(second[r], sums + r * 2 * lanes + j);
    finish_rows<Rows>(first, t, i, 0), finish_rows<Rows>(second, t, i, j);
    T* const c = t.c + i * t.c_row;
    TAPESTRY_UNROLL
    for (int r = 0; r < Rows; ++r) store(first[r], c + r * t.c_row), store(second[r], c + r * t.c_row + j);
  }
};

/// The micro-kernel: the tile stays in registers, Rows x 2 vectors of it, while depth goes by; every number of A that is read meets
/// two vectors of B, every vector of B meets Rows numbers of A. `write` finishes a tile that is not whole or has more to it than a sum.
/// Source   Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008; the rows' pointers: Dukhan, "The indirect
///          convolution algorithm", 2019.
/// Of tiles that one vector is wide enough for, with Vectors = 1, the second half is left out.
template <class T, int Rows, auto write, int Vectors = 2>
struct GemmTile {
  template <class V>
  [[gnu::always_inline]] static void add_runs(const TileOperands<T>& t, const T* const (&a)[std::size_t{Rows}], Index a_step, Index b_step,
                                              V (&sum)[std::size_t{Rows}][std::size_t{Vectors}]) {
    constexpr Index lanes = sizeof(V) / sizeof(T);
    constexpr int last = Vectors - 1;
    for (const TileRun *at = t.run, *end_of_runs = at + t.runs; at != end_of_runs; ++at) {
      const T* b = t.b + at->b;
      TAPESTRY_UNROLL_TWICE  // the loop's own instructions cost a twentieth of its speed
      for (Index p = at->a, end = p + t.depth * a_step; p != end; p += a_step) {
        V b0, b1;
        load(b0, b);
        load(b1, b + last * lanes);
        __builtin_prefetch(b + 24 * b_step), __builtin_prefetch(b + 24 * b_step + lanes);  // for tiles that are the first to see it
        b += b_step;
        TAPESTRY_UNROLL
        for (int i = 0; i < Rows; ++i) {
          const T value = a[i][p];
          sum[i][0] += value * b0;
          if constexpr (Vectors == 2) sum[i][last] += value * b1;
        }
      }
    }
  }

  template <int Bytes>
  [[gnu::always_inline]] static void run(const TileOperands<T>& t) {
    using V = Vector<T, Bytes>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    constexpr int last = Vectors - 1;
    V sum[std::size_t{Rows}][std::size_t{Vectors}];
    const T* a[std::size_t{Rows}];
    TAPESTRY_UNROLL
    for (int i = 0; i < Rows; ++i) sum[i][0] = V{}, sum[i][last] = V{}, a[i] = t.a[static_cast<std::size_t>(i)];
    const bool stored = t.rows == Rows && t.columns == Vectors * lanes && !t.epilogue && (t.beta == T{0} || t.beta == T{1});
    // Steps known beforehand leave registers enough for all of the rows' places.
    if (t.a_step == 1 && t.b_step == 2 * lanes) {
      add_runs(t, a, 1, 2 * lanes, sum);
    } else {
      add_runs(t, a, t.a_step, t.b_step, sum);
    }
    if (stored && t.beta == T{1}) {  // at the end, so that a sum in blocks rounds as the sum of one block and that of the blocks
      TAPESTRY_UNROLL
      for (int i = 0; i < Rows; ++i) {
        V old[2];
        load(old[0], t.c + i * t.c_row), load(old[1], t.c + i * t.c_row + last * lanes);
        sum[i][0] += old[0];
        if constexpr (Vectors == 2) sum[i][last] += old[1];
      }
    }
    T sums[static_cast<std::size_t>(Rows * 2 * lanes)];
    T* to = stored ? t.c : sums;
    const Index row = stored ? t.c_row : 2 * lanes;
    TAPESTRY_UNROLL
    for (int i = 0; i < Rows; ++i) {
      store(sum[i][0], to + i * row);
      store(sum[i][last], to + i * row + last * lanes);
    }
    if (!stored) write(sums, t);
  }
};

/// The micro-kernels of an instruction set. tile[r] computes r rows, those beyond its own number twice; all compute `columns` columns.
template <class T>
struct GemmKernels {
  using Tile = void (*)(const TileOperands<T>&) noexcept;
  Index rows, columns;
  std::array<Tile, max_tile_rows + 1> tile{};
  std::array<std::int8_t, max_tile_rows + 1> computed{};  // how many rows tile[r] really computes
  Tile narrow = nullptr;                                  // any rows, of at most half the columns

  constexpr void add(Index count, Tile kernel) {
    for (Index r = count; r > 0 && computed[static_cast<std::size_t>(r)] == 0; --r)  // a pointer is no constant under sanitizers
      tile[static_cast<std::size_t>(r)] = kernel, computed[static_cast<std::size_t>(r)] = static_cast<std::int8_t>(count);
  }
  void operator()(const TileOperands<T>& t) const noexcept {
    (narrow && 2 * t.columns <= columns ? narrow : tile[static_cast<std::size_t>(t.rows)])(t);
  }
  /// `count` rounded up to what the kernels compute.
  Index padded_rows(Index count) const { return count / rows * rows + computed[static_cast<std::size_t>(count % rows)]; }
};

template <class T>
const GemmKernels<T>& gemm_kernels() noexcept {
  constexpr Index size = sizeof(T);
  using Sums = const T*;
  using Operands = const TileOperands<T>&;
  // Not every number of rows has a kernel: each costs compile time.
#if defined(__x86_64__) && defined(__GNUC__)
  static constexpr GemmKernels<T> avx512 = []<int... Rows>(std::integer_sequence<int, Rows...>) {
    GemmKernels<T> k{12, 128 / size};
    if constexpr (std::same_as<T, float>) k.narrow = run_avx512<GemmTile<T, 12, run_avx512<WriteTile<T>, Sums, Operands>, 1>, Operands>;
    (k.add(Rows, run_avx512<GemmTile<T, Rows, run_avx512<WriteTile<T>, Sums, Operands>>, Operands>), ...);
    return k;
  }(std::integer_sequence<int, 4, 8, 12>());
  static constexpr GemmKernels<T> avx2 = []<int... Rows>(std::integer_sequence<int, Rows...>) {
    GemmKernels<T> k{6, 64 / size};
    (k.add(Rows, run_avx2<GemmTile<T, Rows, run_avx2<WriteTile<T>, Sums, Operands>>, Operands>), ...);
    return k;
  }(std::integer_sequence<int, 3, 6>());
  if (instruction_set() == InstructionSet::avx512) return avx512;
  if (instruction_set() == InstructionSet::avx2) return avx2;
#endif
#ifdef __aarch64__
  using BaselineRows = std::integral_constant<int, 12>;  // 32 registers
#else
  using BaselineRows = std::integral_constant<int, 6>;
#endif
  static constexpr GemmKernels<T> baseline = [] {
    constexpr int rows = BaselineRows::value;
    GemmKernels<T> k{rows, 32 / size};
    k.add(rows, run_baseline<GemmTile<T, rows, run_baseline<WriteTile<T>, Sums, Operands>>, Operands>);
    return k;
  }();
  return baseline;
}

/// Runs every tile of `rows` rows: `t` has its columns and B; place(t, i) points it at row i, for t.rows rows.
template <class T, class Place>
void for_each_tile(const GemmKernels<T>& kernels, Index rows, TileOperands<T>& t, const Place& place) {
  for (Index i = 0; i < rows; i += t.rows) {
    t.rows = std::min(kernels.rows, rows - i);
    place(t, i);
    kernels(t);
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
