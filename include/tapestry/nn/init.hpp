// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>
#include <utility>

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

/// While one of these is in scope, initialisers on this thread do nothing: for a model that is built to be loaded at once. Until then its
/// weights hold whatever the memory held.
///
///   ResNet<> net = [] { init::Skip skip; return resnet18(); }();
class Skip {
 public:
  Skip() : outer_(std::exchange(on(), true)) {}
  ~Skip() { on() = outer_; }
  Skip(const Skip&) = delete;
  Skip& operator=(const Skip&) = delete;
  static bool& on() {
    thread_local bool value = false;
    return value;
  }

 private:
  bool outer_;
};

template <Floating T>
void constant(const Tensor<T>& tensor, double value) {
  if (Skip::on()) return;
  tensor.fill(static_cast<T>(value));
}

namespace detail {
/// Lets `draw` write numbers in logical order, straight into the tensor if it stores them so.
template <Floating T, class Draw>
void draw_into(const Tensor<T>& tensor, Draw draw) {
  if (tensor.layout() == Layout::row_major) return draw(tensor.values_to_write());
  const Tensor<T> drawn(tensor.shape(), Layout::row_major, tensor.device());
  draw(drawn.values_to_write());
  tensor.copy_from(drawn);
}
}  // namespace detail

/// Uniform in [low, high).
template <Floating T>
void uniform(const Tensor<T>& tensor, double low = 0, double high = 1, Generator& generator = default_generator()) {
  if (Skip::on()) return;
  detail::draw_into(tensor, [&](T* to) {
    backend_of(tensor).uniform(generator.reserve(tensor.numel()), static_cast<T>(low), static_cast<T>(high), tensor.numel(), to);
  });
}

/// Normal with this mean and standard deviation.
template <Floating T>
void normal(const Tensor<T>& tensor, double mean = 0, double deviation = 1, Generator& generator = default_generator()) {
  if (Skip::on()) return;
  detail::draw_into(tensor, [&](T* to) {
    backend_of(tensor).normal(generator.reserve(tensor.numel()), static_cast<T>(mean), static_cast<T>(deviation), tensor.numel(), to);
  });
}

/// Normal with this mean and standard deviation, but never outside [low, high]: what falls outside is drawn again.
/// Throws   ValueError unless a fair part of the normal distribution, one number in a thousand, lies between low and high.
template <Floating T>
void truncated_normal(const Tensor<T>& tensor, double mean = 0, double deviation = 1, double low = -2, double high = 2,
                      Generator& generator = default_generator()) {
  const auto below = [&](double x) { return 0.5 * std::erfc((mean - x) / (deviation * std::numbers::sqrt2)); };
  if (!(deviation > 0) || !(below(high) - below(low) >= 1e-3))
    throw ValueError(message("init: truncated_normal must have a thousandth of its numbers between low and high, got mean ", mean, ", deviation ",
                             deviation, ", low ", low, ", high ", high));
  if (Skip::on()) return;
  const RandomStream random = generator.reserve(tensor.numel());
  const Tensor<T> drawn(tensor.shape());
  T* values = drawn.values_to_write();
  parallel_for(tensor.numel(), 1 << 14, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      RandomStream attempt = random;  // each attempt is a sequence of its own, so that the numbers of other elements stay where they are
      double value = mean + deviation * attempt.normal(i);
      while (value < low || value > high) {
        ++attempt.stream;
        value = mean + deviation * attempt.normal(i);
      }
      values[i] = static_cast<T>(value);
    }
  });
  assign(tensor, drawn);
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
