// SPDX-License-Identifier: MIT
#pragma once

#include "../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

/// Rows of a matrix that are computed when they are asked for.
struct RowSource {
  /// Writes rows [begin, end) from `to` on; several threads may ask at once.
  virtual void rows(Index begin, Index end, float* to) const = 0;

 protected:
  ~RowSource() = default;
};

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
