// SPDX-License-Identifier: MIT
// The program that compare_with_torchvision.py asks. Without arguments it prints the models' names; with MODEL WEIGHTS CASE it prints, for
// double and for float, the largest error of the logits over the largest logit.
#include <cmath>
#include <cstdio>

#include "tapestry/io/weights.hpp"
#include "tapestry/models/zoo.hpp"

using namespace tapestry;

namespace {
template <Floating T>
double error_of(const char* model, const char* weights, const NamedTensors& golden) {
  const auto net = [&] {
    const init::Skip skip;
    return make_model<T>(model);
  }();
  load_weights(*net, weights);
  net->eval();
  const AnyTensor* x = find(golden, "x");
  Tensor<T> images(x->shape());
  assign(images, *x);
  const auto logits = (*net)(images).to_vector();
  const auto expected = find(golden, "logits")->as<double>().to_vector();
  double error = logits.size() == expected.size() ? 0 : 1, largest = 0;
  for (std::size_t i = 0; i < expected.size() && error < 1; ++i) {
    const double difference = std::abs(static_cast<double>(logits[i]) - expected[i]);
    error = std::isnan(difference) ? 1 : std::max(error, difference);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return error / largest;
}
}  // namespace

int main(int argc, char** argv) try {
  if (argc == 1)
    for (const std::string& name : model_names()) std::printf("%s\n", name.c_str());
  if (argc == 1) return 0;
  if (argc != 4) throw ValueError("usage: compare_with_torchvision [MODEL WEIGHTS CASE]");
  const NamedTensors golden = load_safetensors(argv[3]).tensors;
  std::printf("double %.3g\n", error_of<double>(argv[1], argv[2], golden));
  std::printf("float %.3g\n", error_of<float>(argv[1], argv[2], golden));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "compare_with_torchvision: %s\n", error.what());
  return 1;
}
