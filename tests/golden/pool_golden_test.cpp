// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/ops/adaptive_avg_pool2d.hpp"
#include "tapestry/ops/avg_pool2d.hpp"
#include "tapestry/ops/max_pool2d.hpp"

using namespace tapestry;

TEST_CASE("max_pool2d computes what PyTorch computes, with every option") {
  struct Case {
    const char* name;
    Size2 kernel;
    MaxPool2dOptions options;
  };
  const std::vector<Case> cases{
      {"plain", 2, {}},
      {"odd", 2, {}},
      {"kernel_pair", {3, 2}, {}},
      {"overlap", 3, {.stride = 2}},
      {"stride_pair", 3, {.stride = {2, 1}}},
      {"padding", 3, {.stride = 2, .padding = 1}},
      {"padding_pair", {2, 4}, {.stride = {1, 2}, .padding = {1, 2}}},
      {"dilation", 2, {.stride = 1, .dilation = 2}},
      {"dilation_pair", {3, 2}, {.stride = 1, .padding = 1, .dilation = {2, 3}}},
      {"ceil", 2, {.ceil_mode = true}},
      {"ceil_padding", 3, {.stride = 2, .padding = 1, .ceil_mode = true}},
      {"ceil_drops_last", 2, {.stride = 3, .padding = 1, .ceil_mode = true}},
      {"ceil_dilation", 2, {.stride = 2, .dilation = 2, .ceil_mode = true}},
      {"ties", 3, {.stride = 2, .padding = 1}},
      {"negative", 3, {.stride = 2, .padding = 1}},
      {"special", 2, {}},
  };
  test::Golden golden("pool");
  for (const Case& c : cases) {
    const std::string name = std::string("max.") + c.name;
    test::check_case(golden, name, {"x"}, [&](const std::vector<Tensor<double>>& in, Device) {
      const auto result = max_pool2d_with_indices(in[0], c.kernel, c.options);
      CHECK(result.indices.to_vector() == golden.get<Index>(name, "indices").to_vector());
      return result.y;
    });
  }
  CHECK(golden.unused("max.") == std::vector<std::string>());
}

TEST_CASE("avg_pool2d computes what PyTorch computes, with every option") {
  struct Case {
    const char* name;
    Size2 kernel;
    AvgPool2dOptions options;
  };
  const std::vector<Case> cases{
      {"plain", 2, {}},
      {"kernel_pair", {3, 2}, {}},
      {"overlap", 3, {.stride = {2, 1}}},
      {"padding", 3, {.stride = 2, .padding = 1}},
      {"padding_excluded", 3, {.stride = 2, .padding = 1, .count_include_pad = false}},
      {"padding_pair", {2, 4}, {.stride = {1, 2}, .padding = {1, 2}}},
      {"padding_pair_excluded", {2, 4}, {.stride = {1, 2}, .padding = {1, 2}, .count_include_pad = false}},
      {"ceil", 2, {.ceil_mode = true}},
      {"ceil_padding", 3, {.stride = 2, .padding = 1, .ceil_mode = true}},
      {"ceil_padding_excluded", 3, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false}},
      {"ceil_drops_last", 2, {.stride = 3, .padding = 1, .ceil_mode = true}},
      {"divisor", 2, {.divisor_override = 3}},
      {"divisor_padding", 3, {.stride = 2, .padding = 1, .divisor_override = 5}},
      {"divisor_ceil", 2, {.ceil_mode = true, .divisor_override = 7}},
  };
  test::Golden golden("pool");
  for (const Case& c : cases)
    test::check_case(golden, std::string("avg.") + c.name, {"x"},
                     [&](const std::vector<Tensor<double>>& in, Device) { return avg_pool2d(in[0], c.kernel, c.options); });
  CHECK(golden.unused("avg.") == std::vector<std::string>());
}

TEST_CASE("adaptive_avg_pool2d computes what PyTorch computes") {
  const std::vector<std::pair<const char*, Size2>> cases{{"one", 1}, {"whole", {4, 5}}, {"even", 2}, {"uneven", {3, 2}}, {"upward", {5, 7}}};
  test::Golden golden("pool");
  for (const auto& [name, size] : cases) {
    const Size2 output_size = size;  // clang 14 cannot capture a structured binding
    test::check_case(golden, std::string("adaptive_avg.") + name, {"x"},
                     [output_size](const std::vector<Tensor<double>>& in, Device) { return adaptive_avg_pool2d(in[0], output_size); });
  }
  CHECK(golden.unused("adaptive_avg.") == std::vector<std::string>());
}
