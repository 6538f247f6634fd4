// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/conv_run.hpp>

#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

constexpr double winograd_error = 1e-4;  // Winograd's

struct ForcedAlgorithm {
  explicit ForcedAlgorithm(ConvAlgorithm algorithm) { set_convolution_algorithm(algorithm); }
  ~ForcedAlgorithm() { set_convolution_algorithm(std::nullopt); }
};

std::vector<float> any_forward(const ConvolutionCase& c, const Epilogue<float>& epilogue = {}, const float* prepared = nullptr) {
  std::vector<float> y = c.unwritten(c.dy);
  REQUIRE(cpu_kernels::convolution_forward(c.g, c.x.data(), c.w.data(), prepared, epilogue, y.data()));
  return y;
}
void check_passes(const ConvolutionCase& c) {
  INFO(c.g << ", forward by " << name_of(convolution_algorithm(c.g, ConvPass::forward)));
  std::vector<float> dx = c.unwritten(c.x), dw = c.unwritten(c.w);
  std::vector<float> prepared(static_cast<std::size_t>(cpu_kernels::convolution_weight_form(c.g).size), std::nanf(""));
  cpu_kernels::convolution_prepare_weight(c.g, c.w.data(), prepared.data());
  const std::vector<float> y = any_forward(c);
  CHECK(error_over_rms(y, c.y()) < winograd_error);
  if (!prepared.empty()) CHECK(any_forward(c, {}, prepared.data()) == y);
  const FullEpilogue full(c.g, Activation::leaky_relu, 5);
  CHECK(error_over_rms(any_forward(c, full.epilogue), full.apply(c.y())) < winograd_error);
  if (convolution_algorithm(c.g, ConvPass::backward_data) == ConvAlgorithm::im2col) return;
  REQUIRE(cpu_kernels::convolution_backward_data(c.g, c.dy.data(), c.w.data(), dx.data()));
  CHECK(error_over_rms(dx, c.dx()) < winograd_error);
  if (convolution_algorithm(c.g, ConvPass::backward_weight) == ConvAlgorithm::im2col) return;
  REQUIRE(cpu_kernels::convolution_backward_weight(c.g, c.x.data(), c.dy.data(), dw.data()));
  CHECK(error_over_rms(dw, c.dw()) < winograd_error);
}

const ConvGeometry geometries[] = {
    convolution(2, 3, 20, 20, 30, 3),          convolution(2, 16, 12, 12, 16, 3, 1, 1), convolution(2, 20, 9, 9, 36, 1),
    convolution(1, 40, 9, 8, 40, 3, 2, 1, 40), convolution(3, 12, 11, 9, 18, 3, 2, 1, 3), convolution(2, 3, 40, 40, 24, 7, 2, 3),
    convolution(2, 64, 8, 8, 96, 3, 1, 1),     convolution(2, 24, 14, 14, 40, 1, 2),
};

}  // namespace

TEST_CASE("convolution: every algorithm that fits gives what the plain loops give") {
  for (const ConvGeometry& g : geometries)
    for (const ConvAlgorithm algorithm : conv_algorithms) {
      if (algorithm == ConvAlgorithm::im2col || !convolution_fits(algorithm, g)) continue;
      const ForcedAlgorithm forced(algorithm);
      REQUIRE(convolution_algorithm(g, ConvPass::forward) == algorithm);
      check_passes(ConvolutionCase(g, 1));
    }
}

TEST_CASE("convolution: what is chosen gives what the plain loops give, with every instruction set") {
  EachInstructionSet().run([] {
    for (const ConvGeometry& g : geometries) check_passes(ConvolutionCase(g, 2));
  });
}

TEST_CASE("convolution: a forced algorithm is taken where it fits and nowhere else") {
  const ConvGeometry depthwise = convolution(1, 8, 9, 9, 8, 3, 1, 1, 8), strided = convolution(1, 8, 9, 9, 8, 3, 2, 1);
  CHECK(choose_convolution(depthwise, ConvPass::forward) == ConvAlgorithm::depthwise);
  const ForcedAlgorithm forced(ConvAlgorithm::winograd);
  CHECK(convolution_algorithm(convolution(1, 4, 9, 9, 8, 3, 1, 1), ConvPass::backward_weight) == ConvAlgorithm::winograd);
  CHECK(convolution_algorithm(depthwise, ConvPass::forward) == ConvAlgorithm::depthwise);
  CHECK(convolution_algorithm(strided, ConvPass::forward) == choose_convolution(strided, ConvPass::forward));
}

TEST_CASE("convolution: im2col is left to the backend's defaults, and nothing is written") {
  const ForcedAlgorithm forced(ConvAlgorithm::im2col);
  const ConvolutionCase c(geometries[0], 4);
  float untouched = 7;
  CHECK_FALSE(cpu_kernels::convolution_forward(c.g, c.x.data(), c.w.data(), nullptr, {}, &untouched));
  CHECK_FALSE(cpu_kernels::convolution_backward_data(c.g, c.dy.data(), c.w.data(), &untouched));
  CHECK_FALSE(cpu_kernels::convolution_backward_weight(c.g, c.x.data(), c.dy.data(), &untouched));
  CHECK(untouched == 7);
  CHECK(cpu_kernels::convolution_weight_form(c.g).size == 0);
}

TEST_CASE("convolution: the choice for well-known layers") {
  const auto chosen = [](const ConvGeometry& g, ConvPass pass) { return choose_convolution(g, pass); };
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weight})
    for (const Index channels : {64, 128, 256, 512}) {
      CHECK(chosen(convolution(8, channels, 3584 / channels, 3584 / channels, channels, 3, 1, 1), pass) == ConvAlgorithm::winograd);
      CHECK(chosen(convolution(8, channels, 3584 / channels, 3584 / channels, 2 * channels, 3, 2, 1), pass) != ConvAlgorithm::winograd);
    }
  CHECK(chosen(convolution(8, 3, 224, 224, 64, 7, 2, 3), ConvPass::forward) == ConvAlgorithm::direct);
  CHECK(chosen(convolution(8, 3, 224, 224, 64, 7, 2, 3), ConvPass::backward_data) == ConvAlgorithm::im2col);
}

TEST_CASE("convolution gives the same bits for any number of threads, by every algorithm") {
  for (const ConvGeometry& g : geometries)
    for (const ConvAlgorithm algorithm : conv_algorithms) {
      if (algorithm == ConvAlgorithm::im2col || !convolution_fits(algorithm, g)) continue;
      const ForcedAlgorithm forced(algorithm);
      const ConvolutionCase c(g, 3);
      INFO(g << ", " << name_of(algorithm));
      CHECK(same_for_any_threads(c.dy, [&](float* y) { cpu_kernels::convolution_forward(g, c.x.data(), c.w.data(), nullptr, {}, y); }));
      CHECK(same_for_any_threads(c.x, [&](float* dx) { cpu_kernels::convolution_backward_data(g, c.dy.data(), c.w.data(), dx); }));
      CHECK(same_for_any_threads(c.w, [&](float* dw) { cpu_kernels::convolution_backward_weight(g, c.x.data(), c.dy.data(), dw); }));
    }
}
