// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/adaptive_pool1d.hpp"
#include "../ops/avg_pool1d.hpp"
#include "../ops/max_pool1d.hpp"
#include "describe.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The largest value under each window; see ops/max_pool1d.hpp, whose function max_pool1d_with_indices also tells where it stood.
template <Floating T = float>
class MaxPool1d : public Layer<T> {
 public:
  explicit MaxPool1d(Index kernel, MaxPool1dOptions options = {}) : kernel_(kernel), options_(options) {
    detail::check_pool1d_options("MaxPool1d", kernel, options.stride, options.padding, options.dilation);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return max_pool1d(x, kernel_, options_); }
  std::string name() const override { return "MaxPool1d"; }
  std::string description() const override {
    return message("kernel_size=", kernel_, ", stride=", options_.stride.or_kernel(kernel_), ", padding=", options_.padding,
                   ", dilation=", options_.dilation, ", ceil_mode=", detail::python_bool(options_.ceil_mode));
  }

 private:
  Index kernel_;
  MaxPool1dOptions options_;
};

/// The mean under each window; see ops/avg_pool1d.hpp.
template <Floating T = float>
class AvgPool1d : public Layer<T> {
 public:
  explicit AvgPool1d(Index kernel, AvgPool1dOptions options = {}) : kernel_(kernel), options_(options) {
    detail::check_pool1d_options("AvgPool1d", kernel, options.stride, options.padding, 1);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return avg_pool1d(x, kernel_, options_); }
  std::string name() const override { return "AvgPool1d"; }
  std::string description() const override {
    return message("kernel_size=(", kernel_, ",), stride=(", options_.stride.or_kernel(kernel_), ",), padding=(", options_.padding, ",)");
  }

 private:
  Index kernel_;
  AvgPool1dOptions options_;
};

/// Averages sequences of any length down to a given one; see ops/adaptive_pool1d.hpp.
template <Floating T = float>
class AdaptiveAvgPool1d : public Layer<T> {
 public:
  explicit AdaptiveAvgPool1d(Index output_size) : output_size_(output_size) {
    detail::check_length("AdaptiveAvgPool1d", "output_size", output_size, 1);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_avg_pool1d(x, output_size_); }
  std::string name() const override { return "AdaptiveAvgPool1d"; }
  std::string description() const override { return message("output_size=", output_size_); }

 private:
  Index output_size_;
};

/// The largest of each part of a sequence; `AdaptiveMaxPool1d(1)` is the maximum over time.
template <Floating T = float>
class AdaptiveMaxPool1d : public Layer<T> {
 public:
  explicit AdaptiveMaxPool1d(Index output_size) : output_size_(output_size) {
    detail::check_length("AdaptiveMaxPool1d", "output_size", output_size, 1);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_max_pool1d(x, output_size_); }
  std::string name() const override { return "AdaptiveMaxPool1d"; }
  std::string description() const override { return message("output_size=", output_size_); }

 private:
  Index output_size_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
