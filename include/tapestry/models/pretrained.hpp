// SPDX-License-Identifier: MIT
#pragma once

#include "../io/weights.hpp"
#include "published_weights.hpp"
#include "zoo.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Each model with the weights that torchvision publishes: `auto net = resnet18(Weights::imagenet);`. They come from a cache directory or, if
// the program has a fetcher, from the internet; see published_weights.hpp. The model is left in evaluation mode. For other classes put a new
// head on it: `net.fc = Linear(512, 10);`
//
// Throws   FileError that tells which file to put where, or what is wrong with it; ValueError if there are no such weights or the options
//          ask for other classes than the weights have.

namespace detail {
template <class Make>
auto with_weights(std::string_view name, Weights weights, Index num_classes, const Make& make) {
  const PublishedWeights& published = find_published(name, weights);
  if (num_classes != 1000)
    throw ValueError(message(name, ": num_classes must be 1000 with published weights, got ", num_classes, "; replace the head afterwards"));
  const std::string path = weights_path(published);
  auto net = [&] {
    const init::Skip skip;
    return make();
  }();
  load_weights(net, path);
  net.eval();
  return net;
}
}  // namespace detail

template <Floating T = float>
AlexNet<T> alexnet(Weights weights, AlexNetOptions options = {}) {
  return detail::with_weights("alexnet", weights, options.num_classes, [&] { return alexnet<T>(options); });
}
template <Floating T = float>
VGG<T> vgg11(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg11", weights, options.num_classes, [&] { return vgg11<T>(options); });
}
template <Floating T = float>
VGG<T> vgg11_bn(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg11_bn", weights, options.num_classes, [&] { return vgg11_bn<T>(options); });
}
template <Floating T = float>
VGG<T> vgg13(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg13", weights, options.num_classes, [&] { return vgg13<T>(options); });
}
template <Floating T = float>
VGG<T> vgg13_bn(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg13_bn", weights, options.num_classes, [&] { return vgg13_bn<T>(options); });
}
template <Floating T = float>
VGG<T> vgg16(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg16", weights, options.num_classes, [&] { return vgg16<T>(options); });
}
template <Floating T = float>
VGG<T> vgg16_bn(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg16_bn", weights, options.num_classes, [&] { return vgg16_bn<T>(options); });
}
template <Floating T = float>
VGG<T> vgg19(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg19", weights, options.num_classes, [&] { return vgg19<T>(options); });
}
template <Floating T = float>
VGG<T> vgg19_bn(Weights weights, VGGOptions options = {}) {
  return detail::with_weights("vgg19_bn", weights, options.num_classes, [&] { return vgg19_bn<T>(options); });
}
template <Floating T = float>
ResNet<T> resnet18(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnet18", weights, options.num_classes, [&] { return resnet18<T>(options); });
}
template <Floating T = float>
ResNet<T> resnet34(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnet34", weights, options.num_classes, [&] { return resnet34<T>(options); });
}
template <Floating T = float>
ResNet<T> resnet50(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnet50", weights, options.num_classes, [&] { return resnet50<T>(options); });
}
template <Floating T = float>
ResNet<T> resnet101(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnet101", weights, options.num_classes, [&] { return resnet101<T>(options); });
}
template <Floating T = float>
ResNet<T> resnet152(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnet152", weights, options.num_classes, [&] { return resnet152<T>(options); });
}
template <Floating T = float>
ResNet<T> resnext50_32x4d(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnext50_32x4d", weights, options.num_classes, [&] { return resnext50_32x4d<T>(options); });
}
template <Floating T = float>
ResNet<T> resnext101_32x8d(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnext101_32x8d", weights, options.num_classes, [&] { return resnext101_32x8d<T>(options); });
}
template <Floating T = float>
ResNet<T> resnext101_64x4d(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("resnext101_64x4d", weights, options.num_classes, [&] { return resnext101_64x4d<T>(options); });
}
template <Floating T = float>
ResNet<T> wide_resnet50_2(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("wide_resnet50_2", weights, options.num_classes, [&] { return wide_resnet50_2<T>(options); });
}
template <Floating T = float>
ResNet<T> wide_resnet101_2(Weights weights, ResNetOptions options = {}) {
  return detail::with_weights("wide_resnet101_2", weights, options.num_classes, [&] { return wide_resnet101_2<T>(options); });
}
template <Floating T = float>
SqueezeNet<T> squeezenet1_0(Weights weights, SqueezeNetOptions options = {}) {
  return detail::with_weights("squeezenet1_0", weights, options.num_classes, [&] { return squeezenet1_0<T>(options); });
}
template <Floating T = float>
SqueezeNet<T> squeezenet1_1(Weights weights, SqueezeNetOptions options = {}) {
  return detail::with_weights("squeezenet1_1", weights, options.num_classes, [&] { return squeezenet1_1<T>(options); });
}
template <Floating T = float>
MobileNetV2<T> mobilenet_v2(Weights weights, MobileNetV2Options options = {}) {
  return detail::with_weights("mobilenet_v2", weights, options.num_classes, [&] { return mobilenet_v2<T>(options); });
}
/// With transform_input, which these weights need.
template <Floating T = float>
Inception3<T> inception_v3(Weights weights, Inception3Options options = {}) {
  options.transform_input = true;
  return detail::with_weights("inception_v3", weights, options.num_classes, [&] { return inception_v3<T>(options); });
}

}  // namespace tapestry::inline TAPESTRY_ABI
