// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/backend/cpu/kernel/isa.hpp>
#include <tapestry/backend/cpu/parallel_for.hpp>
#include <tapestry/backend/epilogue.hpp>
#include <tapestry/backend/reference/convolution.hpp>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "support/random_values.hpp"

/// Runs a test with every instruction set that the processor has.
struct EachInstructionSet {
  tapestry::InstructionSet before = tapestry::instruction_set();
  ~EachInstructionSet() { tapestry::set_instruction_set(before); }
  template <class F>
  void run(const F& f) const {
    using tapestry::InstructionSet;
    for (InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512})
      if (set <= tapestry::best_instruction_set()) {
        tapestry::set_instruction_set(set);
        f();
      }
  }
};

/// The sizes a user names; those of the output follow.
inline tapestry::ConvGeometry convolution(tapestry::Index batch, tapestry::Index in, tapestry::Index height, tapestry::Index width,
                                          tapestry::Index out, tapestry::Size2 kernel, tapestry::Size2 stride = 1,
                                          tapestry::Size2 padding = 0, tapestry::Index groups = 1, tapestry::Size2 dilation = 1) {
  return {batch, in, height, width, out, groups, kernel, stride, dilation, padding,
          tapestry::window_positions(height, 2 * padding.height, kernel.height, stride.height, dilation.height),
          tapestry::window_positions(width, 2 * padding.width, kernel.width, stride.width, dilation.width)};
}
namespace tapestry::inline TAPESTRY_ABI {
inline std::ostream& operator<<(std::ostream& out, const ConvGeometry& g) {
  return out << "x [" << g.batch << ", " << g.in_channels << ", " << g.height << ", " << g.width << "], " << g.out_channels << " filters of "
             << to_string(g.kernel) << ", stride " << to_string(g.stride) << ", padding " << to_string(g.padding) << ", dilation "
             << to_string(g.dilation) << ", " << g.groups << " groups, " << name_of(instruction_set());
}
}  // namespace tapestry::inline TAPESTRY_ABI

/// The largest |a - b| over the root mean square of b; infinity for NaN.
inline double error_over_rms(const std::vector<float>& a, const std::vector<float>& b) {
  double error = 0, square = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (std::isnan(difference)) return INFINITY;
    error = std::max(error, difference);
    square += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return b.empty() ? 0 : error / (std::sqrt(square / static_cast<double>(b.size())) + 1e-30);
}

/// A convolution with random images, weights and gradient, and what the plain loops make of them. Results are given to kernels full of NaN.
struct ConvolutionCase {
  tapestry::ConvGeometry g;
  std::vector<float> x, w, dy;

  ConvolutionCase(const tapestry::ConvGeometry& geometry, std::uint64_t seed)
      : g(geometry), x(random_values<float>(g.batch * g.in_pixels() * g.in_channels, 3 * seed)),
        w(random_values<float>(g.out_channels * g.patch(), 3 * seed + 1)),
        dy(random_values<float>(g.batch * g.out_pixels() * g.out_channels, 3 * seed + 2)) {}

  static std::vector<float> unwritten(const std::vector<float>& like) { return std::vector<float>(like.size(), std::nanf("")); }
  std::vector<float> y(const float* bias = nullptr) const {
    std::vector<float> result(dy.size());
    tapestry::plain::conv2d(g, x.data(), w.data(), bias, result.data());
    return result;
  }
  std::vector<float> dx() const {
    std::vector<float> result(x.size());
    tapestry::plain::conv2d_backward_data(g, dy.data(), w.data(), result.data());
    return result;
  }
  std::vector<float> dw() const {
    std::vector<float> result(w.size());
    tapestry::plain::conv2d_backward_weight(g, x.data(), dy.data(), result.data());
    return result;
  }
};

/// Whether run(results), called with 1, 2 and 3 threads, always gives the same bits.
template <class F>
bool same_for_any_threads(const std::vector<float>& like, const F& run) {
  const int before = tapestry::num_threads();
  std::vector<std::vector<float>> results;
  for (int threads : {1, 2, 3}) {
    tapestry::set_num_threads(threads);
    run(results.emplace_back(ConvolutionCase::unwritten(like)).data());
  }
  tapestry::set_num_threads(before);
  return results[0] == results[1] && results[0] == results[2];
}

/// An epilogue with every term, and what it makes of plain results.
struct FullEpilogue {
  std::vector<float> bias, scale, shift, residual;
  tapestry::Epilogue<float> epilogue;

  FullEpilogue(const tapestry::ConvGeometry& g, tapestry::Activation activation, std::uint64_t seed)
      : bias(random_values<float>(g.out_channels, seed)), scale(random_values<float>(g.out_channels, seed + 1)),
        shift(random_values<float>(g.out_channels, seed + 2)),
        residual(random_values<float>(g.batch * g.out_pixels() * g.out_channels, seed + 3)),
        epilogue{bias.data(), scale.data(), shift.data(), residual.data(), activation, 0.25f, -0.5f, 0.75f} {}
  FullEpilogue(const FullEpilogue&) = delete;

  std::vector<float> apply(std::vector<float> y) const {
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t o = i % bias.size();
      const float v = scale[o] * (y[i] + bias[o]) + shift[o] + residual[i];
      switch (epilogue.activation) {
        case tapestry::Activation::none: y[i] = v; break;
        case tapestry::Activation::relu: y[i] = std::max(v, 0.f); break;
        case tapestry::Activation::leaky_relu: y[i] = v > 0 ? v : epilogue.slope * v; break;
        case tapestry::Activation::clamp: y[i] = std::clamp(v, epilogue.low, epilogue.high); break;
      }
    }
    return y;
  }
};
