// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "../nn/activation.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/flatten.hpp"
#include "../nn/linear.hpp"
#include "../nn/pool.hpp"
#include "../nn/sequential.hpp"
#include "../ops/arithmetic.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct ResNetOptions {
  Index num_classes = 1000;
  bool zero_init_residual = false;  ///< each block's last batch norm begins with weight 0, so that the block begins as the identity
  Index groups = 1;                 ///< of the 3x3 convolutions: 32 or 64 make a ResNeXt
  Index width_per_group = 64;       ///< filters of a group in the first stage: 128 in one group makes a wide ResNet
  std::array<bool, 3> replace_stride_with_dilation{};  ///< layer2, layer3 and layer4 keep the image's size and spread their taps instead
};

/// What one residual block is made from.
struct ResidualBlockOptions {
  Index planes = 64;
  Index stride = 1;
  Index dilation = 1;
  Index groups = 1;
  Index width_per_group = 64;
  bool project = false;  ///< whether the shortcut is a 1x1 convolution, as it must be where the shape changes
};

namespace detail {
template <Floating T>
Conv2d<T> conv3x3(Index in, Index out, Index stride = 1, Index groups = 1, Index dilation = 1) {
  return Conv2d<T>(in, out, {.kernel = 3, .stride = stride, .padding = dilation, .dilation = dilation, .groups = groups, .bias = false});
}
template <Floating T>
Conv2d<T> conv1x1(Index in, Index out, Index stride = 1) {
  return Conv2d<T>(in, out, {.kernel = 1, .stride = stride, .bias = false});
}
template <Floating T>
std::optional<Sequential<T>> projection(bool wanted, Index in, Index out, Index stride) {
  if (!wanted) return std::nullopt;
  return Sequential<T>(conv1x1<T>(in, out, stride), BatchNorm2d<T>(out));
}
}  // namespace detail

/// Learns what to add to its input rather than what to make of it:
///
///   x --+-- conv 3x3, stride -- bn -- ReLU -- conv 3x3 -- bn -- (+) -- ReLU --> y        y = ReLU(x + F(x))
///       +----------- downsample: nothing, or 1x1 conv -- bn -----+
///
/// Shapes   x [N, C, H, W] -> [N, planes, H/stride, W/stride]
template <Floating T = float>
class BasicBlock : public Layer<T> {
 public:
  static constexpr Index expansion = 1;
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  ReLU<T> relu{{.inplace = true}};
  Conv2d<T> conv2;
  BatchNorm2d<T> bn2;
  std::optional<Sequential<T>> downsample;

  BasicBlock(Index channels, const ResidualBlockOptions& o)
      : conv1(detail::conv3x3<T>(channels, o.planes, o.stride)), bn1(o.planes), conv2(detail::conv3x3<T>(o.planes, o.planes)), bn2(o.planes),
        downsample(detail::projection<T>(o.project, channels, o.planes, o.stride)) {
    if (o.groups != 1 || o.width_per_group != 64 || o.dilation != 1)
      throw ValueError(message("BasicBlock: groups, width_per_group and dilation must be 1, 64 and 1, got ", o.groups, ", ", o.width_per_group, " and ",
                               o.dilation, "; ResNets of 50 layers and more take others"));
  }
  BatchNorm2d<T>& last_norm() { return bn2; }

  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> residual = bn2(conv2(relu(bn1(conv1(x)))));
    return relu(residual + (downsample ? (*downsample)(x) : x));
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("relu", relu);
    visit.child("conv2", conv2);
    visit.child("bn2", bn2);
    visit.child("downsample", downsample);
  }
  std::string name() const override { return "BasicBlock"; }
};

