// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/gelu.hpp"
#include "../ops/leaky_relu.hpp"
#include "../ops/log_softmax.hpp"
#include "../ops/relu.hpp"
#include "../ops/relu6.hpp"
#include "../ops/sigmoid.hpp"
#include "../ops/softmax.hpp"
#include "../ops/tanh.hpp"
#include "describe.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Activations as layers, for Sequential and for print. Each is the op of the same name; the formulas stand there.

/// inplace is accepted and printed for PyTorch's sake; the result is the same.
struct InplaceOption {
  bool inplace = false;
};

/// y = max(x, 0)
template <Floating T = float>
class ReLU : public Layer<T> {
 public:
  explicit ReLU(InplaceOption options = {}) : inplace_(options.inplace) {}
  Tensor<T> forward(const Tensor<T>& x) override { return relu(x); }
  std::string name() const override { return "ReLU"; }
  std::string description() const override { return inplace_ ? "inplace=True" : ""; }

 private:
  bool inplace_;
};

/// y = min(max(x, 0), 6)
template <Floating T = float>
class ReLU6 : public Layer<T> {
 public:
  explicit ReLU6(InplaceOption options = {}) : inplace_(options.inplace) {}
  Tensor<T> forward(const Tensor<T>& x) override { return relu6(x); }
  std::string name() const override { return "ReLU6"; }
  std::string description() const override { return inplace_ ? "inplace=True" : ""; }

 private:
  bool inplace_;
};

struct LeakyReLUOptions {
  double negative_slope = 0.01;
  bool inplace = false;
};

/// y = x where positive, else negative_slope * x
template <Floating T = float>
class LeakyReLU : public Layer<T> {
 public:
  explicit LeakyReLU(LeakyReLUOptions options = {}) : options_(options) {}
  explicit LeakyReLU(double negative_slope) : options_{negative_slope} {}
  Tensor<T> forward(const Tensor<T>& x) override { return leaky_relu(x, static_cast<T>(options_.negative_slope)); }
  std::string name() const override { return "LeakyReLU"; }
  std::string description() const override {
    return message("negative_slope=", detail::python_number(options_.negative_slope), options_.inplace ? ", inplace=True" : "");
  }

 private:
  LeakyReLUOptions options_;
};

/// y = 1 / (1 + exp(-x))
template <Floating T = float>
class Sigmoid : public Layer<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return sigmoid(x); }
  std::string name() const override { return "Sigmoid"; }
};

/// y = tanh(x)
template <Floating T = float>
class Tanh : public Layer<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return tanh(x); }
  std::string name() const override { return "Tanh"; }
};

struct GELUOptions {
  GeluApproximation approximate = GeluApproximation::none;
};

/// y = x * Phi(x)
template <Floating T = float>
class GELU : public Layer<T> {
 public:
  explicit GELU(GELUOptions options = {}) : options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return gelu(x, options_.approximate); }
  std::string name() const override { return "GELU"; }
  std::string description() const override { return options_.approximate == GeluApproximation::none ? "approximate='none'" : "approximate='tanh'"; }

 private:
  GELUOptions options_;
};

/// y = exp(x) / sum of exp(x) along one axis
template <Floating T = float>
class Softmax : public Layer<T> {
 public:
  explicit Softmax(Index axis) : axis_(axis) {}
  Tensor<T> forward(const Tensor<T>& x) override { return softmax(x, axis_); }
  std::string name() const override { return "Softmax"; }
  std::string description() const override { return message("dim=", axis_); }

 private:
  Index axis_;
};

/// y = log(softmax(x))
template <Floating T = float>
class LogSoftmax : public Layer<T> {
 public:
  explicit LogSoftmax(Index axis) : axis_(axis) {}
  Tensor<T> forward(const Tensor<T>& x) override { return log_softmax(x, axis_); }
  std::string name() const override { return "LogSoftmax"; }
  std::string description() const override { return message("dim=", axis_); }

 private:
  Index axis_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
