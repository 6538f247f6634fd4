// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>
#include <type_traits>

#include "../reference/pool.hpp"
#include "allocator.hpp"
#include "elementwise.hpp"
#include "kernel/finish.hpp"
#include "kernel/isa.hpp"

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

/// The windows of some output pixels: those of pixel i are pixels[ends[i - 1]] to pixels[ends[i]] of the image, of which the one `before` lies first.
template <class T>
struct MaxPoolWindows {
  const T* image;
  Index before, channels, count;
  const Index *pixels, *ends;
  T* y;
  std::int32_t* where;
};

/// For each window and channel the largest of the pixels and where it lies; NaN wins, the first among equals stays.
template <class T>
struct MaxOfPixels {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const MaxPoolWindows<T>* w) {
    using V = Vector<T, Bytes>;
    using Lane = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    using Lanes = Vector<Lane, Bytes>;
    using Narrow = Vector<std::int32_t, Bytes * 4 / static_cast<int>(sizeof(T))>;
    constexpr Index lanes = Bytes / static_cast<Index>(sizeof(T));
    for (Index i = 0, begin = 0; i < w->count; begin = w->ends[i++]) {
      for (Index next = 0; next < w->channels; next += lanes) {
        const Index c = std::min(next, w->channels - lanes);  // the last vector may overlap the one before
        V best = V{} - std::numeric_limits<T>::infinity(), v;
        Lanes at = Lanes{} + (begin == w->ends[i] ? Lane{-1} : static_cast<Lane>(w->pixels[begin]));
        for (Index k = begin; k < w->ends[i]; ++k) {
          load(v, w->image + (w->pixels[k] - w->before) * w->channels + c);
          V larger = v <= best ? best : v;
          Lanes there = v <= best ? at : Lanes{} + static_cast<Lane>(w->pixels[k]);
          keep_apart(larger), keep_apart(there);
          at = best == best ? there : at;
          best = best == best ? larger : best;
        }
        store(best, w->y + i * w->channels + c);
        if (!w->where) continue;
        if constexpr (sizeof(T) == 4)
          store(at, w->where + i * w->channels + c);
        else
          store(__builtin_convertvector(at, Narrow), w->where + i * w->channels + c);
      }
    }
  }
};

/// Whether windows begin in the image and have no dilation; only the last may hang over its edge.
inline bool plain_windows(const PoolGeometry& g) {
  return g.padding == Size2(0) && g.dilation == Size2(1) && g.channels >= 4 && (g.out_height - 1) * g.stride.height < g.height &&
         (g.out_width - 1) * g.stride.width < g.width;
}
/// Whether no two of them overlap, either. Then a winner is noted as its number in the window, a byte.
inline bool windows_apart(const PoolGeometry& g) {
  return plain_windows(g) && g.kernel.height <= g.stride.height && g.kernel.width <= g.stride.width && g.kernel.height * g.kernel.width <= 127;
}

/// A row of such windows.
struct MaxPoolRow {
  const PoolGeometry* geometry;
  const float* image;
  Index pixel;  // from one pixel of it to the next
  Index row;    // where the windows begin
  float* y;
  Index y_pixel;
  std::int32_t* where;  // the winners' pixels; or null
  std::int8_t* noted;   // their numbers in the window; or null
  const Epilogue<float>* epilogue;  // of the largest; or null
  const Epilogue<float>* after;     // what comes behind that; or null

  template <int Bytes>
  [[gnu::always_inline]] static void run(const MaxPoolRow* r) {
    if (r->where || r->noted) return windows<Bytes, true>(r);
    windows<Bytes, false>(r);
  }

