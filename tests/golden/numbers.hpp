// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "tapestry/tensor/creation.hpp"

namespace test {

/// base + scale * the numbers in [-1, 1) from which `number` of golden_file.py, too, makes weights and images that are too large to store.
template <tapestry::Floating T>
tapestry::Tensor<T> numbers(std::uint64_t stream, const tapestry::Shape& shape, double base, double scale) {
  std::vector<T> values;
  values.reserve(static_cast<std::size_t>(shape.numel()));
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(shape.numel()); ++i) {
    std::uint64_t h = (stream << 32) + i;
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDu;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53u;
    h ^= h >> 33;
    values.push_back(static_cast<T>(base + scale * (static_cast<double>(h >> 40) / 8388608 - 1)));
  }
  return tapestry::tensor<T>(values, shape);
}

}  // namespace test
