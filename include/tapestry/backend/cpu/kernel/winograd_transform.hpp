// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// The transforms of F(4x4, 3x3), each a small matrix that is applied from both sides; V is a number or a vector of them, a channel a lane. Then those of
// F(6x6, 3x3)'s forward pass.
//
// The matrices multiply what rounding does to each product. If each product's error is as large as the product, that of a result is, beside a direct sum's,
// as the sum over points i of A[.,i]^2 |G[i]|^2 |B[i]|^2 / 3 for each axis, in the mean over a tile 10.8 for points of interpolation 0, 1, -1, 2, -2 and
// infinity, which are the usual ones, 4.8 for 0, 5/8, -5/8, 3/2, -3/2 and infinity, near the least there is, with all numbers of A and B exact in float. For
// F(6x6, 3x3) it is 20.6 with 0, 1/2, -1/2, 1, -1, 2, -2 and infinity, which is the least. How the rows of A, G and B are scaled changes nothing.
// Source   Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015; points and errors: Barabasz, Anderson, Soodhalter and Gregg, "Error
//          analysis and improving the accuracy of Winograd convolution for deep neural networks", 2020.

/// The points p, -p, q, -q of F(4x4, 3x3), and what follows from them.
struct WinogradPoints {
  static constexpr float p = 0.625f, q = 1.5f, pp = p * p, qq = q * q, sum = pp + qq, product = pp * qq;
  static constexpr double at_p = 1 / (2 * double{pp} * (double{pp} - double{qq})), at_q = 1 / (2 * double{qq} * (double{qq} - double{pp}));  // of G's rows
  static constexpr float g0 = static_cast<float>(1 / double{product});
  static constexpr float gp0 = static_cast<float>(at_p), gp1 = static_cast<float>(at_p * double{p}), gp2 = static_cast<float>(at_p * double{pp});
  static constexpr float gq0 = static_cast<float>(at_q), gq1 = static_cast<float>(at_q * double{q}), gq2 = static_cast<float>(at_q * double{qq});
};

/// B^T, 6 x 6: a window of the image.
struct WinogradInput : WinogradPoints {
  static constexpr unsigned from = 6, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V r = a[4] - qq * a[2], s = a[3] - qq * a[1], t = a[4] - pp * a[2], u = a[3] - pp * a[1];
    o[0] = product * a[0] - sum * a[2] + a[4];
    o[1] = r + p * s, o[2] = r - p * s, o[3] = t + q * u, o[4] = t - q * u;
    o[5] = product * a[1] - sum * a[3] + a[5];
  }
};
/// A^T, 4 x 6: back to a tile of pixels.
struct WinogradOutput : WinogradPoints {
  static constexpr unsigned from = 6, to = 4;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V r = a[1] + a[2], s = a[1] - a[2], t = a[3] + a[4], u = a[3] - a[4];
    o[0] = a[0] + r + t, o[1] = p * s + q * u, o[2] = pp * r + qq * t, o[3] = p * pp * s + q * qq * u + a[5];
  }
};
/// G, 6 x 3: a filter.
struct WinogradWeight : WinogradPoints {
  static constexpr unsigned from = 3, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V r = gp0 * a[0] + gp2 * a[2], s = gp1 * a[1], t = gq0 * a[0] + gq2 * a[2], u = gq1 * a[1];
    o[0] = g0 * a[0];
    o[1] = r + s, o[2] = r - s, o[3] = t + u, o[4] = t - u;
    o[5] = a[2];
  }
};
/// A, 6 x 4, the adjoint of WinogradOutput: a tile of the gradient.
struct WinogradGradient : WinogradPoints {
  static constexpr unsigned from = 4, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V r = a[0] + pp * a[2], s = a[1] + pp * a[3], t = a[0] + qq * a[2], u = a[1] + qq * a[3];
    o[0] = a[0];
    o[1] = r + p * s, o[2] = r - p * s, o[3] = t + q * u, o[4] = t - q * u;
    o[5] = a[3];
  }
};
/// G^T, 3 x 6, the adjoint of WinogradWeight: the gradient of a filter.
struct WinogradWeightGradient : WinogradPoints {
  static constexpr unsigned from = 6, to = 3;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V r = a[1] + a[2], s = a[1] - a[2], t = a[3] + a[4], u = a[3] - a[4];
    o[0] = g0 * a[0] + gp0 * r + gq0 * t;
    o[1] = gp1 * s + gq1 * u;
    o[2] = gp2 * r + gq2 * t + a[5];
  }
};

