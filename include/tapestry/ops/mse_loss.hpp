// SPDX-License-Identifier: MIT
#pragma once

#include "loss_reduction.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The squared error between what was computed and what was wanted:
///
///   loss[i] = (x[i] - target[i])^2      mean: sum of loss / number of elements      sum: sum of loss      none: loss itself
///
/// Shapes   x and target of one shape, returns [] or, unreduced, the same. They do not broadcast: [N, 1] against [N] is a mistake
/// Method   backward  dx = 2 (x - target) * dloss    dtarget = -dx.   The difference is kept.
/// Throws   ShapeError if the shapes differ, TypeError if the devices do.
/// Source   Gauss, "Theoria motus corporum coelestium", 1809, section 179.
template <Floating T>
Tensor<T> mse_loss(const Tensor<T>& x, const Tensor<T>& target, Reduction reduction = Reduction::mean) {
  if (x.shape() != target.shape())
    throw ShapeError(message("mse_loss: target must have the input's shape ", x.shape(), ", got ", target.shape()));
  check_same_device("mse_loss", x, target);
  const Tensor<T> difference = detail::binary("mse_loss", BinaryOp::subtract, x, target);
  const Tensor<T> loss = detail::binary("mse_loss", BinaryOp::multiply, difference, difference);
  const Tensor<T> divisor = full<T>({}, static_cast<T>(x.numel()), x.device());

  return record("mse_loss", detail::reduce_terms(reduction, loss, divisor), {x, target},
                [difference, divisor, reduction, x_grad = grad_of(x), target_grad = grad_of(target)](const Tensor<T>& dy) {
    const Tensor<T> dloss = reduction == Reduction::mean ? detail::binary("mse_loss", BinaryOp::divide, dy, divisor) : dy;
    const Tensor<T> half = detail::binary("mse_loss", BinaryOp::multiply, difference, dloss);
    if (x_grad.wanted()) x_grad.add(detail::binary("mse_loss", BinaryOp::add, half, half));
    if (target_grad.wanted()) {
      Tensor<T> dtarget = empty_like(half);
      kernels_of(half).unary(UnaryOp::affine, half.numel(), half.data(), T{-2}, -T{0}, dtarget.mutable_data());
      target_grad.add(dtarget);
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
