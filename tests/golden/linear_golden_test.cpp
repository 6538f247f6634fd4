// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/ops/embedding.hpp"
#include "tapestry/ops/linear.hpp"

using namespace tapestry;

TEST_CASE("linear computes what PyTorch computes") {
  test::Golden golden("linear");
  for (const char* name : {"linear.vector", "linear.matrix", "linear.batched", "linear.no_bias"})
    test::check_case(golden, name, {"x", "weight", "bias"}, [](const std::vector<Tensor<double>>& in, Device) {
      return linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor<double>());
    });
  CHECK(golden.unused("linear.") == std::vector<std::string>());
}

TEST_CASE("embedding computes what PyTorch computes") {
  test::Golden golden("linear");
  const auto check = [&](const std::string& name, const EmbeddingGradOptions& options) {
    test::check_case(golden, name, {"weight"}, [&](const std::vector<Tensor<double>>& in, Device device) {
      return embedding(golden.get<Index>(name, "indices", device), in[0], options);
    });
  };
  check("embedding.vector", {});
  check("embedding.matrix", {});
  check("embedding.padding", {.padding_idx = 2});
  check("embedding.padding_negative", {.padding_idx = -1});
  check("embedding.frequency", {.scale_grad_by_freq = true});
  const auto check_max_norm = [&](const std::string& name, double norm_type) {
    INFO(name);
    for (const Device device : test::devices()) {
      const auto indices = golden.get<Index>(name, "indices", device);
      const auto weight = golden.get<double>(name, "weight", device), after = golden.get<double>(name, "weight_after");
      CHECK(weight.to_vector() != after.to_vector());
      renormalize_rows(indices, weight, 1, norm_type);
      CHECK(test::difference(weight, after) == "");
      CHECK(test::difference(embedding(indices, weight), golden.get<double>(name, "y")) == "");
    }
  };
  check_max_norm("embedding.max_norm", 2);
  check_max_norm("embedding.max_norm_1", 1);
  check_max_norm("embedding.max_norm_3", 3);
  check_max_norm("embedding.max_norm_inf", HUGE_VAL);
  CHECK(golden.unused("embedding.") == std::vector<std::string>());
}
