// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "../reference/pool.hpp"
#include "allocator.hpp"
#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

using Pixels = std::vector<Index, CachedAllocator<Index>>;

/// The largest of `pixels`, lane by lane, for the channels of one vector; get(pointer) reads one. NaN wins, the first among equals stays.
template <class T, class Get>
void max_of_pixels(const PoolGeometry& g, const Pixels& pixels, const T* image, const Get& get, Index count, T* y, std::int32_t* where) {
  using V = Vector<T, 16>;
  V best = V{} - std::numeric_limits<T>::infinity();
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  auto at = best != best;  // integers, all 0
  at += pixels.empty() ? Lane{-1} : static_cast<Lane>(pixels[0]);
  for (const Index pixel : pixels) {
    const V v = get(image + pixel * g.channels);
    const auto better = ((v > best) | (v != v)) & (best == best);
    best = better ? v : best;
    at = (better & static_cast<Lane>(pixel)) | (~better & at);
  }
  store_some(best, y, count);
  for (Index lane = 0; lane < count; ++lane) where[lane] = static_cast<std::int32_t>(at[lane]);
}

template <Floating T>
void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) {
  using V = Vector<T, 16>;
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  parallel_for(g.batch * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    Pixels pixels;
    for (Index out = begin * g.out_width; out < end * g.out_width; ++out) {
      const T* image = x + out / g.out_pixels() * g.in_pixels() * g.channels;
      pixels.clear();
      plain::for_each_tap(g, out % g.out_pixels() / g.out_width, out % g.out_width,
                          [&](Index row, Index column) { pixels.push_back(row * g.width + column); });
      for (Index c = 0; c < g.channels; c += lanes) {
        const Index count = std::min(lanes, g.channels - c), to = out * g.channels + c;
        const auto get = [count](const T* from) {
          V v;
          if (count == Index{sizeof v / sizeof(T)})
            load(v, from);
          else
            load_some(v, from, count);
          return v;
        };
        max_of_pixels(g, pixels, image + c, get, count, y + to, where + to);
      }
    }
  });
}

/// Every dy goes to the pixel that won; a unit of work is an image, whose sums have one order.
template <Floating T>
void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* where, T* dx) {
  const Index in_size = g.in_pixels() * g.channels, out_size = g.out_pixels() * g.channels;
  parallel_for(g.batch, 1, [&](Index n, Index) {
    T* image = dx + n * in_size;
    std::fill(image, image + in_size, T{0});
    for (Index out = n * out_size; out < (n + 1) * out_size; out += g.channels)
      for (Index c = 0; c < g.channels; ++c)
        if (where[out + c] >= 0) image[where[out + c] * g.channels + c] += dy[out + c];
  });
}

/// What all averages share: window(i, j, pixels) lists the pixels under the window and returns what their sum is divided by.
template <Floating T, class Window>
void average_forward(const PoolGeometry& g, const Window& window, const T* x, T* y) {
  using V = Vector<T, 16>;
  parallel_for(g.batch * g.out_pixels(), std::max<Index>(1, 8192 / std::max<Index>(1, g.channels)), [&](Index begin, Index end) {
    Pixels pixels;
    for (Index out = begin; out < end; ++out) {
      const T* image = x + out / g.out_pixels() * g.in_pixels() * g.channels;
      T* to = y + out * g.channels;
      pixels.clear();
      const T share = T{1} / static_cast<T>(window(out % g.out_pixels() / g.out_width, out % g.out_width, pixels));
      std::fill(to, to + g.channels, T{0});
      for (const Index pixel : pixels) map(g.channels, to, [](V& v, const V& add) { v = v + add; }, to, image + pixel * g.channels);
      map(g.channels, to, [share](V& v) { v = v * share; }, to);
    }
  });
}
template <Floating T, class Window>
void average_backward(const PoolGeometry& g, const Window& window, const T* dy, T* dx) {
  using V = Vector<T, 16>;
  const Index in_size = g.in_pixels() * g.channels;
  parallel_for(g.batch, 1, [&](Index n, Index) {
    Pixels pixels;
    T* image = dx + n * in_size;
    std::fill(image, image + in_size, T{0});
    for (Index out = 0; out < g.out_pixels(); ++out) {
      pixels.clear();
      const T share = T{1} / static_cast<T>(window(out / g.out_width, out % g.out_width, pixels));
      const T* from = dy + (n * g.out_pixels() + out) * g.channels;
      for (const Index pixel : pixels) {
        T* to = image + pixel * g.channels;
        map(g.channels, to, [share](V& v, const V& d) { v = v + share * d; }, to, from);
      }
    }
  });
}

/// The windows of avg_pool2d.
inline auto fixed_windows(const PoolGeometry& g, bool count_padding, Index divisor) {
  return [&g, count_padding, divisor](Index i, Index j, Pixels& pixels) {
    plain::for_each_tap(g, i, j, [&](Index row, Index column) { pixels.push_back(row * g.width + column); });
    return plain::average_divisor(g, count_padding, divisor, i, j);
  };
}
/// The windows of adaptive_avg_pool2d.
inline auto adaptive_windows(const PoolGeometry& g) {
  return [&g](Index i, Index j, Pixels& pixels) {
    const plain::AdaptiveSpan rows(i, g.height, g.out_height), columns(j, g.width, g.out_width);
    for (Index row = rows.begin; row < rows.end; ++row)
      for (Index column = columns.begin; column < columns.end; ++column) pixels.push_back(row * g.width + column);
    return rows.size() * columns.size();
  };
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
