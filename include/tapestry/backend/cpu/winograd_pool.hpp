// SPDX-License-Identifier: MIT
#pragma once

#include "pool.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// A max pooling of a Winograd pass's results, whose windows lie within its tiles: of these only the largest are stored.
struct WinogradPool {
  const PoolGeometry& pool;  // of one image or more
  float* y;
  std::int8_t* winners;           // or null
  const Epilogue<float>* after;   // of the largest; or null

  static bool fits(const PoolGeometry& pool, Index side) {
    const auto inside = [side](Index size, Index out, Index kernel, Index stride) { return side % stride == 0 && (out - 1) * stride + kernel <= size; };
    return windows_apart(pool) && inside(pool.height, pool.out_height, pool.kernel.height, pool.stride.height) &&
           inside(pool.width, pool.out_width, pool.kernel.width, pool.stride.width);
  }
  /// Takes the results of a tile, whose first is (row, column) of an image, [side][side][channels].
  void take(Index image, Index row, Index column, Index side, const float* results) const {
    const Index i = row / pool.stride.height, j = column / pool.stride.width;
    PoolGeometry line = pool;
    line.batch = line.out_height = 1, line.height = line.width = side, line.out_width = std::min(side / pool.stride.width, pool.out_width - j);
    if (line.out_width <= 0) return;
    for (Index r = 0; r < std::min(side / pool.stride.height, pool.out_height - i); ++r) {
      const Index to = ((image * pool.out_height + i + r) * pool.out_width + j) * pool.channels;
      max_pool_rows(line, results + r * pool.stride.height * side * pool.channels, y + to, nullptr, winners ? winners + to : nullptr, nullptr, after);
    }
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
