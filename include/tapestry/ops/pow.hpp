// SPDX-License-Identifier: MIT
#pragma once

#include "arithmetic.hpp"
#include "where.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// y = x^exponent by element. dy/dx = exponent * x^(exponent - 1); 0 where exponent is 0.
/// Throws   ValueError if x holds integers and the exponent is negative.
template <Number T, NumberFor<T> S>
Tensor<T> pow(const Tensor<T>& x, S exponent) {
  if constexpr (std::integral<T> && std::is_signed_v<S>) {
    if (exponent < 0) throw ValueError(message("pow: exponent must be at least 0 for integers, got ", exponent));
  }
  return detail::unary("pow", UnaryOp::power, x, static_cast<T>(exponent));
}

/// y = a^b by element with broadcasting.
///
///   da = b * a^(b - 1) * dy,  0 where b is 0          db = ln(a) * y * dy,  0 where a is 0 and b >= 0
///
/// Throws   ShapeError if the shapes do not broadcast, TypeError if the devices differ.
template <Floating T>
Tensor<T> pow(const Tensor<T>& a, const Tensor<T>& b) {
  Tensor<T> y = detail::binary("pow", BinaryOp::power, a, b);
  return record("pow", y, {a, b}, [a_grad = grad_of(a), b_grad = grad_of(b), a, b, y](const Tensor<T>& dy) {
    if (a_grad.wanted())
      a_grad.add(detail::sum_to(where(b == 0, T{0}, dy * b * detail::binary("pow", BinaryOp::power, a, b - 1)), a.shape()));
    if (b_grad.wanted()) {
      const Tensor<bool> still = detail::binary("pow", BinaryOp::minimum, a == 0, b >= 0);
      b_grad.add(detail::sum_to(where(still, T{0}, dy * y * log(a)), b.shape()));
    }
  });
}
template <Floating T, NumberFor<T> S>
Tensor<T> pow(S a, const Tensor<T>& b) {
  return pow(detail::scalar_beside(b, a), b);
}

}  // namespace tapestry::inline TAPESTRY_ABI