/// B, 6 x 6, the adjoint of WinogradInput: the gradient of a window, which is added to what its pixels have of other windows.
struct WinogradInputGradient : WinogradPoints {
  static constexpr unsigned from = 6, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V r = a[1] + a[2], s = p * (a[1] - a[2]), t = a[3] + a[4], u = q * (a[3] - a[4]);
    o[0] = product * a[0], o[1] = product * a[5] - qq * s - pp * u, o[2] = -sum * a[0] - qq * r - pp * t;
    o[3] = s + u - sum * a[5], o[4] = a[0] + r + t, o[5] = a[5];
  }
};

/// B^T, 8 x 8, of F(6x6, 3x3).
struct LargeWinogradInput {
  static constexpr unsigned from = 8, to = 8;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    o[0] = a[0] - a[6] + 5.25f * (a[4] - a[2]);
    o[7] = a[7] - a[1] + 5.25f * (a[3] - a[5]);
    const V p = a[2] + a[6] - 4.25f * a[4], q = a[1] + a[5] - 4.25f * a[3];
    o[1] = p + q, o[2] = p - q;
    const V r = a[6] + 0.25f * a[2] - 1.25f * a[4], s = 0.5f * a[1] - 2.5f * a[3] + 2.f * a[5];
    o[3] = r + s, o[4] = r - s;
    const V t = a[6] + 4.f * a[2] - 5.f * a[4], u = 2.f * a[1] - 2.5f * a[3] + 0.5f * a[5];
    o[5] = t + u, o[6] = t - u;
  }
};
/// A^T, 6 x 8.
struct LargeWinogradOutput {
  static constexpr unsigned from = 8, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V p = a[1] + a[2], q = a[1] - a[2], r = a[3] + a[4], s = a[3] - a[4], t = a[5] + a[6], u = a[5] - a[6];
    o[0] = a[0] + p + r + t, o[1] = q + 2.f * s + 0.5f * u;
    o[2] = p + 4.f * r + 0.25f * t, o[3] = q + 8.f * s + 0.125f * u;
    o[4] = p + 16.f * r + 0.0625f * t, o[5] = a[7] + q + 32.f * s + 0.03125f * u;
  }
};
/// G, 8 x 3.
struct LargeWinogradWeight {
  static constexpr unsigned from = 3, to = 8;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V s = (a[0] + a[2]) * (-2.f / 9), t = a[1] * (2.f / 9), d = a[0] * (1.f / 90) + a[2] * (2.f / 45), e = a[1] * (1.f / 45);
    const V f = a[0] * (32.f / 45) + a[2] * (8.f / 45), g = a[1] * (16.f / 45);
    o[0] = a[0];
    o[1] = s - t, o[2] = s + t, o[3] = d + e, o[4] = d - e, o[5] = f + g, o[6] = f - g;
    o[7] = a[2];
  }
};

// F(2x2, 3x3)'s, by points 0, 1, -1 and infinity: few multiplications are saved, but transformed filters are few numbers, too.

