// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/depthwise.hpp>

#include <array>

#include "convolution_cases.hpp"

using namespace tapestry;

namespace {

const ConvolutionPasses depthwise_passes{cpu_kernels::depthwise_convolution, cpu_kernels::depthwise_backward_data, cpu_kernels::depthwise_backward_weight};

}  // namespace

TEST_CASE("depthwise convolution's three passes are the plain loops', for any stride, dilation and padding") {
  EachInstructionSet().run([] {
    const RandomStream random{21};
    Index draw = 0;
    const auto channels = [](const auto& between) {
      const Index count = between(4, 70);
      return std::array{count, count, count};
    };
    for (std::uint64_t seed = 0; seed < 60; ++seed) depthwise_passes.check(drawn_convolution(random, draw, channels), seed);
  });
}

TEST_CASE("depthwise convolution: bands of several rows, windows that see only padding, pixels that no window sees") {
  EachInstructionSet().run([] {
    depthwise_passes.check(convolution(2, 32, 60, 50, 32, 3, 1, 1, 32), 1);
    depthwise_passes.check(convolution(1, 5, 3, 3, 5, 2, 3, 4, 5), 2);
    depthwise_passes.check(convolution(2, 24, 9, 8, 24, 1, 4, 0, 24), 3);
  });
}

TEST_CASE("depthwise convolution applies an epilogue to its tiles") {
  EachInstructionSet().run([] {
    for (const Index channels : {6, 30, 64, 80}) depthwise_passes.check_epilogue(convolution(2, channels, 7, 6, channels, 3, 2, 1, channels));
  });
}

TEST_CASE("depthwise convolution's passes are adjoints of one another") {
  depthwise_passes.check_adjoint(convolution(2, 36, 12, 11, 36, {3, 5}, {2, 1}, {1, 2}, 36));
}

TEST_CASE("depthwise convolution gives the same bits for any number of threads") { depthwise_passes.check_threads(convolution(5, 30, 21, 23, 30, 3, 2, 1, 30)); }

TEST_CASE("depthwise convolution of an empty batch writes what there is") { depthwise_passes.check_empty_batch(convolution(1, 4, 8, 8, 4, 3, 1, 1, 4)); }
