// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "../reference/loss.hpp"
#include "../reference/softmax.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// Rows do not depend on one another: threads share them, and each goes through its rows in the plain way.

/// Calls f(first row, rows) for a few rows of `columns` numbers at a time.
template <class F>
void for_some_rows(Index rows, Index columns, const F& f) {
  parallel_for(rows, std::max<Index>(1, 1024 / std::max<Index>(1, columns)), [&](Index begin, Index end) { f(begin, end - begin); });
}

template <Floating T>
void softmax(Index rows, Index columns, bool logarithm, const T* x, T* y) {
  for_some_rows(rows, columns, [=](Index r, Index count) { plain::softmax(count, columns, logarithm, x + r * columns, y + r * columns); });
}

template <Floating T>
void softmax_backward(Index rows, Index columns, bool logarithm, const T* y, const T* dy, T* dx) {
  for_some_rows(rows, columns, [=](Index r, Index count) {
    plain::softmax_backward(count, columns, logarithm, y + r * columns, dy + r * columns, dx + r * columns);
  });
}

template <Floating T>
void nll_loss_backward(Index rows, Index classes, const Index* target, const T* scale, const T* dloss, T* dlog_p) {
  for_some_rows(rows, classes, [=](Index r, Index count) {
    plain::nll_loss_backward(count, classes, target + r, scale + r, dloss + r, dlog_p + r * classes);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
