// SPDX-License-Identifier: MIT
#pragma once

#include "../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

/// Negative log-likelihood: loss[r] = -scale[r] * log_p[r][target[r]], scale[r] = weight[target[r]], or 1 if weight is null.
/// Rows whose target is `ignore` have loss and scale 0.
template <Floating T>
void nll_loss(Index rows, Index classes, const T* log_p, const Index* target, const T* weight, Index ignore, T* loss, T* scale) {
  for (Index r = 0; r < rows; ++r) {
    const Index label = target[r];
    if (label == ignore) {
      loss[r] = scale[r] = T{0};
    } else {
      scale[r] = weight ? weight[label] : T{1};
      loss[r] = -scale[r] * log_p[r * classes + label];
    }
  }
}

/// dlog_p[r][target[r]] = -dloss[r] * scale[r], 0 elsewhere. A row with scale 0 was ignored, and its target may be no class at all.
template <Floating T>
void nll_loss_backward(Index rows, Index classes, const Index* target, const T* scale, const T* dloss, T* dlog_p) {
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < classes; ++c) dlog_p[r * classes + c] = c == target[r] && scale[r] != 0 ? -dloss[r] * scale[r] : T{0};
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
