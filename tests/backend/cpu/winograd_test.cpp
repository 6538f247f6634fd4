// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/winograd.hpp>

#include <tapestry/backend/cpu/conv_direct.hpp>

#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

// What the header promises: the largest error over the root mean square of the result, with tiles of 4 x 4 and of 6 x 6.
constexpr double promised_error = 2e-5, promised_large_error = 1e-4;

/// A pass by filters that it transforms itself or, if `kept`, that were transformed before.
std::vector<float> run(cpu_kernels::WinogradFilters filters, const std::vector<float>& x, const std::vector<float>& like, bool kept,
                       const Epilogue<float>& epilogue) {
  std::vector<float> y = ConvolutionCase::unwritten(like), u;
  if (kept) {
    u.assign(static_cast<std::size_t>(cpu_kernels::winograd_weight_size(filters)), std::nanf(""));
    cpu_kernels::winograd_weight(filters, u.data());
    filters.u = u.data();
  }
  cpu_kernels::winograd_forward(filters, x.data(), epilogue, y.data());
  return y;
}
std::vector<float> forward(const ConvolutionCase& c, const Epilogue<float>& epilogue = {}, bool kept = false) {
  return run({c.g, c.w.data()}, c.x, c.dy, kept, epilogue);
}
std::vector<float> backward_data(const ConvolutionCase& c, bool kept = false) {
  const ConvGeometry adjoint = cpu_kernels::adjoint_geometry(c.g);
  return run({adjoint, c.w.data(), true}, c.dy, c.x, kept, {});
}
std::vector<float> backward_weight(const ConvolutionCase& c) {
  std::vector<float> dw = c.unwritten(c.w);
  cpu_kernels::winograd_backward_weight(c.g, c.x.data(), c.dy.data(), dw.data());
  return dw;
}

/// A geometry with every size drawn, small enough for the plain loops.
ConvGeometry drawn(const RandomStream& random, Index& draw) {
  const auto between = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  return convolution(between(1, 3), between(4, 40), between(3, 13), between(3, 13), between(4, 40), 3, 1, {between(0, 4), between(0, 4)});
}

}  // namespace

TEST_CASE("Winograd's three passes are the plain loops' within the error stated, for any channels, sizes and padding") {
  EachInstructionSet().run([] {
    const RandomStream random{11};
    Index draw = 0;
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
      const ConvolutionCase c(drawn(random, draw), seed);
      INFO(c.g);
      CHECK(error_over_rms(forward(c), c.y()) < promised_error);
      CHECK(error_over_rms(backward_data(c), c.dx()) < promised_error);
      CHECK(error_over_rms(backward_weight(c), c.dw()) < promised_error);
    }
  });
}

TEST_CASE("Winograd's small and large tiles are the plain loops' forward pass within the error stated, for any channels, sizes and padding") {
  EachInstructionSet().run([] {
    const RandomStream random{12};
    Index draw = 0;
    for (std::uint64_t seed = 0; seed < 15; ++seed) {
      ConvGeometry g = drawn(random, draw);
      g.in_channels += 12, g.out_channels += 12;
      const ConvolutionCase c(g, seed);
      const FullEpilogue full(g, Activation::relu, seed);
      INFO(g);
      for (const Index side : {2, 6})
        for (const bool kept : {false, true}) {
          cpu_kernels::WinogradFilters filters{.g = g, .w = c.w.data(), .side = side};
          CHECK(error_over_rms(run(filters, c.x, c.dy, kept, full.epilogue), full.apply(c.y())) < (side == 2 ? 1e-5 : promised_large_error));
          const ConvGeometry adjoint = cpu_kernels::adjoint_geometry(g);
          filters = {.g = adjoint, .w = c.w.data(), .adjoint = true, .side = side};
          CHECK(error_over_rms(run(filters, c.dy, c.x, kept, {}), c.dx()) < (side == 2 ? 1e-5 : promised_large_error));
        }
    }
  });
}

TEST_CASE("Winograd's tiles are large where that pays and enough channels are summed for their error to be bearable, small where filters are most") {
  const auto side = [](Index channels, Index edge, Index filters) {
    return cpu_kernels::winograd_side(convolution(1, channels, edge, edge, filters, 3, 1, 1));
  };
  CHECK(side(128, 112, 128) == 6);
  CHECK(side(256, 112, 256) == 6);
  CHECK(side(512, 14, 512) == 4);
  CHECK(side(127, 112, 128) == 4);
  CHECK(side(96, 35, 96) == 4);  // Inception v3, which multiplies every rounding
  CHECK(side(128, 112, 8) == 4);
  CHECK(side(512, 7, 512) == 2);
  CHECK(cpu_kernels::winograd_side(convolution(8, 512, 7, 7, 512, 3, 1, 1)) == 4);
  CHECK(cpu_kernels::winograd_side(convolution(8, 64, 56, 56, 64, 3, 1, 1)) == 4);
}

