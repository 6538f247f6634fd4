// SPDX-License-Identifier: MIT
#pragma once

#include "convert.hpp"
#include "reduce.hpp"
#include "where.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Truth values by element and over axes. The functions are templates only so that a program that does without them compiles none.

template <std::same_as<bool> B>
Tensor<B> logical_and(const Tensor<B>& a, const Tensor<B>& b) {
  return detail::binary("logical_and", BinaryOp::minimum, a, b);
}
template <std::same_as<bool> B>
Tensor<B> logical_or(const Tensor<B>& a, const Tensor<B>& b) {
  return detail::binary("logical_or", BinaryOp::maximum, a, b);
}
template <std::same_as<bool> B>
Tensor<B> logical_xor(const Tensor<B>& a, const Tensor<B>& b) {
  return a != b;
}
template <std::same_as<bool> B>
Tensor<B> logical_not(const Tensor<B>& x) {
  return x == false;
}

namespace detail {
template <class B>  // how many elements over each place are true, compared with the number that decides
Tensor<B> count_true(const Tensor<B>& x, const AxisMarks& reduced, const ReduceOptions& options, CompareOp op, Index number) {
  const Tensor<Index> count = reduce(ReduceOp::sum, cast<Index>(x), reduced, options.keep_dim);
  return compare("all", op, count, scalar_beside(count, number));
}
}  // namespace detail

/// Whether all elements are true, of the whole tensor or over axes. Of none, all are.
template <std::same_as<bool> B>
Tensor<B> all(const Tensor<B>& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  const auto reduced = axes.mark("all", x.rank());
  return detail::count_true(x, reduced, options, CompareOp::equal, detail::reduced_count(x.shape(), reduced));
}
/// Whether any element is true, of the whole tensor or over axes. Of none, none is.
template <std::same_as<bool> B>
Tensor<B> any(const Tensor<B>& x, const Axes& axes = {}, const ReduceOptions& options = {}) {
  return detail::count_true(x, axes.mark("any", x.rank()), options, CompareOp::greater, 0);
}

struct CloseOptions {
  double rtol = 1e-5, atol = 1e-8;
  bool equal_nan = false;
};
/// Whether |a - b| <= atol + rtol*|b| holds for every element, after broadcasting. Equal infinities are close; NaN is close to NaN only by
/// equal_nan.
template <Floating T>
bool allclose(const Tensor<T>& a, const Tensor<T>& b, const CloseOptions& options = {}) {
  const detail::BroadcastResult result{detail::broadcast_result("allclose", a, b).shape, Layout::row_major};
  const std::vector<T> left = detail::expanded(a, result).to_vector(), right = detail::expanded(b, result).to_vector();
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double x = static_cast<double>(left[i]), y = static_cast<double>(right[i]);
    const bool close = x == y || (std::isfinite(y) && std::abs(x - y) <= options.atol + options.rtol * std::abs(y));
    if (!close && !(options.equal_nan && std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI
