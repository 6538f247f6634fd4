// SPDX-License-Identifier: MIT
#pragma once

#include "reduce.hpp"
#include "where.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct VarianceOptions {
  double correction = 1;  // 1: unbiased (Bessel's correction), 0: the variance of the elements themselves
  bool keep_dim = false;
};

namespace detail {
/// x minus its mean over the marked axes, and what the sum of its squares is divided by; recorded by no tape.
template <Floating T>
std::pair<Tensor<T>, T> centred(const Tensor<T>& x, const AxisMarks& reduced, double correction) {
  const double n = static_cast<double>(reduced_count(x.shape(), reduced));
  const Tensor<T> mean = binary("variance", BinaryOp::divide, reduce_axes(ReduceOp::sum, x, reduced), scalar_beside(x, n));
  return {binary("variance", BinaryOp::subtract, x, mean), static_cast<T>(std::max(0.0, n - correction))};
}
/// sum of c^2 / divisor over the marked axes.
template <Floating T>
Tensor<T> mean_square(const Tensor<T>& c, T divisor, const AxisMarks& reduced, bool keep_dim) {
  const Tensor<T> total = reduce(ReduceOp::sum, binary("variance", BinaryOp::multiply, c, c), reduced, keep_dim);
  return binary("variance", BinaryOp::divide, total, scalar_beside(c, divisor));
}
}  // namespace detail

/// y = sum of (x - mean)^2 / (n - correction), in two passes: the difference of two large sums would lose its digits.
/// dx = 2 (x - mean) / (n - correction) dy
template <Floating T>
Tensor<T> variance(const Tensor<T>& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  const auto reduced = axes.mark("variance", x.rank());
  const auto [c, divisor] = detail::centred(x, reduced, options.correction);
  const Tensor<T> y = detail::mean_square(c, divisor, reduced, options.keep_dim);
  return record("variance", y, {x}, [x_grad = grad_of(x), reduced, centred = c, scale = T{2} / divisor](const Tensor<T>& dy) {
    x_grad.add(multiply(detail::repeat_over(scale * dy, x_grad.shape(), reduced, x_grad.layout()), centred));
  });
}

/// y = sqrt(variance); its derivative is taken as 0 where y is 0.   dx = (x - mean) / ((n - correction) y) dy
template <Floating T>
Tensor<T> std_dev(const Tensor<T>& x, const Axes& axes = {}, const VarianceOptions& options = {}) {
  const auto reduced = axes.mark("std_dev", x.rank());
  const auto [c, divisor] = detail::centred(x, reduced, options.correction);
  Tensor<T> y = sqrt(detail::mean_square(c, divisor, reduced, options.keep_dim));
  return record("std_dev", y, {x}, [x_grad = grad_of(x), reduced, centred = c, divisor = divisor, y](const Tensor<T>& dy) {
    const Tensor<T> slope = where(y == 0, T{0}, dy / (divisor * y));
    x_grad.add(multiply(detail::repeat_over(slope, x_grad.shape(), reduced, x_grad.layout()), centred));
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
