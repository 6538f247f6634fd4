// SPDX-License-Identifier: MIT
#include "tapestry/ops/adaptive_avg_pool2d.hpp"

#include "check_op.hpp"
#include "tapestry/ops/reduce.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("adaptive_avg_pool2d: gradients, layouts and devices over random configurations") {
  RandomConfig random(321);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const auto draw_size = [&] { return random.pick({keep_size, Index{1}, Index{2}, Index{3}, Index{5}}); };
    const Size2 size(draw_size(), draw_size());
    Shape shape{random.integer(1, 2), random.integer(1, 3), random.integer(1, 6), random.integer(1, 6)};
    if (random.integer(0, 5) == 0) shape.erase(0);
    INFO("x " << to_string(shape) << ", output_size " << to_string(size));
    const Inputs inputs{random.tensor(shape, cpu(), Layout::row_major)};
    const auto y = adaptive_avg_pool2d(inputs[0], size);
    CHECK(y.shape() == adaptive_avg_pool2d_shape(shape, size));
    CHECK((y.rank() == 3 || y.layout() == Layout::channels_last));
    compared += check_op(random, [&](const Inputs& in) { return adaptive_avg_pool2d(in[0], size); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 4000);
}

TEST_CASE("adaptive_avg_pool2d: size 1 is the mean, the input's own size the identity, and windows may overlap") {
  RandomConfig random(322);
  for (const Device& device : devices()) {
    const auto x = random.tensor({2, 3, 5, 4}, device, random.layout());
    CHECK(alike(adaptive_avg_pool2d(x, 1), mean(x, {2, 3}, {.keep_dim = true})));
    CHECK(alike(adaptive_avg_pool2d(x, keep_size), x));
    CHECK(adaptive_avg_pool2d(x, {keep_size, 2}).shape() == Shape{2, 3, 5, 2});
    const auto row = to(tensor<double>({1, 2, 3, 4, 5}, {1, 1, 1, 5}), device);
    CHECK(adaptive_avg_pool2d(row, {1, 2}).to_vector() == std::vector<double>{2, 4});  // 1..3 and 3..5
    CHECK(adaptive_avg_pool2d(x, 0).shape() == Shape{2, 3, 0, 0});
    CHECK(adaptive_avg_pool2d(zeros<double>({0, 3, 5, 4}, device), 2).shape() == Shape{0, 3, 2, 2});
  }
}

TEST_CASE("adaptive_avg_pool2d refuses what does not fit, and says what") {
  CHECK_THROWS_WITH(adaptive_avg_pool2d(ones({1, 2, 3, 0}), 1), contains_text("adaptive_avg_pool2d: input must be"));
  CHECK_THROWS_WITH(adaptive_avg_pool2d(ones({2, 3}), 1), contains_text("got [2, 3]"));
  CHECK_THROWS_WITH(adaptive_avg_pool2d(ones({1, 2, 3, 3}), {2, -2}), contains_text("adaptive_avg_pool2d: output_size must be from 0"));
}
