// SPDX-License-Identifier: MIT
#include "tapestry/ops/max_pool2d.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("max_pool2d: gradients, layouts and devices over random configurations") {
  RandomConfig random(301);
  Index configurations = 0, compared = 0;
  while (configurations < 200) {
    const Size2 kernel(random.integer(1, 3), random.integer(1, 3));
    MaxPool2dOptions options;
    if (random.coin()) options.stride = {random.integer(1, 3), random.integer(1, 3)};
    options.padding = {random.integer(0, kernel.height / 2), random.integer(0, kernel.width / 2)};
    options.dilation = {random.integer(1, 2), random.integer(1, 2)};
    options.ceil_mode = random.coin();
    Shape shape{random.integer(1, 2), random.integer(1, 3), random.integer(1, 6), random.integer(1, 6)};
    if (random.integer(0, 5) == 0) shape.erase(0);
    try {
      max_pool2d_geometry(shape, kernel, options);
    } catch (const ShapeError&) {
      continue;
    }
    ++configurations;
    INFO("x " << to_string(shape) << ", kernel " << to_string(kernel) << ", stride " << to_string(options.stride.or_kernel(kernel))
              << ", padding " << to_string(options.padding) << ", dilation " << to_string(options.dilation)
              << ", ceil_mode " << options.ceil_mode);
    const Inputs inputs{random.distinct(shape, cpu(), Layout::row_major)};
    const auto y = max_pool2d(inputs[0], kernel, options);
    CHECK(y.shape() == max_pool2d_shape(shape, kernel, options));
    CHECK((y.rank() == 3 || y.layout() == Layout::channels_last));
    compared += check_op(random, [&](const Inputs& in) { return max_pool2d(in[0], kernel, options); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 4000);
}

TEST_CASE("max_pool2d_with_indices tells where each value stood") {
  RandomConfig random(302);
  for (const Device& device : devices())
    for (int round = 0; round < 20; ++round) {
      const auto x = random.distinct(random.shape(random.pick({Index{3}, Index{4}}), 3, 6), device, random.layout());
      const auto [y, indices] = max_pool2d_with_indices(x, 3, {.stride = {2, 1}, .padding = 1, .ceil_mode = true});
      CHECK(indices.shape() == y.shape());
      const Index plane = x.dim(-1) * x.dim(-2), outputs = y.dim(-1) * y.dim(-2);
      const auto values = x.to_vector(), largest = y.to_vector();
      const auto places = indices.to_vector();
      bool right = true;
      for (std::size_t i = 0; i < largest.size(); ++i) {
        const Index image = static_cast<Index>(i) / outputs * plane;
        right = right && values[static_cast<std::size_t>(image + places[i])] == largest[i];
      }
      CHECK(right);
    }
}

TEST_CASE("max_pool2d: the first among equals wins, NaN wins over all, padding never wins") {
  for (const Device& device : devices()) {
    const auto equal = full<double>({1, 1, 2, 2}, -7, device).requires_grad(true);
    Tape tape;
    const auto y = max_pool2d(equal, 2);
    CHECK(y.item() == -7);
    tape.backward(y, ones<double>({1, 1, 1, 1}, device));
    CHECK(equal.grad().to_vector() == std::vector<double>{1, 0, 0, 0});
    CHECK(max_pool2d(equal, 2, {.padding = 1}).to_vector() == std::vector<double>(4, -7));

    const auto x = to(tensor<double>({5, 1, std::nan(""), 2, 3, 4, 1, 9}, {1, 1, 2, 4}), device);
    const auto [largest, where] = max_pool2d_with_indices(x, 2);
    CHECK(largest.to_vector()[0] == 5);
    CHECK(std::isnan(largest.to_vector()[1]));
    CHECK(where.to_vector() == std::vector<Index>{0, 2});
    const auto infinite = full<double>({1, 1, 2, 2}, -std::numeric_limits<double>::infinity(), device);
    CHECK(max_pool2d_with_indices(infinite, 2).indices.item() == 0);
  }
}

TEST_CASE("max_pool2d: shapes, with PyTorch's rule for ceil_mode") {
  CHECK(max_pool2d_shape({1, 3, 32, 32}, 2, {}) == Shape{1, 3, 16, 16});
  CHECK(max_pool2d_shape({1, 3, 7, 5}, 2, {}) == Shape{1, 3, 3, 2});
  CHECK(max_pool2d_shape({1, 3, 7, 5}, 2, {.ceil_mode = true}) == Shape{1, 3, 4, 3});
  CHECK(max_pool2d_shape({3, 112, 112}, 3, {.stride = 2, .padding = 1}) == Shape{3, 56, 56});
  CHECK(max_pool2d_shape({1, 1, 4, 4}, 2, {.stride = 3, .ceil_mode = true}) == Shape{1, 1, 2, 2});
  CHECK(max_pool2d_shape({1, 1, 3, 3}, 1, {.stride = 3, .ceil_mode = true}) == Shape{1, 1, 1, 1});  // a second window would start outside
  CHECK(max_pool2d(zeros({0, 2, 4, 4}), 2).shape() == Shape{0, 2, 2, 2});
}

TEST_CASE("max_pool2d refuses what does not fit, and says what") {
  const auto x = ones<double>({1, 2, 6, 6});
  const auto says = [&](const Tensor<double>& in, Size2 kernel, const MaxPool2dOptions& options, const std::string& text) {
    CHECK_THROWS_WITH(max_pool2d(in, kernel, options), contains_text(text));
  };
  says(ones<double>({6, 6}), 2, {}, "max_pool2d: input must be [N, C, H, W] or [C, H, W]");
  says(ones<double>({1, 0, 6, 6}), 2, {}, "no empty axis but N, got [1, 0, 6, 6]");
  says(x, 0, {}, "max_pool2d: kernel must be from 1");
  says(x, 2, {.stride = 0}, "max_pool2d: stride must be from 1");
  says(x, 3, {.padding = -1}, "max_pool2d: padding must be from 0");
  says(x, 3, {.padding = 2}, "max_pool2d: padding must be at most half the kernel (3, 3), got (2, 2)");
  says(x, 2, {.dilation = {1, 0}}, "max_pool2d: dilation must be from 1");
  says(x, 7, {}, "max_pool2d: kernel (7, 7) with dilation (1, 1) does not fit");
  says(ones<double>({1, 1, 2, 2}), 2, {.padding = 1, .dilation = 3}, "sees no pixel");
}
