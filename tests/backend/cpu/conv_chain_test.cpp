// SPDX-License-Identifier: MIT
// A depthwise convolution between two of 1x1, computed together.
#include <tapestry/backend/cpu/cpu_backend.hpp>
#include <tapestry/backend/reference/plain.hpp>

#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;
using Floats = std::vector<float>;

namespace {

/// Convolutions of each other's results, with weights and stages of their own.
struct Chain {
  struct Layer {
    ConvGeometry g;
    Floats w, bias, mean, variance, gamma, beta, prepared;
    Activation activation;
  };
  std::vector<Layer> layers;
  Floats x, residual;

  Chain(const std::vector<ConvGeometry>& geometries, bool prepares) {
    CpuBackend<float> backend;
    for (const ConvGeometry& g : geometries) {
      const std::uint64_t seed = 10 * layers.size() + 1;
      const auto channel = [&](std::uint64_t i) { return random_values<float>(g.out_channels, seed + i); };
      Layer layer{g, random_values<float>(g.out_channels * g.patch(), seed), channel(1), channel(2), channel(3), channel(4), channel(5), {},
                  layers.size() % 2 == 0 ? Activation::clamp : Activation::leaky_relu};
      for (float& v : layer.variance) v = v * v + 0.5f;
      if (layers.size() == 1) layer.mean.clear();  // a link without batch norm
      if (layers.size() != 1) layer.bias.clear();
      if (prepares) {
        layer.prepared.resize(static_cast<std::size_t>(backend.weight_form(g).size));
        backend.prepare_weight(g, layer.w.data(), layer.prepared.data());
      }
      layers.push_back(layer);
    }
    const ConvGeometry &first = geometries.front(), &last = geometries.back();
    x = random_values<float>(first.batch * first.in_pixels() * first.in_channels, 101);
    residual = random_values<float>(last.batch * last.out_pixels() * last.out_channels, 102);
  }
  Stages<float> stages(std::size_t i) const {
    const Layer& l = layers[i];
    const auto given = [](const Floats& numbers) { return numbers.empty() ? nullptr : numbers.data(); };
    Stages<float> s{.bias = given(l.bias), .activation = l.activation, .slope = 0.2f, .low = -0.3f, .high = 0.8f};
    if (!l.mean.empty()) s.mean = l.mean.data(), s.variance = l.variance.data(), s.gamma = l.gamma.data(), s.beta = l.beta.data(), s.eps = 1e-3f;
    if (i + 1 == layers.size()) s.residual = residual.data();
    return s;
  }
  std::vector<ConvLink<float>> links() const {
    std::vector<ConvLink<float>> all;
    for (std::size_t i = 0; i < layers.size(); ++i)
      all.push_back({layers[i].g, layers[i].w.data(), layers[i].prepared.empty() ? nullptr : layers[i].prepared.data(), stages(i)});
    return all;
  }
  /// The plain loops, one after the other.
  Floats plain() const {
    Floats at = x;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const ConvGeometry& g = layers[i].g;
      const Stages<float> s = stages(i);
      Floats y(static_cast<std::size_t>(g.batch * g.out_pixels() * g.out_channels));
      plain::conv2d(g, at.data(), layers[i].w.data(), s.bias, y.data());
      for (std::size_t k = 0; k < y.size(); ++k) {
        const std::size_t c = k % static_cast<std::size_t>(g.out_channels);
        if (s.mean) y[k] = (y[k] - s.mean[c]) / std::sqrt(s.variance[c] + s.eps) * s.gamma[c] + s.beta[c];
        if (s.residual) y[k] += s.residual[k];
        y[k] = s.activation == Activation::clamp ? std::clamp(y[k], s.low, s.high) : y[k] > 0 ? y[k] : s.slope * y[k];
      }
      at = y;
    }
    return at;
  }
};

void check(const std::vector<ConvGeometry>& geometries) {
  for (const bool prepares : {false, true}) {
    const Chain chain(geometries, prepares);
    const auto links = chain.links();
    const Index count = static_cast<Index>(links.size());
    INFO(links[0].g << "; then " << links[1].g << "; " << count << " links, prepared " << prepares);
    REQUIRE(CpuBackend<float>().chains(geometries.data(), count));
    Floats y(chain.residual.size(), std::nanf("")), one_by_one = y;
    REQUIRE(cpu_kernels::convolution_chain(links.data(), count, chain.x.data(), y.data()));
    CHECK(error_over_rms(y, chain.plain()) < 2e-5);
    CpuBackend<float> backend;
    detail::conv2d_one_by_one(backend, links.data(), count, chain.x.data(), one_by_one.data());
    CHECK(error_over_rms(y, one_by_one) < 2e-5);
    CHECK(same_for_any_threads(chain.residual, [&](float* to) { cpu_kernels::convolution_chain(links.data(), count, chain.x.data(), to); }));
  }
}

