// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "../tensor/creation.hpp"
#include "tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct GradcheckOptions {
  double eps = 1e-6;   // how far each entry is moved to either side
  double rtol = 1e-3;  // |analytic - numeric| <= atol + rtol*|numeric|
  double atol = 1e-5;
  bool allow_zero = false;  // a gradient that is zero everywhere passes; else it fails, for then nothing was compared
  std::uint64_t seed = 0;   // of the random dy
};

namespace detail {

/// f of all inputs, given one by one (up to six) or as the vector.
template <class F>
Tensor<double> call_with(F& f, const std::vector<Tensor<double>>& x) {
  using X = const Tensor<double>&;
  if constexpr (std::is_invocable_v<F&, X>) {
    if (x.size() == 1) return f(x[0]);
  }
  if constexpr (std::is_invocable_v<F&, X, X>) {
    if (x.size() == 2) return f(x[0], x[1]);
  }
  if constexpr (std::is_invocable_v<F&, X, X, X>) {
    if (x.size() == 3) return f(x[0], x[1], x[2]);
  }
  if constexpr (std::is_invocable_v<F&, X, X, X, X>) {
    if (x.size() == 4) return f(x[0], x[1], x[2], x[3]);
  }
  if constexpr (std::is_invocable_v<F&, X, X, X, X, X>) {
    if (x.size() == 5) return f(x[0], x[1], x[2], x[3], x[4]);
  }
  if constexpr (std::is_invocable_v<F&, X, X, X, X, X, X>) {
    if (x.size() == 6) return f(x[0], x[1], x[2], x[3], x[4], x[5]);
  }
  constexpr bool one_by_one = std::is_invocable_v<F&, X> || std::is_invocable_v<F&, X, X> || std::is_invocable_v<F&, X, X, X> ||
                              std::is_invocable_v<F&, X, X, X, X> || std::is_invocable_v<F&, X, X, X, X, X> ||
                              std::is_invocable_v<F&, X, X, X, X, X, X>;
  if constexpr (!one_by_one)
    return f(x);
  else
    throw ValueError(message("gradcheck: f does not take ", x.size(), " inputs"));
}

/// sum of y*dy, both in logical order.
inline double project(const Tensor<double>& y, const std::vector<double>& dy) {
  const std::vector<double> values = y.to_vector();
  double sum = 0;
  for (std::size_t i = 0; i < dy.size(); ++i) sum += values[i] * dy[i];
  return sum;
}

/// The coordinates of the element at `position` in logical order.
inline Shape coordinates_of(Index position, const Shape& shape) {
  Shape at = shape;
  for (Index axis = shape.rank() - 1; axis >= 0; position /= shape[axis--]) at[axis] = position % shape[axis];
  return at;
}

}  // namespace detail

/// Compares the gradients that the tape computes with central differences, entry by entry, and returns how many entries were compared.
/// f takes the inputs, as so many tensors or as one vector, and returns a tensor; it must compute the same whenever it is called. Its
/// gradient is taken along a random dy:
///
///   analytic = (J^T dy)[i]      numeric = (f(x + eps*e_i) - f(x - eps*e_i)) . dy / (2 eps)
///
///   gradcheck([](const auto& x, const auto& w) { return matmul(x, w); }, {x, w});
///
/// The inputs keep their values; their gradients are left alone.
/// Throws   AutogradError naming input, entry and both values where they differ; if a gradient is not finite, missing, or all zero
Index gradcheck(auto&& f, const std::vector<Tensor<double>>& inputs, const GradcheckOptions& options = {}) {
  std::vector<Tensor<double>> x;
  for (const Tensor<double>& input : inputs) x.push_back(Tensor<double>(copy_of(input, input.layout()).handle()).requires_grad(true));
  std::vector<double> dy;
  {
    Tape tape;
    const Tensor<double> y = detail::call_with(f, x);
    Generator generator(options.seed);
    const Tensor<double> seed = uniform<double>(y.shape(), -1, 1, generator, y.device());
    dy = seed.to_vector();
    tape.backward(y, seed);
  }
  Index compared = 0;
  for (std::size_t n = 0; n < x.size(); ++n) {
    if (x[n].numel() == 0) continue;
    if (!x[n].has_grad()) throw AutogradError(message("gradcheck: input ", n, " got no gradient (shape ", x[n].shape(), ")"));
    const std::vector<double> analytic = x[n].grad().to_vector(), values = x[n].to_vector();
    bool all_zero = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Shape at = detail::coordinates_of(static_cast<Index>(i), x[n].shape());
      x[n].set(at, values[i] + options.eps);
      const double above = detail::project(detail::call_with(f, x), dy);
      x[n].set(at, values[i] - options.eps);
      const double below = detail::project(detail::call_with(f, x), dy);
      x[n].set(at, values[i]);
      const double numeric = (above - below) / (2 * options.eps);
      if (!(std::abs(analytic[i] - numeric) <= options.atol + options.rtol * std::abs(numeric)) || !std::isfinite(analytic[i]) ||
          !std::isfinite(numeric))
        throw AutogradError(
            message("gradcheck: input ", n, " at ", at, ": analytic ", analytic[i], ", numeric ", numeric, " (shape ", x[n].shape(), ")"));
      all_zero = all_zero && analytic[i] == 0;
      ++compared;
    }
    if (all_zero && !options.allow_zero)
      throw AutogradError(
          message("gradcheck: the gradient of input ", n, " is zero everywhere (shape ", x[n].shape(), "); nothing was compared"));
  }
  return compared;
}

}  // namespace tapestry::inline TAPESTRY_ABI
