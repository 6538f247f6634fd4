// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "numbers.hpp"
#include "tapestry/nn/activation.hpp"
#include "tapestry/nn/batch_norm.hpp"
#include "tapestry/nn/conv2d.hpp"
#include "tapestry/nn/dropout.hpp"
#include "tapestry/nn/flatten.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/pool.hpp"
#include "tapestry/nn/sequential.hpp"
#include "tapestry/nn/state_dict.hpp"
#include "tapestry/ops/cross_entropy.hpp"
#include "tapestry/ops/reshape.hpp"
#include "tapestry/optim/adam.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

template <Floating T>
Sequential<T> lecture_net() {
  return Sequential<T>(BatchNorm2d<T>(3), Conv2d<T>(3, 30, {.kernel = 3}), ReLU<T>(), MaxPool2d<T>(2),                   //
                       BatchNorm2d<T>(30), Conv2d<T>(30, 60, {.kernel = 3}), ReLU<T>(), MaxPool2d<T>(2),                 //
                       BatchNorm2d<T>(60), Conv2d<T>(60, 120, {.kernel = 3}), LeakyReLU<T>(0.1), MaxPool2d<T>(2),        //
                       BatchNorm2d<T>(120), Flatten<T>(), Dropout<T>(0.0), Linear<T>(480, 200), ReLU<T>(),               //
                       Dropout<T>(0.0), Linear<T>(200, 60), ReLU<T>(), Linear<T>(60, 10));
}

template <Floating T>
void initialise(Sequential<T>& net) {
  const NamedTensors state = state_dict(net);
  for (std::size_t stream = 0; stream < state.size(); ++stream) {
    const auto& [name, value] = state[stream];
    if (!value.requires_grad()) continue;  // running statistics
    const bool normalises = net[std::stoi(name)].name() == "BatchNorm2d", is_bias = name.ends_with("bias");
    double base = 0, scale = is_bias ? 0.05 : 1 / std::sqrt(static_cast<double>(value.numel() / value.dim(0)));
    if (normalises) base = is_bias ? 0 : 1, scale = 0.1;
    assign(value, test::numbers<T>(stream, value.shape(), base, scale));
  }
}

template <Floating T>
Tensor<T> first_elements(const AnyTensor& x, std::size_t count) {
  std::vector<T> values = x.as<T>().to_vector();
  values.resize(std::min(values.size(), count));
  const Index size = static_cast<Index>(values.size());
  return tensor<T>(values, {size});
}

struct Tolerances {
  double first_steps, elements, losses, end;  // of the first three losses and gradient sums; of logits and single gradients; of later losses; at the end
};

/// Ten steps of Adam on one batch. Rounding errors grow from step to step; single elements may be small differences of large terms.
template <Floating T>
void train(Device device, Layout layout, double eps, const Tolerances& within) {
  const std::string name = std::same_as<T, double> ? "float64" : "float32";
  INFO(name << " on " << device.name() << ", " << name_of(layout));
  test::Golden golden("lecture_net");
  Sequential<T> net = lecture_net<T>();
  initialise(net);
  net.to(device);
  Adam<T> optimizer(parameters<T>(net), {.lr = 0.01, .eps = eps});
  const auto images = on_device(in_layout(test::numbers<T>(1000, {8, 3, 32, 32}, 0, 1), layout), device).template as<T>();
  const auto labels = tensor<Index>({1, 4, 7, 0, 3, 6, 9, 2}, device);
  const std::vector<T> losses = golden.get<T>(name, "losses").to_vector();
  for (std::size_t step = 0; step < losses.size(); ++step) {
    INFO("step " << step);
    Tape tape;
    const Tensor<T> logits = net(images), loss = cross_entropy(logits, labels);
    optimizer.zero_grad();
    tape.backward(loss);
    if (step == 0) {
      CHECK(test::difference(logits, golden.get<T>(name, "logits"), within.elements) == "");
      for (const auto& [key, parameter] : named_parameters(net)) {
        INFO("gradient of " << key);
        const AnyTensor gradient = parameter.template as<T>().grad();
        double sum = 0;
        for (const T value : gradient.template as<T>().to_vector()) sum += std::abs(static_cast<double>(value));
        CHECK(sum == Approx(static_cast<double>(golden.get<T>(name, "gradient_sum." + key).item())).epsilon(within.first_steps));
        CHECK(test::difference(first_elements<T>(gradient, 32), golden.get<T>(name, "gradient." + key), within.elements) == "");
      }
    }
    optimizer.step();
    const double tolerance = step < 3 ? within.first_steps : within.losses;
    CHECK(static_cast<double>(loss.item()) == Approx(static_cast<double>(losses[step])).epsilon(tolerance).margin(0));
  }
  for (const auto& [key, value] : state_dict(net)) {
    INFO("final " << key);
    if (value.dtype() == DType::int64) {
      CHECK(value.template as<Index>().item() == golden.get<Index>(name, "final." + key).item());
      continue;
    }
    const Tensor<T> ours = first_elements<T>(value, 64), theirs = reshape(golden.get<T>(name, "final." + key), {-1});
    CHECK(test::difference(ours, theirs, within.end) == "");
  }
  net.eval();
  CHECK(test::difference(net(images), golden.get<T>(name, "evaluated"), within.end) == "");
  CHECK(golden.unused(name) == std::vector<std::string>());
}

}  // namespace

TEST_CASE("ten steps of training the lecture's network in double give PyTorch's losses and weights") {
  for (const Layout layout : {Layout::row_major, Layout::channels_last}) train<double>(cpu(), layout, 1e-8, {1e-9, 1e-8, 1e-8, 1e-6});
}

TEST_CASE("ten steps of training the lecture's network in double give PyTorch's losses on the reference device") {
  train<double>(reference(), Layout::channels_last, 1e-8, {1e-9, 1e-8, 1e-8, 1e-6});
}

TEST_CASE("ten steps of training the lecture's network in float give PyTorch's losses and weights") {
  // PyTorch's own float and double differ by 2e-5 in the losses and 4e-6 at the end.
  for (const Layout layout : {Layout::row_major, Layout::channels_last}) train<float>(cpu(), layout, 1e-2, {1e-4, 1e-2, 1e-3, 5e-3});
}