/// 1x1 from `in` to `hidden` channels, a depthwise one, 1x1 to `out`; 0: without that.
std::vector<ConvGeometry> block(Index batch, Index in, Index height, Index width, Index hidden, Index out, Size2 kernel = 3, Size2 stride = 1,
                                Size2 padding = 1, Size2 dilation = 1) {
  std::vector<ConvGeometry> all;
  if (in > 0) all.push_back(convolution(batch, in, height, width, hidden, 1));
  const ConvGeometry filter = convolution(batch, hidden, height, width, hidden, kernel, stride, padding, hidden, dilation);
  all.push_back(filter);
  if (out > 0) all.push_back(convolution(batch, hidden, filter.out_height, filter.out_width, out, 1));
  return all;
}

}  // namespace

TEST_CASE("a chain of convolutions is the plain loops', one after the other") {
  EachInstructionSet().run([] {
    check(block(2, 8, 14, 13, 48, 16));                          // whole ranges at a time
    check(block(1, 6, 7, 7, 100, 20));                           // so little that the last sum is a pass of its own
    check(block(1, 6, 9, 8, 33, 5));                             // slices with channels left over
    check(block(3, 5, 6, 5, 4, 3));                              // fewer channels than a vector
    check(block(1, 16, 60, 112, 96, 24, 3, 2));                  // bands, whose rows of windows overlap
    check(block(2, 4, 70, 60, 144, 8));                          //
    check(block(1, 3, 64, 90, 128, 9, {5, 3}, {1, 2}, {2, 0}));  // a tall window
    check(block(1, 3, 64, 90, 128, 9, 2, 3, 0));                 // gaps between windows
    check(block(1, 3, 60, 64, 100, 9, 3, 1, 4, 2));              // windows that see only padding, taps apart
    check(block(2, 0, 20, 17, 40, 24));                          // nothing to expand
    check(block(1, 0, 112, 90, 32, 16, 3, 2));                   //
    check(block(2, 7, 20, 17, 40, 0));                           // nothing to sum
    check(block(1, 7, 80, 80, 60, 0, 3, 2));                     //
    check(block(17, 4, 5, 5, 20, 6));                            // more images than units are wanted
  });
}

TEST_CASE("drawn chains of convolutions are the plain loops'") {
  EachInstructionSet().run([] {
    const RandomStream random{77};
    Index draw = 0;
    const auto between = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
    for (int made = 0; made < 25;) {
      const Index parts = between(0, 2), batch = between(1, 3), height = between(1, 24), width = between(1, 24);
      const Size2 kernel{between(1, 4), between(1, 4)}, stride{between(1, 3), between(1, 3)}, padding{between(0, 4), between(0, 4)};
      const auto all = block(batch, parts == 1 ? 0 : between(1, 20), height, width, between(4, 90), parts == 2 ? 0 : between(1, 40), kernel, stride,
                             padding, {between(1, 2), between(1, 2)});
      if (all[parts == 1 ? 0 : 1].out_height < 1 || all[parts == 1 ? 0 : 1].out_width < 1) continue;
      check(all);
      ++made;
    }
  });
}

TEST_CASE("what is no such chain is computed one after the other") {
  const auto chains = [](const std::vector<ConvGeometry>& g) { return CpuBackend<float>().chains(g.data(), static_cast<Index>(g.size())); };
  const ConvGeometry point = convolution(1, 16, 8, 8, 16, 1), filter = convolution(1, 16, 8, 8, 16, 3, 1, 1, 16), full = convolution(1, 16, 8, 8, 16, 3, 1, 1);
  CHECK(chains({point, filter, point}));
  CHECK_FALSE(chains({point, point}));
  CHECK_FALSE(chains({full, filter}));
  CHECK_FALSE(chains({filter, full}));
  CHECK_FALSE(chains({filter, filter}));
  CHECK_FALSE(chains({filter, point, filter}));
  CHECK_FALSE(chains({filter}));
  CHECK_FALSE(chains({point, filter, point, filter}));
  CHECK_FALSE(CpuBackend<double>().chains(std::vector{point, filter}.data(), 2));

  for (const std::vector<ConvGeometry>& geometries : {std::vector{full, filter}, {full, full, point}, {point, filter, point, filter}}) {
    const Chain chain(geometries, false);
    const auto links = chain.links();
    Floats y(chain.residual.size(), std::nanf(""));
    CpuBackend<float>().conv2d_chain(links.data(), static_cast<Index>(links.size()), chain.x.data(), y.data());
    CHECK(error_over_rms(y, chain.plain()) < 1e-4);
  }
}

TEST_CASE("a chain of no image at all writes nothing") {
  const Chain chain(block(0, 8, 14, 13, 48, 16), false);
  const auto links = chain.links();
  CHECK(cpu_kernels::convolution_chain(links.data(), 3, nullptr, nullptr));
}
