// SPDX-License-Identifier: MIT
#include "tapestry/ops/gelu.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("gelu: gradients, layouts and devices over random configurations, in both forms") {
  RandomConfig random(205);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const auto form = random.pick({GeluApproximation::none, GeluApproximation::tanh});
    const Inputs inputs{random.tensor(random.shape(random.integer(0, 5), 1, 3), cpu(), Layout::row_major, -4, 4)};
    compared += check_op(random, [&](const Inputs& in) { return gelu(in[0], form); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("gelu: known values; its two forms are near each other and yet two") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({0.0, 1.0, -1.0, 30.0, -30.0}), device);
    const auto exact = gelu(x).to_vector(), approximate = gelu(x, GeluApproximation::tanh).to_vector();
    CHECK(exact[0] == 0);
    CHECK(exact[1] == Approx(0.8413447460685429));
    CHECK(exact[2] == Approx(-0.15865525393145707));
    CHECK(exact[3] == 30);
    CHECK(exact[4] == Approx(0).margin(1e-100));
    CHECK(approximate[1] == Approx(0.8411919906082768));
    CHECK(approximate[1] != exact[1]);
    for (std::size_t i = 0; i < exact.size(); ++i) CHECK(std::abs(exact[i] - approximate[i]) < 1e-3);
  }
  CHECK(std::isnan(gelu(tensor<float>({std::nanf("")})).item()));
}
