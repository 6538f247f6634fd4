// SPDX-License-Identifier: MIT
#include "tapestry/ops/leaky_relu.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("leaky_relu: gradients, layouts and devices over random configurations") {
  RandomConfig random(202);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const double slope = random.pick({0.01, 0.1, 0.5, -0.25, 2.0});
    const Inputs inputs{random.distinct(random.shape(random.integer(0, 5), 1, 3), cpu(), Layout::row_major)};
    compared += check_op(random, [&](const Inputs& in) { return leaky_relu(in[0], slope); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("leaky_relu scales what is not positive and lets NaN through") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({-2.0, 0.0, 3.0, std::nan("")}), device).requires_grad(true);
    Tape tape;
    const auto y = leaky_relu(x, 0.1);
    const auto values = y.to_vector();
    CHECK(values[0] == Approx(-0.2));
    CHECK(values[1] == 0);
    CHECK(values[2] == 3);
    CHECK(std::isnan(values[3]));
    tape.backward(y, to(tensor<double>({1, 1, 1, 0}), device));
    CHECK(x.grad().to_vector() == std::vector<double>{0.1, 0.1, 1, 0});
  }
  CHECK(leaky_relu(tensor<float>({-1.f})).item() == -0.01f);
}
