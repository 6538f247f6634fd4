// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/ops/conv2d.hpp"

using namespace tapestry;

TEST_CASE("conv2d computes what PyTorch computes, forward and backward, with every option") {
  struct Case {
    const char* name;
    Conv2dOptions options;
  };
  std::vector<Case> cases{
      {"plain", {}},
      {"kernel_pair", {}},
      {"pointwise", {}},
      {"pointwise_stride", {.stride = 2}},
      {"whole_image", {}},
      {"single", {}},
      {"stride", {.stride = 2}},
      {"stride_pair", {.stride = {3, 1}}},
      {"stride_beyond_kernel", {.stride = 3}},
      {"dilation", {.dilation = 2}},
      {"dilation_pair", {.dilation = {3, 1}}},
      {"padding", {.padding = 1}},
      {"padding_pair", {.padding = {2, 1}}},
      {"padding_beyond_image", {.padding = 2}},
      {"same", {.padding = Padding::same}},
      {"same_even", {.padding = Padding::same}},
      {"same_even_pair", {.padding = Padding::same}},
      {"same_even_dilation", {.padding = Padding::same, .dilation = {3, 1}}},
      {"same_even_dilation_both", {.padding = Padding::same, .dilation = {1, 3}}},
      {"valid", {.padding = Padding::valid}},
      {"groups", {.groups = 2}},
      {"groups_padding_stride", {.stride = 2, .padding = 1, .groups = 2}},
      {"depthwise", {.padding = 1, .groups = 3}},
      {"depthwise_multiplier", {.padding = 1, .groups = 3}},
      {"no_bias", {}},
      {"all_options", {.stride = {2, 3}, .padding = {1, 2}, .dilation = {2, 1}, .groups = 2}},
      {"zeros", {.padding = {1, 2}, .padding_mode = PaddingMode::zeros}},
  };
  const std::vector<std::array<const char*, 4>> modes{
      {"reflect", "reflect_pair", "reflect_same_even", "reflect_groups_dilation"},
      {"replicate", "replicate_pair", "replicate_same_even", "replicate_groups_dilation"},
      {"circular", "circular_pair", "circular_same_even", "circular_groups_dilation"}};
  for (std::size_t i = 0; i < modes.size(); ++i) {
    const PaddingMode mode = std::array{PaddingMode::reflect, PaddingMode::replicate, PaddingMode::circular}[i];
    cases.push_back({modes[i][0], {.padding = 1, .padding_mode = mode}});
    cases.push_back({modes[i][1], {.stride = {1, 2}, .padding = {1, 2}, .padding_mode = mode}});
    cases.push_back({modes[i][2], {.padding = Padding::same, .padding_mode = mode}});
    cases.push_back({modes[i][3], {.padding = 2, .dilation = 2, .groups = 2, .padding_mode = mode}});
  }

  test::Golden golden("conv2d");
  for (const Case& c : cases)
    test::check_case(golden, c.name, {"x", "weight", "bias"}, [&](const std::vector<Tensor<double>>& in, Device) {
      return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor<double>(), c.options);
    });
  CHECK(golden.unused() == std::vector<std::string>());
}
