// SPDX-License-Identifier: MIT
#include "tapestry/ops/variance.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of variance and std_dev", "[ops][variance][gradcheck]") {
  for (const bool root : {false, true})
    test::check_gradients(root ? 61 : 62, [root](RandomConfig& random, Device device) {
      const Index rank = random.integer(1, 4);
      const auto x = random.tensor(random.shape(rank, 3, 4), device, random.layout());
      Shape axes{random.integer(-rank, rank - 1)};
      if (rank > 1 && random.coin()) axes.push_back((axes[0] + rank + 1) % rank);
      if (random.integer(0, 3) == 0) axes = {};
      const VarianceOptions options{.correction = random.pick({0.0, 1.0, 2.0}), .keep_dim = random.coin()};
      return gradcheck([&](const auto& a) { return root ? std_dev(a, axes, options) : variance(a, axes, options); }, {x});
    });
}

TEST_CASE("variance of known numbers", "[ops][variance]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({{1, 2, 3, 4}, {2, 2, 2, 2}}, device);
    CHECK(variance(x, 1).to_vector()[0] == Approx(5.0 / 3));
    CHECK(variance(x, 1, {.correction = 0}).to_vector() == std::vector<double>{1.25, 0});
    CHECK(variance(x, -1, {.keep_dim = true}).shape() == Shape{2, 1});
    CHECK(std_dev(x, 1, {.correction = 0}).at(0) == Approx(std::sqrt(1.25)));
    CHECK(variance(x + 1e9, 1, {.correction = 0}).at(0) == Approx(1.25));  // one pass would have lost all digits
    CHECK(std::isnan(variance(ones<double>({1}, device)).item()));
    CHECK(std::isnan(variance(zeros<double>({0}, device)).item()));
    x.requires_grad(true);
    Tape tape;
    tape.backward(std_dev(x, 1), ones<double>({2}, device));
    CHECK(x.grad().at(1, 0) == 0);  // as in PyTorch, not 0/0
  }
  CHECK_THROWS_AS(variance(ones({2}), 1), IndexError);
}
