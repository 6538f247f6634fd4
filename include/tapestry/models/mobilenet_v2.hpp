// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/activation.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/linear.hpp"
#include "../nn/sequential.hpp"
#include "../ops/adaptive_avg_pool2d.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/reshape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Convolution, batch norm and ReLU6 in a row; the kernel's padding keeps the size.
template <Floating T = float>
class Conv2dNormActivation : public Sequential<T> {
 public:
  Conv2dNormActivation(Index in, Index out, Conv2dLayerOptions options) {
    options.padding = Padding((options.kernel.height - 1) / 2, (options.kernel.width - 1) / 2);
    options.bias = false;  // batch norm takes the mean away again
    this->append(Conv2d<T>(in, out, options));
    this->append(BatchNorm2d<T>(out));
    this->append(ReLU6<T>({.inplace = true}));
  }
  std::string name() const override { return "Conv2dNormActivation"; }
};

struct InvertedResidualOptions {
  Index stride = 1;
  Index expand_ratio = 6;  ///< channels within the block for one of its input
};

/// A bottleneck turned inside out: few channels between blocks, many within, where each is filtered by itself.
///
///   x -- 1x1 to expand_ratio * C -- 3x3, each channel alone, stride -- 1x1 to `out`, no ReLU --> y     and y = x + ... where shapes allow
///
/// A 3x3 convolution of each channel alone costs 9 multiplications a number, a full one 9 * C. The last 1x1 has no ReLU, as that would
/// lose information where channels are few.
///
/// Shapes   x [N, in, H, W] -> [N, out, H/stride, W/stride]
template <Floating T = float>
class InvertedResidual : public Layer<T> {
 public:
  Sequential<T> conv;

  InvertedResidual(Index in, Index out, InvertedResidualOptions options) : adds_(options.stride == 1 && in == out) {
    const Index hidden = in * options.expand_ratio;
    if (options.expand_ratio != 1) conv.append(Conv2dNormActivation<T>(in, hidden, {.kernel = 1}));
    conv.append(Conv2dNormActivation<T>(hidden, hidden, {.kernel = 3, .stride = options.stride, .groups = hidden}));
    conv.append(Conv2d<T>(hidden, out, {.kernel = 1, .bias = false}));
    conv.append(BatchNorm2d<T>(out));
  }
  Tensor<T> forward(const Tensor<T>& x) override { return adds_ ? x + conv(x) : conv(x); }
  void members(const Members& visit) override { visit.child("conv", conv); }
  std::string name() const override { return "InvertedResidual"; }

 private:
  bool adds_;
};

struct MobileNetV2Options {
  Index num_classes = 1000;
  double width_mult = 1;  ///< all channels times this, rounded to multiples of 8
  double dropout = 0.2;
};

/// A network for telephones: 3.5 million weights, 0.3 billion multiplications an image, in inverted residual blocks.
///
///   features    conv 3x3, stride 2, to 32; then by the paper's table 2
///                 expand   1   6   6   6   6   6   6
///                 out     16  24  32  64  96 160 320
///                 blocks   1   2   3   4   3   3   1
///                 stride   1   2   2   2   1   2   1   (of the first block of each row)
///               conv 1x1 to 1280
///   classifier  mean of each plane, dropout, linear
///
/// Shapes   x [N, 3, H, W] -> [N, num_classes]
/// Begins   convolutions normal with variance 2 / fan out, the linear layer normal with deviation 0.01 and bias 0
/// Source   Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: inverted residuals and linear bottlenecks", 2018.
template <Floating T = float>
class MobileNetV2 : public Layer<T> {
 public:
  Sequential<T> features, classifier;

  explicit MobileNetV2(MobileNetV2Options options = {}) {
    const auto channels = [&](Index paper) { return divisible_by_8(static_cast<double>(paper) * options.width_mult); };
    struct Row {
      Index expand, out, blocks, stride;
    };
    Index in = channels(32);
    features.append(Conv2dNormActivation<T>(3, in, {.kernel = 3, .stride = 2}));
    for (const Row& row : {Row{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}})
      for (Index i = 0; i < row.blocks; ++i) {
        features.append(InvertedResidual<T>(in, channels(row.out), {.stride = i == 0 ? row.stride : 1, .expand_ratio = row.expand}));
        in = channels(row.out);
      }
    const Index last = divisible_by_8(1280 * std::max(1.0, options.width_mult));  // never narrower
    features.append(Conv2dNormActivation<T>(in, last, {.kernel = 1}));
    Linear<T> head(last, options.num_classes);
    init::normal(head.weight, 0, 0.01);
    init::constant(head.bias, 0);
    classifier = Sequential<T>(Dropout<T>(options.dropout), std::move(head));
    for_each_module<Conv2d<T>>(features, [](Conv2d<T>& conv) { init::kaiming_normal(conv.weight, 0, init::Fan::out); });
  }

  Tensor<T> forward(const Tensor<T>& x) override { return classifier(flatten(adaptive_avg_pool2d(features(x), 1), 1)); }
  void members(const Members& visit) override {
    visit.child("features", features);
    visit.child("classifier", classifier);
  }
  std::string name() const override { return "MobileNetV2"; }

 private:
  /// The nearest multiple of 8, at least 8, and never less than nine tenths of what was asked for.
  static Index divisible_by_8(double channels) {
    const Index nearest = std::max<Index>(8, static_cast<Index>(channels + 4) / 8 * 8);
    return static_cast<double>(nearest) < 0.9 * channels ? nearest + 8 : nearest;
  }
};

template <Floating T = float>
MobileNetV2<T> mobilenet_v2(MobileNetV2Options options = {}) {
  return MobileNetV2<T>(options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
