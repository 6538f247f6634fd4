// SPDX-License-Identifier: MIT
#include "tapestry/ops/elementwise.hpp"

#include <cmath>

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

namespace {
auto between(double low, double high) {
  return [low, high](RandomConfig& random, const Shape& shape, Device device) {
    return random.tensor(shape, device, Layout::row_major, low, high);
  };
}
/// Values of both signs that keep away from 0 and +-1, where abs, sign and clamp have no derivative.
Tensor<double> off_the_corners(RandomConfig& random, const Shape& shape, Device device) {
  auto values = random.tensor(shape, cpu(), Layout::row_major, -2, 2).to_vector();
  for (double& value : values)
    for (double corner : {-1.0, 0.0, 1.0})
      if (std::abs(value - corner) < 0.01) value = corner + 0.02;
  return tensor<double>(values, shape, device);
}
}  // namespace

TEST_CASE("gradients of functions by element", "[ops][elementwise][gradcheck]") {
  test::check_unary_gradients(21, [](const auto& x) { return negative(x); }, between(-2, 2));
  test::check_unary_gradients(22, [](const auto& x) { return abs(x); }, off_the_corners);
  test::check_unary_gradients(23, [](const auto& x) { return square(x); }, between(-2, 2));
  test::check_unary_gradients(24, [](const auto& x) { return sqrt(x); }, between(0.2, 3));
  test::check_unary_gradients(25, [](const auto& x) { return exp(x); }, between(-2, 2));
  test::check_unary_gradients(26, [](const auto& x) { return log(x); }, between(0.2, 3));
}

TEST_CASE("gradients of clamp, which are zero outside", "[ops][elementwise][gradcheck]") {
  const GradcheckOptions zero_is_right{.allow_zero = true};
  test::check_gradients(27, [&](RandomConfig& random, Device device) {
    const auto x = in_layout(off_the_corners(random, random.shape(random.integer(0, 4), 1, 3), device), random.layout());
    switch (random.turn(3)) {
      case 0: return gradcheck([](const auto& a) { return clamp(a, -1, 1.0); }, {x}, zero_is_right);
      case 1: return gradcheck([](const auto& a) { return clamp_min(a, 0); }, {x}, zero_is_right);
      default: return gradcheck([](const auto& a) { return clamp_max(a, 1); }, {x}, zero_is_right);
    }
  }, 3 * 200);
  for (const Device device : test::devices()) {  // the edges themselves pass none, as in PyTorch 2.15
    const auto x = tensor<double>({-2.0, -1.0, 0.0, 1.0, 2.0}, device).requires_grad(true);
    Tape tape;
    const auto y = clamp(x, -1, 1);
    tape.backward(y, ones<double>({5}, device));
    CHECK(y.to_vector() == std::vector<double>{-1, -1, 0, 1, 1});
    CHECK(x.grad().to_vector() == std::vector<double>{0, 0, 1, 0, 0});
  }
}

TEST_CASE("sign has a derivative of 0 everywhere, abs of 0 at 0", "[ops][elementwise]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({-2.0, 0.0, 3.0}, device).requires_grad(true);
    Tape tape;
    const auto y = sign(x);
    CHECK(y.to_vector() == std::vector<double>{-1, 0, 1});
    tape.backward(y, ones<double>({3}, device));
    CHECK(x.grad().to_vector() == std::vector<double>{0, 0, 0});
    x.set_grad({});
    tape.backward(abs(x), ones<double>({3}, device));
    CHECK(x.grad().to_vector() == std::vector<double>{-1, 0, 1});
  }
}

TEST_CASE("functions by element give what the standard library gives", "[ops][elementwise]") {
  for (const Device device : test::devices()) {
    RandomConfig random(28);
    const auto x = random.tensor({2, 3, 5, 7}, device, Layout::channels_last, 0.1, 4);
    const auto values = x.to_vector(), roots = sqrt(x).to_vector(), powers = exp(x).to_vector(), logarithms = log(x).to_vector();
    const auto squares = square(x).to_vector(), negatives = negative(x).to_vector();
    for (std::size_t i = 0; i < values.size(); ++i) {
      CHECK(roots[i] == Approx(std::sqrt(values[i])).epsilon(1e-14));
      CHECK(powers[i] == Approx(std::exp(values[i])).epsilon(1e-14));
      CHECK(logarithms[i] == Approx(std::log(values[i])).epsilon(1e-14));
      CHECK(squares[i] == values[i] * values[i]);
      CHECK(negatives[i] == -values[i]);
    }
    CHECK(exp(x).layout() == Layout::channels_last);
  }
}

TEST_CASE("special values and integers by element", "[ops][elementwise]") {
  const double nan = std::nan(""), inf = INFINITY;
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({nan, inf, -inf, -1.0, 0.0}, device);
    const auto clamped = clamp(x, -5, 5).to_vector();
    CHECK(std::isnan(clamped[0]));
    CHECK(std::vector<double>(clamped.begin() + 1, clamped.end()) == std::vector<double>{5, -5, -1, 0});
    CHECK(std::isnan(clamp_min(x, 0).at(0)));
    CHECK(clamp_min(x, 0).at(1) == inf);
    CHECK(clamp_max(x, 0).at(2) == -inf);
    CHECK(std::isnan(sqrt(x).at(3)));
    CHECK(std::isnan(log(x).at(3)));
    CHECK(log(x).at(4) == -inf);
    CHECK(exp(x).at(1) == inf);
    CHECK(exp(x).at(2) == 0);
    CHECK(std::isnan(abs(x).at(0)));
    const auto i = tensor<Index>({-3, 0, 4}, device);
    CHECK(abs(i).to_vector() == std::vector<Index>{3, 0, 4});
    CHECK(sign(i).to_vector() == std::vector<Index>{-1, 0, 1});
    CHECK(square(i).to_vector() == std::vector<Index>{9, 0, 16});
    CHECK(clamp(i, -1, 2).to_vector() == std::vector<Index>{-1, 0, 2});
    CHECK(clamp_min(i, 0).to_vector() == std::vector<Index>{0, 0, 4});
    CHECK(exp(zeros<double>({0, 2}, device)).shape() == Shape{0, 2});
  }
}
