// SPDX-License-Identifier: MIT
#include "tapestry/nn/layer_norm.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("LayerNorm: begins as the plain normalisation, and learns scale and shift") {
  LayerNorm<double> layer({2, 3});
  CHECK(test::names(layer) == std::vector<std::string>{"weight", "bias"});
  CHECK(layer.weight.shape() == Shape{2, 3});
  CHECK(layer.weight.to_vector() == std::vector<double>(6, 1));
  CHECK(layer.bias.to_vector() == std::vector<double>(6, 0));
  const auto x = uniform<double>({4, 2, 3}, -1, 5);
  CHECK(layer(x).to_vector() == layer_norm(x, {2, 3}).to_vector());
  layer.bias.fill(7);
  layer.weight.fill(0);
  CHECK(layer(x).to_vector() == std::vector<double>(24, 7));
  LayerNorm<double> no_bias(3, {.bias = false}), plain(3, {.elementwise_affine = false});
  CHECK(test::names(no_bias) == std::vector<std::string>{"weight"});
  CHECK(test::names(plain).empty());
}

TEST_CASE("LayerNorm: prints as PyTorch does, and refuses by name") {
  CHECK(test::printed(LayerNorm(5)) == "LayerNorm((5,), eps=1e-05, elementwise_affine=True, bias=True)");
  CHECK(test::printed(LayerNorm({5, 2}, {.bias = false})) == "LayerNorm((5, 2), eps=1e-05, elementwise_affine=True, bias=False)");
  CHECK_THROWS_WITH(LayerNorm(0), contains_text("LayerNorm: normalized_shape must have sizes of at least 1, got [0]"));
  CHECK_THROWS_WITH(LayerNorm(Shape{}), contains_text("got []"));
  CHECK_THROWS_WITH(LayerNorm(3, {.eps = -1}), contains_text("LayerNorm: eps must be at least 0"));
  CHECK_THROWS_AS(LayerNorm(3)(zeros({2, 4})), ShapeError);
}
