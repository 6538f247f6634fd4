// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "kernel/winograd_transform.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Of a tile that hangs over the edge of the results only some are wanted, r < side along an axis. They depend on the first r + 2 numbers of the window
// alone; the others may be anything, and are chosen so that side - r of the transformed numbers vanish. So fewer products are needed, by the
// same transformed filters, as if the tile were smaller: of a 14 x 14 image in tiles of 4, 22 x 22 planes of tiles instead of 24 x 24.

/// How many planes the tiles along an axis have together.
constexpr Index winograd_planes(Index results, Index side) { return results / side * (side + 2) + (results % side == 0 ? 0 : results % side + 2); }

/// What one axis of a pass's results is cut into.
struct WinogradAxis {
  Index side, tiles, last;  // results of a tile; tiles; results that are wanted of the last
  unsigned kept;            // the planes that the last tile has, a bit each
  float beyond[5][7] = {};  // its window's number last + 2 + i is the sum over j < last + 2 of beyond[i][j] * number j

  WinogradAxis(Index results, Index tile_side)
      : side(tile_side), tiles((results + side - 1) / side), last(results - (tiles - 1) * side), kept((1u << (side + 2)) - 1) {
    if (results <= 0 || last == side) return;
    // Which planes can go, for each number of results that are wanted: the choice whose factors, and so errors, are least.
    constexpr unsigned large[] = {0, 0xf8, 0xb8, 0xc8, 0xa0, 0x80}, medium[] = {0, 0x38, 0x28, 0x20}, small[] = {0, 0x8};
    const unsigned dropped = side == 6 ? large[last] : side == 4 ? medium[last] : small[last];
    kept &= ~dropped;
    solve(dropped);
  }
  bool hangs() const { return last != side; }
  /// How many tiles are whole.
  Index whole() const { return tiles - (hangs() ? 1 : 0); }
  bool keeps(Index plane) const { return (kept >> plane & 1u) != 0; }

 private:
  /// Solves B^T x = 0 in the dropped planes for the numbers beyond, by Gauss and Jordan.
  void solve(unsigned dropped) {
    const unsigned window = static_cast<unsigned>(side + 2), wanted = static_cast<unsigned>(last + 2), unknowns = window - wanted;
    double row[5][8];
    for (unsigned column = 0; column < window; ++column) {
      float unit[8] = {}, out[8];
      unit[column] = 1;
      side == 6 ? LargeWinogradInput::apply(unit, out) : side == 4 ? WinogradInput::apply(unit, out) : SmallWinogradInput::apply(unit, out);
      for (unsigned plane = 0, i = 0; plane < window; ++plane)
        if ((dropped >> plane & 1u) != 0) row[i++][column] = static_cast<double>(out[plane]);
    }
    for (unsigned k = 0; k < unknowns; ++k) {
      unsigned pivot = k;
      for (unsigned i = k + 1; i < unknowns; ++i)
        if (std::abs(row[i][wanted + k]) > std::abs(row[pivot][wanted + k])) pivot = i;
      std::swap(row[k], row[pivot]);
      const double scale = 1 / row[k][wanted + k];
      for (double& value : row[k]) value *= scale;
      for (unsigned i = 0; i < unknowns; ++i) {
        const double factor = i == k ? 0 : row[i][wanted + k];
        for (unsigned column = 0; column < window; ++column) row[i][column] -= factor * row[k][column];
      }
    }
    for (unsigned i = 0; i < unknowns; ++i)
      for (unsigned j = 0; j < wanted; ++j) beyond[i][j] = static_cast<float>(-row[i][j]);
  }
};

/// to[c] = sum over i < count of factor[i] * from[i*step][c]: a pixel that continues a row or a column of a window. Channels >= the lanes of a vector.
struct WinogradBeyond {
  const float* const* from;
  Index step, count;
  const float* factor;
  float* to;
  Index channels;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const WinogradBeyond* b) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    for (Index i = 0; i < b->channels; i += lanes) {
      const Index c = std::min(i, b->channels - lanes);  // the last vector may overlap the one before
      V sum{}, v;
      for (Index k = 0; k < b->count; ++k) load(v, b->from[k * b->step] + c), sum += b->factor[k] * v;
      store(sum, b->to + c);
    }
  }
};

/// The order in which a pass takes the tiles of `batch` images: those that hang over the lower edge only, whole ones, those that hang over the right
/// edge only, those in the corner. So the tiles that have a plane follow one another.
struct WinogradOrder {
  Index batch;
  WinogradAxis rows, columns;
  Index bottom = batch * (rows.tiles - rows.whole()) * columns.whole(), whole = batch * rows.whole() * columns.whole(),
        right = batch * rows.whole() * (columns.tiles - columns.whole()), count = batch * rows.tiles * columns.tiles;

  struct Tile {
    Index image, row, column;
  };
  Tile tile(Index place) const {
    const Index down = rows.whole(), across = columns.whole();
    if (place < bottom) return {place / across, down, place % across};
    if ((place -= bottom) < whole) return {place / (down * across), place / across % down, place % across};
    if ((place -= whole) < right) return {place / down, place % down, across};
    return {place - right, down, across};
  }
  /// Between which places the tiles lie that have a plane.
  std::pair<Index, Index> places(Index plane) const {
    const Index window = rows.side + 2;
    const bool below = rows.keeps(plane / window), beside = columns.keeps(plane % window);
    return {below ? 0 : bottom, beside ? (below ? count : bottom + whole + right) : bottom + whole};
  }
  bool hangs(const Tile& t) const { return t.row == rows.whole() || t.column == columns.whole(); }
  bool has(const Tile& t, Index plane) const {
    const Index window = rows.side + 2;
    return (t.row < rows.whole() || rows.keeps(plane / window)) && (t.column < columns.whole() || columns.keeps(plane % window));
  }
  /// How many numbers extend() needs.
  Index beyond_size(Index channels) const { return (rows.side + 2) * (2 * rows.side - rows.last - columns.last) * channels; }
  /// Makes the numbers of a tile's window that lie beyond those its results depend on; `from` points at the window's pixels and then at them.
  void extend(const Tile& t, const float** from, Index channels, float* place) const {
    const Index window = rows.side + 2;
    const auto make = [&](const WinogradAxis& axis, Index step, Index other) {
      for (Index line = 0; line < window; ++line)
        for (Index i = axis.last + 2; i < window; ++i, place += channels) {
          const float** first = from + line * other;
          const WinogradBeyond pixel{first, step, axis.last + 2, axis.beyond[i - axis.last - 2], place, channels};
          channels >= 16 ? dispatch<WinogradBeyond>(&pixel) : run_baseline<WinogradBeyond>(&pixel);
          first[i * step] = place;
        }
    };
    if (t.row == rows.whole()) make(rows, window, 1);
    if (t.column == columns.whole()) make(columns, 1, window);
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
