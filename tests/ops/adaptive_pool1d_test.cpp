// SPDX-License-Identifier: MIT
#include "tapestry/ops/adaptive_pool1d.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("adaptive 1-D pools: gradients and devices over random configurations") {
  RandomConfig random(313);
  Index configurations = 0, compared = 0;
  for (; configurations < 400; ++configurations) {
    const bool largest = configurations % 2 == 0;
    const Index size = random.integer(1, 6);
    Shape shape{random.integer(1, 2), random.integer(1, 3), random.integer(1, 9)};
    if (random.integer(0, 5) == 0) shape.erase(0);
    INFO((largest ? "max" : "avg") << ", x " << to_string(shape) << ", output_size " << size);
    const auto f = [&](const Inputs& in) { return largest ? adaptive_max_pool1d(in[0], size) : adaptive_avg_pool1d(in[0], size); };
    const Inputs inputs{random.distinct(shape, cpu(), Layout::row_major)};
    const auto y = f(inputs);
    const Index length = shape.back(), rows = shape.numel() / length;
    shape[-1] = size;
    REQUIRE(y.shape() == shape);
    const std::vector<double> x = inputs[0].to_vector(), values = y.to_vector();
    for (Index row = 0; row < rows; ++row)
      for (Index t = 0; t < size; ++t) {  // by the formula
        double sum = 0, most = -1e300;
        const Index begin = t * length / size, end = ((t + 1) * length + size - 1) / size;
        for (Index p = begin; p < end; ++p) {
          const double value = x[static_cast<std::size_t>(row * length + p)];
          sum += value;
          most = std::max(most, value);
        }
        CHECK(values[static_cast<std::size_t>(row * size + t)] == Approx(largest ? most : sum / static_cast<double>(end - begin)));
      }
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 400);
  CHECK(compared > 2000);
}

TEST_CASE("adaptive 1-D pools refuse what does not fit, and say what") {
  CHECK_THROWS_WITH(adaptive_avg_pool1d(ones({6}), 2), contains_text("adaptive_avg_pool1d: input must be [N, C, L] or [C, L]"));
  CHECK_THROWS_WITH(adaptive_max_pool1d(ones({1, 2, 0}), 2), contains_text("adaptive_max_pool1d: input must be"));
  CHECK_THROWS_WITH(adaptive_avg_pool1d(ones({2, 6}), 0), contains_text("adaptive_avg_pool1d: output_size must be from 1"));
  CHECK_THROWS_WITH(adaptive_max_pool1d(ones({2, 6}), -1), contains_text("adaptive_max_pool1d: output_size must be from 1"));
}
