// SPDX-License-Identifier: MIT
#include "tapestry/nn/state_dict.hpp"

#include "nn/layer_checks.hpp"
#include "support/devices.hpp"
#include "tapestry/nn/batch_norm.hpp"
#include "tapestry/nn/conv2d.hpp"
#include "tapestry/nn/flatten.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/sequential.hpp"
#include "tapestry/optim/sgd.hpp"

using namespace tapestry;

namespace {

template <Floating T = float>
Sequential<T> network(Index classes = 2) {
  return Sequential<T>(Conv2d<T>(2, 3, {.kernel = {2, 3}}), BatchNorm2d<T>(3), Flatten<T>(), Linear<T>(3 * 8, classes));
}
NamedTensors copied(const NamedTensors& state) {
  NamedTensors copies;
  for (const auto& [name, tensor] : state) copies.emplace_back(name, copy_of(tensor, Layout::row_major));
  return copies;
}
std::vector<double> state_values(Module& module) {
  std::vector<double> values;
  for (const auto& [name, tensor] : state_dict(module))
    visit_dtype(tensor.dtype(), [&tensor = tensor, &values]<Scalar T>(T) {
      for (const T value : tensor.template as<T>().to_vector()) values.push_back(static_cast<double>(value));
    });
  return values;
}
NamedTensors without(NamedTensors state, std::string_view name) {
  std::erase_if(state, [name](const auto& entry) { return entry.first == name; });
  return state;
}

}  // namespace

TEST_CASE("a state dict carries every value from one network to its twin") {
  auto from = network(), to = network();
  from(randn({2, 2, 3, 6}));  // moves the running statistics
  const auto state = copied(state_dict(from));
  CHECK(test::names(from) == std::vector<std::string>{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked",
                                                      "3.weight", "3.bias"});
  CHECK(state_values(to) != state_values(from));
  const LoadReport report = load_state_dict(to, state);
  CHECK(report.complete());
  CHECK(to_string(report) == "all keys matched");
  CHECK(state_values(to) == state_values(from));
  from.eval();
  to.eval();
  const auto x = randn({1, 2, 3, 6});
  CHECK(to(x).to_vector() == from(x).to_vector());
}

TEST_CASE("loading writes into the storage that is there: optimisers, layout, device and requires_grad stay") {
  for (const Device device : test::devices()) {
    auto from = network(), to = network();
    to.to(device);
    freeze(to[0]);
    SGD optimizer(parameters(to), {.lr = 1});
    const void* place = to.at<Conv2d<>>(0).weight.raw_data();
    load_state_dict(to, copied(state_dict(from)));
    auto& conv = to.at<Conv2d<>>(0);
    CHECK(conv.weight.raw_data() == place);
    CHECK(conv.weight.layout() == Layout::channels_last);
    CHECK(conv.weight.to_vector() == from.at<Conv2d<>>(0).weight.to_vector());
    CHECK_FALSE(conv.weight.requires_grad());
    auto& bias = to.at<Linear<>>(3).bias;
    CHECK(bias.requires_grad());
    bias.set_grad(on_device(ones({2}), device).as<float>());
    const float before = bias.at(0);
    optimizer.step();
    CHECK(bias.at(0) == before - 1);
  }
}

TEST_CASE("float and double convert") {
  auto single = network<float>();
  auto wide = network<double>();
  load_state_dict(wide, copied(state_dict(single)));
  CHECK(state_values(wide) == state_values(single));
  auto again = network<float>();
  load_state_dict(again, copied(state_dict(wide)));
  CHECK(state_values(again) == state_values(single));
  NamedTensors state = copied(state_dict(single));
  for (auto& [name, tensor] : state)
    if (name == "1.num_batches_tracked") tensor = full<float>({}, 7);
  load_state_dict(single, state);
  CHECK(single.at<BatchNorm2d<>>(1).num_batches_tracked.item() == 7);
}

TEST_CASE("strict loading names what does not fit, and changes nothing") {
  auto net = network();
  auto other = network();
  const auto before = state_values(net);
  const NamedTensors good = copied(state_dict(other));
  const auto check = [&](const NamedTensors& state, const std::string& text) {
    CHECK_THROWS_WITH(load_state_dict(net, state), contains_text(text));
    CHECK(state_values(net) == before);
  };
  check(without(good, "1.running_mean"), "load_state_dict: the state does not fit Sequential: missing 1: 1.running_mean");
  NamedTensors more = good;
  more.emplace_back("4.weight", zeros({1}));
  check(more, "unexpected 1: 4.weight");
  check(without(more, "3.bias"), "missing 1: 3.bias; unexpected 1: 4.weight");
  check({}, "missing 9: 0.weight, 0.bias");
  for (int i = 0; i < 100; ++i) more.emplace_back(message("more.", i), zeros({1}));
  check(more, "unexpected 101: 4.weight, more.0, more.1, more.2, more.3, more.4, more.5, more.6, more.7, ...");
  auto ten = network(10);
  check(copied(state_dict(ten)), "mismatched 2: 3.weight: state [10, 24], module [2, 24], 3.bias: state [10], module [2]");
}

TEST_CASE("loading that is not strict takes what fits by name, but no other shape") {
  auto net = network();
  auto other = network();
  NamedTensors state = without(copied(state_dict(other)), "3.bias");
  state.emplace_back("extra", zeros({1}));
  const auto own_bias = net.at<Linear<>>(3).bias.to_vector();
  const LoadReport report = load_state_dict(net, state, {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"3.bias"});
  CHECK(report.unexpected == std::vector<std::string>{"extra"});
  CHECK(report.mismatched.empty());
  CHECK_FALSE(report.complete());
  CHECK(net.at<Linear<>>(3).bias.to_vector() == own_bias);
  CHECK(net.at<Linear<>>(3).weight.to_vector() == other.at<Linear<>>(3).weight.to_vector());
  const auto before = state_values(net);
  auto ten = network(10);
  CHECK_THROWS_AS(load_state_dict(net, copied(state_dict(ten)), {.strict = false}), ValueError);  // as in PyTorch
  CHECK(state_values(net) == before);
}
