// SPDX-License-Identifier: MIT
#pragma once

#include "alexnet.hpp"
#include "cifar_resnet.hpp"
#include "inception.hpp"
#include "mobilenet_v2.hpp"
#include "resnet.hpp"
#include "squeezenet.hpp"
#include "vgg.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What every model of the zoo takes; each has more options of its own.
struct ModelOptions {
  Index num_classes = 0;         ///< 0: as published, 1000 of ImageNet or 10 of CIFAR-10
  bool transform_input = false;  ///< of Inception v3, see there; others have no such thing
};

namespace detail {
template <Floating T>
struct ZooEntry {
  std::string_view name;
  std::unique_ptr<Layer<T>> (*make)(const ModelOptions&);
};
/// Makes a model by its function, whose options it fills in as far as the model has them.
template <auto function, class Options, Floating T>
std::unique_ptr<Layer<T>> make_model(const ModelOptions& given) {
  Options options;
  if (given.num_classes != 0) options.num_classes = given.num_classes;
  if constexpr (requires { options.transform_input; }) options.transform_input = given.transform_input;
  using M = decltype(function(options));
  return std::make_unique<M>(function(options));
}
template <Floating T>
const std::vector<ZooEntry<T>>& zoo() {
  static const std::vector<ZooEntry<T>> entries{
      {"alexnet", make_model<alexnet<T>, AlexNetOptions, T>},
      {"vgg11", make_model<vgg11<T>, VGGOptions, T>},
      {"vgg11_bn", make_model<vgg11_bn<T>, VGGOptions, T>},
      {"vgg13", make_model<vgg13<T>, VGGOptions, T>},
      {"vgg13_bn", make_model<vgg13_bn<T>, VGGOptions, T>},
      {"vgg16", make_model<vgg16<T>, VGGOptions, T>},
      {"vgg16_bn", make_model<vgg16_bn<T>, VGGOptions, T>},
      {"vgg19", make_model<vgg19<T>, VGGOptions, T>},
      {"vgg19_bn", make_model<vgg19_bn<T>, VGGOptions, T>},
      {"resnet18", make_model<resnet18<T>, ResNetOptions, T>},
      {"resnet34", make_model<resnet34<T>, ResNetOptions, T>},
      {"resnet50", make_model<resnet50<T>, ResNetOptions, T>},
      {"resnet101", make_model<resnet101<T>, ResNetOptions, T>},
      {"resnet152", make_model<resnet152<T>, ResNetOptions, T>},
      {"resnext50_32x4d", make_model<resnext50_32x4d<T>, ResNetOptions, T>},
      {"resnext101_32x8d", make_model<resnext101_32x8d<T>, ResNetOptions, T>},
      {"resnext101_64x4d", make_model<resnext101_64x4d<T>, ResNetOptions, T>},
      {"wide_resnet50_2", make_model<wide_resnet50_2<T>, ResNetOptions, T>},
      {"wide_resnet101_2", make_model<wide_resnet101_2<T>, ResNetOptions, T>},
      {"inception_v3", make_model<inception_v3<T>, Inception3Options, T>},
      {"squeezenet1_0", make_model<squeezenet1_0<T>, SqueezeNetOptions, T>},
      {"squeezenet1_1", make_model<squeezenet1_1<T>, SqueezeNetOptions, T>},
      {"mobilenet_v2", make_model<mobilenet_v2<T>, MobileNetV2Options, T>},
      {"resnet20", make_model<resnet20<T>, CifarResNetOptions, T>},
      {"resnet32", make_model<resnet32<T>, CifarResNetOptions, T>},
      {"resnet44", make_model<resnet44<T>, CifarResNetOptions, T>},
      {"resnet56", make_model<resnet56<T>, CifarResNetOptions, T>},
  };
  return entries;
}
}  // namespace detail

/// The names of all models here, which are torchvision's: alexnet, vgg11, ..., and resnet20 to resnet56 for CIFAR-10.
inline std::vector<std::string> model_names() {
  std::vector<std::string> names;
  for (const auto& entry : detail::zoo<float>()) names.emplace_back(entry.name);
  return names;
}

/// A model by its name: for programs that are told which. Where the name is known, `resnet18()` gives the type as well.
/// Throws   ValueError for a name that is not among model_names().
template <Floating T = float>
std::unique_ptr<Layer<T>> make_model(std::string_view name, const ModelOptions& options = {}) {
  std::string known;
  for (const auto& entry : detail::zoo<T>()) {
    if (entry.name == name) return entry.make(options);
    known += message(known.empty() ? "" : ", ", entry.name);
  }
  throw ValueError(message("make_model: name must be one of ", known, "; got ", name));
}

}  // namespace tapestry::inline TAPESTRY_ABI
