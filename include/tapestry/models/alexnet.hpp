// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/activation.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/flatten.hpp"
#include "../nn/linear.hpp"
#include "../nn/pool.hpp"
#include "../nn/sequential.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct AlexNetOptions {
  Index num_classes = 1000;
  double dropout = 0.5;
};

/// The network that won ImageNet 2012 and made convolutions the tool of the field: five of them with ReLU, then three linear layers.
///
///   features    3x224x224 -conv 11, stride 4-> 64x55x55 -pool-> 64x27x27 -conv 5-> 192x27x27 -pool-> 192x13x13
///               -conv 3-> 384x13x13 -conv 3-> 256x13x13 -conv 3-> 256x13x13 -pool-> 256x6x6
///   avgpool     to 6x6, so that other sizes fit
///   classifier  9216 -> 4096 -> 4096 -> classes, with dropout before the first two
///
/// This is the one-column form, 64 to 256 filters a layer and no local response normalisation, whose weights torchvision publishes.
///
/// Shapes   x [N, 3, H, W], H and W at least 63 -> [N, num_classes]
/// Begins   as PyTorch begins each layer
/// Source   Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks", 2012;
///          Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.
template <Floating T = float>
class AlexNet : public Layer<T> {
 public:
  Sequential<T> features;
  AdaptiveAvgPool2d<T> avgpool{Size2(6, 6)};
  Sequential<T> classifier;

  explicit AlexNet(AlexNetOptions options = {})
      : classifier(Dropout<T>(options.dropout), Linear<T>(256 * 6 * 6, 4096), ReLU<T>({.inplace = true}),  //
                   Dropout<T>(options.dropout), Linear<T>(4096, 4096), ReLU<T>({.inplace = true}),         //
                   Linear<T>(4096, options.num_classes)) {
    struct Stage {
      Index filters, kernel, stride, padding;
      bool pool;
    };
    Index channels = 3;
    for (const Stage s : {Stage{64, 11, 4, 2, true}, {192, 5, 1, 2, true}, {384, 3, 1, 1, false}, {256, 3, 1, 1, false}, {256, 3, 1, 1, true}}) {
      features.append(Conv2d<T>(channels, s.filters, {.kernel = s.kernel, .stride = s.stride, .padding = s.padding}));
      features.append(ReLU<T>({.inplace = true}));
      if (s.pool) features.append(MaxPool2d<T>(3, {.stride = 2}));
      channels = s.filters;
    }
  }

  Tensor<T> forward(const Tensor<T>& x) override { return classifier(flatten(avgpool(features(x)), 1)); }
  void members(const Members& visit) override {
    visit.child("features", features);
    visit.child("avgpool", avgpool);
    visit.child("classifier", classifier);
  }
  std::string name() const override { return "AlexNet"; }
};

template <Floating T = float>
AlexNet<T> alexnet(AlexNetOptions options = {}) {
  return AlexNet<T>(options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
