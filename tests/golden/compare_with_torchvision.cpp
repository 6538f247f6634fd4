// SPDX-License-Identifier: MIT
// The program that compare_with_torchvision.py asks. Without arguments it prints the models' names; with MODEL WEIGHTS CASE [TRAINING] it prints, a
// line each, what it computed and the largest error: of logits over the largest logit, of gradients and statistics over the largest of their tensor.
#include <cmath>
#include <cstdio>

#include "tapestry/backend/cpu/conv_algorithm.hpp"
#include "tapestry/io/weights.hpp"
#include "tapestry/models/zoo.hpp"
#include "tapestry/ops/cross_entropy.hpp"

using namespace tapestry;

namespace {
struct Deviation {
  double error = 0, largest = 0;  // infinite where there is nothing to compare, or a NaN
};
template <Floating T>
Deviation deviation(const Tensor<T>& actual, const AnyTensor* expected) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!expected || !actual.defined() || actual.shape() != expected->shape()) return {infinity, 1};
  const auto values = actual.to_vector();
  const auto golden = expected->as<double>().to_vector();
  Deviation result;
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const double difference = std::abs(static_cast<double>(values[i]) - golden[i]);
    result.error = std::isnan(difference) ? infinity : std::max(result.error, difference);
    result.largest = std::max(result.largest, std::abs(golden[i]));
  }
  return result;
}
/// The largest of many tensors' errors. One that is all rounding, as the gradient of a bias before a batch norm, which is 0, is measured by the greatest tensor.
double worst(const std::vector<Deviation>& all) {
  double greatest = 0, error = 0;
  for (const Deviation& one : all) greatest = std::max(greatest, one.largest);
  for (const Deviation& one : all) error = std::max(error, one.error / (one.largest < 1e-10 * greatest ? greatest : one.largest));
  return error;
}

template <Floating T>
std::unique_ptr<Layer<T>> load(const char* model, const char* weights) {
  const init::Skip skip;
  auto net = make_model<T>(model);
  load_weights(*net, weights);
  return net;
}
template <Floating T>
Tensor<T> images_of(const NamedTensors& golden) {
  const AnyTensor* x = find(golden, "x");
  Tensor<T> images(x->shape());
  assign(images, *x);
  return images;
}
template <Floating T>
double logits_error(Layer<T>& net, const NamedTensors& golden) {
  net.eval();
  return worst({deviation(net(images_of<T>(golden)), find(golden, "logits"))});
}

/// One training step as torch's: dropout at rest, the loss of Inception's auxiliary head at 0.4.
void compare_training(Layer<double>& net, const NamedTensors& golden) {
  net.train();
  for_each_module<Dropout<double>>(net, [](Dropout<double>& dropout) { dropout.eval(); });
  const Tensor<double> x = images_of<double>(golden);
  const Tensor<Index> labels = find(golden, "labels")->as<Index>();
  {
    Tape tape;
    if (auto* inception = dynamic_cast<Inception3<double>*>(&net)) {
      const auto [logits, aux] = inception->outputs(x);
      tape.backward(cross_entropy(logits, labels) + 0.4 * cross_entropy(aux, labels));
    } else {
      tape.backward(cross_entropy(net(x), labels));
    }
  }
  std::vector<Deviation> gradients, statistics;
  for (const auto& [name, parameter] : named_parameters(net))
    gradients.push_back(deviation(parameter.as<double>().grad(), find(golden, "gradient." + name)));
  for (const auto& [name, value] : state_dict(net))
    if (name.find("running_") != std::string::npos) statistics.push_back(deviation(value.as<double>(), find(golden, "statistics." + name)));
  std::printf("gradients %.3g\n", worst(gradients));
  if (!statistics.empty()) std::printf("statistics %.3g\n", worst(statistics));
}
}  // namespace

int main(int argc, char** argv) try {
  if (argc == 1)
    for (const std::string& name : model_names()) std::printf("%s\n", name.c_str());
  if (argc == 1) return 0;
  if (argc != 4 && argc != 5) throw ValueError("usage: compare_with_torchvision [MODEL WEIGHTS CASE [TRAINING]]");
  const NamedTensors golden = load_safetensors(argv[3]).tensors;
  {
    const auto net = load<float>(argv[1], argv[2]);
    std::printf("float %.3g\n", logits_error(*net, golden));
    for (const ConvAlgorithm algorithm : {ConvAlgorithm::direct, ConvAlgorithm::winograd}) {
      set_convolution_algorithm(algorithm);
      std::printf("%s %.3g\n", std::string(name_of(algorithm)).c_str(), logits_error(*net, golden));
    }
    set_convolution_algorithm(std::nullopt);
  }
  const auto net = load<double>(argv[1], argv[2]);
  std::printf("double %.3g\n", logits_error(*net, golden));
  if (argc == 5) compare_training(*net, load_safetensors(argv[4]).tensors);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "compare_with_torchvision: %s\n", error.what());
  return 1;
}
