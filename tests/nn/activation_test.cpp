// SPDX-License-Identifier: MIT
#include "tapestry/nn/activation.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

namespace {
const auto input = tensor<double>({-2.0, -0.5, 0.0, 1.5}, {2, 2});

void check(Layer<double>& layer, const std::vector<double>& expected) {
  INFO(layer.name());
  const auto y = layer(input);
  CHECK(y.shape() == input.shape());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(y.to_vector()[i] == Approx(expected[i]).margin(1e-12));
  CHECK(test::names(layer).empty());
}
void check(Layer<double>&& layer, const std::vector<double>& expected) { check(layer, expected); }
}  // namespace

TEST_CASE("activations: values follow the options") {
  const auto each = [](double (*f)(double)) { return std::vector<double>{f(-2), f(-0.5), f(0), f(1.5)}; };
  check(ReLU<double>(), {0, 0, 0, 1.5});
  check(ReLU<double>({.inplace = true}), {0, 0, 0, 1.5});
  CHECK(input.at(0, 0) == -2);  // inplace only prints
  check(ReLU6<double>(), {0, 0, 0, 1.5});
  check(ReLU6<double>({.inplace = true}), {0, 0, 0, 1.5});
  CHECK(ReLU6<double>()(tensor<double>({5.5, 6.0, 7.0})).to_vector() == std::vector<double>{5.5, 6, 6});
  check(LeakyReLU<double>(), {-0.02, -0.005, 0, 1.5});
  check(LeakyReLU<double>(0.1), {-0.2, -0.05, 0, 1.5});
  check(LeakyReLU<double>({.negative_slope = 0.5, .inplace = true}), {-1, -0.25, 0, 1.5});
  check(Sigmoid<double>(), each([](double v) { return 1 / (1 + std::exp(-v)); }));
  check(Tanh<double>(), each([](double v) { return std::tanh(v); }));
  check(GELU<double>(), each([](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); }));
  check(GELU<double>({.approximate = GeluApproximation::tanh}),
        each([](double v) { return 0.5 * v * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (v + 0.044715 * v * v * v))); }));
  const double a = std::exp(-1.5), b = std::exp(1.5);
  check(Softmax<double>(1), {a / (1 + a), 1 / (1 + a), 1 / (1 + b), b / (1 + b)});
  check(Softmax<double>(-1), {a / (1 + a), 1 / (1 + a), 1 / (1 + b), b / (1 + b)});
  check(LogSoftmax<double>(1), {std::log(a / (1 + a)), std::log(1 / (1 + a)), std::log(1 / (1 + b)), std::log(b / (1 + b))});
  check(Softmax<double>(0), {1 / (1 + std::exp(2)), 1 / (1 + std::exp(2)), std::exp(2) / (1 + std::exp(2)), std::exp(2) / (1 + std::exp(2))});
  CHECK_THROWS_AS(Softmax(2)(zeros({2, 2})), IndexError);
}

TEST_CASE("activations: print their options") {
  CHECK(test::printed(ReLU({.inplace = true})) == "ReLU(inplace=True)");
  CHECK(test::printed(ReLU6()) == "ReLU6()");
  CHECK(test::printed(ReLU6<double>({.inplace = true})) == "ReLU6(inplace=True)");
  CHECK(test::printed(LeakyReLU({.negative_slope = 1e-5, .inplace = true})) == "LeakyReLU(negative_slope=1e-05, inplace=True)");
  CHECK(test::printed(LeakyReLU<double>(2)) == "LeakyReLU(negative_slope=2.0)");
  CHECK(test::printed(Sigmoid<double>()) == "Sigmoid()");
  CHECK(test::printed(GELU({.approximate = GeluApproximation::tanh})) == "GELU(approximate='tanh')");
  CHECK(test::printed(LogSoftmax(-1)) == "LogSoftmax(dim=-1)");
}
