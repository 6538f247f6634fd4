// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "tapestry/tensor/any_tensor.hpp"
#include "tapestry/tensor/tensor.hpp"

namespace test {

/// The elements of a tensor of any type.
inline std::vector<double> values(const tapestry::AnyTensor& tensor) {
  std::vector<double> result;
  tapestry::visit_dtype(tensor.dtype(), [&]<tapestry::Scalar T>(T) {
    for (const T value : tensor.as<T>().to_vector()) result.push_back(static_cast<double>(value));
  });
  return result;
}

}  // namespace test