TEST_CASE("Winograd rounds little more than a direct sum, and with more channels no more") {
  // Root mean squares of errors over those of results: a direct sum's grows with the root of the channels.
  const auto error = [](const std::vector<float>& a, const std::vector<double>& b) {
    double off = 0, square = 0;
    for (std::size_t i = 0; i < b.size(); ++i) off += std::pow(static_cast<double>(a[i]) - b[i], 2), square += b[i] * b[i];
    return std::sqrt(off / square);
  };
  for (const Index channels : {32, 128, 320}) {
    const ConvolutionCase c(convolution(1, channels, 12, 12, 16, 3, 1, 1), static_cast<std::uint64_t>(channels));
    const std::vector<double> x(c.x.begin(), c.x.end()), w(c.w.begin(), c.w.end());
    std::vector<double> y(c.dy.size());
    plain::conv2d(c.g, x.data(), w.data(), static_cast<const double*>(nullptr), y.data());
    std::vector<float> direct = c.unwritten(c.dy);
    cpu_kernels::direct_convolution(c.g, c.x.data(), c.w.data(), {}, direct.data());
    INFO(channels << " channels, a direct sum's error " << error(direct, y));
    CHECK(error(direct, y) > 1e-8);
    CHECK(error(run({.g = c.g, .w = c.w.data(), .side = 4}, c.x, c.dy, false, {}), y) < std::min(3 * error(direct, y), 1.6e-6));
    CHECK(error(run({.g = c.g, .w = c.w.data(), .side = 6}, c.x, c.dy, false, {}), y) < std::min(12 * error(direct, y), 6e-6));
  }
}

TEST_CASE("Winograd with more weights than a cache holds: threads share out the filters") {
  const ConvolutionCase c(convolution(2, 200, 7, 9, 180, 3, 1, 1), 1);
  CHECK(error_over_rms(forward(c), c.y()) < promised_error);
  CHECK(error_over_rms(backward_data(c), c.dx()) < promised_error);
  CHECK(error_over_rms(backward_weight(c), c.dw()) < promised_error);
  CHECK(forward(c) == forward(c, {}, true));
  CHECK(backward_data(c) == backward_data(c, true));
  CHECK(same_for_any_threads(c.dy, [&](float* y) {
    const std::vector<float> result = forward(c);
    std::copy(result.begin(), result.end(), y);
  }));
}

TEST_CASE("Winograd applies an epilogue to its tiles") {
  EachInstructionSet().run([] {
    for (const Activation activation : {Activation::none, Activation::relu, Activation::leaky_relu, Activation::clamp})
      for (const Index out : {5, 30, 64}) {
        const ConvolutionCase c(convolution(2, 5, 7, 6, out, 3, 1, 1), 2);
        const FullEpilogue full(c.g, activation, 9);
        INFO(c.g << ", activation " << int(activation));
        CHECK(error_over_rms(forward(c, full.epilogue), full.apply(c.y())) < promised_error);
      }
  });
}

TEST_CASE("Winograd's passes are adjoints of one another") {
  const ConvolutionCase c(convolution(2, 17, 12, 11, 33, 3, 1, 1), 3);
  const double y_dy = dot(forward(c), c.dy);
  CHECK(dot(c.x, backward_data(c)) == Approx(y_dy).epsilon(1e-4));
  CHECK(dot(c.w, backward_weight(c)) == Approx(y_dy).epsilon(1e-4));
  CHECK(std::abs(y_dy) > 1);
}

TEST_CASE("Winograd gives the same bits for any number of threads") {
  const ConvolutionCase c(convolution(5, 30, 21, 23, 60, 3), 4);
  const auto copied = [](const std::vector<float>& result, float* to) { std::copy(result.begin(), result.end(), to); };
  CHECK(forward(c) == forward(c, {}, true));  // nor for filters transformed before
  CHECK(backward_data(c) == backward_data(c, true));
  CHECK(same_for_any_threads(c.dy, [&](float* y) { copied(forward(c), y); }));
  CHECK(same_for_any_threads(c.x, [&](float* dx) { copied(backward_data(c), dx); }));
  CHECK(same_for_any_threads(c.w, [&](float* dw) { copied(backward_weight(c), dw); }));
}

TEST_CASE("Winograd's gradient of the weights with more tiles than are kept at once") {
  const ConvolutionCase c(convolution(2, 4, 66, 65, 270, 3, 1, 1), 6);
  CHECK(error_over_rms(backward_weight(c), c.dw()) < promised_error);
  CHECK(same_for_any_threads(c.w, [&](float* dw) {
    const std::vector<float> result = backward_weight(c);
    std::copy(result.begin(), result.end(), dw);
  }));
}

TEST_CASE("Winograd of an empty batch writes what there is") {
  const ConvolutionCase c(convolution(0, 4, 8, 8, 6, 3, 1, 1), 5);
  CHECK(forward(c).empty());
  const std::vector<float> dw = backward_weight(c);
  CHECK(dw == std::vector<float>(c.w.size(), 0.f));
}
