// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "../nn/activation.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/flatten.hpp"
#include "../nn/linear.hpp"
#include "../nn/pool.hpp"
#include "../nn/sequential.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct VGGOptions {
  Index num_classes = 1000;
  double dropout = 0.5;
  bool batch_norm = false;  ///< a batch norm after each convolution, as in vgg16_bn
};

/// One kind of layer, repeated: 3x3 convolutions that keep the size, and a pooling that halves it after each of five stages.
///
///   stage s = ( conv 3x3 -> [batch norm] -> ReLU ) x convolutions[s], then max pool 2x2;  filters 64, 128, 256, 512, 512
///   avgpool to 7x7, then 25088 -> 4096 -> 4096 -> classes with dropout after the first two
///
/// Two 3x3 convolutions see 5x5 pixels and three see 7x7, with fewer weights than one large filter and a ReLU in between.
///
/// Shapes   x [N, 3, H, W], H and W at least 32 -> [N, num_classes]
/// Begins   convolutions normal with variance 2 / fan out, linear layers normal with deviation 0.01, biases 0
/// Source   Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015.
template <Floating T = float>
class VGG : public Layer<T> {
 public:
  Sequential<T> features;
  AdaptiveAvgPool2d<T> avgpool{Size2(7, 7)};
  Sequential<T> classifier;

  /// `convolutions` tells how many each stage has: VGG-16 is {2, 2, 3, 3, 3}, which with three linear layers makes 16 layers with weights.
  explicit VGG(const std::array<Index, 5>& convolutions, VGGOptions options = {}) {
    {
      const init::Skip skip;  // everything here begins otherwise than its layer would
      Index channels = 3, filters = 64;
      for (const Index count : convolutions) {
        for (Index i = 0; i < count; ++i) {
          features.append(Conv2d<T>(channels, filters, {.kernel = 3, .padding = 1}));
          if (options.batch_norm) features.append(BatchNorm2d<T>(filters));
          features.append(ReLU<T>({.inplace = true}));
          channels = filters;
        }
        features.append(MaxPool2d<T>(2, {.stride = 2}));
        filters = std::min<Index>(2 * filters, 512);
      }
      for (const Index inputs : {512 * 7 * 7, 4096}) {
        classifier.append(Linear<T>(inputs, 4096));
        classifier.append(ReLU<T>({.inplace = true}));
        classifier.append(Dropout<T>(options.dropout));
      }
      classifier.append(Linear<T>(4096, options.num_classes));
    }
    initialise();
  }
  /// Draws all weights anew.
  void initialise() {
    for_each_module<Conv2d<T>>(*this, [](Conv2d<T>& conv) {
      init::kaiming_normal(conv.weight, 0, init::Fan::out);
      init::constant(conv.bias, 0);
    });
    for_each_module<Linear<T>>(*this, [](Linear<T>& linear) {
      init::normal(linear.weight, 0, 0.01);
      init::constant(linear.bias, 0);
    });
  }

  Tensor<T> forward(const Tensor<T>& x) override { return classifier(flatten(avgpool(features(x)), 1)); }
  void members(const Members& visit) override {
    visit.child("features", features);
    visit.child("avgpool", avgpool);
    visit.child("classifier", classifier);
  }
  std::string name() const override { return "VGG"; }
};

// The paper's configurations A, B, D and E, each with and without batch norm.

template <Floating T = float>
VGG<T> vgg11(VGGOptions options = {}) {
  return VGG<T>({1, 1, 2, 2, 2}, options);
}
template <Floating T = float>
VGG<T> vgg13(VGGOptions options = {}) {
  return VGG<T>({2, 2, 2, 2, 2}, options);
}
template <Floating T = float>
VGG<T> vgg16(VGGOptions options = {}) {
  return VGG<T>({2, 2, 3, 3, 3}, options);
}
template <Floating T = float>
VGG<T> vgg19(VGGOptions options = {}) {
  return VGG<T>({2, 2, 4, 4, 4}, options);
}
template <Floating T = float>
VGG<T> vgg11_bn(VGGOptions options = {}) {
  options.batch_norm = true;
  return vgg11<T>(options);
}
template <Floating T = float>
VGG<T> vgg13_bn(VGGOptions options = {}) {
  options.batch_norm = true;
  return vgg13<T>(options);
}
template <Floating T = float>
VGG<T> vgg16_bn(VGGOptions options = {}) {
  options.batch_norm = true;
  return vgg16<T>(options);
}
template <Floating T = float>
VGG<T> vgg19_bn(VGGOptions options = {}) {
  options.batch_norm = true;
  return vgg19<T>(options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