/// B^T, 4 x 4.
struct SmallWinogradInput {
  static constexpr unsigned from = 4, to = 4;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    o[0] = a[0] - a[2], o[1] = a[1] + a[2], o[2] = a[2] - a[1], o[3] = a[3] - a[1];
  }
};
/// A^T, 2 x 4.
struct SmallWinogradOutput {
  static constexpr unsigned from = 4, to = 2;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    o[0] = a[0] + a[1] + a[2], o[1] = a[1] - a[2] + a[3];
  }
};
/// G, 4 x 3.
struct SmallWinogradWeight {
  static constexpr unsigned from = 3, to = 4;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V s = 0.5f * (a[0] + a[2]), t = 0.5f * a[1];
    o[0] = a[0], o[1] = s + t, o[2] = s - t, o[3] = a[2];
  }
};

/// Where the numbers of one tile lie: row-major places of `from` x `from` inputs and `to` x `to` outputs, a run of channels at each.
/// Results for pixels that lie outside the image have no place: null.
struct WinogradTile {
  const float* from[64];
  float* to[64];
  Index channels;
  const Epilogue<float>* epilogue = nullptr;  // for to[], whose residual lies `residual` further
  std::ptrdiff_t residual = 0;
};

/// to = Transform * from * Transform^T for every channel; channels >= the lanes of a vector.
template <class Transform>
struct TransformTile {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const WinogradTile* t) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    constexpr unsigned from = Transform::from, to = Transform::to;
    // A copy, which no store can change: the compiler keeps in registers what it would read again for each pixel.
    const Epilogue<float> epilogue = t->epilogue ? *t->epilogue : Epilogue<float>{};
    const bool finishes = t->epilogue != nullptr;
    const std::ptrdiff_t residual = t->residual;
    for (Index i = 0; i < t->channels; i += lanes) {
      const Index c = std::min(i, t->channels - lanes);  // the last vector may overlap the one before
      V half[to][from];
      for (unsigned column = 0; column < from; ++column) {
        V in[from], out[to];
        TAPESTRY_UNROLL
        for (unsigned row = 0; row < from; ++row) load(in[row], t->from[row * from + column] + c);
        Transform::apply(in, out);
        TAPESTRY_UNROLL
        for (unsigned row = 0; row < to; ++row) half[row][column] = out[row];
      }
      for (unsigned row = 0; row < to; ++row) {
        V in[from], out[to];
        TAPESTRY_UNROLL
        for (unsigned column = 0; column < from; ++column) in[column] = half[row][column];
        Transform::apply(in, out);
        if constexpr (from == to + 2) {  // pixels
          for (unsigned column = 0; column < to; ++column) {
            float* place = t->to[row * to + column];
            if (!place) continue;
            V v = out[column];  // in a register: the array lies in memory
            if (finishes) finish(v, epilogue, c, place + c + residual);
            store(v, place + c);
          }
        } else if constexpr (std::is_same_v<Transform, WinogradInputGradient>) {
          for (unsigned column = 0; column < to; ++column) {
            float* place = t->to[row * to + column];
            if (!place) continue;
            V old;
            load(old, place + c);
            if (c != i) {  // what overlaps has been added
              for (Index lane = 0; lane < i - c; ++lane) out[column][lane] = 0;
            }
            store(old + out[column], place + c);
          }
        } else {
          TAPESTRY_UNROLL
          for (unsigned column = 0; column < to; ++column) store(out[column], t->to[row * to + column] + c);
        }
      }
    }
  }
};

/// Runs the transform with the widest vectors that the channels, at least 4, fill.
template <class Transform>
void transform_tile(const WinogradTile& t) noexcept {
  using Kernel = TransformTile<Transform>;
  if (t.channels >= 16) {
    if constexpr (Transform::from == 3 || Transform::to == 3)  // filters, of which there are few beside pixels
      return dispatch_memory_bound<Kernel>(&t);
    else
      return dispatch<Kernel>(&t);
  }
  run_baseline<Kernel>(&t);
}
/// Runs that of three transforms which is for tiles of `side` x `side` outputs: 2, 4 or 6.
template <class Small, class Medium, class Large>
void transform_tile(Index side, const WinogradTile& t) {
  side == 2 ? transform_tile<Small>(t) : side == 4 ? transform_tile<Medium>(t) : transform_tile<Large>(t);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
