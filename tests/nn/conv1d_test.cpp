// SPDX-License-Identifier: MIT
#include "tapestry/nn/conv1d.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("Conv1d: shapes, names and beginning") {
  manual_seed(5);
  Conv1d layer(24, 30, {.kernel = 5, .groups = 2});
  CHECK(layer(zeros({2, 24, 9})).shape() == Shape{2, 30, 5});
  CHECK(layer(zeros({24, 9})).shape() == Shape{30, 5});
  CHECK(test::names(layer) == std::vector<std::string>{"weight", "bias"});
  CHECK(layer.weight.shape() == Shape{30, 12, 5});
  test::check_uniform(layer.weight, 1 / std::sqrt(60.0));
  CHECK((layer.weight.requires_grad() && layer.bias.requires_grad()));
  Conv1d plain(3, 4, {.kernel = 2, .stride = 2, .bias = false});
  CHECK(test::names(plain) == std::vector<std::string>{"weight"});
  CHECK(plain(zeros({1, 3, 9})).shape() == Shape{1, 4, 4});
  CHECK(Conv1d<double>(1, 1, {.kernel = 4, .padding = Padding::same})(zeros<double>({1, 1, 6})).shape() == Shape{1, 1, 6});
}

TEST_CASE("Conv1d: options outside their range are refused by name") {
  CHECK_THROWS_WITH(Conv1d(3, 4, {}), contains_text("Conv1d: kernel must be from 1"));
  CHECK_THROWS_WITH(Conv1d(0, 4, {.kernel = 3}), contains_text("Conv1d: in_channels and out_channels must be at least 1, got 0 and 4"));
  CHECK_THROWS_WITH(Conv1d(3, 4, {.kernel = 3, .groups = 2}), contains_text("Conv1d: groups must divide in_channels 3"));
  CHECK_THROWS_WITH(Conv1d(3, 4, {.kernel = 3, .stride = 0}), contains_text("Conv1d: stride must be from 1"));
  CHECK_THROWS_WITH(Conv1d(3, 4, {.kernel = 3, .padding = {1, 2}}), contains_text("Conv1d: padding must be one number"));
  CHECK_THROWS_AS(Conv1d(3, 4, {.kernel = 3})(zeros({1, 2, 9})), ShapeError);
}

TEST_CASE("Conv1d prints as PyTorch does") {
  CHECK(test::printed(Conv1d(4, 6, {.kernel = 3, .padding = Padding::same})) == "Conv1d(4, 6, kernel_size=(3,), stride=(1,), padding=same)");
  CHECK(test::printed(Conv1d(4, 6, {.kernel = 3, .padding = 2, .dilation = 2, .groups = 2, .bias = false, .padding_mode = PaddingMode::reflect})) ==
        "Conv1d(4, 6, kernel_size=(3,), stride=(1,), padding=(2,), dilation=(2,), groups=2, bias=False, padding_mode=reflect)");
}
