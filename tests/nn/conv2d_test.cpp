// SPDX-License-Identifier: MIT
#include "tapestry/nn/conv2d.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("Conv2d: shapes of weight, bias and result") {
  Conv2d layer(4, 6, {.kernel = {3, 5}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .groups = 2});
  CHECK(layer.weight.shape() == Shape{6, 2, 3, 5});
  CHECK(layer.weight.layout() == Layout::channels_last);
  CHECK(layer.bias.shape() == Shape{6});
  CHECK(layer(zeros({2, 4, 9, 12})).shape() == Shape{2, 6, 5, 4});
  CHECK(Conv2d(3, 8, {.kernel = 3, .padding = Padding::same})(zeros({1, 3, 7, 5})).shape() == Shape{1, 8, 7, 5});
  CHECK(test::names(layer) == std::vector<std::string>{"weight", "bias"});
  CHECK(layer.weight.requires_grad());
  CHECK(layer.bias.requires_grad());
  Conv2d bare(3, 8, {.kernel = 1, .bias = false});
  CHECK_FALSE(bare.bias.defined());
  CHECK(test::names(bare) == std::vector<std::string>{"weight"});
  CHECK(bare(zeros({1, 3, 2, 2})).shape() == Shape{1, 8, 2, 2});
  Conv2d<double> wide(1, 1, {.kernel = 2});
  CHECK(wide(zeros<double>({1, 1, 2, 2})).item() == wide.bias.item());
}

TEST_CASE("Conv2d: computes the op with its options") {
  manual_seed(5);
  const auto x = randn<double>({2, 4, 7, 8});
  Conv2d<double> layer(4, 6, {.kernel = 3, .stride = 2, .padding = 1, .dilation = 2, .groups = 2, .padding_mode = PaddingMode::reflect});
  const auto expected = conv2d(x, layer.weight, layer.bias, {.stride = 2, .padding = 1, .dilation = 2, .groups = 2, .padding_mode = PaddingMode::reflect});
  CHECK(layer(x).to_vector() == expected.to_vector());
  CHECK(layer.options().stride == Size2(2));
}

TEST_CASE("Conv2d: begins uniform in +-1/sqrt(fan_in), from the seed alone") {
  manual_seed(11);
  Conv2d layer(8, 64, {.kernel = 3, .groups = 2});
  test::check_uniform(layer.weight, 1 / std::sqrt(36.0));
  test::check_uniform(layer.bias, 1 / std::sqrt(36.0));
  manual_seed(11);
  Conv2d again(8, 64, {.kernel = 3, .groups = 2});
  CHECK(again.weight.to_vector() == layer.weight.to_vector());
  CHECK(again.bias.to_vector() == layer.bias.to_vector());
  manual_seed(11);
  const Tensor<> row_major(layer.weight.shape());
  init::torch_default(row_major, Tensor<>());
  CHECK(row_major.to_vector() == layer.weight.to_vector());
}

TEST_CASE("Conv2d: options outside their range are refused by name") {
  CHECK_THROWS_WITH(Conv2d(3, 6, {}), contains_text("Conv2d: kernel must be"));
  CHECK_THROWS_WITH(Conv2d(3, 6, {.kernel = {3, 0}}), contains_text("Conv2d: kernel must be"));
  CHECK_THROWS_WITH(Conv2d(3, 6, {.kernel = 3, .stride = 0}), contains_text("Conv2d: stride must be"));
  CHECK_THROWS_WITH(Conv2d(3, 6, {.kernel = 3, .padding = -1}), contains_text("Conv2d: padding must be"));
  CHECK_THROWS_WITH(Conv2d(3, 6, {.kernel = 3, .stride = 2, .padding = Padding::same}), contains_text("Conv2d: padding must be"));
  CHECK_THROWS_WITH(Conv2d(3, 6, {.kernel = 3, .dilation = 0}), contains_text("Conv2d: dilation must be"));
  CHECK_THROWS_WITH(Conv2d(3, 6, {.kernel = 3, .groups = 2}), "Conv2d: groups must divide in_channels 3 and out_channels 6, got 2");
  CHECK_THROWS_WITH(Conv2d(6, 3, {.kernel = 3, .groups = 2}), contains_text("Conv2d: groups must divide"));
  CHECK_THROWS_WITH(Conv2d(6, 3, {.kernel = 3, .groups = 0}), contains_text("Conv2d: groups must divide"));
  CHECK_THROWS_WITH(Conv2d(0, 3, {.kernel = 3}), contains_text("Conv2d: in_channels and out_channels must be at least 1, got 0 and 3"));
  CHECK_THROWS_WITH(Conv2d(3, -1, {.kernel = 3}), contains_text("out_channels must be at least 1"));
  CHECK_THROWS_AS(Conv2d(3, 6, {.kernel = 3})(zeros({1, 4, 8, 8})), ShapeError);
}

TEST_CASE("Conv2d: prints its options") {
  CHECK(test::printed(Conv2d(3, 6, {.kernel = 3, .padding = Padding::valid})) == "Conv2d(3, 6, kernel_size=(3, 3), stride=(1, 1))");
  CHECK(test::printed(Conv2d(4, 6, {.kernel = {1, 7}, .stride = {1, 2}, .padding = {0, 3}, .dilation = {1, 2}, .groups = 2, .bias = false,
                                    .padding_mode = PaddingMode::circular})) ==
        "Conv2d(4, 6, kernel_size=(1, 7), stride=(1, 2), padding=(0, 3), dilation=(1, 2), groups=2, bias=False, padding_mode=circular)");
}
