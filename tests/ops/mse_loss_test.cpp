// SPDX-License-Identifier: MIT
#include "tapestry/ops/mse_loss.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("mse_loss: gradients, layouts and devices over random configurations") {
  RandomConfig random(811);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Shape shape = random.shape(random.integer(0, 5), 1, 3);
    const Reduction reduction = random.pick({Reduction::none, Reduction::mean, Reduction::sum});
    INFO("x " << to_string(shape) << ", reduction " << name_of(reduction));
    const Inputs inputs{random.tensor(shape, cpu(), Layout::row_major), random.tensor(shape, cpu(), Layout::row_major)};
    compared += check_op(random, [&](const Inputs& in) { return mse_loss(in[0], in[1], reduction); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 3000);
}

TEST_CASE("mse_loss: known values") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({1, 2, 3}), device), target = to(tensor<double>({1, 4, 0}), device);
    CHECK(mse_loss(x, target).item() == Approx(13 / 3.0));
    CHECK(mse_loss(x, target, Reduction::sum).item() == 13);
    CHECK(mse_loss(x, target, Reduction::none).to_vector() == std::vector<double>{0, 4, 9});
    CHECK(std::isnan(mse_loss(zeros<double>({0}, device), zeros<double>({0}, device)).item()));  // as in PyTorch
    CHECK(std::isnan(mse_loss(full<double>({3}, std::nan(""), device), target).item()));
  }
}

TEST_CASE("mse_loss does not broadcast") {
  CHECK_THROWS_WITH(mse_loss(ones({4, 1}), ones({4})), "mse_loss: target must have the input's shape [4, 1], got [4]");
  CHECK_THROWS_AS(mse_loss(ones({4}), ones({4}, reference())), TypeError);
}
