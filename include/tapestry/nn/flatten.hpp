// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/reshape.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct FlattenOptions {
  Index start_dim = 1;
  Index end_dim = -1;
};

/// Joins the axes start_dim to end_dim into one; by default all but the batch: [N, C, H, W] -> [N, C*H*W].
template <Floating T = float>
class Flatten : public Layer<T> {
 public:
  explicit Flatten(FlattenOptions options = {}) : options_(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return flatten(x, options_.start_dim, options_.end_dim); }
  std::string name() const override { return "Flatten"; }
  std::string description() const override { return message("start_dim=", options_.start_dim, ", end_dim=", options_.end_dim); }

 private:
  FlattenOptions options_;
};

/// y = x: stands where a layer was taken out.
template <Floating T = float>
class Identity : public Layer<T> {
 public:
  Tensor<T> forward(const Tensor<T>& x) override { return x; }
  std::string name() const override { return "Identity"; }
};

}  // namespace tapestry::inline TAPESTRY_ABI
