// SPDX-License-Identifier: MIT
#include "tapestry/ops/relu6.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("relu6: gradients, layouts and devices over random configurations") {
  RandomConfig random(206);
  Index configurations = 0, compared = 0;
  for (; configurations < 100; ++configurations) {  // values from about -16 to 16: some below 0, some between, some above 6
    const Inputs inputs{random.distinct(random.shape(random.integer(0, 5), 1, 3), cpu(), Layout::row_major)};
    compared += check_op(random, [](const Inputs& in) { return relu6(in[0]); }, inputs);
  }
  CHECK(configurations == 100);
  CHECK(compared > 500);
}

TEST_CASE("relu6 stops below 0 and above 6, in forward and in backward, and lets NaN through") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({-2.0, 0.0, 3.0, 5.5, 6.0, 9.0, std::nan("")}), device).requires_grad(true);
    Tape tape;
    const auto y = relu6(x);
    const auto values = y.to_vector();
    CHECK(std::vector<double>(values.begin(), values.end() - 1) == std::vector<double>{0, 0, 3, 5.5, 6, 6});
    CHECK(std::isnan(values[6]));
    tape.backward(y, to(tensor<double>({1, 2, 3, 4, 5, 6, 7}), device));
    const auto gradient = x.grad().to_vector();
    CHECK(std::vector<double>(gradient.begin(), gradient.end() - 1) == std::vector<double>{0, 0, 3, 4, 0, 0});
  }
  CHECK(relu6(Tensor<float>({2, 3, 4, 5}, Layout::channels_last)).layout() == Layout::channels_last);
  CHECK_THROWS_AS(relu6(Tensor<float>()), ValueError);
}
