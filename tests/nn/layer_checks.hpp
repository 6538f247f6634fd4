// SPDX-License-Identifier: MIT
#pragma once

#include <sstream>

#include "support/catch.hpp"
#include "tapestry/nn/module.hpp"
#include "tapestry/nn/state_dict.hpp"
#include "tapestry/tensor/creation.hpp"

namespace test {

inline std::string printed(const tapestry::Module& module) {
  std::ostringstream out;
  out << module;
  return out.str();
}

/// The names of parameters and buffers, in their order.
inline std::vector<std::string> names(tapestry::Module& module) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : tapestry::state_dict(module)) found.push_back(name);
  return found;
}

/// Uniform in +-bound, judged by range and deviation.
template <tapestry::Floating T>
void check_uniform(const tapestry::Tensor<T>& x, double bound) {
  double least = 1e300, most = -1e300, square = 0;
  for (T number : x.to_vector()) {
    const double value = static_cast<double>(number);
    least = std::min(least, value);
    most = std::max(most, value);
    square += value * value / static_cast<double>(x.numel());
  }
  CHECK(least >= -bound * (1 + 1e-6));
  CHECK(most <= bound * (1 + 1e-6));
  CHECK(least < -0.9 * bound);
  CHECK(most > 0.9 * bound);
  CHECK(std::sqrt(square) == Approx(bound / std::sqrt(3.0)).epsilon(0.15));
}

}  // namespace test
