// SPDX-License-Identifier: MIT
#include "tapestry/ops/log_softmax.hpp"

#include "check_op.hpp"
#include "tapestry/ops/elementwise.hpp"
#include "tapestry/ops/softmax.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("log_softmax: gradients, layouts and devices over random configurations, along any axis") {
  RandomConfig random(711);
  check_along_axes(random, [](const Tensor<double>& x, Index axis) { return log_softmax(x, axis); });
}

TEST_CASE("log_softmax is the logarithm of softmax, and stays finite where that would not") {
  RandomConfig random(712);
  for (const Device& device : devices()) {
    const auto x = random.tensor({3, 4, 2, 5}, device, random.layout());
    for (Index axis = -4; axis < 4; ++axis) CHECK(alike(exp(log_softmax(x, axis)), softmax(x, axis)));
    CHECK(log_softmax(to(tensor<double>({1e5, 0}), device), 0).to_vector() == std::vector<double>{0, -1e5});
    CHECK(log_softmax(zeros<double>({0, 3}, device), 1).shape() == Shape{0, 3});
    const auto y = log_softmax(to(tensor<double>({{1, std::nan("")}, {1, 1}}), device), 1).to_vector();
    CHECK((std::isnan(y[0]) && std::isnan(y[1])));
    CHECK(y[2] == Approx(-std::log(2)));
  }
}

TEST_CASE("log_softmax refuses an axis that is not there") {
  CHECK_THROWS_WITH(log_softmax(ones({2, 3}), 2), contains_text("log_softmax: axis must be from -2 to 1"));
}
