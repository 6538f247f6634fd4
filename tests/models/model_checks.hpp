// SPDX-License-Identifier: MIT
#pragma once

#include "golden/golden.hpp"
#include "golden/numbers.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/sequential.hpp"
#include "tapestry/nn/state_dict.hpp"
#include "tapestry/ops/cross_entropy.hpp"

namespace test {

using tapestry::Index;
using tapestry::Tensor;

/// Fills a model with the numbers that models_golden.py gives torchvision's.
inline void fill_with_numbers(tapestry::Module& net) {
  const tapestry::NamedTensors state = tapestry::state_dict(net);
  for (std::size_t stream = 0; stream < state.size(); ++stream) {
    const auto& [key, value] = state[stream];
    if (key.ends_with("num_batches_tracked")) {
      value.as<Index>().fill(3);
      continue;
    }
    double base = 0, scale = 0.1;
    if (value.rank() > 1)
      scale = std::sqrt(6 / static_cast<double>(value.numel() / value.dim(0)));
    else if (key.ends_with("running_var"))
      base = 1, scale = 0.5;
    else if (key.ends_with("weight"))
      base = 1;
    tapestry::assign(value, numbers<double>(stream, value.shape(), base, scale));
  }
}
inline Tensor<double> images(const tapestry::Shape& shape) { return numbers<double>(1000, shape, 0, 1); }

/// What differs between the tensors and their golden rows, or an empty text: sum of magnitudes, dot product with number(2000, i), first
/// element, largest magnitude. Sums may be off by `tolerance` of the sum of magnitudes, elements by that of the largest; where a tensor is
/// all rounding (the gradient of a bias before a batch norm) that is measured by the largest tensor's.
inline std::string difference_in_short(const std::vector<Tensor<double>>& tensors, const Tensor<double>& golden, double tolerance) {
  if (golden.shape() != tapestry::Shape{static_cast<Index>(tensors.size()), 4})
    return tapestry::message(tensors.size(), " tensors, expected rows ", golden.shape());
  const std::vector<double> rows = golden.to_vector();
  double greatest_sum = 0, greatest = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) greatest_sum = std::max(greatest_sum, rows[4 * i]), greatest = std::max(greatest, rows[4 * i + 3]);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) return tapestry::message("tensor ", i, " is undefined");
    const std::vector<double> x = tensors[i].to_vector(), hash = numbers<double>(2000, {tensors[i].numel()}, 0, 1).to_vector();
    double short_form[4] = {0, 0, x[0], 0};
    for (std::size_t k = 0; k < x.size(); ++k) {
      short_form[0] += std::abs(x[k]);
      short_form[1] += x[k] * hash[k];
      short_form[3] = std::max(short_form[3], std::abs(x[k]));
    }
    const double* expected = &rows[4 * i];
    const double sum = std::max(expected[0], 1e-6 * greatest_sum), element = std::max(expected[3], 1e-6 * greatest);
    for (int k = 0; k < 4; ++k)
      if (!(std::abs(short_form[k] - expected[k]) <= tolerance * (k < 2 ? sum : element))) {
        char text[160];
        std::snprintf(text, sizeof text, "tensor %zu %s: value %d is %.17g, expected %.17g", i, to_string(tensors[i].shape()).c_str(), k,
                      short_form[k], expected[k]);
        return text;
      }
  }
  return "";
}

/// The largest error over the largest golden value.
inline double relative_error(const Tensor<double>& actual, const Tensor<double>& expected) {
  REQUIRE(actual.shape() == expected.shape());
  const auto a = actual.to_vector(), e = expected.to_vector();
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < e.size(); ++i) {
    error = std::max(error, std::isnan(a[i]) ? 1 : std::abs(a[i] - e[i]));
    largest = std::max(largest, std::abs(e[i]));
  }
  return error / largest;
}

/// Holds one training step to torchvision's: logits in evaluation, then logits, the gradient of every parameter and the batch norms'
/// statistics in training.
inline void check_training(const std::string& name, tapestry::Layer<double>& net, const tapestry::Shape& shape) {
  INFO(name);
  Golden golden("models");
  fill_with_numbers(net);
  const Tensor<double> x = images(shape);
  net.eval();
  CHECK(relative_error(net(x), golden.get(name, "evaluated")) < 1e-12);

  net.train();
  tapestry::Tape tape;
  const Tensor<double> logits = net(x);
  CHECK(relative_error(logits, golden.get(name, "logits")) < 1e-9);
  std::vector<Index> labels;
  for (Index n = 0; n < shape[0]; ++n) labels.push_back((3 * n + 1) % logits.dim(1));
  tape.backward(cross_entropy(logits, tapestry::tensor<Index>(labels, {shape[0]})));
  std::vector<Tensor<double>> gradients, statistics;
  for (const auto& parameter : tapestry::parameters(net)) gradients.push_back(parameter.grad());
  CHECK(difference_in_short(gradients, golden.get(name, "gradients"), 1e-9) == "");
  for (const auto& [key, value] : tapestry::state_dict(net)) {
    if (key.find("running_") != std::string::npos) statistics.push_back(value.as<double>());
    if (key.ends_with("num_batches_tracked")) CHECK(value.as<Index>().item() == 4);
  }
  if (!statistics.empty()) CHECK(difference_in_short(statistics, golden.get(name, "statistics"), 1e-9) == "");
  CHECK(golden.unused(name + ".") == std::vector<std::string>());
}

/// Mean and deviation of a weight that is drawn at random.
struct Spread {
  double mean = 0, deviation = 0, least = 1e300, most = -1e300;
};
template <tapestry::Floating T>
Spread spread(const Tensor<T>& x) {
  Spread s;
  const auto values = x.to_vector();
  const double count = static_cast<double>(values.size());
  for (const T number : values) {
    const double value = static_cast<double>(number);
    s.mean += value / count;
    s.deviation += value * value / count;
    s.least = std::min(s.least, value);
    s.most = std::max(s.most, value);
  }
  s.deviation = std::sqrt(s.deviation - s.mean * s.mean);
  return s;
}

/// Linear layers of 4096, in double and with gradients, would take a gigabyte: the three of a classifier, made narrow as in models_golden.py.
inline void narrow_classifier(tapestry::Sequential<double>& classifier, const std::vector<Index>& places, Index inputs) {
  const Index sizes[] = {inputs, 16, 12, 10};
  for (std::size_t i = 0; i < 3; ++i) classifier.replace(places[i], tapestry::Linear<double>(sizes[i], sizes[i + 1]));
}

}  // namespace test
