// SPDX-License-Identifier: MIT
#include "tapestry/nn/pool1d.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("1-D pools: shapes and values with options, nothing to learn") {
  const auto x = tensor<double>({1, 2, 3, 4, 5}, {1, 1, 5});
  CHECK(MaxPool1d<double>(2)(x).to_vector() == std::vector<double>{2, 4});
  CHECK(MaxPool1d<double>(2, {.stride = 1, .dilation = 2})(x).to_vector() == std::vector<double>{3, 4, 5});
  CHECK(MaxPool1d<double>(2, {.ceil_mode = true})(x).to_vector() == std::vector<double>{2, 4, 5});
  CHECK(AvgPool1d<double>(3, {.stride = 2, .padding = 1})(x).to_vector() == std::vector<double>{1, 3, 3});
  CHECK(AdaptiveAvgPool1d<double>(2)(x).to_vector() == std::vector<double>{2, 4});
  CHECK(AdaptiveMaxPool1d<double>(2)(x).to_vector() == std::vector<double>{3, 5});
  MaxPool1d layer(2);
  CHECK(test::names(layer).empty());
}

TEST_CASE("1-D pools: options outside their range are refused by name") {
  CHECK_THROWS_WITH(MaxPool1d(0), contains_text("MaxPool1d: kernel must be"));
  CHECK_THROWS_WITH(MaxPool1d(2, {.stride = 0}), contains_text("MaxPool1d: stride must be"));
  CHECK_THROWS_WITH(MaxPool1d(2, {.padding = 2}), contains_text("MaxPool1d: padding must be at most half the kernel"));
  CHECK_THROWS_WITH(MaxPool1d(2, {.dilation = 0}), contains_text("MaxPool1d: dilation must be"));
  CHECK_THROWS_WITH(AvgPool1d(-1), contains_text("AvgPool1d: kernel must be"));
  CHECK_THROWS_WITH(AdaptiveAvgPool1d(0), contains_text("AdaptiveAvgPool1d: output_size must be"));
  CHECK_THROWS_WITH(AdaptiveMaxPool1d(0), contains_text("AdaptiveMaxPool1d: output_size must be"));
}

TEST_CASE("1-D pools print as PyTorch does") {
  CHECK(test::printed(MaxPool1d(3)) == "MaxPool1d(kernel_size=3, stride=3, padding=0, dilation=1, ceil_mode=False)");
  CHECK(test::printed(AvgPool1d(3, {.stride = 2, .padding = 1})) == "AvgPool1d(kernel_size=(3,), stride=(2,), padding=(1,))");
  CHECK(test::printed(AdaptiveAvgPool1d(2)) == "AdaptiveAvgPool1d(output_size=2)");
  CHECK(test::printed(AdaptiveMaxPool1d(3)) == "AdaptiveMaxPool1d(output_size=3)");
}
