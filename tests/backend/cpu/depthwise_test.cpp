// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/depthwise.hpp>

#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

constexpr double tolerance = 2e-5;  // of the largest error over the root mean square

std::vector<float> forward(const ConvolutionCase& c, const Epilogue<float>& epilogue = {}) {
  std::vector<float> y = c.unwritten(c.dy);
  cpu_kernels::depthwise_forward(c.g, c.x.data(), c.w.data(), epilogue, y.data());
  return y;
}
std::vector<float> backward_data(const ConvolutionCase& c) {
  std::vector<float> dx = c.unwritten(c.x);
  cpu_kernels::depthwise_backward_data(c.g, c.dy.data(), c.w.data(), dx.data());
  return dx;
}
std::vector<float> backward_weight(const ConvolutionCase& c) {
  std::vector<float> dw = c.unwritten(c.w);
  cpu_kernels::depthwise_backward_weight(c.g, c.x.data(), c.dy.data(), dw.data());
  return dw;
}
void check_passes(const ConvolutionCase& c) {
  INFO(c.g);
  CHECK(error_over_rms(forward(c), c.y()) < tolerance);
  CHECK(error_over_rms(backward_data(c), c.dx()) < tolerance);
  CHECK(error_over_rms(backward_weight(c), c.dw()) < tolerance);
}

/// A geometry with every size drawn, small enough for the plain loops.
ConvGeometry drawn(const RandomStream& random, Index& draw) {
  const auto between = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  for (;;) {
    const Index channels = between(4, 70);
    const Size2 kernel{between(1, 5), between(1, 5)}, stride{between(1, 3), between(1, 3)}, dilation{between(1, 2), between(1, 2)};
    const Size2 padding{between(0, 4), between(0, 4)};
    const ConvGeometry g = convolution(between(1, 3), channels, between(1, 14), between(1, 14), channels, kernel, stride, padding, channels, dilation);
    if (g.out_height > 0 && g.out_width > 0) return g;
  }
}

}  // namespace

TEST_CASE("depthwise convolution's three passes are the plain loops', for any stride, dilation, padding and groups") {
  EachInstructionSet().run([] {
    const RandomStream random{21};
    Index draw = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) check_passes(ConvolutionCase(drawn(random, draw), seed));
  });
}

TEST_CASE("depthwise convolution: bands of several rows, windows that see only padding, pixels that no window sees") {
  EachInstructionSet().run([] {
    check_passes(ConvolutionCase(convolution(2, 32, 60, 50, 32, 3, 1, 1, 32), 1));
    check_passes(ConvolutionCase(convolution(1, 5, 3, 3, 5, 2, 3, 4, 5), 2));
    check_passes(ConvolutionCase(convolution(2, 24, 9, 8, 24, 1, 4, 0, 24), 3));
  });
}

TEST_CASE("depthwise convolution applies an epilogue to its tiles") {
  EachInstructionSet().run([] {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::leaky_relu, Activation::clamp})
      for (const Index out : {6, 30, 64, 80}) {
        const ConvolutionCase c(convolution(2, out, 7, 6, out, 3, 2, 1, out), 2);
        const FullEpilogue full(c.g, activation, 9);
        INFO(c.g << ", activation " << int(activation));
        CHECK(error_over_rms(forward(c, full.epilogue), full.apply(c.y())) < tolerance);
      }
  });
}

TEST_CASE("depthwise convolution's passes are adjoints of one another") {
  const ConvolutionCase c(convolution(2, 36, 12, 11, 36, {3, 5}, {2, 1}, {1, 2}, 36), 3);
  const double y_dy = dot(forward(c), c.dy);
  CHECK(dot(c.x, backward_data(c)) == Approx(y_dy).epsilon(1e-4));
  CHECK(dot(c.w, backward_weight(c)) == Approx(y_dy).epsilon(1e-4));
  CHECK(std::abs(y_dy) > 1);
}

TEST_CASE("depthwise convolution gives the same bits for any number of threads") {
  const ConvolutionCase c(convolution(5, 30, 21, 23, 30, 3, 2, 1, 30), 4);
  const auto copied = [](const std::vector<float>& result, float* to) { std::copy(result.begin(), result.end(), to); };
  CHECK(same_for_any_threads(c.dy, [&](float* y) { copied(forward(c), y); }));
  CHECK(same_for_any_threads(c.x, [&](float* dx) { copied(backward_data(c), dx); }));
  CHECK(same_for_any_threads(c.w, [&](float* dw) { copied(backward_weight(c), dw); }));
}

TEST_CASE("depthwise convolution of an empty batch writes what there is") {
  const ConvolutionCase c(convolution(0, 4, 8, 8, 4, 3, 1, 1, 4), 5);
  CHECK(forward(c).empty());
  CHECK(backward_weight(c) == std::vector<float>(c.w.size(), 0.f));
}
