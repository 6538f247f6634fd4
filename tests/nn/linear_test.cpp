// SPDX-License-Identifier: MIT
#include "tapestry/nn/linear.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("Linear: shapes and value") {
  Linear layer(3, 2);
  CHECK(layer.weight.shape() == Shape{2, 3});
  CHECK(layer.bias.shape() == Shape{2});
  CHECK(test::names(layer) == std::vector<std::string>{"weight", "bias"});
  layer.weight.copy_from(tensor({{1, 2, 3}, {-1, 0, 1}}));
  layer.bias.copy_from(tensor({10, 20}));
  const auto y = layer(tensor({{1, 1, 1}, {1, 0, 0}}));
  CHECK(y.shape() == Shape{2, 2});
  CHECK(y.to_vector() == std::vector<float>{16, 20, 11, 19});
  CHECK(layer(zeros({3})).to_vector() == std::vector<float>{10, 20});
  CHECK(layer(zeros({4, 5, 3})).shape() == Shape{4, 5, 2});
  Linear<double> bare(3, 2, {.bias = false});
  CHECK_FALSE(bare.bias.defined());
  CHECK(bare(zeros<double>({1, 3})).to_vector() == std::vector<double>{0, 0});
  CHECK(test::names(bare) == std::vector<std::string>{"weight"});
}

TEST_CASE("Linear: begins uniform in +-1/sqrt(in_features) and learns") {
  manual_seed(2);
  Linear layer(25, 200);
  test::check_uniform(layer.weight, 0.2);
  test::check_uniform(layer.bias, 0.2);
  CHECK(layer.weight.requires_grad());
  CHECK(layer.bias.requires_grad());
}

TEST_CASE("Linear: sizes and inputs that do not fit are refused") {
  CHECK_THROWS_WITH(Linear(0, 2), "Linear: in_features and out_features must be at least 1, got 0 and 2");
  CHECK_THROWS_WITH(Linear(2, -2), contains_text("got 2 and -2"));
  CHECK_THROWS_AS(Linear(3, 2)(zeros({1, 4})), ShapeError);
}

TEST_CASE("Linear: prints its options") {
  CHECK(test::printed(Linear(3, 2)) == "Linear(in_features=3, out_features=2, bias=True)");
  CHECK(test::printed(Linear<double>(3, 2, {.bias = false})) == "Linear(in_features=3, out_features=2, bias=False)");
}
