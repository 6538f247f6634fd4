// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/nn/lstm.hpp"
#include "tapestry/nn/state_dict.hpp"
#include "tapestry/ops/adaptive_pool1d.hpp"
#include "tapestry/ops/avg_pool1d.hpp"
#include "tapestry/ops/conv1d.hpp"
#include "tapestry/ops/layer_norm.hpp"
#include "tapestry/ops/max_over_time.hpp"
#include "tapestry/ops/reduce.hpp"

using namespace tapestry;
using Tensors = std::vector<Tensor<double>>;

TEST_CASE("conv1d computes what PyTorch computes, with every option") {
  const std::vector<std::pair<const char*, Conv1dOptions>> cases{
      {"plain", {}},
      {"no_bias", {}},
      {"stride", {.stride = 3}},
      {"padding", {.padding = 2}},
      {"same", {.padding = Padding::same}},
      {"same_dilation", {.padding = Padding::same, .dilation = 2}},
      {"dilation", {.dilation = 3}},
      {"groups", {.groups = 2}},
      {"depthwise", {.groups = 3}},
      {"reflect", {.padding = 2, .padding_mode = PaddingMode::reflect}},
      {"replicate", {.padding = 2, .padding_mode = PaddingMode::replicate}},
      {"circular", {.padding = 2, .padding_mode = PaddingMode::circular}},
      {"everything", {.stride = 2, .padding = 2, .dilation = 2, .groups = 2}},
      {"single", {}},
      {"one_tap", {}},
  };
  test::Golden golden("sequence");
  for (const auto& c : cases)
    test::check_case(golden, std::string("conv.") + c.first, {"x", "weight", "bias"}, [&](const Tensors& in, Device) {
      return conv1d(in[0], in[1], in.size() > 2 ? in[2] : Tensor<double>(), c.second);
    });
  CHECK(golden.unused("conv.") == std::vector<std::string>());
}

TEST_CASE("the 1-D pools compute what PyTorch computes, with every option") {
  test::Golden golden("sequence");
  struct MaxCase {
    const char* name;
    Index kernel;
    MaxPool1dOptions options;
  };
  for (const MaxCase& c : std::vector<MaxCase>{{"plain", 2, {}},
                                               {"single", 2, {}},
                                               {"overlap", 3, {.stride = 2}},
                                               {"padding", 3, {.stride = 2, .padding = 1}},
                                               {"dilation", 2, {.stride = 1, .dilation = 3}},
                                               {"ceil", 2, {.ceil_mode = true}},
                                               {"ceil_drops_last", 2, {.stride = 3, .padding = 1, .ceil_mode = true}}}) {
    const std::string name = std::string("max.") + c.name;
    test::check_case(golden, name, {"x"}, [&](const Tensors& in, Device) {
      const auto result = max_pool1d_with_indices(in[0], c.kernel, c.options);
      CHECK(result.indices.to_vector() == golden.get<Index>(name, "indices").to_vector());
      return result.y;
    });
  }
  struct AvgCase {
    const char* name;
    Index kernel;
    AvgPool1dOptions options;
  };
  for (const AvgCase& c : std::vector<AvgCase>{{"plain", 2, {}},
                                               {"overlap", 3, {.stride = 2}},
                                               {"padding", 3, {.stride = 2, .padding = 1}},
                                               {"padding_excluded", 3, {.stride = 2, .padding = 1, .count_include_pad = false}},
                                               {"ceil", 2, {.ceil_mode = true}},
                                               {"ceil_padding", 3, {.stride = 2, .padding = 1, .ceil_mode = true}}})
    test::check_case(golden, std::string("avg.") + c.name, {"x"},
                     [&](const Tensors& in, Device) { return avg_pool1d(in[0], c.kernel, c.options); });
  for (const auto& c : std::vector<std::pair<std::string, Index>>{{"one", 1}, {"even", 2}, {"uneven", 3}, {"upward", 5}}) {
    test::check_case(golden, "adaptive_avg." + c.first, {"x"}, [&](const Tensors& in, Device) { return adaptive_avg_pool1d(in[0], c.second); });
    test::check_case(golden, "adaptive_max." + c.first, {"x"}, [&](const Tensors& in, Device) { return adaptive_max_pool1d(in[0], c.second); });
  }
  test::check_case(golden, "max_over_time", {"x"}, [](const Tensors& in, Device) { return max_over_time(in[0], {5, 5, 2, 7, 1}); });
  for (const char* family : {"max", "avg.", "adaptive_"}) CHECK(golden.unused(family) == std::vector<std::string>());
}

