// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "../tensor/tensor.hpp"

/// Initialisers write to a tensor in place, as torch.nn.init does. Numbers are drawn in logical order, so a weight gets the same values in any layout.
namespace tapestry::inline TAPESTRY_ABI::init {

/// Whose variance an initialiser keeps: that of activations going forward or of gradients going back.
enum class Fan : std::uint8_t { in, out };

/// Numbers that one output reads (in) and one input feeds (out): for a weight [O, C, K, L] they are C*K*L and O*K*L.
/// Throws   ShapeError for fewer than two axes.
struct Fans {
  Index in, out;
};
inline Fans fans(const Shape& weight) {
  if (weight.rank() < 2) throw ShapeError(message("init: weight must have at least 2 axes to have fans, got shape ", weight));
  Index taps = 1;
  for (Index axis = 2; axis < weight.rank(); ++axis) taps *= weight[axis];
  return {weight[1] * taps, weight[0] * taps};
}

template <Floating T>
void constant(const Tensor<T>& tensor, double value) {
  tensor.fill(static_cast<T>(value));
}

/// Uniform in [low, high).
template <Floating T>
void uniform(const Tensor<T>& tensor, double low = 0, double high = 1, Generator& generator = default_generator()) {
  const Tensor<T> drawn(tensor.shape(), Layout::row_major, tensor.device());
  backend_of(tensor).uniform(generator.reserve(tensor.numel()), static_cast<T>(low), static_cast<T>(high), tensor.numel(), drawn.mutable_data());
  tensor.copy_from(drawn);
}

/// Normal with this mean and standard deviation.
template <Floating T>
void normal(const Tensor<T>& tensor, double mean = 0, double deviation = 1, Generator& generator = default_generator()) {
  const Tensor<T> drawn(tensor.shape(), Layout::row_major, tensor.device());
  backend_of(tensor).normal(generator.reserve(tensor.numel()), static_cast<T>(mean), static_cast<T>(deviation), tensor.numel(), drawn.mutable_data());
  tensor.copy_from(drawn);
}

/// Uniform in +-sqrt(6 / (fan_in + fan_out)) * gain.
/// Source   Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
template <Floating T>
void xavier_uniform(const Tensor<T>& weight, double gain = 1, Generator& generator = default_generator()) {
  const Fans f = fans(weight.shape());
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(f.in + f.out));
  uniform(weight, -bound, bound, generator);
}
template <Floating T>
void xavier_normal(const Tensor<T>& weight, double gain = 1, Generator& generator = default_generator()) {
  const Fans f = fans(weight.shape());
  normal(weight, 0, gain * std::sqrt(2.0 / static_cast<double>(f.in + f.out)), generator);
}

/// Variance 2 / ((1 + slope^2) fan): keeps the variance through a leaky ReLU of that slope; slope 0 is ReLU.
/// Source   He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015, equation 15.
template <Floating T>
void kaiming_uniform(const Tensor<T>& weight, double slope = 0, Fan fan = Fan::in, Generator& generator = default_generator()) {
  const Fans f = fans(weight.shape());
  const double bound = std::sqrt(6.0 / ((1 + slope * slope) * static_cast<double>(fan == Fan::in ? f.in : f.out)));
  uniform(weight, -bound, bound, generator);
}
template <Floating T>
void kaiming_normal(const Tensor<T>& weight, double slope = 0, Fan fan = Fan::in, Generator& generator = default_generator()) {
  const Fans f = fans(weight.shape());
  normal(weight, 0, std::sqrt(2.0 / ((1 + slope * slope) * static_cast<double>(fan == Fan::in ? f.in : f.out))), generator);
}

/// What PyTorch gives convolutions and linear layers unless told otherwise: weight and bias uniform in +-1/sqrt(fan_in).
template <Floating T>
void torch_default(const Tensor<T>& weight, const Tensor<T>& bias, Generator& generator = default_generator()) {
  const Index fan_in = fans(weight.shape()).in;
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  uniform(weight, -bound, bound, generator);
  if (bias.defined()) uniform(bias, -bound, bound, generator);
}

}  // namespace tapestry::inline TAPESTRY_ABI::init
