// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/adaptive_avg_pool2d.hpp"
#include "../ops/avg_pool2d.hpp"
#include "../ops/max_pool2d.hpp"
#include "describe.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
inline std::string pool_text(const PoolSize& size) { return size.pair ? to_string(size) : std::to_string(size.height); }
}  // namespace detail

/// The largest value under each window; see ops/max_pool2d.hpp, whose function max_pool2d_with_indices also tells where it stood.
template <Floating T = float>
class MaxPool2d : public Layer<T> {
 public:
  explicit MaxPool2d(PoolSize kernel, MaxPool2dOptions options = {}) : kernel_(kernel), options_(options) {
    detail::check_pool_options("MaxPool2d", kernel, options.stride, options.padding, options.dilation);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return max_pool2d(x, kernel_, options_); }
  std::string name() const override { return "MaxPool2d"; }
  std::string description() const override {
    return message("kernel_size=", detail::pool_text(kernel_), ", stride=", detail::pool_text(options_.stride.or_kernel(kernel_)),
                   ", padding=", detail::pool_text(options_.padding), ", dilation=", detail::pool_text(options_.dilation),
                   ", ceil_mode=", detail::python_bool(options_.ceil_mode));
  }
  Size2 kernel() const { return kernel_; }
  const MaxPool2dOptions& options() const { return options_; }

 private:
  PoolSize kernel_;
  MaxPool2dOptions options_;
};

/// The mean under each window; see ops/avg_pool2d.hpp.
template <Floating T = float>
class AvgPool2d : public Layer<T> {
 public:
  explicit AvgPool2d(PoolSize kernel, AvgPool2dOptions options = {}) : kernel_(kernel), options_(options) {
    detail::check_pool_options("AvgPool2d", kernel, options.stride, options.padding, 1);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return avg_pool2d(x, kernel_, options_); }
  std::string name() const override { return "AvgPool2d"; }
  std::string description() const override {
    return message("kernel_size=", detail::pool_text(kernel_), ", stride=", detail::pool_text(options_.stride.or_kernel(kernel_)),
                   ", padding=", detail::pool_text(options_.padding));
  }
  Size2 kernel() const { return kernel_; }
  const AvgPool2dOptions& options() const { return options_; }

 private:
  PoolSize kernel_;
  AvgPool2dOptions options_;
};

/// Averages images of any size down to a given one; see ops/adaptive_avg_pool2d.hpp. `AdaptiveAvgPool2d(1)`, `AdaptiveAvgPool2d({7, keep_size})`.
template <Floating T = float>
class AdaptiveAvgPool2d : public Layer<T> {
 public:
  explicit AdaptiveAvgPool2d(PoolSize output_size) : output_size_(output_size) {
    if (output_size.height < keep_size || output_size.width < keep_size)
      throw ValueError(message("AdaptiveAvgPool2d: output_size must be at least 0, or keep_size, got ", output_size));
  }
  Tensor<T> forward(const Tensor<T>& x) override { return adaptive_avg_pool2d(x, output_size_); }
  std::string name() const override { return "AdaptiveAvgPool2d"; }
  std::string description() const override {
    const auto text = [](Index size) { return size == keep_size ? std::string("None") : std::to_string(size); };
    const auto& o = output_size_;
    return "output_size=" + (o.pair ? message('(', text(o.height), ", ", text(o.width), ')') : text(o.height));
  }
  Size2 output_size() const { return output_size_; }

 private:
  PoolSize output_size_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