TEST_CASE("layer_norm computes what PyTorch computes") {
  test::Golden golden("sequence");
  const std::vector<std::pair<std::string, Shape>> cases{{"vector", {8}}, {"text", {8}}, {"two_axes", {2, 5}}, {"image", {2, 3, 4}},
                                                         {"plain", {8}}, {"no_bias", {8}}, {"eps", {8}}};
  for (const auto& c : cases) {
    const std::string name = "layer_norm." + c.first;
    test::check_case(golden, name, {"x", "weight", "bias"}, [&](const Tensors& in, Device) {
      const Tensor<double> none;
      return layer_norm(in[0], c.second, in.size() > 1 ? in[1] : none, in.size() > 2 ? in[2] : none, c.first == "eps" ? 0.1 : 1e-5);
    });
  }
  CHECK(golden.unused("layer_norm.") == std::vector<std::string>());
}

namespace {

/// Compares a module that takes input and state: its results, and the gradients of input, state and every weight.
template <class M, class Run>
void check_recurrent(test::Golden& golden, const std::string& name, M& module, const Run& run) {
  for (const Device device : test::devices()) {
    INFO(name << " on " << device.name());
    module.to(device);
    for (const auto& [key, parameter] : named_parameters(module)) {
      assign(parameter, golden.get(name, key, device));
      parameter.drop_grad();
    }
    const auto input = [&](const std::string& role) { return Tensor<double>(golden.get(name, role, device).requires_grad(true)); };
    const auto x = input("x"), h = input("h"), c = input("c");
    Tape tape;
    const std::vector<std::pair<std::string, Tensor<double>>> results = run(x, LSTMState<double>{h, c});
    Tensor<double> loss;  // the sum of every result times its upstream gradient
    for (const auto& [role, y] : results) {
      INFO(role);
      CHECK(test::difference(y, golden.get(name, role)) == "");
      const auto part = sum(y * golden.get(name, "d" + role, device));
      loss = loss.defined() ? loss + part : part;
    }
    tape.backward(loss);
    NamedTensors inputs = named_parameters(module);
    inputs.insert(inputs.end(), {{"x", x}, {"h", h}, {"c", c}});
    for (const auto& [role, tensor] : inputs) {
      INFO("gradient of " << role);
      CHECK(test::difference(tensor.template as<double>().grad(), golden.get(name, "d" + role)) == "");
    }
  }
}

}  // namespace

TEST_CASE("LSTM and LSTMCell compute what PyTorch computes, states and gradients of all weights included") {
  test::Golden golden("sequence");
  struct Case {
    const char* name;
    Index input, hidden;
    LSTMOptions options;
  };
  for (const Case& c : std::vector<Case>{{"plain", 3, 4, {}},
                                         {"no_bias", 3, 4, {.bias = false}},
                                         {"two_layers", 3, 4, {.num_layers = 2, .batch_first = true}},
                                         {"bidirectional", 3, 4, {.bidirectional = true}},
                                         {"everything", 3, 2, {.num_layers = 3, .batch_first = true, .bidirectional = true}},
                                         {"single", 3, 4, {.num_layers = 2}}}) {
    LSTM<double> lstm(c.input, c.hidden, c.options);
    check_recurrent(golden, std::string("lstm.") + c.name, lstm, [&](const Tensor<double>& x, const LSTMState<double>& state) {
      const auto y = lstm(x, state);
      return std::vector<std::pair<std::string, Tensor<double>>>{{"output", y.output}, {"h_n", y.state.h}, {"c_n", y.state.c}};
    });
  }
  for (const bool bias : {true, false}) {
    LSTMCell<double> cell(3, 4, {.bias = bias});
    check_recurrent(golden, bias ? "lstm_cell.plain" : "lstm_cell.no_bias", cell,
                    [&](const Tensor<double>& x, const LSTMState<double>& state) {
                      const auto y = cell(x, state);
                      return std::vector<std::pair<std::string, Tensor<double>>>{{"h_n", y.h}, {"c_n", y.c}};
                    });
  }
  CHECK(golden.unused("lstm") == std::vector<std::string>());
}
