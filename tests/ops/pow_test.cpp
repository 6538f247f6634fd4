// SPDX-License-Identifier: MIT
#include "tapestry/ops/pow.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of pow", "[ops][pow][gradcheck]") {
  test::check_gradients(31, [](RandomConfig& random, Device device) {
    const Shape full = random.shape(random.integer(0, 4), 1, 3);
    const auto a = random.tensor(full, device, random.layout(), 0.3, 2),
               b = random.tensor(random.broadcastable(full), device, random.layout());
    return gradcheck([](const auto& x, const auto& y) { return pow(x, y); }, {a, b});
  });
  test::check_gradients(32, [](RandomConfig& random, Device device) {
    const auto x = random.tensor(random.shape(random.integer(0, 4), 1, 3), device, random.layout(), 0.3, 2);
    const double exponent = random.pick({-1.5, -1.0, 0.5, 1.0, 2.0, 3.0});
    return random.turn(2) == 0 ? gradcheck([exponent](const auto& a) { return pow(a, exponent); }, {x})
                         : gradcheck([exponent](const auto& a) { return pow(exponent * exponent + 0.5, a); }, {x});
  }, 2 * 200);
}

TEST_CASE("pow where its formula has no value", "[ops][pow]") {
  for (const Device device : test::devices()) {
    const auto a = tensor<double>({0.0, 0.0, 0.0, -2.0}, device).requires_grad(true);
    const auto b = tensor<double>({0.0, 1.0, 2.0, 2.0}, device).requires_grad(true);
    Tape tape;
    const auto y = pow(a, b);
    CHECK(y.to_vector() == std::vector<double>{1, 0, 0, 4});
    tape.backward(y, ones<double>({4}, device));
    CHECK(a.grad().to_vector() == std::vector<double>{0, 1, 0, -4});
    const auto db = b.grad().to_vector();
    CHECK(std::vector<double>(db.begin(), db.begin() + 3) == std::vector<double>{0, 0, 0});
    CHECK(std::isnan(db[3]));  // the logarithm of a negative number
    a.set_grad({});
    tape.backward(pow(a, 0), ones<double>({4}, device));
    CHECK(a.grad().to_vector() == std::vector<double>{0, 0, 0, 0});
  }
}

TEST_CASE("powers of integers", "[ops][pow]") {
  for (const Device device : test::devices()) {
    const auto i = tensor<Index>({-2, 0, 3}, device);
    CHECK(pow(i, 3).to_vector() == std::vector<Index>{-8, 0, 27});
    CHECK(pow(i, 0).to_vector() == std::vector<Index>{1, 1, 1});
    CHECK_THROWS_WITH(pow(i, -1), "pow: exponent must be at least 0 for integers, got -1");
  }
  CHECK_THROWS_AS(pow(ones({2}), ones({3})), ShapeError);
}
