// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <bit>
#include <type_traits>

#include "../reference/elementwise.hpp"
#include "kernel/isa.hpp"
#include "kernel/vector_math.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// These kernels wait for memory more than they compute, so vectors of 16 bytes, which every processor has, are enough.
inline constexpr Index elementwise_grain = 32768;

/// y[i] = x[i] after f(x[i], others[i]...), which overwrites its first argument; f gets whole vectors and, at the end, single numbers.
template <class T, class F, class... Operands>
void map(Index count, T* y, const F& f, const T* x, const Operands*... others) {
  using V = Vector<T, 16>;
  constexpr Index lanes = 16 / static_cast<Index>(sizeof(T));
  const auto read = [](const T* from) {
    V v;
    load(v, from);
    return v;
  };
  Index i = 0;
  for (; i + lanes <= count; i += lanes) {
    V v = read(x + i);
    f(v, read(others + i)...);
    store(v, y + i);
  }
  for (; i < count; ++i) {
    T v = x[i];
    f(v, others[i]...);
    y[i] = v;
  }
}

/// 0, in all lanes of a vector.
template <class V>
[[gnu::always_inline]] inline V zero_like(const V&) {
  return V{};
}

/// condition ? a : b without a branch, which random conditions would make dear.
template <Scalar T>
T select(bool condition, T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint8_t>>;
  const Bits mask = static_cast<Bits>(-static_cast<Bits>(condition));
  return std::bit_cast<T>(static_cast<Bits>((std::bit_cast<Bits>(a) & mask) | (std::bit_cast<Bits>(b) & static_cast<Bits>(~mask))));
}

/// Functions of float that have a vector form, of numbers that may lie where the results go.
struct VectorFunctions {
  UnaryOp op;
  Index count;
  const float* x;
  float* y;

  static bool know(UnaryOp op) {
    return op == UnaryOp::exponential || op == UnaryOp::square_root || op == UnaryOp::sigmoid || op == UnaryOp::tanh || op == UnaryOp::gelu_tanh;
  }
  template <int Bytes>
  [[gnu::always_inline]] static void run(const VectorFunctions* f) {
    using V = Vector<float, Bytes>;
    constexpr Index lanes = Bytes / 4;
    for (Index i = 0; i < f->count; i += lanes) {
      V v;
      const Index rest = f->count - i;
      if (rest >= lanes)
        load(v, f->x + i);
      else
        load_some(v, f->x + i, rest);
      switch (f->op) {
        case UnaryOp::exponential: exponential(v); break;
        case UnaryOp::square_root: square_root(v); break;
        case UnaryOp::sigmoid: logistic(v); break;
        case UnaryOp::tanh: hyperbolic_tangent(v); break;
        default: {  // gelu_tanh
          V t = 0.797884561f * (v + 0.044715f * v * v * v);
          hyperbolic_tangent(t);
          v = 0.5f * v * (1.f + t);
        }
      }
      if (rest >= lanes)
        store(v, f->y + i);
      else
        store_some(v, f->y + i, rest);
    }
  }
};

template <Scalar T>
void unary_range(UnaryOp op, Index count, const T* x, T a, T b, T* y) {
  if constexpr (std::same_as<T, float>) {
    if (VectorFunctions::know(op) && has_wide_vectors()) {
      const VectorFunctions f{op, count, x, y};
      return dispatch_wide<VectorFunctions>(&f);
    }
  }
  if constexpr (Floating<T>) {
    switch (op) {
      case UnaryOp::affine: return map(count, y, [=](auto& v) { v = a * v + b; }, x);
      case UnaryOp::relu: return map(count, y, [](auto& v) { v = v < T{0} ? zero_like(v) : v; }, x);
      case UnaryOp::clamp:
        return map(count, y, [=](auto& v) {
          v = v < a ? zero_like(v) + a : v;
          keep_apart(v);
          v = v > b ? zero_like(v) + b : v;
        }, x);
      case UnaryOp::leaky_relu: return map(count, y, [=](auto& v) { v = v > T{0} ? v : a * v; }, x);
      default: break;
    }
  }
  for (Index i = 0; i < count; ++i) y[i] = plain::unary_value(op, x[i], a, b);
}

template <Scalar T>
void unary(UnaryOp op, Index count, const T* x, T a, T b, T* y) {
  plain::check_supported<T>(op);
  parallel_for(count, elementwise_grain, [=](Index begin, Index end) { unary_range(op, end - begin, x + begin, a, b, y + begin); });
}

template <Floating T>
void unary_backward(UnaryOp op, Index count, const T* x, const T* y, const T* dy, T a, T b, T* dx) {
  parallel_for(count, elementwise_grain, [=](Index begin, Index end) {
    const Index n = end - begin;
    if (op == UnaryOp::relu)
      return map(n, dx + begin, [](auto& d, const auto& v) { d = v <= T{0} ? zero_like(v) : d; }, dy + begin, y + begin);
    if (op == UnaryOp::leaky_relu)
      return map(n, dx + begin, [=](auto& d, const auto& v) { d = v > T{0} ? d : a * d; }, dy + begin, x + begin);
    if (op == UnaryOp::clamp)
      return map(n, dx + begin, [=](auto& d, const auto& v) {
        d = v > a ? d : zero_like(d);
        keep_apart(d);
        d = v < b ? d : zero_like(d);
      }, dy + begin, x + begin);
    if (op == UnaryOp::sigmoid) return map(n, dx + begin, [](auto& d, const auto& v) { d = d * v * (T{1} - v); }, dy + begin, y + begin);
    if (op == UnaryOp::tanh) return map(n, dx + begin, [](auto& d, const auto& v) { d = d * (T{1} - v * v); }, dy + begin, y + begin);
    for (Index i = begin; i < end; ++i) dx[i] = plain::unary_gradient(op, x[i], y[i], dy[i], a, b);
  });
}

template <Scalar T>
void where(Index count, const bool* condition, const T* a, const T* b, T* y) {
  parallel_for(count, elementwise_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = select(condition[i], a[i], b[i]);
  });
}

/// y[i] = alpha*x[i] + beta*y[i]; y is not read where beta is 0.
template <Scalar T>
void scale_add(Index count, T alpha, const T* x, T beta, T* y) {
  parallel_for(count, elementwise_grain, [=](Index begin, Index end) {
    if constexpr (Floating<T>) {
      if (beta == T{0}) return map(end - begin, y + begin, [=](auto& v) { v = alpha * v; }, x + begin);
      map(end - begin, y + begin, [=](auto& v, const auto& old) { v = alpha * v + beta * old; }, x + begin, y + begin);
    } else {
      plain::scale_add(end - begin, alpha, x + begin, beta, y + begin);
    }
  });
}

template <Scalar T>
void arange(Index count, T start, T step, T* y) {
  plain::arange(count, start, step, y);
}

/// y[i] = keep[i] ? x[i]*scale : 0
template <Floating T>
void mask_scale(Index count, const bool* keep, T scale, const T* x, T* y) {
  parallel_for(count, elementwise_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = select(keep[i], x[i] * scale, T{0});
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
