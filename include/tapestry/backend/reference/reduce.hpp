// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "../../core/error.hpp"
#include "../backend.hpp"
#include "number.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

/// y[o][i] = the sum, maximum or minimum of x[o][.][i] over the middle axis.
template <Scalar T>
void reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* y) {
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < inner; ++i) {
      const T* line = size > 0 ? x + o * size * inner + i : nullptr;
      if (op == ReduceOp::sum) {
        Accumulator<T> sum = 0;
        for (Index s = 0; s < size; ++s) sum += static_cast<Accumulator<T>>(line[s * inner]);
        y[o * inner + i] = static_cast<T>(sum);
      } else {
        T best = line[0];
        for (Index s = 1; s < size; ++s)
          if (beats(op == ReduceOp::maximum, line[s * inner], best)) best = line[s * inner];
        y[o * inner + i] = best;
      }
    }
}

/// The first position of the maximum or minimum along the middle axis; values may be null.
template <Scalar T>
void arg_reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* values, Index* positions) {
  if (op == ReduceOp::sum) throw ValueError("arg_reduce: op must be maximum or minimum, got sum");
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < inner; ++i) {
      const T* line = x + o * size * inner + i;
      Index best = 0;
      for (Index s = 1; s < size; ++s)
        if (beats(op == ReduceOp::maximum, line[s * inner], line[best * inner])) best = s;
      if (values) values[o * inner + i] = line[best * inner];
      positions[o * inner + i] = best;
    }
}

/// The k largest or smallest along the middle axis, best first, equals in order of position; NaN counts as largest.
template <Scalar T>
void topk(Index outer, Index size, Index inner, Index k, bool largest, const T* x, T* values, Index* positions) {
  std::vector<Index> order(static_cast<std::size_t>(size));
  const auto less = [](T a, T b) { return is_nan(b) ? !is_nan(a) : a < b; };
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < inner; ++i) {
      const T* line = x + o * size * inner + i;
      for (Index s = 0; s < size; ++s) order[static_cast<std::size_t>(s)] = s;
      std::stable_sort(order.begin(), order.end(), [&](Index p, Index q) {
        const T at_p = line[p * inner], at_q = line[q * inner];
        return largest ? less(at_q, at_p) : less(at_p, at_q);
      });
      for (Index r = 0; r < k; ++r) {
        const Index position = order[static_cast<std::size_t>(r)];
        values[(o * k + r) * inner + i] = line[position * inner];
        positions[(o * k + r) * inner + i] = position;
      }
    }
}

/// y[o][indices[i]][r] += x[o][i][r]
template <Scalar T>
void index_add(Index outer, Index size, Index inner, const Index* indices, Index count, const T* x, T* y) {
  for (Index o = 0; o < outer; ++o)
    for (Index i = 0; i < count; ++i)
      for (Index r = 0; r < inner; ++r) {
        T& to = y[(o * size + indices[i]) * inner + r];
        to = static_cast<T>(static_cast<Wide<T>>(to) + static_cast<Wide<T>>(x[(o * count + i) * inner + r]));
      }
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