/// The same with a bottleneck: a 1x1 convolution narrows, the 3x3 works on few channels, a 1x1 widens fourfold.
///
///   F(x) = conv 1x1 -- bn -- ReLU -- conv 3x3, stride, groups -- bn -- ReLU -- conv 1x1 -- bn
///
/// The stride stands at the 3x3 (the paper had it at the first 1x1), as in the weights that torchvision publishes.
///
/// Shapes   x [N, C, H, W] -> [N, 4*planes, H/stride, W/stride]
template <Floating T = float>
class Bottleneck : public Layer<T> {
 public:
  static constexpr Index expansion = 4;
  Conv2d<T> conv1;
  BatchNorm2d<T> bn1;
  Conv2d<T> conv2;
  BatchNorm2d<T> bn2;
  Conv2d<T> conv3;
  BatchNorm2d<T> bn3;
  ReLU<T> relu{{.inplace = true}};
  std::optional<Sequential<T>> downsample;

  Bottleneck(Index channels, const ResidualBlockOptions& o) : Bottleneck(channels, o.planes * o.width_per_group / 64 * o.groups, o) {}
  BatchNorm2d<T>& last_norm() { return bn3; }

  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> residual = bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x))))))));
    return relu(residual + (downsample ? (*downsample)(x) : x));
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("conv2", conv2);
    visit.child("bn2", bn2);
    visit.child("conv3", conv3);
    visit.child("bn3", bn3);
    visit.child("relu", relu);
    visit.child("downsample", downsample);
  }
  std::string name() const override { return "Bottleneck"; }

 private:
  Bottleneck(Index channels, Index width, const ResidualBlockOptions& o)
      : conv1(detail::conv1x1<T>(channels, width)), bn1(width), conv2(detail::conv3x3<T>(width, width, o.stride, o.groups, o.dilation)), bn2(width),
        conv3(detail::conv1x1<T>(width, expansion * o.planes)), bn3(expansion * o.planes),
        downsample(detail::projection<T>(o.project, channels, expansion * o.planes, o.stride)) {}
};

enum class ResidualBlock : std::uint8_t { basic, bottleneck };

/// Very deep networks that still train, because every block begins near the identity and gradients pass its sum unweakened.
///
///   3x224x224 -conv 7, stride 2-> 64x112x112 -max pool 3, stride 2-> 64x56x56
///   layer1 .. layer4: `blocks[s]` residual blocks with 64, 128, 256, 512 planes; from layer2 on the first block halves the image
///   512*expansion x 7x7 -mean-> 512*expansion -fc-> classes
///
/// Shapes   x [N, 3, H, W] -> [N, num_classes]
/// Begins   convolutions normal with variance 2 / fan out, batch norms 1 and 0, fc as PyTorch begins it
/// Source   He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016;
///          Xie, Girshick, Dollar, Tu and He, "Aggregated residual transformations for deep neural networks", 2017 (groups);
///          Zagoruyko and Komodakis, "Wide residual networks", 2016 (width); Goyal and others, "Accurate, large minibatch SGD: training
///          ImageNet in 1 hour", 2017 (zero_init_residual).
template <Floating T = float>
class ResNet : public Layer<T> {
 public:
  Conv2d<T> conv1{3, 64, {.kernel = 7, .stride = 2, .padding = 3, .bias = false}};
  BatchNorm2d<T> bn1{64};
  ReLU<T> relu{{.inplace = true}};
  MaxPool2d<T> maxpool{3, {.stride = 2, .padding = 1}};
  Sequential<T> layer1, layer2, layer3, layer4;
  AdaptiveAvgPool2d<T> avgpool{Size2(1, 1)};
  Linear<T> fc;

