// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "broadcast.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Normalises each vector by its own mean and variance, whatever else is in the batch, then scales and shifts by what it learns:
///
///   y = weight * h + bias,   h = (x - mean) / sqrt(variance + eps),   mean and variance (divided by the count D) over the last axes
///
/// Shapes   x [*, normalized_shape], weight and bias normalized_shape or undefined (then 1 and 0), returns x's shape, row-major
/// Method   X the vectors as rows of D numbers. h and 1 / sqrt(variance + eps) are kept.
///          backward  dbias = sum of dY's rows    dweight = sum of the rows of dY*h
///                    dh = dY * weight,  dX = (dh - mean of dh - h * mean of dh*h) / sqrt(variance + eps),  means by row
/// Throws   ShapeError if x does not end in normalized_shape or weight or bias has another, ValueError if eps is negative, TypeError if
///          devices differ.
/// Source   Ba, Kiros and Hinton, "Layer normalization", 2016.
template <Floating T>
Tensor<T> layer_norm(const Tensor<T>& x, const Shape& normalized_shape, const std::type_identity_t<Tensor<T>>& weight = {},
                     const std::type_identity_t<Tensor<T>>& bias = {}, double eps = 1e-5) {
  const Index axes = normalized_shape.rank(), outer = x.rank() - axes;
  if (axes == 0 || normalized_shape.numel() == 0 || outer < 0 || Shape(x.shape().begin() + outer, x.shape().end()) != normalized_shape)
    throw ShapeError(message("layer_norm: input must end in normalized_shape ", normalized_shape, ", got ", x.shape()));
  for (const auto& [parameter, value] : {std::pair<const char*, const Tensor<T>&>{"weight", weight}, {"bias", bias}}) {
    if (!value.defined()) continue;
    check_same_device("layer_norm", x, value);
    if (value.shape() != normalized_shape)
      throw ShapeError(message("layer_norm: ", parameter, " must be ", normalized_shape, " for input ", x.shape(), ", got ", value.shape()));
  }
  if (!(eps >= 0)) throw ValueError(message("layer_norm: eps must be at least 0, got ", eps));

  constexpr const char* name = "layer_norm";
  const Index size = normalized_shape.numel(), rows = x.numel() / size;
  const auto times = [](const Tensor<T>& a, const Tensor<T>& b) { return detail::binary(name, BinaryOp::multiply, a, b); };
  const auto minus = [](const Tensor<T>& a, const Tensor<T>& b) { return detail::binary(name, BinaryOp::subtract, a, b); };
  const auto row_means = [rows, size](const Tensor<T>& a) {
    Tensor<T> mean({rows, 1}, Layout::row_major, a.device());
    backend_of(a).reduce(ReduceOp::sum, rows, size, 1, a.data(), mean.mutable_data());
    backend_of(a).unary(UnaryOp::affine, rows, mean.data(), T{1} / static_cast<T>(size), T{0}, mean.mutable_data());
    return mean;
  };
  const auto as_row = [size](const Tensor<T>& parameter) { return in_layout(parameter, Layout::row_major).with_shape({1, size}); };

  const Tensor<T> vectors = in_layout(x, Layout::row_major).with_shape({rows, size});
  const Tensor<T> centred = minus(vectors, row_means(vectors)), scale = row_means(times(centred, centred));
  backend_of(x).unary(UnaryOp::affine, rows, scale.data(), T{1}, static_cast<T>(eps), scale.mutable_data());
  backend_of(x).unary(UnaryOp::power, rows, scale.data(), T{-0.5}, T{0}, scale.mutable_data());  // 1 / sqrt(variance + eps)
  const Tensor<T> h = times(centred, scale);
  Tensor<T> y = weight.defined() ? times(h, as_row(weight)) : h;
  if (bias.defined()) y = detail::binary(name, BinaryOp::add, y, as_row(bias));

  return record(name, y.with_shape(x.shape()), {x, weight, bias},
                [=, x_grad = grad_of(x), weight_grad = grad_of(weight), bias_grad = grad_of(bias)](const Tensor<T>& dy) {
    const Tensor<T> dY = in_layout(dy, Layout::row_major).with_shape({rows, size});
    const auto sum_of_rows = [&](const Tensor<T>& a) {
      Tensor<T> sum({size}, Layout::row_major, a.device());
      backend_of(a).sum_rows(rows, size, a.data(), sum.mutable_data());
      return sum.with_shape(normalized_shape);
    };
    if (bias_grad.wanted()) bias_grad.add(sum_of_rows(dY));
    if (weight_grad.wanted()) weight_grad.add(sum_of_rows(times(dY, h)));
    if (x_grad.wanted()) {
      const Tensor<T> dh = weight.defined() ? times(dY, as_row(weight)) : dY;
      const Tensor<T> along_h = times(h, row_means(times(dh, h)));
      const Tensor<T> dx = times(minus(minus(dh, row_means(dh)), along_h), scale);
      x_grad.add(in_layout(dx.with_shape(x_grad.shape()), x_grad.layout()));
    }
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
