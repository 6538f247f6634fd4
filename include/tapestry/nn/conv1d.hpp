// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/conv1d.hpp"
#include "init.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The options of the layer Conv1d: those of the op conv1d, and what the layer needs to make its weight.
struct Conv1dLayerOptions {
  Index kernel = 0;    ///< taps; must be given
  Index stride = 1;    ///< positions from one window to the next
  Padding padding{};   ///< positions added at each end: a number, or Padding::same
  Index dilation = 1;  ///< positions from one tap of the kernel to the next
  Index groups = 1;    ///< input and output channels are cut into so many parts, and part is linked to part only
  bool bias = true;
  PaddingMode padding_mode = PaddingMode::zeros;
};

/// A convolution over time with filters that are learned: y = conv1d(x, weight, bias); the formula stands in ops/conv1d.hpp.
///
/// Shapes   x [N, in_channels, L] -> [N, out_channels, L'], or both without N
///          weight [out_channels, in_channels / groups, K], bias [out_channels]
/// Begins   weight and bias uniform in +-1/sqrt(in_channels/groups * K)
/// Throws   ValueError for a size below 1 or groups that do not divide the channels.
template <Floating T = float>
class Conv1d : public Layer<T> {
 public:
  Tensor<T> weight;
  Tensor<T> bias;  ///< undefined if the layer has none

  Conv1d(Index in_channels, Index out_channels, Conv1dLayerOptions options) : options_(options), in_channels_(in_channels) {
    detail::check_length("Conv1d", "kernel", options.kernel, 1);
    if (in_channels < 1 || out_channels < 1)
      throw ValueError(message("Conv1d: in_channels and out_channels must be at least 1, got ", in_channels, " and ", out_channels));
    if (options.groups < 1 || in_channels % options.groups != 0 || out_channels % options.groups != 0)
      throw ValueError(message("Conv1d: groups must divide in_channels ", in_channels, " and out_channels ", out_channels, ", got ", options.groups));
    detail::check_conv1d_options("Conv1d", op_options());
    weight = Tensor<T>(Shape{out_channels, in_channels / options.groups, options.kernel});
    if (options.bias) bias = Tensor<T>(Shape{out_channels});
    init::torch_default(weight, bias);
    weight.requires_grad(true);
    if (options.bias) bias.requires_grad(true);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return conv1d(x, weight, bias, op_options()); }
  void members(const Members& visit) override {
    visit.parameter("weight", weight);
    visit.parameter("bias", bias);
  }
  std::string name() const override { return "Conv1d"; }
  std::string description() const override {
    const auto& o = options_;
    std::string text = message(in_channels_, ", ", weight.dim(0), ", kernel_size=(", o.kernel, ",), stride=(", o.stride, ",)");
    if (o.padding.keeps_size)
      text += ", padding=same";
    else if (o.padding != Padding())
      text += message(", padding=(", o.padding.size.width, ",)");
    if (o.dilation != 1) text += message(", dilation=(", o.dilation, ",)");
    if (o.groups != 1) text += message(", groups=", o.groups);
    if (!o.bias) text += ", bias=False";
    if (o.padding_mode != PaddingMode::zeros) text += message(", padding_mode=", name_of(o.padding_mode));
    return text;
  }
  const Conv1dLayerOptions& options() const { return options_; }

 private:
  Conv1dOptions op_options() const {
    return {.stride = options_.stride, .padding = options_.padding, .dilation = options_.dilation, .groups = options_.groups,
            .padding_mode = options_.padding_mode};
  }
  Conv1dLayerOptions options_;
  Index in_channels_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
