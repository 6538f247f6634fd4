// SPDX-License-Identifier: MIT
#include "tapestry/ops/avg_pool1d.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("avg_pool1d: gradients and devices over random configurations") {
  RandomConfig random(312);
  Index configurations = 0, compared = 0;
  while (configurations < 200) {
    const Index kernel = random.integer(1, 4);
    AvgPool1dOptions options;
    if (random.coin()) options.stride = random.integer(1, 3);
    options.padding = random.integer(0, kernel / 2);
    options.ceil_mode = random.coin();
    options.count_include_pad = random.coin();
    Shape shape{random.integer(1, 2), random.integer(1, 3), random.integer(1, 9)};
    if (random.integer(0, 5) == 0) shape.erase(0);
    try {
      avg_pool1d_shape(shape, kernel, options);
    } catch (const ShapeError&) {
      continue;
    }
    ++configurations;
    INFO("x " << to_string(shape) << ", kernel " << kernel << ", stride " << options.stride.or_kernel(kernel) << ", padding "
              << options.padding << ", ceil_mode " << options.ceil_mode << ", count_include_pad " << options.count_include_pad);
    const Inputs inputs{random.tensor(shape, cpu(), Layout::row_major)};
    CHECK(avg_pool1d(inputs[0], kernel, options).shape() == avg_pool1d_shape(shape, kernel, options));
    compared += check_op(random, [&, kernel](const Inputs& in) { return avg_pool1d(in[0], kernel, options); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("avg_pool1d: values with every option") {
  const auto x = tensor<double>({1, 2, 3, 4, 5}, {1, 1, 5});
  CHECK(avg_pool1d(x, 2).to_vector() == std::vector<double>{1.5, 3.5});
  CHECK(avg_pool1d(x, 2, {.ceil_mode = true}).to_vector() == std::vector<double>{1.5, 3.5, 5});
  CHECK(avg_pool1d(x, 3, {.stride = 2, .padding = 1}).to_vector() == std::vector<double>{1, 3, 3});
  CHECK(avg_pool1d(x, 3, {.stride = 2, .padding = 1, .count_include_pad = false}).to_vector() == std::vector<double>{1.5, 3, 4.5});
}

TEST_CASE("avg_pool1d refuses what does not fit, and says what") {
  const auto x = ones<double>({1, 2, 6});
  CHECK_THROWS_WITH(avg_pool1d(ones<double>({6}), 2), contains_text("avg_pool1d: input must be [N, C, L] or [C, L]"));
  CHECK_THROWS_WITH(avg_pool1d(x, 0), contains_text("avg_pool1d: kernel must be from 1"));
  CHECK_THROWS_WITH(avg_pool1d(x, 2, {.stride = 0}), contains_text("avg_pool1d: stride must be from 1"));
  CHECK_THROWS_WITH(avg_pool1d(x, 3, {.padding = 2}), contains_text("avg_pool1d: padding must be at most half the kernel 3, got 2"));
  CHECK_THROWS_WITH(avg_pool1d(x, 7), contains_text("avg_pool1d: kernel 7 with dilation 1 does not fit"));
}
