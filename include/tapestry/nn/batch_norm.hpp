// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "../ops/batch_norm.hpp"
#include "describe.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct BatchNormLayerOptions {
  double eps = 1e-5;                     ///< added to the variance
  std::optional<double> momentum = 0.1;  ///< weight of the newest batch in the running statistics; std::nullopt: their plain average over all batches
  bool affine = true;                    ///< whether scale and shift are learned
  bool bias = true;                      ///< without, only the scale is
  bool track_running_stats = true;       ///< without, evaluation uses the batch's own statistics too
};

/// What BatchNorm1d and BatchNorm2d share; they differ in the shapes they take.
///
///   y = (x - mean) / sqrt(variance + eps) * weight + bias, channel by channel; see ops/batch_norm.hpp
///
/// In training mean and variance are the batch's, and running_mean and running_var follow them; in evaluation these are used.
template <Floating T>
class BatchNorm : public Layer<T> {
 public:
  Tensor<T> weight, bias;               ///< scale and shift, [C]; undefined unless learned
  Tensor<T> running_mean, running_var;  ///< [C]; undefined unless track_running_stats
  Tensor<Index> num_batches_tracked;    ///< []

  Tensor<T> forward(const Tensor<T>& x) override {
    check(x.shape());
    std::optional<double> momentum = options_.momentum;
    const bool track = options_.track_running_stats && this->training();
    const Index batches = track ? num_batches_tracked.item() + 1 : 0;
    if (track && !momentum) momentum = 1.0 / static_cast<double>(batches);
    Tensor<T> y = batch_norm(x, weight, bias, running_mean, running_var,
                             {.training = this->training() || !options_.track_running_stats, .momentum = momentum.value_or(0), .eps = options_.eps});
    if (track) num_batches_tracked.fill(batches);
    return y;
  }
  void members(const Members& visit) override {
    visit.parameter("weight", weight);
    visit.parameter("bias", bias);
    visit.buffer("running_mean", running_mean);
    visit.buffer("running_var", running_var);
    visit.buffer("num_batches_tracked", num_batches_tracked);
  }
  std::string description() const override {
    return message(features_, ", eps=", detail::python_number(options_.eps),
                   ", momentum=", options_.momentum ? detail::python_number(*options_.momentum) : "None", ", affine=", detail::python_bool(options_.affine),
                   ", bias=", detail::python_bool(bias.defined()), ", track_running_stats=", detail::python_bool(options_.track_running_stats));
  }

 protected:
  BatchNorm(std::string_view layer, Index features, BatchNormLayerOptions options) : features_(features), options_(options) {
    if (features < 1) throw ValueError(message(layer, ": num_features must be at least 1, got ", features));
    if (!(options.eps >= 0)) throw ValueError(message(layer, ": eps must be at least 0, got ", options.eps));
    const auto filled = [&](T value) { return Tensor<T>(Shape{features}).fill(value); };
    if (options.affine) {
      weight = filled(1).requires_grad(true);
      if (options.bias) bias = filled(0).requires_grad(true);
    }
    if (options.track_running_stats) {
      running_mean = filled(0);
      running_var = filled(1);
      num_batches_tracked = Tensor<Index>(Shape{}).fill(0);
    }
  }
  virtual void check(const Shape& x) const = 0;
  Index features_;

 private:
  BatchNormLayerOptions options_;
};

/// Batch normalisation of features: x [N, C] or [N, C, L].
/// Source   Ioffe and Szegedy, "Batch normalization", 2015.
template <Floating T = float>
class BatchNorm1d : public BatchNorm<T> {
 public:
  explicit BatchNorm1d(Index num_features, BatchNormLayerOptions options = {}) : BatchNorm<T>("BatchNorm1d", num_features, options) {}
  std::string name() const override { return "BatchNorm1d"; }

 protected:
  void check(const Shape& x) const override {
    if ((x.rank() != 2 && x.rank() != 3) || x[1] != this->features_)
      throw ShapeError(message("BatchNorm1d: input must be [N, ", this->features_, "] or [N, ", this->features_, ", L], got ", x));
  }
};

/// Batch normalisation of images: x [N, C, H, W].
/// Source   Ioffe and Szegedy, "Batch normalization", 2015.
template <Floating T = float>
class BatchNorm2d : public BatchNorm<T> {
 public:
  explicit BatchNorm2d(Index num_features, BatchNormLayerOptions options = {}) : BatchNorm<T>("BatchNorm2d", num_features, options) {}
  std::string name() const override { return "BatchNorm2d"; }

 protected:
  void check(const Shape& x) const override {
    if (x.rank() != 4 || x[1] != this->features_) throw ShapeError(message("BatchNorm2d: input must be [N, ", this->features_, ", H, W], got ", x));
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI
