// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Silences each number with probability p and makes up for it by scaling the others, so that the expected value stays:
///
///   y = keep ? x / (1 - p) : 0,   keep drawn anew for each element with probability 1 - p
///
/// Outside training y is x itself.
///
/// Shapes   x any, returns the same in x's layout
/// Method   backward  dx = keep ? dy / (1 - p) : 0. One byte an element is kept.
///          The i-th element in logical order takes the generator's i-th number: which are silenced depends on no layout, device or thread.
/// Throws   ValueError unless 0 <= p <= 1.
/// Source   Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks from
///          overfitting", 2014.
template <Floating T>
Tensor<T> dropout(const Tensor<T>& x, double p = 0.5, bool training = true, Generator& generator = default_generator()) {
  if (!(p >= 0 && p <= 1)) throw ValueError(message("dropout: p must be from 0 to 1, got ", p));
  if (!training || p == 0) return x;
  Tensor<bool> in_order(x.shape(), Layout::row_major, x.device());
  x.device().memory().bernoulli(generator.reserve(x.numel()), 1 - p, x.numel(), in_order.mutable_data());
  const Tensor<bool> keep = in_layout(in_order, x.layout());
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T{0};
  Tensor<T> y(x.shape(), x.layout(), x.device());
  backend_of(x).mask_scale(x.numel(), keep.data(), scale, x.data(), y.mutable_data());

  return record("dropout", y, {x}, [keep, scale, x_grad = grad_of(x)](const Tensor<T>& dy) {
    if (!x_grad.wanted()) return;
    Tensor<T> dx(dy.shape(), dy.layout(), dy.device());
    backend_of(dy).mask_scale(dy.numel(), keep.data(), scale, dy.data(), dx.mutable_data());
    x_grad.add(dx);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
