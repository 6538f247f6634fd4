// SPDX-License-Identifier: MIT
#include "tapestry/ops/softmax.hpp"

#include "check_op.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/reduce.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("softmax: gradients, layouts and devices over random configurations, along any axis") {
  RandomConfig random(701);
  check_along_axes(random, [](const Tensor<double>& x, Index axis) { return softmax(x, axis); });
}

TEST_CASE("softmax: positive, summing to 1, blind to a shift, and safe where exp overflows") {
  RandomConfig random(702);
  for (const Device& device : devices()) {
    const auto x = random.tensor({3, 4, 2, 5}, device, random.layout());
    for (Index axis = 0; axis < 4; ++axis) {
      CHECK(softmax(x, axis).layout() == x.layout());
      CHECK(alike(sum(softmax(x, axis), axis), ones<double>(sum(x, axis).shape(), device)));
      CHECK(alike(softmax(x + 700, axis), softmax(x, axis)));
    }
    CHECK(softmax(to(tensor<double>({1e5, 0}), device), 0).to_vector() == std::vector<double>{1, 0});
    CHECK(softmax(tensor<double>(3.0), 0).item() == 1);
    CHECK(softmax(zeros<double>({0, 3}, device), 1).shape() == Shape{0, 3});
    CHECK(softmax(zeros<double>({3, 0}, device), 1).shape() == Shape{3, 0});
    const auto y = softmax(to(tensor<double>({{1, std::nan("")}, {1, 1}}), device), 1).to_vector();
    CHECK((std::isnan(y[0]) && std::isnan(y[1])));
    CHECK((y[2] == 0.5 && y[3] == 0.5));
  }
}

TEST_CASE("softmax refuses an axis that is not there") {
  CHECK_THROWS_WITH(softmax(ones({2, 3}), 2), contains_text("softmax: axis must be from -2 to 1"));
  CHECK_THROWS_AS(softmax(ones({2, 3}), -3), IndexError);
}
