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

#include "support/catch.hpp"
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

/// Three passes of one way to convolve, on images in memory: forward(g, x, w, epilogue, y), backward_data(g, dy, w, dx) and
/// backward_weight(g, x, dy, dw). What they must be whatever the way: the plain loops' values within rounding, adjoint, the same for any threads.
struct ConvolutionPasses {
  using Geometry = tapestry::ConvGeometry;
  void (*forward_pass)(const Geometry&, const float*, const float*, const tapestry::Epilogue<float>&, float*);
  void (*backward_data_pass)(const Geometry&, const float*, const float*, float*);
  void (*backward_weight_pass)(const Geometry&, const float*, const float*, float*);
  static constexpr double tolerance = 2e-5;  // of the largest error over the root mean square

  std::vector<float> forward(const ConvolutionCase& c, const tapestry::Epilogue<float>& epilogue = {}) const {
    std::vector<float> y = c.unwritten(c.dy);
    forward_pass(c.g, c.x.data(), c.w.data(), epilogue, y.data());
    return y;
  }
  std::vector<float> backward_data(const ConvolutionCase& c) const {
    std::vector<float> dx = c.unwritten(c.x);
    backward_data_pass(c.g, c.dy.data(), c.w.data(), dx.data());
    return dx;
  }
  std::vector<float> backward_weight(const ConvolutionCase& c) const {
    std::vector<float> dw = c.unwritten(c.w);
    backward_weight_pass(c.g, c.x.data(), c.dy.data(), dw.data());
    return dw;
  }

  void check(const Geometry& g, std::uint64_t seed) const {
    const ConvolutionCase c(g, seed);
    INFO(g);
    CHECK(error_over_rms(forward(c), c.y()) < tolerance);
    CHECK(error_over_rms(backward_data(c), c.dx()) < tolerance);
    CHECK(error_over_rms(backward_weight(c), c.dw()) < tolerance);
  }
  /// With every activation behind every other term.
  void check_epilogue(const Geometry& g) const {
    for (const auto activation : {tapestry::Activation::none, tapestry::Activation::relu, tapestry::Activation::leaky_relu, tapestry::Activation::clamp}) {
      const ConvolutionCase c(g, 2);
      const FullEpilogue full(g, activation, 9);
      INFO(g << ", activation " << int(activation));
      CHECK(error_over_rms(forward(c, full.epilogue), full.apply(c.y())) < tolerance);
    }
  }
  /// <forward(x, w), dy> = <x, backward_data(dy, w)> = <w, backward_weight(x, dy)>.
  void check_adjoint(const Geometry& g) const {
    const ConvolutionCase c(g, 3);
    const double y_dy = dot(forward(c), c.dy);
    CHECK(dot(c.x, backward_data(c)) == Approx(y_dy).epsilon(1e-4));
    CHECK(dot(c.w, backward_weight(c)) == Approx(y_dy).epsilon(1e-4));
    CHECK(std::abs(y_dy) > 1);
  }
  void check_threads(const Geometry& g) const {
    const ConvolutionCase c(g, 4);
    const auto copied = [](const std::vector<float>& result, float* to) { std::copy(result.begin(), result.end(), to); };
    CHECK(same_for_any_threads(c.dy, [&](float* y) { copied(forward(c), y); }));
    CHECK(same_for_any_threads(c.x, [&](float* dx) { copied(backward_data(c), dx); }));
    CHECK(same_for_any_threads(c.w, [&](float* dw) { copied(backward_weight(c), dw); }));
  }
  void check_empty_batch(const Geometry& g) const {
    const ConvolutionCase c(g.with_batch(0), 5);
    CHECK(forward(c).empty());
    CHECK(backward_weight(c) == std::vector<float>(c.w.size(), 0.f));
  }
};

/// A geometry with every size drawn, small enough for the plain loops; `channels(between)` gives input channels, filters and groups.
template <class F>
tapestry::ConvGeometry drawn_convolution(const tapestry::RandomStream& random, tapestry::Index& draw, const F& channels) {
  using tapestry::Index, tapestry::Size2;
  const auto between = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  for (;;) {
    const auto [in, out, groups] = channels(between);
    const Size2 kernel{between(1, 5), between(1, 5)}, stride{between(1, 3), between(1, 3)}, dilation{between(1, 2), between(1, 2)};
    const Size2 padding{between(0, 4), between(0, 4)};
    const auto g = convolution(between(1, 3), in, between(1, 14), between(1, 14), out, kernel, stride, padding, groups, dilation);
    if (g.out_height > 0 && g.out_width > 0) return g;
  }
}
