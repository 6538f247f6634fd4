// SPDX-License-Identifier: MIT
#include "tapestry/ops/relu.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("relu: gradients, layouts and devices over random configurations") {
  RandomConfig random(201);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Inputs inputs{random.distinct(random.shape(random.integer(0, 5), 1, 3), cpu(), Layout::row_major)};
    compared += check_op(random, [](const Inputs& in) { return relu(in[0]); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("relu stops what is negative, in forward and in backward, and lets NaN through") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({-2.0, -0.0, 0.0, 3.0, std::nan("")}), device).requires_grad(true);
    Tape tape;
    const auto y = relu(x);
    const auto values = y.to_vector();
    CHECK(std::vector<double>(values.begin(), values.end() - 1) == std::vector<double>{0, 0, 0, 3});
    CHECK(std::isnan(values[4]));
    tape.backward(y, to(tensor<double>({1, 2, 3, 4, 5}), device));
    CHECK(x.grad().to_vector() == std::vector<double>{0, 0, 0, 4, 5});
  }
}

TEST_CASE("relu keeps layout, takes empty tensors and keeps only its result") {
  const Tensor<float> x({2, 3, 4, 5}, Layout::channels_last);
  CHECK(relu(x).layout() == Layout::channels_last);
  CHECK(relu(zeros({0, 3})).shape() == Shape{0, 3});
  CHECK_THROWS_AS(relu(Tensor<float>()), ValueError);
  Tape tape;
  std::weak_ptr<detail::Storage> storage;
  auto leaf = ones({3}).requires_grad(true);
  Tensor<float> y;
  {
    const auto between = relu(leaf);
    storage = between.body().storage;
    y = relu(relu(between));
  }
  CHECK_FALSE(storage.expired());  // the first result is what its own backward reads
  tape.backward(y, ones({3}));
  CHECK(storage.expired());
  CHECK(leaf.grad().to_vector() == std::vector<float>{1, 1, 1});
}
