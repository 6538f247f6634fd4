// SPDX-License-Identifier: MIT
#include "tapestry/ops/linear.hpp"

#include "check_op.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/reduce.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("linear: gradients, layouts and devices over random configurations") {
  RandomConfig random(601);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Shape x = random.shape(random.integer(1, 4), 1, 4), weight{random.integer(1, 4), x.back()};
    INFO("x " << to_string(x) << ", weight " << to_string(weight));
    const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major); };
    Inputs inputs{values(x), values(weight)};
    if (random.coin()) inputs.push_back(values({weight[0]}));
    const auto f = [](const Inputs& in) { return linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor<double>()); };
    CHECK(f(inputs).shape() == linear_shape(x, weight));
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 3000);
}

TEST_CASE("linear is linear, and its backward pass is its adjoint") {
  RandomConfig random(602);
  for (const Device& device : devices())
    for (int round = 0; round < 20; ++round) {
      const Index in = random.integer(1, 9), out = random.integer(1, 9), rows = random.integer(1, 9);
      const auto a = random.tensor({rows, in}, device, Layout::row_major), b = random.tensor({rows, in}, device, Layout::row_major);
      const auto w = random.tensor({out, in}, device, Layout::row_major);
      CHECK(alike(linear(2 * a - 3 * b, w), 2 * linear(a, w) - 3 * linear(b, w)));
      const auto x = clone(a).requires_grad(true);
      Tape tape;
      const auto y = linear(x, w), dy = random.tensor({rows, out}, device, Layout::row_major);
      tape.backward(y, dy);
      CHECK(sum(a * x.grad()).item() == Approx(sum(y.detach() * dy).item()).margin(1e-10));
    }
}

TEST_CASE("linear: a known value, one vector, no rows and no features") {
  for (const Device& device : devices()) {
    const auto w = to(tensor<double>({{1, 2}, {3, 4}, {5, 6}}), device), bias = to(tensor<double>({0.5, 0, -1}), device);
    CHECK(linear(to(tensor<double>({{1, -1}}), device), w, bias).to_vector() == std::vector<double>{-0.5, -1, -2});
    CHECK(linear(to(tensor<double>({1, 1}), device), w).shape() == Shape{3});
    const auto none = zeros<double>({0, 2}, device).requires_grad(true), weight = clone(w).requires_grad(true);
    Tape tape;
    const auto y = linear(none, weight, bias);
    CHECK(y.shape() == Shape{0, 3});
    tape.backward(y, y.detach());
    CHECK(weight.grad().to_vector() == std::vector<double>(6, 0));
    CHECK(linear(zeros<double>({2, 0}, device), zeros<double>({3, 0}, device), bias).to_vector() ==
          std::vector<double>{0.5, 0, -1, 0.5, 0, -1});
  }
}

TEST_CASE("linear: a NaN spoils its own row only") {
  auto x = ones<double>({3, 2});
  x.set({1, 0}, std::nan(""));
  for (const Device& device : devices()) {
    const auto y = linear(to(x, device), ones<double>({2, 2}, device)).to_vector();
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i / 2 == 1));
  }
}

TEST_CASE("linear refuses what does not fit, and says what") {
  const auto x = ones<double>({4, 3}), w = ones<double>({2, 3});
  CHECK_THROWS_WITH(linear(ones<double>({4, 5}), w), "linear: input has 5 features but weight expects 3 (input [4, 5], weight [2, 3])");
  CHECK_THROWS_WITH(linear(ones<double>({}), w), contains_text("linear: input has 0 features"));
  CHECK_THROWS_WITH(linear(x, ones<double>({3})), contains_text("linear: weight must be [out_features, in_features], got [3]"));
  CHECK_THROWS_WITH(linear(x, w, ones<double>({3})), contains_text("linear: bias must be [2] for weight [2, 3], got [3]"));
  CHECK_THROWS_AS(linear(x, ones<double>({2, 3}, reference())), TypeError);
  CHECK_THROWS_AS(linear(x, w, ones<double>({2}, reference())), TypeError);
}
