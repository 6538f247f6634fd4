// SPDX-License-Identifier: MIT
#include "tapestry/ops/avg_pool2d.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("avg_pool2d: gradients, layouts and devices over random configurations") {
  RandomConfig random(311);
  Index configurations = 0, compared = 0;
  while (configurations < 200) {
    const Size2 kernel(random.integer(1, 3), random.integer(1, 3));
    AvgPool2dOptions options;
    if (random.coin()) options.stride = {random.integer(1, 3), random.integer(1, 3)};
    options.padding = {random.integer(0, kernel.height / 2), random.integer(0, kernel.width / 2)};
    options.ceil_mode = random.coin();
    options.count_include_pad = random.coin();
    if (random.integer(0, 3) == 0) options.divisor_override = random.pick({Index{1}, Index{5}, Index{-2}});
    Shape shape{random.integer(1, 2), random.integer(1, 3), random.integer(1, 6), random.integer(1, 6)};
    if (random.integer(0, 5) == 0) shape.erase(0);
    try {
      avg_pool2d_geometry(shape, kernel, options);
    } catch (const ShapeError&) {
      continue;
    }
    ++configurations;
    INFO("x " << to_string(shape) << ", kernel " << to_string(kernel) << ", stride " << to_string(options.stride.or_kernel(kernel))
              << ", padding " << to_string(options.padding)
              << ", ceil_mode " << options.ceil_mode << ", count_include_pad " << options.count_include_pad);
    const Inputs inputs{random.tensor(shape, cpu(), Layout::row_major)};
    const auto y = avg_pool2d(inputs[0], kernel, options);
    CHECK(y.shape() == avg_pool2d_shape(shape, kernel, options));
    CHECK((y.rank() == 3 || y.layout() == Layout::channels_last));
    compared += check_op(random, [&](const Inputs& in) { return avg_pool2d(in[0], kernel, options); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 4000);
}

TEST_CASE("avg_pool2d: what it divides by") {
  for (const Device& device : devices()) {
    const auto x = ones<double>({1, 1, 3, 3}, device);
    const auto pool = [&](const AvgPool2dOptions& options) { return avg_pool2d(x, 2, options).to_vector(); };
    using Values = std::vector<double>;
    CHECK(pool({}) == Values{1});
    CHECK(pool({.padding = 1}) == Values{0.25, 0.5, 0.5, 1});
    CHECK(pool({.padding = 1, .count_include_pad = false}) == Values{1, 1, 1, 1});
    CHECK(pool({.ceil_mode = true}) == Values{1, 1, 1, 1});  // what hangs over the edge does not count
    CHECK(pool({.divisor_override = 8}) == Values{0.5});
    CHECK(avg_pool2d(zeros<double>({0, 1, 4, 4}, device), 2).shape() == Shape{0, 1, 2, 2});
  }
}

TEST_CASE("avg_pool2d refuses what does not fit, and says what") {
  const auto x = ones<double>({1, 2, 6, 6});
  const auto says = [&](const Tensor<double>& in, Size2 kernel, const AvgPool2dOptions& options, const std::string& text) {
    CHECK_THROWS_WITH(avg_pool2d(in, kernel, options), contains_text(text));
  };
  says(ones<double>({6, 6}), 2, {}, "avg_pool2d: input must be [N, C, H, W] or [C, H, W]");
  says(x, {2, 0}, {}, "avg_pool2d: kernel must be from 1");
  says(x, 2, {.stride = -1}, "avg_pool2d: stride must be from 1");
  says(x, 2, {.padding = {2, 0}}, "avg_pool2d: padding must be at most half the kernel");
  says(x, 2, {.divisor_override = 0}, "avg_pool2d: divisor_override must not be 0");
  says(x, {7, 1}, {}, "avg_pool2d: kernel (7, 1) with dilation (1, 1) does not fit");
}
