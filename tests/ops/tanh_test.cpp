// SPDX-License-Identifier: MIT
#include "tapestry/ops/tanh.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("tanh: gradients, layouts and devices over random configurations") {
  RandomConfig random(204);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Inputs inputs{random.distinct(random.shape(random.integer(0, 5), 1, 3), cpu(), Layout::row_major)};
    compared += check_op(random, [](const Inputs& in) { return tapestry::tanh(in[0]); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("tanh: known values, symmetry and limits") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({0.0, 1.0, -1.0, 800.0, -800.0}), device);
    const auto y = tapestry::tanh(x).to_vector();
    CHECK(y[0] == 0);
    CHECK(y[1] == Approx(0.7615941559557649));
    CHECK(y[1] == -y[2]);
    CHECK(y[3] == 1);
    CHECK(y[4] == -1);
  }
  CHECK(std::isnan(tapestry::tanh(tensor<float>({std::nanf("")})).item()));
}
