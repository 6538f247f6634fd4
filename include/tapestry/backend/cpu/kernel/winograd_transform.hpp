// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "finish.hpp"
#include "isa.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// The five transforms of F(4x4, 3x3), each a small matrix that is applied from both sides; V is a number or a vector of them, a channel a lane.
// Points of interpolation are 0, 1, -1, 2, -2 and infinity. Then those of F(6x6, 3x3)'s forward pass, which has 1/2 and -1/2 besides.
// Source   Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015.

/// B^T, 6 x 6: a window of the image.
struct WinogradInput {
  static constexpr unsigned from = 6, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V p = a[4] - 4.f * a[2], q = a[3] - 4.f * a[1], r = a[4] - a[2], s = 2.f * (a[3] - a[1]);
    o[0] = 4.f * a[0] - 5.f * a[2] + a[4];
    o[1] = p + q, o[2] = p - q, o[3] = r + s, o[4] = r - s;
    o[5] = 4.f * a[1] - 5.f * a[3] + a[5];
  }
};
/// A^T, 4 x 6: back to a tile of pixels.
struct WinogradOutput {
  static constexpr unsigned from = 6, to = 4;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V p = a[1] + a[2], q = a[1] - a[2], r = a[3] + a[4], s = a[3] - a[4];
    o[0] = a[0] + p + r, o[1] = q + 2.f * s, o[2] = p + 4.f * r, o[3] = q + 8.f * s + a[5];
  }
};
/// G, 6 x 3: a filter.
struct WinogradWeight {
  static constexpr unsigned from = 3, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V s = (a[0] + a[2]) * (-1.f / 6), t = a[1] * (1.f / 6), d = a[0] * (1.f / 24) + a[2] * (1.f / 6), e = a[1] * (1.f / 12);
    o[0] = a[0] * 0.25f;
    o[1] = s - t, o[2] = s + t, o[3] = d + e, o[4] = d - e;
    o[5] = a[2];
  }
};
/// A, 6 x 4, the adjoint of WinogradOutput: a tile of the gradient.
struct WinogradGradient {
  static constexpr unsigned from = 4, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V p = a[0] + a[2], q = a[1] + a[3], r = a[0] + 4.f * a[2], s = 2.f * a[1] + 8.f * a[3];
    o[0] = a[0];
    o[1] = p + q, o[2] = p - q, o[3] = r + s, o[4] = r - s;
    o[5] = a[3];
  }
};
/// G^T, 3 x 6, the adjoint of WinogradWeight: the gradient of a filter.
struct WinogradWeightGradient {
  static constexpr unsigned from = 6, to = 3;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V p = a[1] + a[2], q = a[2] - a[1], r = a[3] + a[4], s = a[3] - a[4];
    o[0] = 0.25f * a[0] - p * (1.f / 6) + r * (1.f / 24);
    o[1] = q * (1.f / 6) + s * (1.f / 12);
    o[2] = (r - p) * (1.f / 6) + a[5];
  }
};

/// B, 6 x 6, the adjoint of WinogradInput: the gradient of a window, which is added to what its pixels have of other windows.
struct WinogradInputGradient {
  static constexpr unsigned from = 6, to = 6;
  template <class V>
  [[gnu::always_inline]] static void apply(const V* a, V* o) {
    const V p = a[1] + a[2], q = a[1] - a[2], r = a[3] + a[4], s = a[3] - a[4];
    o[0] = 4.f * a[0], o[1] = 4.f * (a[5] - q) - 2.f * s, o[2] = -5.f * a[0] - 4.f * p - r;
    o[3] = q + 2.f * s - 5.f * a[5], o[4] = a[0] + p + r, o[5] = a[5];
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
            if (t->epilogue) finish(out[column], *t->epilogue, c, place + c + t->residual);
            store(out[column], place + c);
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

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
