// SPDX-License-Identifier: MIT
#include "tapestry/ops/max_pool1d.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("max_pool1d: gradients and devices over random configurations") {
  RandomConfig random(311);
  Index configurations = 0, compared = 0;
  while (configurations < 200) {
    const Index kernel = random.integer(1, 4);
    MaxPool1dOptions options;
    if (random.coin()) options.stride = random.integer(1, 3);
    options.padding = random.integer(0, kernel / 2);
    options.dilation = random.integer(1, 2);
    options.ceil_mode = random.coin();
    Shape shape{random.integer(1, 2), random.integer(1, 3), random.integer(1, 9)};
    if (random.integer(0, 5) == 0) shape.erase(0);
    try {
      max_pool1d_shape(shape, kernel, options);
    } catch (const ShapeError&) {
      continue;
    }
    ++configurations;
    INFO("x " << to_string(shape) << ", kernel " << kernel << ", stride " << options.stride.or_kernel(kernel) << ", padding "
              << options.padding << ", dilation " << options.dilation << ", ceil_mode " << options.ceil_mode);
    const Inputs inputs{random.distinct(shape, cpu(), Layout::row_major)};
    const auto [y, indices] = max_pool1d_with_indices(inputs[0], kernel, options);
    CHECK(y.shape() == max_pool1d_shape(shape, kernel, options));
    REQUIRE(indices.shape() == y.shape());
    const std::vector<double> values = inputs[0].to_vector(), largest = y.to_vector();
    const std::vector<Index> where = indices.to_vector();
    for (std::size_t i = 0; i < largest.size(); ++i) {  // each winner stands in its own channel, under its own window
      const Index channel = static_cast<Index>(i) / y.shape().back(), t = static_cast<Index>(i) % y.shape().back();
      CHECK(values[static_cast<std::size_t>(channel * shape.back() + where[i])] == largest[i]);
      const Index tap = where[i] - t * options.stride.or_kernel(kernel) + options.padding;
      CHECK((tap >= 0 && tap % options.dilation == 0 && tap / options.dilation < kernel));
    }
    compared += check_op(random, [&, kernel](const Inputs& in) { return max_pool1d(in[0], kernel, options); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("max_pool1d: values, NaN wins, PyTorch's rule for ceil_mode") {
  const auto x = tensor<double>({5, 1, std::nan(""), 2, 9}, {1, 1, 5});
  const auto [y, where] = max_pool1d_with_indices(x, 2, {.ceil_mode = true});
  CHECK(y.shape() == Shape{1, 1, 3});
  CHECK((y.at(0, 0, 0) == 5 && std::isnan(y.at(0, 0, 1)) && y.at(0, 0, 2) == 9));
  CHECK(where.to_vector() == std::vector<Index>{0, 2, 4});
  CHECK(max_pool1d_shape({1, 1, 3}, 1, {.stride = 3, .ceil_mode = true}) == Shape{1, 1, 1});  // a second window would start outside
  CHECK(max_pool1d(zeros({0, 2, 4}), 2).shape() == Shape{0, 2, 2});
}

TEST_CASE("max_pool1d refuses what does not fit, and says what") {
  const auto x = ones<double>({1, 2, 6});
  const auto says = [&](const Tensor<double>& in, Index kernel, const MaxPool1dOptions& options, const std::string& text) {
    CHECK_THROWS_WITH(max_pool1d(in, kernel, options), contains_text(text));
  };
  says(ones<double>({6}), 2, {}, "max_pool1d: input must be [N, C, L] or [C, L]");
  says(ones<double>({1, 0, 6}), 2, {}, "no empty axis but N, got [1, 0, 6]");
  says(x, 0, {}, "max_pool1d: kernel must be from 1");
  says(x, 2, {.stride = 0}, "max_pool1d: stride must be from 1");
  says(x, 3, {.padding = -1}, "max_pool1d: padding must be from 0");
  says(x, 3, {.padding = 2}, "max_pool1d: padding must be at most half the kernel 3, got 2");
  says(x, 2, {.dilation = 0}, "max_pool1d: dilation must be from 1");
  says(x, 7, {}, "max_pool1d: kernel 7 with dilation 1 does not fit");
  says(ones<double>({1, 1, 2}), 2, {.padding = 1, .dilation = 3}, "sees nothing of the input");
}
