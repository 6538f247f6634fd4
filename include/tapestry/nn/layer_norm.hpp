// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/layer_norm.hpp"
#include "describe.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct LayerNormOptions {
  double eps = 1e-5;               ///< added to the variance
  bool elementwise_affine = true;  ///< whether scale and shift are learned
  bool bias = true;                ///< without, only the scale is
};

/// Normalises each vector by its own mean and variance, then scales and shifts it; see ops/layer_norm.hpp. `LayerNorm(64)`, `LayerNorm({8, 8})`.
///
/// Shapes   x [*, normalized_shape] -> the same; weight and bias normalized_shape
/// Begins   weight 1, bias 0
/// Throws   ValueError for an empty shape, a size below 1 or a negative eps.
template <Floating T = float>
class LayerNorm : public Layer<T> {
 public:
  Tensor<T> weight, bias;  ///< undefined unless learned

  explicit LayerNorm(const Shape& normalized_shape, LayerNormOptions options = {}) : shape_(normalized_shape), options_(options) {
    bool fits = !shape_.empty();
    for (Index size : shape_) fits = fits && size > 0;
    if (!fits) throw ValueError(message("LayerNorm: normalized_shape must have sizes of at least 1, got ", shape_));
    if (!(options.eps >= 0)) throw ValueError(message("LayerNorm: eps must be at least 0, got ", options.eps));
    if (options.elementwise_affine) weight = Tensor<T>(shape_).fill(1).requires_grad(true);
    if (options.elementwise_affine && options.bias) bias = Tensor<T>(shape_).fill(0).requires_grad(true);
  }
  template <std::integral I>
  explicit LayerNorm(I size, LayerNormOptions options = {}) : LayerNorm(Shape{static_cast<Index>(size)}, options) {}

  Tensor<T> forward(const Tensor<T>& x) override { return layer_norm(x, shape_, weight, bias, options_.eps); }
  void members(const Members& visit) override {
    visit.parameter("weight", weight);
    visit.parameter("bias", bias);
  }
  std::string name() const override { return "LayerNorm"; }
  std::string description() const override {
    std::string sizes;
    for (Index size : shape_) sizes.append(sizes.empty() ? "" : ", ").append(std::to_string(size));
    return message('(', sizes, shape_.rank() == 1 ? ",)" : ")", ", eps=", detail::python_number(options_.eps),
                   ", elementwise_affine=", detail::python_bool(options_.elementwise_affine), ", bias=",
                   detail::python_bool(bias.defined()));
  }

 private:
  Shape shape_;
  LayerNormOptions options_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
