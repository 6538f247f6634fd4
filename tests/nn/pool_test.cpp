// SPDX-License-Identifier: MIT
#include "tapestry/nn/pool.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("pools: shapes with every option, nothing to learn") {
  const auto x = zeros({2, 3, 9, 11});
  CHECK(MaxPool2d(2)(x).shape() == Shape{2, 3, 4, 5});
  CHECK(MaxPool2d(2, {.ceil_mode = true})(x).shape() == Shape{2, 3, 5, 6});
  CHECK(MaxPool2d({3, 2}, {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 3}})(x).shape() == Shape{2, 3, 5, 8});
  CHECK(AvgPool2d(3)(x).shape() == Shape{2, 3, 3, 3});
  CHECK(AvgPool2d({3, 2}, {.stride = 2, .padding = 1, .ceil_mode = true})(x).shape() == Shape{2, 3, 5, 6});  // a seventh column would begin behind the image
  CHECK(AdaptiveAvgPool2d(1)(x).shape() == Shape{2, 3, 1, 1});
  CHECK(AdaptiveAvgPool2d({4, keep_size})(x).shape() == Shape{2, 3, 4, 11});
  MaxPool2d layer(2);
  CHECK(test::names(layer).empty());
}

TEST_CASE("pools: values follow the options") {
  const auto x = tensor<double>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  CHECK(MaxPool2d<double>(2)(x).item() == 5);
  CHECK(MaxPool2d<double>(2, {.stride = 1})(x).to_vector() == std::vector<double>{5, 6, 8, 9});
  CHECK(AvgPool2d<double>(3)(x).item() == 5);
  CHECK(AvgPool2d<double>(2, {.padding = 1})(x).to_vector() == std::vector<double>{0.25, 1.25, 2.75, 7});
  CHECK(AvgPool2d<double>(2, {.padding = 1, .count_include_pad = false})(x).to_vector() == std::vector<double>{1, 2.5, 5.5, 7});
  CHECK(AvgPool2d<double>(2, {.divisor_override = 2})(x).item() == 6);
  CHECK(AdaptiveAvgPool2d<double>(2)(x).to_vector() == std::vector<double>{3, 4, 6, 7});
}

TEST_CASE("pools: options outside their range are refused by name") {
  CHECK_THROWS_WITH(MaxPool2d(0), contains_text("MaxPool2d: kernel must be"));
  CHECK_THROWS_WITH(MaxPool2d(2, {.stride = 0}), contains_text("MaxPool2d: stride must be"));
  CHECK_THROWS_WITH(MaxPool2d(2, {.padding = -1}), contains_text("MaxPool2d: padding must be"));
  CHECK_THROWS_WITH(MaxPool2d(2, {.padding = 2}), contains_text("MaxPool2d: padding must be at most half the kernel"));
  CHECK_THROWS_WITH(MaxPool2d(2, {.dilation = 0}), contains_text("MaxPool2d: dilation must be"));
  CHECK_THROWS_WITH(AvgPool2d({2, -1}), contains_text("AvgPool2d: kernel must be"));
  CHECK_THROWS_WITH(AvgPool2d(2, {.stride = {1, 0}}), contains_text("AvgPool2d: stride must be"));
  CHECK_THROWS_WITH(AdaptiveAvgPool2d({3, -5}), contains_text("AdaptiveAvgPool2d: output_size must be"));
  CHECK_THROWS_AS(MaxPool2d(5)(zeros({1, 1, 3, 3})), ShapeError);
}

TEST_CASE("pools: print their options") {
  CHECK(test::printed(MaxPool2d({2, 3}, {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .ceil_mode = true})) ==
        "MaxPool2d(kernel_size=(2, 3), stride=(2, 1), padding=(1, 0), dilation=(1, 2), ceil_mode=True)");
  CHECK(test::printed(AvgPool2d<double>(3, {.stride = 2, .padding = 1})) == "AvgPool2d(kernel_size=3, stride=2, padding=1)");
  // As they were given: a number or a pair.
  CHECK(test::printed(MaxPool2d({2, 2}, {.padding = 1})) == "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=1, dilation=1, ceil_mode=False)");
  CHECK(test::printed(MaxPool2d(2, {.stride = {2, 2}})) == "MaxPool2d(kernel_size=2, stride=(2, 2), padding=0, dilation=1, ceil_mode=False)");
  CHECK(test::printed(AvgPool2d({3, 3}, {.stride = 2, .padding = {1, 1}})) == "AvgPool2d(kernel_size=(3, 3), stride=2, padding=(1, 1))");
  CHECK(test::printed(MaxPool2d(Size2(3))) == test::printed(MaxPool2d({3, 3})));
  CHECK(test::printed(AdaptiveAvgPool2d({7, 7})) == "AdaptiveAvgPool2d(output_size=(7, 7))");
  CHECK(test::printed(AdaptiveAvgPool2d(7)) == "AdaptiveAvgPool2d(output_size=7)");
  CHECK(test::printed(AdaptiveAvgPool2d({7, keep_size})) == "AdaptiveAvgPool2d(output_size=(7, None))");
}
