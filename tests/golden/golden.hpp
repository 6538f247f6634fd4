// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/autograd/tape.hpp"
#include "tapestry/io/safetensors.hpp"

#ifndef TAPESTRY_TEST_DATA
#define TAPESTRY_TEST_DATA "tests"
#endif

namespace test {

inline std::string golden_path(const std::string& file) { return std::string(TAPESTRY_TEST_DATA) + "/golden/data/" + file; }

/// One file of golden values, and which of them have been asked for.
class Golden {
 public:
  explicit Golden(const std::string& topic) : tensors_(tapestry::load_safetensors(golden_path(topic + ".safetensors")).tensors) {}

  bool has(const std::string& name, const std::string& role) const { return tapestry::find(tensors_, name + "." + role) != nullptr; }

  /// A copy of `name.role` on that device and in that layout.
  template <tapestry::Scalar T = double>
  tapestry::Tensor<T> get(const std::string& name, const std::string& role, tapestry::Device device = tapestry::cpu(),
                          tapestry::Layout layout = tapestry::Layout::row_major) {
    const std::string key = name + "." + role;
    const tapestry::AnyTensor* found = tapestry::find(tensors_, key);
    if (!found) throw tapestry::ValueError("golden: no tensor " + key);
    used_.insert(key);
    return tapestry::on_device(tapestry::copy_of(*found, layout), device).as<T>();
  }

  /// The names that begin so and that no test has asked for: a case without a test would pass unseen.
  std::vector<std::string> unused(const std::string& prefix = "") const {
    std::vector<std::string> names;
    for (const auto& [key, tensor] : tensors_)
      if (key.starts_with(prefix) && !used_.contains(key)) names.push_back(key);
    return names;
  }

  const tapestry::NamedTensors& tensors() const { return tensors_; }

 private:
  tapestry::NamedTensors tensors_;
  std::set<std::string> used_;
};

/// What differs between a result and its golden value, or an empty text. An element may be off by `tolerance` of its own size or of a
/// thousandth of the largest one's, since small elements are differences of large ones. NaN equals NaN.
template <tapestry::Scalar T>
std::string difference(const tapestry::Tensor<T>& actual, const tapestry::Tensor<T>& expected, double tolerance = 1e-9) {
  if (!actual.defined()) return "undefined";
  if (actual.shape() != expected.shape()) return tapestry::message("shape ", actual.shape(), ", expected ", expected.shape());
  const auto a = actual.to_vector(), e = expected.to_vector();
  double largest = 0;
  for (const auto value : e)
    if (const double size = std::abs(static_cast<double>(value)); std::isfinite(size)) largest = std::max(largest, size);
  for (std::size_t i = 0; i < e.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(e[i]);
    const bool same = x == y || (std::isnan(x) && std::isnan(y)) ||
                      (std::isfinite(y) && std::abs(x - y) <= tolerance * std::max(std::abs(y), 1e-3 * largest));
    if (same) continue;
    char text[160];
    std::snprintf(text, sizeof text, "element %zu is %.17g, expected %.17g", i, x, y);
    return text;
  }
  return "";
}

/// Runs one differentiable case on every device and in every layout: `function` gets the inputs named and the device, and returns y.
/// Compares y and, after a backward pass from the golden upstream gradient, the gradient of every input.
inline void check_case(Golden& golden, const std::string& name, const std::vector<std::string>& inputs,
                       const std::function<tapestry::Tensor<double>(const std::vector<tapestry::Tensor<double>>&, tapestry::Device)>& function) {
  using tapestry::Layout;
  for (tapestry::Device device : devices())
    for (Layout layout : layouts()) {
      const Layout other = layout == Layout::row_major ? Layout::channels_last : Layout::row_major;
      std::vector<tapestry::Tensor<double>> x;
      for (const std::string& role : inputs)
        if (golden.has(name, role)) x.push_back(golden.get(name, role, device, layout).requires_grad(true));
      INFO(name << " on " << device.name() << ", " << name_of(layout));
      tapestry::Tape tape;
      const tapestry::Tensor<double> y = function(x, device);
      CHECK(y.device() == device);
      CHECK(difference(y, golden.get(name, "y")) == "");
      tape.backward(y, golden.get(name, "dy", device, other));
      std::size_t i = 0;
      for (const std::string& role : inputs)
        if (golden.has(name, role)) {
          INFO("gradient of " << role);
          CHECK(difference(x[i++].grad(), golden.get(name, "d" + role)) == "");
        }
    }
}

/// The texts of a file in which each follows a line `=== name`.
inline std::vector<std::pair<std::string, std::string>> golden_texts(const std::string& file) {
  std::ifstream in(golden_path(file));
  if (!in) throw tapestry::FileError("golden: cannot open " + golden_path(file));
  std::vector<std::pair<std::string, std::string>> texts;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("=== "))
      texts.emplace_back(line.substr(4), "");
    else
      texts.back().second += (texts.back().second.empty() ? "" : "\n") + line;
  }
  return texts;
}

}  // namespace test
