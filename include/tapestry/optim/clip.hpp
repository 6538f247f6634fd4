// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>

#include "../tensor/tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// (sum of |x|^p)^(1/p), the largest |x| for p = infinity.
template <Floating T>
double norm(const Tensor<T>& x, double p) {
  if (x.numel() == 0) return 0;
  const auto kernels = backend_of(x);
  const Tensor<T> powers(x.shape(), x.layout(), x.device()), total({}, Layout::row_major, x.device());
  kernels.unary(UnaryOp::absolute, x.numel(), x.data(), T{}, T{}, powers.values_to_write());
  if (std::isinf(p)) {
    kernels.reduce(ReduceOp::maximum, 1, x.numel(), 1, powers.data(), total.values_to_write());
    return static_cast<double>(total.item());
  }
  kernels.unary(UnaryOp::power, x.numel(), powers.data(), static_cast<T>(p), T{}, powers.values_to_write());
  kernels.reduce(ReduceOp::sum, 1, x.numel(), 1, powers.data(), total.values_to_write());
  return std::pow(static_cast<double>(total.item()), 1 / p);
}
}  // namespace detail

/// Scales all gradients together so that their common norm is at most max_norm: dw *= min(1, max_norm / (norm + 1e-6)).
/// Returns  the norm before: (sum over all entries of |dw|^p)^(1/p).
/// Throws   ValueError if max_norm is negative or p not positive.
/// Source   Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
template <Floating T>
double clip_grad_norm(const std::vector<Tensor<T>>& parameters, double max_norm, double p = 2) {
  if (!(max_norm >= 0)) throw ValueError(message("clip_grad_norm: max_norm must be at least 0, got ", max_norm));
  if (!(p > 0)) throw ValueError(message("clip_grad_norm: p must be above 0, got ", p));
  double total = 0;
  for (const auto& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    const double norm = detail::norm(parameter.grad(), p);
    total = std::isinf(p) ? std::max(total, norm) : total + std::pow(norm, p);
  }
  if (!std::isinf(p)) total = std::pow(total, 1 / p);
  const double scale = std::min(1.0, max_norm / (total + 1e-6));
  for (const auto& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    const Tensor<T> gradient = parameter.grad();
    T* dw = gradient.values_to_write();
    backend_of(gradient).unary(UnaryOp::affine, gradient.numel(), dw, static_cast<T>(scale), T{0}, dw);
  }
  return total;
}

/// Clamps every entry of every gradient to [-limit, limit].
/// Throws   ValueError if limit is negative.
template <Floating T>
void clip_grad_value(const std::vector<Tensor<T>>& parameters, double limit) {
  if (!(limit >= 0)) throw ValueError(message("clip_grad_value: limit must be at least 0, got ", limit));
  for (const auto& parameter : parameters) {
    if (!parameter.has_grad()) continue;
    const Tensor<T> gradient = parameter.grad();
    T* dw = gradient.values_to_write();
    backend_of(gradient).unary(UnaryOp::clamp, gradient.numel(), dw, static_cast<T>(-limit), static_cast<T>(limit), dw);
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI
