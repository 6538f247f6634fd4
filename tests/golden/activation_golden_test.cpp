// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/ops/gelu.hpp"
#include "tapestry/ops/leaky_relu.hpp"
#include "tapestry/ops/log_softmax.hpp"
#include "tapestry/ops/relu.hpp"
#include "tapestry/ops/sigmoid.hpp"
#include "tapestry/ops/softmax.hpp"
#include "tapestry/ops/tanh.hpp"

using namespace tapestry;

TEST_CASE("activations compute what PyTorch computes, at zeros, in the far tails, for NaN and infinities") {
  using Function = Tensor<double> (*)(const Tensor<double>&);
  const std::vector<std::pair<const char*, Function>> cases{
      {"relu", [](const Tensor<double>& x) { return relu(x); }},
      {"relu.special", [](const Tensor<double>& x) { return relu(x); }},
      {"leaky_relu", [](const Tensor<double>& x) { return leaky_relu(x); }},
      {"leaky_relu.slope", [](const Tensor<double>& x) { return leaky_relu(x, 0.1); }},
      {"leaky_relu.special", [](const Tensor<double>& x) { return leaky_relu(x); }},
      {"sigmoid", [](const Tensor<double>& x) { return sigmoid(x); }},
      {"sigmoid.special", [](const Tensor<double>& x) { return sigmoid(x); }},
      {"tanh", [](const Tensor<double>& x) { return tapestry::tanh(x); }},
      {"tanh.special", [](const Tensor<double>& x) { return tapestry::tanh(x); }},
      {"gelu", [](const Tensor<double>& x) { return gelu(x); }},
      {"gelu.tanh", [](const Tensor<double>& x) { return gelu(x, GeluApproximation::tanh); }},
  };
  test::Golden golden("activation");
  for (const auto& entry : cases)
    test::check_case(golden, entry.first, {"x"}, [&](const std::vector<Tensor<double>>& in, Device) { return entry.second(in[0]); });
  for (const char* prefix : {"relu", "leaky_relu", "sigmoid", "tanh", "gelu"}) CHECK(golden.unused(prefix) == std::vector<std::string>());
}

TEST_CASE("softmax and log_softmax compute what PyTorch computes along every axis") {
  test::Golden golden("activation");
  const auto check = [&](const std::string& variant, Index axis) {
    test::check_case(golden, "softmax." + variant, {"x"}, [=](const std::vector<Tensor<double>>& in, Device) { return softmax(in[0], axis); });
    test::check_case(golden, "log_softmax." + variant, {"x"}, [=](const std::vector<Tensor<double>>& in, Device) { return log_softmax(in[0], axis); });
  };
  for (const Index axis : {0, 1, 2, 3, -1, -3}) check("dim" + std::to_string(axis), axis);
  check("far", 1);
  CHECK(golden.unused("softmax.") == std::vector<std::string>());
  CHECK(golden.unused("log_softmax.") == std::vector<std::string>());
}
