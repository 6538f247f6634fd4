// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/dropout.hpp"
#include "describe.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct DropoutOptions {
  double p = 0.5;
  bool inplace = false;  ///< accepted and printed for PyTorch's sake; the result is the same
};

/// In training drops each number with probability p and scales the others by 1/(1 - p); in evaluation y = x.
/// Throws   ValueError unless 0 <= p <= 1.
template <Floating T = float>
class Dropout : public Layer<T> {
 public:
  explicit Dropout(DropoutOptions options = {}) : options_(options) {
    if (!(options.p >= 0 && options.p <= 1)) throw ValueError(message("Dropout: p must be from 0 to 1, got ", options.p));
  }
  explicit Dropout(double p) : Dropout(DropoutOptions{p}) {}
  Tensor<T> forward(const Tensor<T>& x) override { return dropout(x, options_.p, this->training()); }
  std::string name() const override { return "Dropout"; }
  std::string description() const override {
    return message("p=", detail::python_number(options_.p), ", inplace=", detail::python_bool(options_.inplace));
  }

 private:
  DropoutOptions options_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
