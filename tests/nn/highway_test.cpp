// SPDX-License-Identifier: MIT
#include "tapestry/nn/highway.hpp"

#include "nn/layer_checks.hpp"
#include "support/random_config.hpp"
#include "tapestry/autograd/gradcheck.hpp"

using namespace tapestry;

TEST_CASE("Highway: a closed gate passes the input on, an open one the transform") {
  manual_seed(6);
  Highway<double> layer(3);
  CHECK(test::names(layer) == std::vector<std::string>{"transform.weight", "transform.bias", "gate.weight", "gate.bias"});
  CHECK(layer.gate.bias.to_vector() == std::vector<double>(3, -2));
  const auto x = uniform<double>({4, 3}, -2, 2);
  const auto near = [](const Tensor<double>& a, const Tensor<double>& b) {
    const std::vector<double> left = a.to_vector(), right = b.to_vector();
    for (std::size_t i = 0; i < left.size(); ++i) CHECK(left[i] == Approx(right[i]).margin(1e-12));
  };
  layer.gate.weight.fill(0);
  layer.gate.bias.fill(-800);
  near(layer(x), x);
  layer.gate.bias.fill(800);
  near(layer(x), relu(layer.transform(x)));
  layer.gate.bias.fill(0);
  near(layer(x), 0.5 * relu(layer.transform(x)) + 0.5 * x);
}

TEST_CASE("Highway: gradients of input and weights over random configurations") {
  test::RandomConfig random(7);
  Index compared = 0;
  for (int configuration = 0; configuration < 50; ++configuration) {
    const Index size = random.integer(1, 5), batch = random.integer(1, 3);
    const Shape shape = random.coin() ? Shape{batch, size} : Shape{batch, 2, size};
    INFO("input " << shape);
    Highway<double> layer(size);
    // Some ReLUs may be shut, but not all.
    const auto values = [&](const Shape& of, double low, double high) { return random.tensor(of, cpu(), Layout::row_major, low, high); };
    const auto f = [&](const std::vector<Tensor<double>>& in) {
      layer.transform.weight = in[1];
      layer.transform.bias = in[2];
      layer.gate.weight = in[3];
      layer.gate.bias = in[4];
      return layer(in[0]);
    };
    const Index count = gradcheck(f, std::vector<Tensor<double>>{values(shape, -1, 1), values({size, size}, -0.4, 0.4), values({size}, 0.5, 1.5),
                                                                   values({size, size}, -1, 1), values({size}, -1, 1)});
    CHECK(count == shape.numel() + 2 * size * (size + 1));
    compared += count;
  }
  CHECK(compared > 1500);
}
