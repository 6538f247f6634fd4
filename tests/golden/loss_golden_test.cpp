// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/ops/cross_entropy.hpp"
#include "tapestry/ops/mse_loss.hpp"
#include "tapestry/ops/nll_loss.hpp"

using namespace tapestry;

namespace {

/// The cases that begin with `prefix`. Their names tell their options.
std::vector<std::string> case_names(const test::Golden& golden, const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [key, tensor] : golden.tensors())
    if (key.starts_with(prefix) && key.ends_with(".x")) names.push_back(key.substr(0, key.size() - 2));
  return names;
}

bool mentions(const std::string& name, const char* option) { return name.find(option) != std::string::npos; }

Reduction reduction_of(const std::string& name) {
  return name.ends_with("none") ? Reduction::none : name.ends_with("sum") ? Reduction::sum : Reduction::mean;
}

template <class Options>
Options options_of(test::Golden& golden, const std::string& name, Device device) {
  Options options;
  options.reduction = reduction_of(name);
  if (mentions(name, ".weight")) options.weight = golden.get(name, "weight", device);
  if (mentions(name, "ignore")) options.ignore_index = 2;
  return options;
}

CrossEntropyOptions<double> cross_entropy_options(test::Golden& golden, const std::string& name, Device device) {
  auto options = options_of<CrossEntropyOptions<double>>(golden, name, device);
  const bool more = mentions(name, "cross_entropy.length") || mentions(name, "cross_entropy.vector");
  if (mentions(name, ".smoothing")) options.label_smoothing = more ? 0.2 : 0.1;
  return options;
}

}  // namespace

TEST_CASE("cross_entropy of labels computes what PyTorch computes, with every combination of options") {
  test::Golden golden("loss");
  const auto names = case_names(golden, "cross_entropy.");
  CHECK(names.size() == 66);
  for (const std::string& name : names)
    test::check_case(golden, name, {"x"}, [&](const std::vector<Tensor<double>>& in, Device device) {
      return cross_entropy(in[0], golden.get<Index>(name, "target", device), cross_entropy_options(golden, name, device));
    });
  CHECK(golden.unused("cross_entropy.") == std::vector<std::string>());
}

TEST_CASE("cross_entropy of probabilities computes what PyTorch computes, the target's gradient included") {
  test::Golden golden("loss");
  const auto names = case_names(golden, "cross_entropy_probabilities.");
  CHECK(names.size() == 32);
  for (const std::string& name : names)
    test::check_case(golden, name, {"x", "target"}, [&](const std::vector<Tensor<double>>& in, Device device) {
      return cross_entropy(in[0], in[1], cross_entropy_options(golden, name, device));
    });
  CHECK(golden.unused("cross_entropy_probabilities.") == std::vector<std::string>());
}

TEST_CASE("nll_loss computes what PyTorch computes, with every combination of options") {
  test::Golden golden("loss");
  const auto names = case_names(golden, "nll_loss.");
  CHECK(names.size() == 36);
  for (const std::string& name : names)
    test::check_case(golden, name, {"x"}, [&](const std::vector<Tensor<double>>& in, Device device) {
      return nll_loss(in[0], golden.get<Index>(name, "target", device), options_of<NllLossOptions<double>>(golden, name, device));
    });
  CHECK(golden.unused("nll_loss.") == std::vector<std::string>());
}

TEST_CASE("mse_loss computes what PyTorch computes") {
  test::Golden golden("loss");
  for (const std::string name : {"mse_loss.mean", "mse_loss.sum", "mse_loss.none"})
    test::check_case(golden, name, {"x", "target"},
                     [&](const std::vector<Tensor<double>>& in, Device) { return mse_loss(in[0], in[1], reduction_of(name)); });
  CHECK(golden.unused("mse_loss.") == std::vector<std::string>());
}
