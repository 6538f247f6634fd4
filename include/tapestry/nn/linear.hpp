// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/linear.hpp"
#include "describe.hpp"
#include "init.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct LinearOptions {
  bool bias = true;
};

/// A fully connected layer: y = x weight^T + bias.
///
/// Shapes   x [*, in_features] -> [*, out_features]; weight [out_features, in_features], bias [out_features]
/// Begins   weight and bias uniform in +-1/sqrt(in_features)
/// Throws   ValueError for a size below 1.
template <Floating T = float>
class Linear : public Layer<T> {
 public:
  Tensor<T> weight;
  Tensor<T> bias;  ///< undefined if the layer has none

  Linear(Index in_features, Index out_features, LinearOptions options = {}) {
    if (in_features < 1 || out_features < 1)
      throw ValueError(message("Linear: in_features and out_features must be at least 1, got ", in_features, " and ", out_features));
    weight = Tensor<T>(Shape{out_features, in_features});
    if (options.bias) bias = Tensor<T>(Shape{out_features});
    init::torch_default(weight, bias);
    weight.requires_grad(true);
    if (options.bias) bias.requires_grad(true);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return linear(x, weight, bias); }
  void members(const Members& visit) override {
    visit.parameter("weight", weight);
    visit.parameter("bias", bias);
  }
  std::string name() const override { return "Linear"; }
  std::string description() const override {
    return message("in_features=", weight.dim(1), ", out_features=", weight.dim(0), ", bias=", detail::python_bool(bias.defined()));
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI
