// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/linear.hpp"
#include "../nn/sequential.hpp"
#include "../ops/adaptive_avg_pool2d.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/avg_pool2d.hpp"
#include "../ops/pad.hpp"
#include "../ops/relu.hpp"
#include "../ops/reshape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The shortcut without weights, option A of the paper: takes every second pixel, and the channels that are missing are zero.
///
///   x [N, C, H, W] -> [N, 2C, H/2, W/2], x in the middle of the channels, C/2 of zeros on either side
template <Floating T = float>
class PaddedShortcut : public Layer<T> {
 public:
  explicit PaddedShortcut(Index channels) : channels_(channels) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> every_second = avg_pool2d(x, 1, {.stride = 2});  // the mean of one pixel is that pixel
    return pad(every_second, {0, 0, 0, 0, channels_ / 2, channels_ / 2});
  }
  std::string name() const override { return "PaddedShortcut"; }

 private:
  Index channels_;
};

/// y = ReLU(shortcut(x) + bn2(conv2(ReLU(bn1(conv1(x))))))
template <Floating T = float>
class CifarBasicBlock : public Layer<T> {
 public:
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  Conv2d<T> conv2;
  BatchNorm2d<T> bn2;
  Sequential<T> shortcut;  ///< empty where x itself fits

  CifarBasicBlock(Index channels, Index planes, Index stride)
      : conv1(channels, planes, {.kernel = 3, .stride = stride, .padding = 1, .bias = false}), bn1(planes),
        conv2(planes, planes, {.kernel = 3, .padding = 1, .bias = false}), bn2(planes) {
    if (stride != 1) shortcut.append(PaddedShortcut<T>(channels));
  }
  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> residual = bn2(conv2(relu(bn1(conv1(x)))));
    return relu(residual + shortcut(x));
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("conv2", conv2);
    visit.child("bn2", bn2);
    visit.child("shortcut", shortcut);
  }
  std::string name() const override { return "CifarBasicBlock"; }
};

struct CifarResNetOptions {
  Index num_classes = 10;
};

/// The paper's residual networks for 32x32 images: thin, without pooling, without weights in the shortcuts.
///
///   3x32x32 -conv 3-> 16x32x32 -layer1-> 16x32x32 -layer2-> 32x16x16 -layer3-> 64x8x8 -mean-> 64 -linear-> classes
///
/// Each of the three stages has n blocks of two convolutions: 6n + 2 layers with weights. 20 layers have 0.27 million of them, 56 have 0.85.
///
/// Shapes   x [N, 3, H, W] -> [N, num_classes]
/// Begins   all weights normal with variance 2 / fan in, biases as PyTorch begins them
/// Source   He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016, section 4.2.
template <Floating T = float>
class CifarResNet : public Layer<T> {
 public:
  Conv2d<T> conv1{3, 16, {.kernel = 3, .padding = 1, .bias = false}};
  BatchNorm2d<T> bn1{16};
  Sequential<T> layer1, layer2, layer3;
  Linear<T> linear;

  explicit CifarResNet(Index blocks, CifarResNetOptions options = {}) : linear(64, options.num_classes) {
    Index channels = 16, planes = 16;
    for (Sequential<T>* layer : {&layer1, &layer2, &layer3}) {
      for (Index i = 0; i < blocks; ++i) {
        layer->append(CifarBasicBlock<T>(channels, planes, channels == planes ? 1 : 2));
        channels = planes;
      }
      planes *= 2;
    }
    for_each_module<Conv2d<T>>(*this, [](Conv2d<T>& conv) { init::kaiming_normal(conv.weight); });
    init::kaiming_normal(linear.weight);
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> y = layer3(layer2(layer1(relu(bn1(conv1(x))))));
    return linear(flatten(adaptive_avg_pool2d(y, 1), 1));
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("layer1", layer1);
    visit.child("layer2", layer2);
    visit.child("layer3", layer3);
    visit.child("linear", linear);
  }
  std::string name() const override { return "CifarResNet"; }
};

template <Floating T = float>
CifarResNet<T> resnet20(CifarResNetOptions options = {}) {
  return CifarResNet<T>(3, options);
}
template <Floating T = float>
CifarResNet<T> resnet32(CifarResNetOptions options = {}) {
  return CifarResNet<T>(5, options);
}
template <Floating T = float>
CifarResNet<T> resnet44(CifarResNetOptions options = {}) {
  return CifarResNet<T>(7, options);
}
template <Floating T = float>
CifarResNet<T> resnet56(CifarResNetOptions options = {}) {
  return CifarResNet<T>(9, options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
