// SPDX-License-Identifier: MIT
#pragma once

#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a loss makes of its terms: hands them out, averages them, or adds them up.
enum class Reduction : std::uint8_t { none, mean, sum };

constexpr std::string_view name_of(Reduction reduction) {
  switch (reduction) {
    case Reduction::none: return "none";
    case Reduction::mean: return "mean";
    case Reduction::sum: return "sum";
  }
  return "?";
}

namespace detail {

/// The sum of all elements, without axes; recorded by no tape.
template <Floating T>
Tensor<T> total(const Tensor<T>& terms) {
  Tensor<T> sum({}, Layout::row_major, terms.device());
  kernels_of(terms).reduce(ReduceOp::sum, 1, terms.numel(), 1, terms.data(), sum.mutable_data());
  return sum;
}

/// none: the terms; sum: their sum; mean: their sum / divisor, so NaN where there is nothing to average, as in PyTorch.
template <Floating T>
Tensor<T> reduce_terms(Reduction reduction, const Tensor<T>& terms, const Tensor<T>& divisor) {
  if (reduction == Reduction::none) return terms;
  return reduction == Reduction::sum ? total(terms) : binary("loss", BinaryOp::divide, total(terms), divisor);
}

/// Its way back: the gradient of every term, repeated over `shape` where the reduction made one number of them.
template <Floating T>
Tensor<T> term_gradient(Reduction reduction, const Tensor<T>& dy, const Tensor<T>& divisor, const Shape& shape) {
  if (reduction == Reduction::none) return dy.rank() == 4 ? in_layout(dy, Layout::row_major) : dy;
  const Tensor<T> each = reduction == Reduction::sum ? dy : binary("loss", BinaryOp::divide, dy, divisor);
  Tensor<T> repeated(shape, Layout::row_major, dy.device());
  dy.device().memory().strided_copy(sizeof(T), {repeated.numel()}, each.data(), {0}, repeated.mutable_data(), {1});
  return repeated;
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
