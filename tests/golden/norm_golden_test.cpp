// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/nn/batch_norm.hpp"

using namespace tapestry;

namespace {

/// Three training batches and a fourth in evaluation mode through one layer.
template <class Layer>
void check_batch_norm(test::Golden& golden, const std::string& name, BatchNormLayerOptions options, bool has_bias = true) {
  for (Device device : test::devices())
    for (Layout layout : test::layouts()) {
      INFO(name << " on " << device.name() << ", " << name_of(layout));
      Layer layer(3, options);
      layer.to(device);
      if (!has_bias) layer.bias = Tensor<double>();
      REQUIRE(layer.weight.defined() == golden.has(name, "weight"));
      REQUIRE(layer.bias.defined() == golden.has(name, "bias"));
      if (layer.weight.defined()) layer.weight.copy_from(golden.get(name, "weight", device));
      if (layer.bias.defined()) layer.bias.copy_from(golden.get(name, "bias", device));
      for (int batch = 0; batch < 4; ++batch) {
        INFO("batch " << batch);
        const auto role = [batch](const char* text) { return text + std::to_string(batch); };
        layer.train(batch < 3);
        for (auto& [key, parameter] : named_parameters(layer)) parameter.drop_grad();
        const Tensor<double> x = golden.get(name, role("x"), device, layout).requires_grad(true);
        Tape tape;
        const Tensor<double> y = layer(x);
        CHECK(test::difference(y, golden.get(name, role("y"))) == "");
        tape.backward(y, golden.get(name, role("dy"), device));
        CHECK(test::difference(x.grad(), golden.get(name, role("dx"))) == "");
        if (layer.weight.defined()) CHECK(test::difference(layer.weight.grad(), golden.get(name, role("dweight"))) == "");
        if (layer.bias.defined()) CHECK(test::difference(layer.bias.grad(), golden.get(name, role("dbias"))) == "");
        REQUIRE(layer.running_mean.defined() == golden.has(name, "running_mean0"));
        if (batch == 3 || !layer.running_mean.defined()) continue;
        CHECK(test::difference(layer.running_mean, golden.get(name, role("running_mean"))) == "");
        CHECK(test::difference(layer.running_var, golden.get(name, role("running_var"))) == "");
        CHECK(layer.num_batches_tracked.item() == golden.get<Index>(name, role("num_batches_tracked")).item());
      }
    }
}

template <class Layer>
void check_all_options(test::Golden& golden, const std::string& prefix) {
  check_batch_norm<Layer>(golden, prefix + "default", {});
  check_batch_norm<Layer>(golden, prefix + "momentum", {.momentum = 0.3});
  check_batch_norm<Layer>(golden, prefix + "cumulative", {.momentum = std::nullopt});
  check_batch_norm<Layer>(golden, prefix + "eps", {.eps = 0.05});
  check_batch_norm<Layer>(golden, prefix + "no_bias", {}, false);
  check_batch_norm<Layer>(golden, prefix + "no_affine", {.affine = false});
  check_batch_norm<Layer>(golden, prefix + "no_statistics", {.track_running_stats = false});
  check_batch_norm<Layer>(golden, prefix + "nothing", {.momentum = std::nullopt, .affine = false, .track_running_stats = false});
}

}  // namespace

TEST_CASE("batch norm computes what PyTorch computes over four batches, its buffers included") {
  test::Golden golden("norm");
  check_all_options<BatchNorm2d<double>>(golden, "2d.");
  check_all_options<BatchNorm1d<double>>(golden, "1d.");
  check_all_options<BatchNorm1d<double>>(golden, "1d_length.");
  CHECK(golden.unused() == std::vector<std::string>());
}
