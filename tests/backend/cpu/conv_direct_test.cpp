// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/conv_direct.hpp>

#include <array>

#include "convolution_cases.hpp"

using namespace tapestry;

namespace {

const ConvolutionPasses direct_passes{cpu_kernels::direct_convolution, cpu_kernels::direct_backward_data<float>, cpu_kernels::direct_backward_weight<float>};

}  // namespace

TEST_CASE("direct convolution's three passes are the plain loops', for any stride, dilation, padding and groups") {
  EachInstructionSet().run([] {
    const RandomStream random{21};
    Index draw = 0;
    const auto channels = [](const auto& between) {
      const Index groups = between(1, 3);
      return std::array{groups * between(1, 20), groups * between(1, 40), groups};
    };
    for (std::uint64_t seed = 0; seed < 60; ++seed) direct_passes.check(drawn_convolution(random, draw, channels), seed);
  });
}

TEST_CASE("direct convolution: first layers, 1x1 with stride, bands of several rows and images") {
  EachInstructionSet().run([] {
    direct_passes.check(convolution(2, 3, 37, 41, 64, 7, 2, 3), 1);
    direct_passes.check(convolution(3, 3, 32, 32, 30, 3), 2);
    direct_passes.check(convolution(2, 64, 14, 14, 128, 1, 2), 3);
    direct_passes.check(convolution(9, 40, 7, 7, 70, 3, 2, 1), 4);
    direct_passes.check(convolution(1, 2, 300, 70, 5, 3, 1, 1), 5);
  });
}

TEST_CASE("direct convolution where a window sees only padding, and pixels that no window sees") {
  direct_passes.check(convolution(1, 2, 3, 3, 3, 2, 3, 4), 1);
  direct_passes.check(convolution(2, 3, 9, 8, 4, 1, 4), 2);
}

TEST_CASE("direct convolution applies an epilogue to its tiles") {
  EachInstructionSet().run([] {
    for (const Index out : {6, 30, 64, 80}) direct_passes.check_epilogue(convolution(2, 4, 7, 6, out, 3, 2, 1, 2));
  });
}

TEST_CASE("direct convolution's passes are adjoints of one another") { direct_passes.check_adjoint(convolution(2, 18, 12, 11, 32, {3, 5}, {2, 1}, {1, 2}, 2)); }

TEST_CASE("direct convolution gives the same bits for any number of threads") { direct_passes.check_threads(convolution(5, 30, 21, 23, 60, 3, 2, 1)); }

TEST_CASE("direct convolution of an empty batch writes what there is") { direct_passes.check_empty_batch(convolution(1, 4, 8, 8, 6, 3, 1, 1)); }
