// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "tapestry/backend/reference/reference_backend.hpp"
#include "tapestry/tensor/tensor.hpp"

namespace test {

/// Every device of this program: one test body runs on all of them.
inline const std::vector<tapestry::Device>& devices() {
  static const std::vector<tapestry::Device> all{tapestry::cpu(), tapestry::reference()};
  return all;
}
inline const std::vector<tapestry::Layout>& layouts() {
  static const std::vector<tapestry::Layout> all{tapestry::Layout::row_major, tapestry::Layout::channels_last};
  return all;
}

}  // namespace test