  ResNet(ResidualBlock block, const std::array<Index, 4>& blocks, ResNetOptions options = {})
      : fc(512 * (block == ResidualBlock::basic ? BasicBlock<T>::expansion : Bottleneck<T>::expansion), options.num_classes) {
    if (block == ResidualBlock::basic)
      build<BasicBlock<T>>(blocks, options);
    else
      build<Bottleneck<T>>(blocks, options);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return fc(features(x)); }
  /// All below the head: [N, 3, H, W] -> [N, 512*expansion].
  Tensor<T> features(const Tensor<T>& x) {
    const Tensor<T> y = maxpool(relu(bn1(conv1(x))));
    return flatten(avgpool(layer4(layer3(layer2(layer1(y))))), 1);
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("relu", relu);
    visit.child("maxpool", maxpool);
    visit.child("layer1", layer1);
    visit.child("layer2", layer2);
    visit.child("layer3", layer3);
    visit.child("layer4", layer4);
    visit.child("avgpool", avgpool);
    visit.child("fc", fc);
  }
  std::string name() const override { return "ResNet"; }

 private:
  template <class Block>
  void build(const std::array<Index, 4>& blocks, const ResNetOptions& options) {
    Index channels = 64, dilation = 1;
    Sequential<T>* const layers[] = {&layer1, &layer2, &layer3, &layer4};
    for (std::size_t stage = 0; stage < 4; ++stage) {
      ResidualBlockOptions o{.planes = Index{64} << stage, .stride = stage == 0 ? 1 : 2, .dilation = dilation, .groups = options.groups,
                             .width_per_group = options.width_per_group};
      if (stage > 0 && options.replace_stride_with_dilation[stage - 1]) {
        dilation *= o.stride;  // for the blocks after the first, whose input still lies as densely as before
        o.stride = 1;
      }
      for (Index i = 0; i < blocks[stage]; ++i) {
        o.project = o.stride != 1 || channels != Block::expansion * o.planes;
        layers[stage]->append(Block(channels, o));
        channels = Block::expansion * o.planes;
        o.stride = 1;
        o.dilation = dilation;
      }
    }
    for_each_module<Conv2d<T>>(*this, [](Conv2d<T>& conv) { init::kaiming_normal(conv.weight, 0, init::Fan::out); });
    if (options.zero_init_residual) for_each_module<Block>(*this, [](Block& last) { init::constant(last.last_norm().weight, 0); });
  }
};

template <Floating T = float>
ResNet<T> resnet18(ResNetOptions options = {}) {
  return ResNet<T>(ResidualBlock::basic, {2, 2, 2, 2}, options);
}
template <Floating T = float>
ResNet<T> resnet34(ResNetOptions options = {}) {
  return ResNet<T>(ResidualBlock::basic, {3, 4, 6, 3}, options);
}
template <Floating T = float>
ResNet<T> resnet50(ResNetOptions options = {}) {
  return ResNet<T>(ResidualBlock::bottleneck, {3, 4, 6, 3}, options);
}
template <Floating T = float>
ResNet<T> resnet101(ResNetOptions options = {}) {
  return ResNet<T>(ResidualBlock::bottleneck, {3, 4, 23, 3}, options);
}
template <Floating T = float>
ResNet<T> resnet152(ResNetOptions options = {}) {
  return ResNet<T>(ResidualBlock::bottleneck, {3, 8, 36, 3}, options);
}
/// 32 groups of 4 filters: as many weights as ResNet-50, more accurate.
template <Floating T = float>
ResNet<T> resnext50_32x4d(ResNetOptions options = {}) {
  options.groups = 32, options.width_per_group = 4;
  return resnet50<T>(options);
}
template <Floating T = float>
ResNet<T> resnext101_32x8d(ResNetOptions options = {}) {
  options.groups = 32, options.width_per_group = 8;
  return resnet101<T>(options);
}
template <Floating T = float>
ResNet<T> resnext101_64x4d(ResNetOptions options = {}) {
  options.groups = 64, options.width_per_group = 4;
  return resnet101<T>(options);
}
/// Twice as many filters in the 3x3 convolutions.
template <Floating T = float>
ResNet<T> wide_resnet50_2(ResNetOptions options = {}) {
  options.width_per_group = 128;
  return resnet50<T>(options);
}
template <Floating T = float>
ResNet<T> wide_resnet101_2(ResNetOptions options = {}) {
  options.width_per_group = 128;
  return resnet101<T>(options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
