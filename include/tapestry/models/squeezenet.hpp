// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/activation.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/flatten.hpp"
#include "../nn/pool.hpp"
#include "../nn/sequential.hpp"
#include "../ops/concat.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Few channels see the whole input, many see only those few:
///
///   x -- squeeze: conv 1x1 -- ReLU --+-- expand1x1: conv 1x1 -- ReLU --+-- channels side by side --> y
///                                    +-- expand3x3: conv 3x3 -- ReLU --+
///
/// Shapes   x [N, channels, H, W] -> [N, 2*expanded, H, W]
template <Floating T = float>
class Fire : public Layer<T> {
 public:
  Conv2d<T> squeeze;
  ReLU<T> squeeze_activation{{.inplace = true}};
  Conv2d<T> expand1x1;
  ReLU<T> expand1x1_activation{{.inplace = true}};
  Conv2d<T> expand3x3;
  ReLU<T> expand3x3_activation{{.inplace = true}};

  Fire(Index channels, Index squeezed, Index expanded)
      : squeeze(channels, squeezed, {.kernel = 1}), expand1x1(squeezed, expanded, {.kernel = 1}),
        expand3x3(squeezed, expanded, {.kernel = 3, .padding = 1}) {}

  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> few = squeeze_activation(squeeze(x));
    return concat({expand1x1_activation(expand1x1(few)), expand3x3_activation(expand3x3(few))}, 1);
  }
  void members(const Members& visit) override {
    visit.child("squeeze", squeeze);
    visit.child("squeeze_activation", squeeze_activation);
    visit.child("expand1x1", expand1x1);
    visit.child("expand1x1_activation", expand1x1_activation);
    visit.child("expand3x3", expand3x3);
    visit.child("expand3x3_activation", expand3x3_activation);
  }
  std::string name() const override { return "Fire"; }
};

enum class SqueezeNetVersion : std::uint8_t { v1_0, v1_1 };

struct SqueezeNetOptions {
  Index num_classes = 1000;
  double dropout = 0.5;
};

/// AlexNet's accuracy with a fiftieth of its weights: eight Fire modules, and a convolution in place of linear layers.
///
///   features    conv, ReLU, then Fire modules that expand to 64, 64, 128, 128, 192, 192, 256, 256 channels each side, with three poolings
///   classifier  dropout, conv 1x1 to one plane a class, ReLU, the plane's mean
///
/// Version 1.0 begins with 96 filters of 7x7 and pools late; version 1.1 with 64 of 3x3, pools early and needs 2.4 times less work.
///
/// Shapes   x [N, 3, H, W], H and W at least 21 (1.0) or 17 (1.1) -> [N, num_classes]
/// Begins   convolutions uniform in +-sqrt(6 / fan in), the last normal with deviation 0.01, biases 0
/// Source   Iandola, Han, Moskewicz, Ashraf, Dally and Keutzer, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB
///          model size", 2016.
template <Floating T = float>
class SqueezeNet : public Layer<T> {
 public:
  Sequential<T> features, classifier;

  explicit SqueezeNet(SqueezeNetVersion version, SqueezeNetOptions options = {}) {
    const bool first = version == SqueezeNetVersion::v1_0;
    Index channels = first ? 96 : 64;
    features.append(first ? Conv2d<T>(3, channels, {.kernel = 7, .stride = 2}) : Conv2d<T>(3, channels, {.kernel = 3, .stride = 2}));
    features.append(ReLU<T>({.inplace = true}));
    for (Index fire = 0; fire < 8; ++fire) {
      const bool pool = first ? fire == 0 || fire == 3 || fire == 7 : fire == 0 || fire == 2 || fire == 4;
      if (pool) features.append(MaxPool2d<T>(3, {.stride = 2, .ceil_mode = true}));
      const Index step = fire / 2 + 1;  // two modules of each width
      features.append(Fire<T>(channels, 16 * step, 64 * step));
      channels = 2 * 64 * step;
    }
    Conv2d<T> planes(channels, options.num_classes, {.kernel = 1});
    for_each_module<Conv2d<T>>(features, [](Conv2d<T>& conv) {
      init::kaiming_uniform(conv.weight);
      init::constant(conv.bias, 0);
    });
    init::normal(planes.weight, 0, 0.01);
    init::constant(planes.bias, 0);
    classifier = Sequential<T>(Dropout<T>(options.dropout), std::move(planes), ReLU<T>({.inplace = true}), AdaptiveAvgPool2d<T>(Size2(1, 1)));
  }

  Tensor<T> forward(const Tensor<T>& x) override { return flatten(classifier(features(x)), 1); }
  void members(const Members& visit) override {
    visit.child("features", features);
    visit.child("classifier", classifier);
  }
  std::string name() const override { return "SqueezeNet"; }
};

template <Floating T = float>
SqueezeNet<T> squeezenet1_0(SqueezeNetOptions options = {}) {
  return SqueezeNet<T>(SqueezeNetVersion::v1_0, options);
}
template <Floating T = float>
SqueezeNet<T> squeezenet1_1(SqueezeNetOptions options = {}) {
  return SqueezeNet<T>(SqueezeNetVersion::v1_1, options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
