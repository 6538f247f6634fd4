// SPDX-License-Identifier: MIT
#pragma once

#include "../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

enum class Activation : std::uint8_t {
  none,
  relu,        // max(v, 0); NaN stays
  leaky_relu,  // v > 0 ? v : slope*v
  clamp        // min(max(v, low), high); NaN stays
};

/// What becomes of each number of a product or convolution before it is stored, so that it does not go through memory once more:
///
///   y = activation(scale[o] * (sum + bias[o]) + shift[o] + residual[pixel][o])
///
/// Any pointer may be null: then there is no such term. `residual` has the shape of y and does not overlap it.
/// Batch norm with fixed statistics is scale = gamma / sqrt(variance + eps), shift = beta - mean*scale.
template <Floating T>
struct Epilogue {
  const T* bias = nullptr;
  const T* scale = nullptr;
  const T* shift = nullptr;
  const T* residual = nullptr;
  Activation activation = Activation::none;
  T slope{}, low{}, high{};

  bool empty() const { return !bias && !scale && !shift && !residual && activation == Activation::none; }
  /// Where the residual of the result's number `at` lies, if there is one.
  const T* residual_at(Index at) const { return residual ? residual + at : nullptr; }
  /// The same for the filters from `channel` on, without a residual.
  Epilogue from_channel(Index channel) const {
    Epilogue e = *this;
    if (bias) e.bias += channel;
    if (scale) e.scale += channel;
    if (shift) e.shift += channel;
    return e;
  }
};

/// The same as layers put it: what follows a convolution, a product or a normalisation, in this order, before its numbers are stored.
///
///   v = x + bias[c];   v = (v - mean[c]) / sqrt(variance[c] + eps) * gamma[c] + beta[c];   v = v + residual;   y = activation(v)
///
/// A null bias, mean or residual: no such stage. gamma and beta may be null, as for normalize.
template <Floating T>
struct Stages {
  const T* bias = nullptr;
  const T *mean = nullptr, *variance = nullptr, *gamma = nullptr, *beta = nullptr;
  T eps{};
  const T* residual = nullptr;
  Activation activation = Activation::none;
  T slope{}, low{}, high{};

  bool empty() const { return !bias && !mean && !residual && activation == Activation::none; }
};

}  // namespace tapestry::inline TAPESTRY_ABI
