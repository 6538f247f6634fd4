// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/arithmetic.hpp"
#include "../ops/relu.hpp"
#include "../ops/sigmoid.hpp"
#include "linear.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct HighwayOptions {
  double gate_bias = -2;  ///< what the gate's bias begins as: below 0 the layer begins by passing its input on
};

/// A layer that learns where to transform its input and where to let it pass:
///
///   t = sigmoid(gate(x))        y = t * relu(transform(x)) + (1 - t) * x
///
/// Shapes   x [*, size] -> [*, size]; transform and gate are Linear(size, size)
/// Begins   as Linear, but gate.bias is gate_bias
/// Source   Srivastava, Greff and Schmidhuber, "Training very deep networks", 2015; with ReLU as in Kim et al., 2016.
template <Floating T = float>
class Highway : public Layer<T> {
 public:
  Linear<T> transform, gate;

  explicit Highway(Index size, HighwayOptions options = {}) : transform(size, size), gate(size, size) {
    gate.bias.fill(static_cast<T>(options.gate_bias));
  }
  Tensor<T> forward(const Tensor<T>& x) override { return x + sigmoid(gate(x)) * (relu(transform(x)) - x); }
  void members(const Members& visit) override {
    visit.child("transform", transform);
    visit.child("gate", gate);
  }
  std::string name() const override { return "Highway"; }
};

}  // namespace tapestry::inline TAPESTRY_ABI
