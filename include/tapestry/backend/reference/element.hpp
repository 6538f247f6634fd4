// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>
#include <string_view>

#include "../../core/error.hpp"
#include "../backend.hpp"
#include "number.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

inline std::string_view name_of(UnaryOp op) {
  switch (op) {
    case UnaryOp::negate: return "negate";
    case UnaryOp::absolute: return "absolute";
    case UnaryOp::sign: return "sign";
    case UnaryOp::square_root: return "square_root";
    case UnaryOp::exponential: return "exponential";
    case UnaryOp::logarithm: return "logarithm";
    case UnaryOp::power: return "power";
    case UnaryOp::affine: return "affine";
    case UnaryOp::clamp: return "clamp";
    case UnaryOp::relu: return "relu";
    case UnaryOp::leaky_relu: return "leaky_relu";
    case UnaryOp::sigmoid: return "sigmoid";
    case UnaryOp::tanh: return "tanh";
    case UnaryOp::gelu: return "gelu";
    case UnaryOp::gelu_tanh: return "gelu_tanh";
  }
  return "?";
}

/// Whether op has a meaning for T; integers know only what stays among integers.
template <Scalar T>
bool supports(UnaryOp op) {
  switch (op) {
    case UnaryOp::negate:
    case UnaryOp::absolute:
    case UnaryOp::sign:
    case UnaryOp::power:
    case UnaryOp::affine:
    case UnaryOp::clamp:
    case UnaryOp::relu: return true;
    default: return Floating<T>;
  }
}

template <Scalar T>
void check_supported(UnaryOp op) {
  if (!supports<T>(op)) throw TypeError(message(name_of(op), ": x must be float32 or float64, got ", tapestry::name_of(dtype_of<T>())));
}

/// base^exponent. Integers wrap; a negative exponent leaves 1 and -1 and turns the rest to 0, as in PyTorch.
template <Scalar T>
T power(T base, T exponent) {
  if constexpr (Floating<T>) {
    return std::pow(base, exponent);
  } else {
    const bool odd = (static_cast<std::uint64_t>(exponent) & 1) != 0;
    if (exponent < T{0}) return base == T{1} ? T{1} : static_cast<Index>(base) != -1 ? T{0} : odd ? base : T{1};
    std::uint64_t result = 1, square = static_cast<std::uint64_t>(base);
    for (auto bits = static_cast<std::uint64_t>(exponent); bits != 0; bits >>= 1, square *= square)
      if ((bits & 1) != 0) result *= square;
    return static_cast<T>(result);
  }
}

/// Phi(x), the normal distribution function; erfc rather than 1 + erf, which loses all digits where x is far below 0.
template <Floating T>
T normal_distribution(T x) {
  return std::erfc(-x / std::numbers::sqrt2_v<T>) / 2;
}
template <Floating T>
T normal_density(T x) {
  return std::exp(-x * x / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
}

/// What stands inside gelu_tanh's tanh: sqrt(2/pi) (x + 0.044715 x^3), and its derivative.
template <Floating T>
T gelu_inner(T x) {
  return std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T> * (x + T(0.044715) * x * x * x);
}
template <Floating T>
T gelu_inner_slope(T x) {
  return std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T> * (1 + 3 * T(0.044715) * x * x);
}

/// op(x) for one element.
template <Scalar T>
T unary_value(UnaryOp op, T x, T a, T b) {
  using W = Wide<T>;
  switch (op) {
    case UnaryOp::negate: return static_cast<T>(-static_cast<W>(x));
    case UnaryOp::absolute:
      if constexpr (Floating<T>) return std::abs(x);
      return x < T{0} ? static_cast<T>(-static_cast<W>(x)) : x;
    case UnaryOp::sign: return static_cast<T>((x > T{0}) - (x < T{0}));
    case UnaryOp::power: return power(x, a);
    case UnaryOp::affine: return static_cast<T>(static_cast<W>(a) * static_cast<W>(x) + static_cast<W>(b));
    case UnaryOp::clamp: {
      const T from_a = x < a ? a : x;  // comparisons with NaN are false, so NaN stays
      return from_a > b ? b : from_a;
    }
    case UnaryOp::relu: return x < T{0} ? T{0} : x;
    default: break;
  }
  if constexpr (Floating<T>) {
    switch (op) {
      case UnaryOp::square_root: return std::sqrt(x);
      case UnaryOp::exponential: return std::exp(x);
      case UnaryOp::logarithm: return std::log(x);
      case UnaryOp::leaky_relu: return x > 0 ? x : a * x;
      case UnaryOp::sigmoid: return 1 / (1 + std::exp(-x));
      case UnaryOp::tanh: return std::tanh(x);
      case UnaryOp::gelu: return x * normal_distribution(x);
      case UnaryOp::gelu_tanh: return x * (1 + std::tanh(gelu_inner(x))) / 2;
      default: break;
    }
  }
  return T{0};
}

/// dy * op'(x) for one element, with y = op(x). Where the derivative is 0 on a whole side, dy is dropped and not multiplied:
/// it may be infinite.
template <Floating T>
T unary_gradient(UnaryOp op, T x, T y, T dy, T a, T b) {
  switch (op) {
    case UnaryOp::negate: return -dy;
    case UnaryOp::absolute: return x > 0 ? dy : x < 0 ? -dy : T{0};
    case UnaryOp::sign: return T{0};
    case UnaryOp::square_root: return dy / (2 * y);
    case UnaryOp::exponential: return dy * y;
    case UnaryOp::logarithm: return dy / x;
    case UnaryOp::power: return a == 0 ? T{0} : dy * a * std::pow(x, a - 1);
    case UnaryOp::affine: return dy * a;
    case UnaryOp::clamp: return x > a && x < b ? dy : T{0};  // 0 at the bounds, as in PyTorch
    case UnaryOp::relu: return y <= 0 ? T{0} : dy;
    case UnaryOp::leaky_relu: return x > 0 ? dy : dy * a;
    case UnaryOp::sigmoid: return dy * y * (1 - y);
    case UnaryOp::tanh: return dy * (1 - y * y);
    case UnaryOp::gelu: return dy * (normal_distribution(x) + x * normal_density(x));
    case UnaryOp::gelu_tanh: {
      const T t = std::tanh(gelu_inner(x));
      return dy * ((1 + t) + x * (1 - t * t) * gelu_inner_slope(x)) / 2;
    }
  }
  return T{0};
}

template <Scalar T>
T binary_value(BinaryOp op, T a, T b) {
  using W = Wide<T>;
  switch (op) {
    case BinaryOp::add: return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
    case BinaryOp::subtract: return static_cast<T>(static_cast<W>(a) - static_cast<W>(b));
    case BinaryOp::multiply: return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
    case BinaryOp::divide:
      if constexpr (std::is_signed_v<T> && !Floating<T>)
        if (b == T{-1}) return static_cast<T>(-static_cast<W>(a));  // the quotient of the lowest integer by -1 wraps, too
      return static_cast<T>(a / b);
    case BinaryOp::power: return power(a, b);
    case BinaryOp::maximum: return beats(true, b, a) ? b : a;
    case BinaryOp::minimum: return beats(false, b, a) ? b : a;
  }
  return T{0};
}

template <Scalar T>
bool compare_value(CompareOp op, T a, T b) {
  switch (op) {
    case CompareOp::equal: return a == b;
    case CompareOp::not_equal: return a != b;
    case CompareOp::less: return a < b;
    case CompareOp::less_equal: return a <= b;
    case CompareOp::greater: return a > b;
    case CompareOp::greater_equal: return a >= b;
  }
  return false;
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
