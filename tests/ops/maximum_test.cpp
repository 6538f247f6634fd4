// SPDX-License-Identifier: MIT
#include "tapestry/ops/maximum.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of maximum and minimum", "[ops][maximum][gradcheck]") {
  test::check_gradients(41, [](RandomConfig& random, Device device) {
    const Shape full = random.shape(random.integer(0, 4), 1, 3);
    const auto a = random.tensor(full, device, random.layout()), b = random.tensor(random.broadcastable(full), device, random.layout());
    // One operand may win everywhere, so that the other's gradient is zero.
    const GradcheckOptions zero_is_right{.allow_zero = true};
    return random.turn(2) == 0 ? gradcheck([](const auto& x, const auto& y) { return maximum(x, y); }, {a, b}, zero_is_right)
                         : gradcheck([](const auto& x, const auto& y) { return minimum(x, y); }, {a, b}, zero_is_right);
  }, 2 * 200);
}

TEST_CASE("equals share the gradient, and NaN wins", "[ops][maximum]") {
  for (const Device device : test::devices()) {
    const auto a = tensor<double>({1.0, 2.0, 3.0}, device).requires_grad(true),
               b = tensor<double>({2.0, 2.0, 2.0}, device).requires_grad(true);
    Tape tape;
    tape.backward(maximum(a, b), ones<double>({3}, device));
    CHECK(a.grad().to_vector() == std::vector<double>{0, 0.5, 1});
    CHECK(b.grad().to_vector() == std::vector<double>{1, 0.5, 0});
    a.set_grad({});
    tape.backward(minimum(a, b), ones<double>({3}, device));
    CHECK(a.grad().to_vector() == std::vector<double>{1, 0.5, 0});
    const auto nan = tensor<double>({std::nan(""), 1.0}, device), one = tensor<double>({1.0, std::nan("")}, device);
    for (const auto& y : {maximum(nan, one), minimum(nan, one)}) {
      CHECK(std::isnan(y.at(0)));
      CHECK(std::isnan(y.at(1)));
    }
    CHECK(maximum(tensor<Index>({1, 5}, device), tensor<Index>({3, 2}, device)).to_vector() == std::vector<Index>{3, 5});
  }
  CHECK_THROWS_AS(maximum(ones({2}), ones({3})), ShapeError);
}
