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
}
