// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "../reference/pool.hpp"
#include "allocator.hpp"
#include "elementwise.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// Which pixels of the image lie under the window of an output pixel, and what an average divides their sum by.
class Windows {
 public:
  Windows(const PoolGeometry& g, bool adaptive, bool count_padding = false, Index divisor = 0)
      : g_(g), adaptive_(adaptive), count_padding_(count_padding), divisor_(divisor),
        pixels_(adaptive ? g.in_pixels() : g.kernel.height * g.kernel.width) {}
  void move_to(Index out) {
    const Index i = out / g_.out_width, j = out % g_.out_width;
    count_ = 0;
    if (adaptive_) {
      const plain::AdaptiveSpan rows(i, g_.height, g_.out_height), columns(j, g_.width, g_.out_width);
      for (Index row = rows.begin; row < rows.end; ++row)
        for (Index column = columns.begin; column < columns.end; ++column) pixels_[count_++] = row * g_.width + column;
    } else {
      plain::for_each_tap(g_, i, j, [this](Index row, Index column) { pixels_[count_++] = row * g_.width + column; });
    }
  }
  Index divisor(Index out) const {
    return adaptive_ ? count_ : plain::average_divisor(g_, count_padding_, divisor_, out / g_.out_width, out % g_.out_width);
  }
  const Index* begin() const { return pixels_.data(); }
  const Index* end() const { return pixels_.data() + count_; }

 private:
  const PoolGeometry& g_;
  bool adaptive_, count_padding_;
  Index divisor_, count_ = 0;
  Scratch<Index> pixels_;
};

/// y = the largest of the pixels under a window for `count` channels, at most a vector; NaN wins, the first among equals stays.
template <class T>
void max_of_pixels(const PoolGeometry& g, const Windows& pixels, const T* image, Index count, T* y, std::int32_t* where) {
  using V = Vector<T, 16>;
  using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  V best = V{} - std::numeric_limits<T>::infinity(), v;
  auto at = best != best;  // integers, all 0
  at += pixels.begin() == pixels.end() ? Lane{-1} : static_cast<Lane>(*pixels.begin());
  for (const Index pixel : pixels) {
    if (count == Index{sizeof(V) / sizeof(T)})
      load(v, image + pixel * g.channels);
    else
      load_some(v, image + pixel * g.channels, count);
    const auto better = ((v > best) | (v != v)) & (best == best);
    best = better ? v : best;
    at = (better & static_cast<Lane>(pixel)) | (~better & at);
  }
  if (count == Index{sizeof(V) / sizeof(T)})
    store(best, y);
  else
    store_some(best, y, count);
  for (Index lane = 0; lane < count; ++lane) where[lane] = static_cast<std::int32_t>(at[lane]);
}

template <Floating T>
void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) {
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  parallel_for(g.batch * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    Windows pixels(g, false);
    for (Index out = begin * g.out_width; out < end * g.out_width; ++out) {
      const T* image = x + out / g.out_pixels() * g.in_pixels() * g.channels;
      pixels.move_to(out % g.out_pixels());
      for (Index next = 0; next < g.channels; next += lanes) {
        const Index c = std::clamp<Index>(next, 0, std::max<Index>(0, g.channels - lanes));  // the last vector overlaps the one before
        max_of_pixels(g, pixels, image + c, std::min(lanes, g.channels - c), y + out * g.channels + c, where + out * g.channels + c);
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

/// Averages, over fixed windows or adaptive ones, and their backward.
template <Floating T>
void average(const PoolGeometry& g, bool adaptive, bool count_padding, Index divisor, const T* x, T* y) {
  parallel_for(g.batch * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    Windows pixels(g, adaptive, count_padding, divisor);
    for (Index out = begin * g.out_width; out < end * g.out_width; ++out) {
      const T* image = x + out / g.out_pixels() * g.in_pixels() * g.channels;
      T* to = y + out * g.channels;
      pixels.move_to(out % g.out_pixels());
      std::fill(to, to + g.channels, T{0});
      for (const Index pixel : pixels) map(g.channels, to, [](auto& v, const auto& add) { v = v + add; }, to, image + pixel * g.channels);
      const T size = static_cast<T>(pixels.divisor(out % g.out_pixels()));
      map(g.channels, to, [size](auto& v) { v = v / size; }, to);
    }
  });
}
template <Floating T>
void average_backward(const PoolGeometry& g, bool adaptive, bool count_padding, Index divisor, const T* dy, T* dx) {
  const Index in_size = g.in_pixels() * g.channels;
  parallel_for(g.batch, 1, [&](Index n, Index) {
    Windows pixels(g, adaptive, count_padding, divisor);
    T* image = dx + n * in_size;
    std::fill(image, image + in_size, T{0});
    for (Index out = 0; out < g.out_pixels(); ++out) {
      pixels.move_to(out);
      const T size = static_cast<T>(pixels.divisor(out)), *from = dy + (n * g.out_pixels() + out) * g.channels;
      for (const Index pixel : pixels) {
        T* to = image + pixel * g.channels;
        map(g.channels, to, [size](auto& v, const auto& d) { v = v + d / size; }, to, from);
      }
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
