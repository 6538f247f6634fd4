// SPDX-License-Identifier: MIT
#include "tapestry/ops/logic.hpp"

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "support/random_config.hpp"

using namespace tapestry;

TEST_CASE("truth tables", "[ops][logic]") {
  for (const Device device : test::devices()) {
    const auto a = tensor<bool>({false, false, true, true}, device), b = tensor<bool>({false, true, false, true}, device);
    CHECK(logical_and(a, b).to_vector() == std::vector<bool>{false, false, false, true});
    CHECK(logical_or(a, b).to_vector() == std::vector<bool>{false, true, true, true});
    CHECK(logical_xor(a, b).to_vector() == std::vector<bool>{false, true, true, false});
    CHECK(logical_not(a).to_vector() == std::vector<bool>{true, true, false, false});
    CHECK(logical_and(a, tensor<bool>(false, device)).shape() == Shape{4});
  }
  CHECK_THROWS_AS(logical_and(tensor<bool>({true, false}), tensor<bool>({true, false, true})), ShapeError);
}

TEST_CASE("de Morgan's laws, and all and any over axes", "[ops][logic]") {
  for (const Device device : test::devices()) {
    test::RandomConfig random(151);
    for (int i = 0; i < 50; ++i) {
      const Shape shape = random.shape(4, 0, 3);
      const auto a = in_layout(random.tensor(shape, device, random.layout()) > 0, random.layout());
      const auto b = random.tensor(shape, device, random.layout()) > 1;
      CHECK(logical_not(logical_and(a, b)).to_vector() == logical_or(logical_not(a), logical_not(b)).to_vector());
      const Index axis = random.integer(0, 3);
      CHECK(all(a, axis).to_vector() == logical_not(any(logical_not(a), axis)).to_vector());
      bool every = true;
      for (bool value : a.to_vector()) every = every && value;
      CHECK(all(a).item() == every);
    }
    const auto x = tensor<bool>({{true, false}, {true, true}}, device);
    CHECK(all(x, 0).to_vector() == std::vector<bool>{true, false});
    CHECK(any(x, 1, {.keep_dim = true}).shape() == Shape{2, 1});
    CHECK(all(zeros<bool>({0}, device)).item());
    CHECK_FALSE(any(zeros<bool>({0}, device)).item());
  }
  CHECK_THROWS_AS(all(ones<bool>({2}), 1), IndexError);
}

TEST_CASE("allclose", "[ops][logic]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({1.0, 100.0}, device);
    CHECK(allclose(x, tensor<double>({1.0 + 9e-6, 100.0 + 9e-4}, device)));
    CHECK_FALSE(allclose(x, tensor<double>({1.0 + 2e-5, 100.0}, device)));
    CHECK(allclose(x, tensor<double>({1.1, 100.0}, device), {.atol = 0.2}));
    CHECK_FALSE(allclose(x, tensor<double>(100.0, device)));
    CHECK(allclose(ones<double>({2, 2}, device), tensor<double>(1.0, device)));
    const auto nan = tensor<double>({std::nan("")}, device), inf = tensor<double>({INFINITY}, device);
    CHECK_FALSE(allclose(nan, nan));
    CHECK(allclose(nan, nan, {.equal_nan = true}));
    CHECK(allclose(inf, inf));
    CHECK_FALSE(allclose(inf, nan, {.equal_nan = true}));
    CHECK_FALSE(allclose(inf, -1 * inf));
    CHECK_FALSE(allclose(tensor<double>({1.0}, device), inf));
  }
  CHECK_THROWS_AS(allclose(ones({2}), ones({3})), ShapeError);
}
