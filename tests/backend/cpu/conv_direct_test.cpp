// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/conv_direct.hpp>

#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

constexpr double tolerance = 2e-5;  // of the largest error over the root mean square

std::vector<float> forward(const ConvolutionCase& c, const Epilogue<float>& epilogue = {}) {
  std::vector<float> y = c.unwritten(c.dy);
  cpu_kernels::direct_convolution(c.g, c.x.data(), c.w.data(), epilogue, y.data());
  return y;
}
std::vector<float> backward_data(const ConvolutionCase& c) {
  std::vector<float> dx = c.unwritten(c.x);
  cpu_kernels::direct_backward_data(c.g, c.dy.data(), c.w.data(), dx.data());
  return dx;
}
std::vector<float> backward_weight(const ConvolutionCase& c) {
  std::vector<float> dw = c.unwritten(c.w);
  cpu_kernels::direct_backward_weight(c.g, c.x.data(), c.dy.data(), dw.data());
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
    const Index groups = between(1, 3);
    const Size2 kernel{between(1, 5), between(1, 5)}, stride{between(1, 3), between(1, 3)}, dilation{between(1, 2), between(1, 2)};
    const Size2 padding{between(0, 4), between(0, 4)};
    const ConvGeometry g = convolution(between(1, 3), groups * between(1, 20), between(1, 14), between(1, 14), groups * between(1, 40), kernel,
                                       stride, padding, groups, dilation);
    if (g.out_height > 0 && g.out_width > 0) return g;
  }
}

}  // namespace

TEST_CASE("direct convolution's three passes are the plain loops', for any stride, dilation, padding and groups") {
  EachInstructionSet().run([] {
    const RandomStream random{21};
    Index draw = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) check_passes(ConvolutionCase(drawn(random, draw), seed));
  });
}

TEST_CASE("direct convolution: first layers, 1x1 with stride, bands of several rows and images") {
  EachInstructionSet().run([] {
    check_passes(ConvolutionCase(convolution(2, 3, 37, 41, 64, 7, 2, 3), 1));
    check_passes(ConvolutionCase(convolution(3, 3, 32, 32, 30, 3), 2));
    check_passes(ConvolutionCase(convolution(2, 64, 14, 14, 128, 1, 2), 3));
    check_passes(ConvolutionCase(convolution(9, 40, 7, 7, 70, 3, 2, 1), 4));
    check_passes(ConvolutionCase(convolution(1, 2, 300, 70, 5, 3, 1, 1), 5));
  });
}

TEST_CASE("direct convolution where a window sees only padding, and pixels that no window sees") {
  check_passes(ConvolutionCase(convolution(1, 2, 3, 3, 3, 2, 3, 4), 1));
  check_passes(ConvolutionCase(convolution(2, 3, 9, 8, 4, 1, 4), 2));
}

TEST_CASE("direct convolution applies an epilogue to its tiles") {
  EachInstructionSet().run([] {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::leaky_relu, Activation::clamp})
      for (const Index out : {6, 30, 64, 80}) {
        const ConvolutionCase c(convolution(2, 4, 7, 6, out, 3, 2, 1, 2), 2);
        const FullEpilogue full(c.g, activation, 9);
        INFO(c.g << ", activation " << int(activation));
        CHECK(error_over_rms(forward(c, full.epilogue), full.apply(c.y())) < tolerance);
      }
  });
}

TEST_CASE("direct convolution's passes are adjoints of one another") {
  const ConvolutionCase c(convolution(2, 18, 12, 11, 32, {3, 5}, {2, 1}, {1, 2}, 2), 3);
  const double y_dy = dot(forward(c), c.dy);
  CHECK(dot(c.x, backward_data(c)) == Approx(y_dy).epsilon(1e-4));
  CHECK(dot(c.w, backward_weight(c)) == Approx(y_dy).epsilon(1e-4));
  CHECK(std::abs(y_dy) > 1);
}

TEST_CASE("direct convolution gives the same bits for any number of threads") {
  const ConvolutionCase c(convolution(5, 30, 21, 23, 60, 3, 2, 1), 4);
  const auto copied = [](const std::vector<float>& result, float* to) { std::copy(result.begin(), result.end(), to); };
  CHECK(same_for_any_threads(c.dy, [&](float* y) { copied(forward(c), y); }));
  CHECK(same_for_any_threads(c.x, [&](float* dx) { copied(backward_data(c), dx); }));
  CHECK(same_for_any_threads(c.w, [&](float* dw) { copied(backward_weight(c), dw); }));
}

TEST_CASE("direct convolution of an empty batch writes what there is") {
  const ConvolutionCase c(convolution(0, 4, 8, 8, 6, 3, 1, 1), 5);
  CHECK(forward(c).empty());
  CHECK(backward_weight(c) == std::vector<float>(c.w.size(), 0.f));
}
