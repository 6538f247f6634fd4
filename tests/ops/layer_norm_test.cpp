// SPDX-License-Identifier: MIT
#include "tapestry/ops/layer_norm.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("layer_norm: gradients, layouts and devices over random configurations") {
  RandomConfig random(315);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Index rank = random.integer(1, 4), axes = random.integer(1, rank);
    Shape shape = random.shape(rank, 1, 3);
    shape[-1] = random.integer(2, 4);  // one number alone is always 0, whatever x is
    const Shape normalized(shape.end() - axes, shape.end());
    const double eps = random.pick({1e-5, 0.1});
    INFO("x " << to_string(shape) << ", normalized_shape " << to_string(normalized) << ", eps " << eps);
    Inputs inputs{random.distinct(shape, cpu(), Layout::row_major)};
    const bool weight = random.coin(), bias = random.coin();
    if (weight) inputs.push_back(random.tensor(normalized, cpu(), Layout::row_major));
    if (bias) inputs.push_back(random.tensor(normalized, cpu(), Layout::row_major));
    const auto f = [&](const Inputs& in) {
      return layer_norm(in[0], normalized, weight ? in[1] : Tensor<double>(), bias ? in.back() : Tensor<double>(), eps);
    };
    compared += check_op(random, f, inputs, {.allow_zero = true});
  }
  CHECK(configurations == 200);
  CHECK(compared > 3000);
}

TEST_CASE("layer_norm: each vector comes out with mean 0 and variance 1, whatever the others are") {
  RandomConfig random(316);
  const auto x = random.tensor({5, 3, 8}, cpu(), Layout::row_major, -4, 9);
  const auto y = layer_norm(x, {3, 8}, {}, {}, 0);
  const std::vector<double> values = y.to_vector();
  for (std::size_t n = 0; n < 5; ++n) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < 24; ++i) {
      sum += values[n * 24 + i];
      squares += values[n * 24 + i] * values[n * 24 + i];
    }
    CHECK(sum == Approx(0).margin(1e-12));
    CHECK(squares / 24 == Approx(1));
  }
  CHECK(layer_norm(zeros({0, 4}), {4}).shape() == Shape{0, 4});
  CHECK(layer_norm(full({2, 4}, 7), {4}).to_vector() == std::vector<float>(8, 0));
}

TEST_CASE("layer_norm refuses what does not fit, and says what") {
  const auto x = ones<double>({2, 3, 4});
  CHECK_THROWS_WITH(layer_norm(x, {3}), contains_text("layer_norm: input must end in normalized_shape [3], got [2, 3, 4]"));
  CHECK_THROWS_WITH(layer_norm(x, {}), contains_text("layer_norm: input must end in normalized_shape []"));
  CHECK_THROWS_WITH(layer_norm(x, {1, 2, 3, 4}), contains_text("layer_norm: input must end in"));
  CHECK_THROWS_WITH(layer_norm(x, {4}, ones<double>({3})), contains_text("layer_norm: weight must be [4]"));
  CHECK_THROWS_WITH(layer_norm(x, {4}, {}, ones<double>({4, 1})), contains_text("layer_norm: bias must be [4]"));
  CHECK_THROWS_WITH(layer_norm(x, {4}, {}, {}, -1), contains_text("layer_norm: eps must be at least 0, got -1"));
  CHECK_THROWS_AS(layer_norm(x, {4}, ones<double>({4}, reference())), TypeError);
}
