// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "../autograd/owed_gradient.hpp"
#include "images.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct BatchNormOptions {
  bool training = false;  ///< normalise by the batch's own statistics, and let the running ones follow
  double momentum = 0.1;  ///< the new batch's share in the running statistics; a layer that averages all batches alike passes 1/count
  double eps = 1e-5;      ///< added to the variance, against division by zero
};

namespace detail {

/// The tensor with its channels innermost, under a shape of four axes where it has three; [N, C] lies so anyway.
template <Floating T>
Tensor<T> channels_innermost(const Tensor<T>& x) {
  if (x.rank() != 3) return in_layout(x, Layout::channels_last);
  const Shape& s = x.shape();
  return in_layout(x.with_shape({s[0], s[1], 1, s[2]}), Layout::channels_last);
}
template <Floating T>
Tensor<T> from_channels_innermost(const Tensor<T>& y, const Shape& shape) {
  return shape.rank() != 3 ? y : in_layout(y, Layout::row_major).with_shape(shape);
}

}  // namespace detail

/// Normalises each channel to mean 0 and variance 1 over the batch and all pixels, then scales and shifts it by what it learns:
///
///   y = weight[c] * h + bias[c],   h = (x - mean[c]) / sqrt(variance[c] + eps)
///
/// In training mean and variance (biased, divided by the count n) are the batch's, and the running statistics follow in place:
///   running = (1 - momentum) * running + momentum * batch's, with the unbiased variance, divided by n - 1
/// Otherwise they are the running statistics, and each channel is a mere affine map.
///
/// Shapes   x [N, C], [N, C, L] or [N, C, H, W]; weight, bias, running_mean, running_var [C] or undefined; returns x's shape, 4-D
///          channels-last. weight stands for 1 and bias for 0 where undefined
/// Method   x, weight, mean and variance are kept (in evaluation the running ones themselves); h is rebuilt in backward.
///          backward  dbias = sum of dy    dweight = sum of dy*h    over each channel's n values
///                    dx = weight / sqrt(variance + eps) * (dy - dbias/n - h*dweight/n)   in training: mean and variance depend on x
///                    dx = weight / sqrt(variance + eps) * dy                             otherwise
/// Throws   ShapeError if a shape does not fit, ValueError if training has one value a channel (h would always be 0), an option is out of
///          its range, or running statistics are needed and undefined, TypeError if devices differ.
/// Source   Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift", 2015.
template <Floating T>
Tensor<T> batch_norm(const Tensor<T>& x, const std::type_identity_t<Tensor<T>>& weight, const std::type_identity_t<Tensor<T>>& bias,
                     const std::type_identity_t<Tensor<T>>& running_mean, const std::type_identity_t<Tensor<T>>& running_var,
                     const BatchNormOptions& options = {}) {
  const Shape& shape = x.shape();
  if (shape.rank() < 2 || shape.rank() > 4)
    throw ShapeError(message("batch_norm: input must be [N, C], [N, C, L] or [N, C, H, W], got ", shape));
  const Index channels = shape[1], rows = channels == 0 ? 0 : x.numel() / channels;
  const auto check = [&](const char* parameter, const Tensor<T>& value) {
    if (!value.defined()) return;
    check_same_device("batch_norm", x, value);
    if (value.shape() != Shape{channels})
      throw ShapeError(message("batch_norm: ", parameter, " must be ", Shape{channels}, " for input ", shape, ", got ", value.shape()));
  };
  check("weight", weight);
  check("bias", bias);
  check("running_mean", running_mean);
  check("running_var", running_var);
  if (!(options.eps >= 0)) throw ValueError(message("batch_norm: eps must be at least 0, got ", options.eps));
  if (!(options.momentum >= 0 && options.momentum <= 1))
    throw ValueError(message("batch_norm: momentum must be from 0 to 1, got ", options.momentum));
  if (running_mean.defined() != running_var.defined())
    throw ValueError("batch_norm: running_mean and running_var must both be given or both be left out");
  if (!options.training && !running_mean.defined())
    throw ValueError("batch_norm: running_mean and running_var must be given unless training");
  if (options.training && rows == 1)
    throw ValueError(message("batch_norm: training needs more than one value per channel, got input ", shape));

  const auto backend = backend_of(x);
  const T eps = static_cast<T>(options.eps);
  Tensor<T> mean = running_mean, variance = running_var;
  const Tensor<T> input = detail::channels_innermost(x);
  if (options.training) {
    mean = Tensor<T>({channels}, Layout::row_major, x.device());
    variance = Tensor<T>({channels}, Layout::row_major, x.device());
    backend.batch_statistics(rows, channels, input.data(), mean.mutable_data(), variance.mutable_data());
    if (running_mean.defined() && rows > 0) {
      const double m = options.momentum, n = static_cast<double>(rows);
      backend.scale_add(channels, static_cast<T>(m), mean.data(), static_cast<T>(1 - m), running_mean.mutable_data());
      backend.scale_add(channels, static_cast<T>(m * n / (n - 1)), variance.data(), static_cast<T>(1 - m), running_var.mutable_data());
    }
  }
  const auto data = [](const Tensor<T>& vector) { return vector.defined() ? vector.data() : nullptr; };
  Tensor<T> y;
  if (!options.training && !Tape::records({x, weight, bias})) y = detail::owe_normalization(input, mean, variance, eps, weight, bias);
  if (!y.defined() && detail::may_owe()) {
    input.data();  // computed by now, should it have been owed
    y = detail::owe<T>(input.shape(), input.layout(),
                       {.source = detail::Staged<T>::normalization, .x = input,
                        .stages = {.mean = mean, .variance = variance, .gamma = weight, .beta = bias, .eps = eps}, .rows = rows, .channels = channels});
  } else if (!y.defined()) {
    y = Tensor<T>(input.shape(), input.layout(), x.device());
    backend.normalize(rows, channels, input.data(), mean.data(), variance.data(), eps, data(weight), data(bias), y.mutable_data());
  }

  return record("batch_norm", detail::from_channels_innermost(y, shape), {x, weight, bias, mean, variance},
                [input, mean, variance, eps, weight, bias, of_batch = options.training, result = std::weak_ptr(y.body().storage), x_grad = grad_of(x),
                 weight_grad = grad_of(weight), bias_grad = grad_of(bias)](const Tensor<T>& dy) {
    detail::NormalizedGradientTensors<T> gradient{input, mean, variance, weight, bias, eps, of_batch, dy};
    if (const auto* activated = detail::owed_activation_gradient(dy, result)) {
      gradient.dy = activated->dy, gradient.activation = activated->activation;
      gradient.slope = activated->slope, gradient.low = activated->low, gradient.high = activated->high;
    }
    gradient.dy = detail::channels_innermost(gradient.dy);
    const Tensor<T> dweight(mean.shape(), Layout::row_major, dy.device()), dbias(mean.shape(), Layout::row_major, dy.device());
    backend_of(dy).normalization_sums(gradient.arguments(), dweight.values_to_write(), dbias.values_to_write());
    gradient.dgamma = dweight, gradient.dbeta = dbias;
    if (x_grad.wanted()) x_grad.add(detail::from_channels_innermost(detail::normalized_gradient(std::move(gradient)), x_grad.shape()));
    weight_grad.add(dweight);
    bias_grad.add(dbias);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
