// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "../autograd/owed.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The shape of linear's result, from shapes alone.
/// Throws   ShapeError if they do not fit.
inline Shape linear_shape(const Shape& x, const Shape& weight) {
  if (weight.rank() != 2) throw ShapeError(message("linear: weight must be [out_features, in_features], got ", weight));
  if (x.rank() < 1 || x.back() != weight[1])
    throw ShapeError(message("linear: input has ", x.rank() < 1 ? 0 : x.back(), " features but weight expects ", weight[1], " (input ", x,
                             ", weight ", weight, ")"));
  Shape y = x;
  y[y.rank() - 1] = weight[0];
  return y;
}

/// An affine map of the last axis, the same for every row:
///
///   y[..., o] = bias[o] + sum over i of weight[o,i] * x[..., i]
///
/// Shapes   x [*, in], weight [out, in], bias [out] or undefined, returns [*, out]
/// Method   X the rows of x, a matrix:   forward   Y = X W^T + bias
///                                       backward  dX = dY W    dW = dY^T X    dbias = sum of dY's rows.   x and weight are kept.
/// Throws   ShapeError if the sizes do not fit, TypeError if devices differ.
/// Source   Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
template <Floating T>
Tensor<T> linear(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& weight, const std::type_identity_t<Tensor<T>>& bias = {}) {
  const Shape y_shape = linear_shape(x.shape(), weight.shape());
  check_same_device("linear", x, weight);
  const Index out = weight.shape()[0], in = weight.shape()[1];
  if (bias.defined()) {
    check_same_device("linear", x, bias);
    if (bias.shape() != Shape{out})
      throw ShapeError(message("linear: bias must be ", Shape{out}, " for weight ", weight.shape(), ", got ", bias.shape()));
  }
  Index rows = 1;
  for (Index axis = 0; axis + 1 < x.rank(); ++axis) rows *= x.shape()[axis];
  const Tensor<T> input = in_layout(x, Layout::row_major);
  Tensor<T> y;
  if (detail::may_owe()) {
    input.data();  // computed by now, should it have been owed
    y = detail::owe<T>(y_shape, Layout::row_major, {.source = detail::Staged<T>::linear, .x = input, .weight = weight,
                                                    .stages = {.bias = bias}, .rows = rows, .channels = out, .depth = in});
  } else {
    y = Tensor<T>(y_shape, Layout::row_major, x.device());
    backend_of(x).gemm(Transpose::no, Transpose::yes, rows, out, in, input.data(), in, weight.data(), in, T{0}, y.mutable_data(), out);
    if (bias.defined()) backend_of(x).add_rows(rows, out, bias.data(), y.mutable_data());
  }

  return record("linear", y, {x, weight, bias}, [rows, out, in, input, weight, x_grad = grad_of(x), weight_grad = grad_of(weight),
                                                 bias_grad = grad_of(bias)](const Tensor<T>& dy) {
    const auto backend = backend_of(dy);
    const Tensor<T> dY = in_layout(dy, Layout::row_major);
    if (x_grad.wanted()) {
      Tensor<T> dx(input.shape(), Layout::row_major, dy.device());
      backend.gemm(Transpose::no, Transpose::no, rows, in, out, dY.data(), out, weight.data(), in, T{0}, dx.mutable_data(), in);
      x_grad.add(dx);
    }
    if (weight_grad.wanted()) {
      Tensor<T> dw(weight.shape(), Layout::row_major, dy.device());
      backend.gemm(Transpose::yes, Transpose::no, out, in, rows, dY.data(), out, input.data(), in, T{0}, dw.mutable_data(), in);
      weight_grad.add(dw);
    }
    if (bias_grad.wanted()) {
      Tensor<T> dbias({out}, Layout::row_major, dy.device());
      backend.sum_rows(rows, out, dY.data(), dbias.mutable_data());
      bias_grad.add(dbias);
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