 private:
  template <int Bytes, bool notes>
  [[gnu::always_inline]] static void windows(const MaxPoolRow* r) {
    using V = Vector<float, Bytes>;
    using Lanes = Vector<std::int32_t, Bytes>;
    using Bytes8 [[maybe_unused]] = Vector<std::int8_t, Bytes / 4>;
    constexpr Index lanes = Bytes / 4;
    // Copies, for what is stored could change the originals.
    const MaxPoolRow own = *r;
    const PoolGeometry g = *own.geometry;
    const Epilogue<float> epilogue = own.epilogue ? *own.epilogue : Epilogue<float>{}, after = own.after ? *own.after : Epilogue<float>{};
    const bool finishes = !epilogue.empty(), follows = !after.empty();
    const Index rows = std::min(g.kernel.height, g.height - own.row), width = own.where ? g.width : g.kernel.width, line = g.width * own.pixel;
    for (Index j = 0; j < g.out_width; ++j) {
      const Index column = j * g.stride.width, columns = std::min(g.kernel.width, g.width - column), place = own.where ? own.row * width + column : 0;
      const float* first = own.image + own.row * line + column * own.pixel;
      const Index to = j * own.y_pixel;
      for (Index next = 0; next < g.channels; next += lanes) {
        const Index c = std::min(next, g.channels - lanes);  // the last vector may overlap the one before
        V best, v;
        load(best, first + c);
        [[maybe_unused]] Lanes at = Lanes{} + static_cast<std::int32_t>(place);
        const auto meet = [&](Index u, Index k) __attribute__((always_inline)) {
          load(v, first + u * line + k * own.pixel + c);
          V larger = v <= best ? best : v;
          if constexpr (notes) {
            Lanes there = v <= best ? at : Lanes{} + static_cast<std::int32_t>(place + u * width + k);
            keep_apart(there);
            at = best == best ? there : at;
          }
          keep_apart(larger);
          best = best == best ? larger : best;
        };
        if (rows == 2 && columns == 2) {
          meet(0, 1), meet(1, 0), meet(1, 1);
        } else {
          for (Index u = 0; u < rows; ++u)
            for (Index k = u == 0; k < columns; ++k) meet(u, k);
        }
        if (finishes) finish(best, epilogue, c, static_cast<const float*>(nullptr));
        if (follows) finish(best, after, c, static_cast<const float*>(nullptr));
        store(best, own.y + to + c);
        if constexpr (notes) {
          if (own.where) store(at, own.where + to + c);
          if (own.noted) store(__builtin_convertvector(at, Bytes8), own.noted + to + c);
        }
      }
    }
  }
};

inline void max_pool_row(const MaxPoolRow& row) {
  if (row.geometry->channels >= 16) return dispatch<MaxPoolRow>(&row);
  run_baseline<MaxPoolRow>(&row);
}

/// Max pooling of plain windows; `where` or `noted` or both may be null. A bias and an activation never turn the order of numbers around, so they may come
/// after the pooling, as its epilogue.
inline void max_pool_rows(const PoolGeometry& g, const float* x, float* y, std::int32_t* where, std::int8_t* noted,
                          const Epilogue<float>* epilogue = nullptr, const Epilogue<float>* after = nullptr) {
  parallel_for(g.batch * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index out = i * g.out_width * g.channels;
      max_pool_row({&g, x + i / g.out_height * g.in_pixels() * g.channels, g.channels, i % g.out_height * g.stride.height, y + out, g.channels,
                    where ? where + out : nullptr, noted ? noted + out : nullptr, epilogue, after});
    }
  });
}

/// Max pooling of any windows, a row of output pixels at a time.
template <Floating T>
class MaxPoolAnyRow {
 public:
  explicit MaxPoolAnyRow(const PoolGeometry& g) : g_(g), windows_(g, false), pixels_(g.out_width * g.kernel.height * g.kernel.width), ends_(g.out_width) {}
  /// Row `row` of an image whose rows from `first` on lie at `image`; `where` may be null.
  void operator()(Index row, const T* image, Index first, T* y, std::int32_t* where) {
    constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
    Index total = 0;
    for (Index j = 0; j < g_.out_width; ++j) {
      windows_.move_to(row * g_.out_width + j);
      for (const Index pixel : windows_) pixels_[total++] = pixel;
      ends_[j] = total;
    }
    const MaxPoolWindows<T> w{image, first * g_.width, g_.channels, g_.out_width, pixels_.data(), ends_.data(), y, where};
    if (g_.channels < lanes)
      MaxOfPixels<T>::template run<static_cast<int>(sizeof(T))>(&w);
    else if (g_.channels < 4 * lanes)
      run_baseline<MaxOfPixels<T>>(&w);
    else
      dispatch_memory_bound<MaxOfPixels<T>>(&w);
  }

 private:
  const PoolGeometry& g_;
  Windows windows_;
  Scratch<Index> pixels_, ends_;
};

template <Floating T>
void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) {
  if (g.channels == 0) return;
  if constexpr (std::same_as<T, float>)
    if (plain_windows(g)) return max_pool_rows(g, x, y, where, nullptr);
  parallel_for(g.batch * g.out_height, std::max<Index>(1, 8192 / std::max<Index>(1, g.out_width * g.channels)), [&](Index begin, Index end) {
    MaxPoolAnyRow<T> pool_row(g);
    for (Index i = begin; i < end; ++i) {
      const Index out = i * g.out_width * g.channels;
      pool_row(i % g.out_height, x + i / g.out_height * g.in_pixels() * g.channels, 0, y + out, where ? where + out : nullptr);
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
