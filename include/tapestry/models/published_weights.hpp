// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>

#include "../data/crop.hpp"
#include "../data/normalize.hpp"
#include "../data/resize.hpp"
#include "../data/transform.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The weights that torchvision publishes: trained on ImageNet's 1000 classes, by the first recipe or by the newer, better one.
enum class Weights : std::uint8_t { imagenet_v1, imagenet_v2, imagenet = imagenet_v1 };

inline std::string_view name_of(Weights weights) { return weights == Weights::imagenet_v1 ? "imagenet_v1" : "imagenet_v2"; }

/// One published file and what belongs to it.
struct PublishedWeights {
  std::string_view model;
  Weights weights;
  std::string_view file;        ///< after its last `-` stands how the SHA-256 of its bytes begins
  Index resize = 256;           ///< the smaller edge of an image before the middle is cut out
  Index crop = 224;             ///< the edge of what is cut out
  std::string_view older = {};  ///< the same weights under an earlier name, as older programs left them in the cache

  std::string url() const { return message("https://download.pytorch.org/models/", file); }
  /// How an image was prepared for these weights, and must be to get the published accuracy.
  Compose transform() const {
    return Compose(Resize(resize), CenterCrop(crop), ToTensor(), Normalize({0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}));
  }
};

/// All of them, as torchvision 0.29.2 lists them.
inline constexpr PublishedWeights published_weights[] = {
    {"alexnet", Weights::imagenet_v1, "alexnet-owt-7be5be79.pth", 256, 224, "alexnet-owt-4df8aa71.pth"},
    {"vgg11", Weights::imagenet_v1, "vgg11-8a719046.pth", 256, 224, "vgg11-bbd30ac9.pth"},
    {"vgg11_bn", Weights::imagenet_v1, "vgg11_bn-6002323d.pth"},
    {"vgg13", Weights::imagenet_v1, "vgg13-19584684.pth", 256, 224, "vgg13-c768596a.pth"},
    {"vgg13_bn", Weights::imagenet_v1, "vgg13_bn-abd245e5.pth"},
    {"vgg16", Weights::imagenet_v1, "vgg16-397923af.pth"},
    {"vgg16_bn", Weights::imagenet_v1, "vgg16_bn-6c64b313.pth"},
    {"vgg19", Weights::imagenet_v1, "vgg19-dcbb9e9d.pth"},
    {"vgg19_bn", Weights::imagenet_v1, "vgg19_bn-c79401a0.pth"},
    {"resnet18", Weights::imagenet_v1, "resnet18-f37072fd.pth", 256, 224, "resnet18-5c106cde.pth"},
    {"resnet34", Weights::imagenet_v1, "resnet34-b627a593.pth", 256, 224, "resnet34-333f7ec4.pth"},
    {"resnet50", Weights::imagenet_v1, "resnet50-0676ba61.pth", 256, 224, "resnet50-19c8e357.pth"},
    {"resnet50", Weights::imagenet_v2, "resnet50-11ad3fa6.pth", 232},
    {"resnet101", Weights::imagenet_v1, "resnet101-63fe2227.pth", 256, 224, "resnet101-5d3b4d8f.pth"},
    {"resnet101", Weights::imagenet_v2, "resnet101-cd907fc2.pth", 232},
    {"resnet152", Weights::imagenet_v1, "resnet152-394f9c45.pth", 256, 224, "resnet152-b121ed2d.pth"},
    {"resnet152", Weights::imagenet_v2, "resnet152-f82ba261.pth", 232},
    {"resnext50_32x4d", Weights::imagenet_v1, "resnext50_32x4d-7cdf4587.pth"},
    {"resnext50_32x4d", Weights::imagenet_v2, "resnext50_32x4d-1a0047aa.pth", 232},
    {"resnext101_32x8d", Weights::imagenet_v1, "resnext101_32x8d-8ba56ff5.pth"},
    {"resnext101_32x8d", Weights::imagenet_v2, "resnext101_32x8d-110c445d.pth", 232},
    {"resnext101_64x4d", Weights::imagenet_v1, "resnext101_64x4d-173b62eb.pth", 232},
    {"wide_resnet50_2", Weights::imagenet_v1, "wide_resnet50_2-95faca4d.pth"},
    {"wide_resnet50_2", Weights::imagenet_v2, "wide_resnet50_2-9ba9bcbe.pth", 232},
    {"wide_resnet101_2", Weights::imagenet_v1, "wide_resnet101_2-32ee1156.pth"},
    {"wide_resnet101_2", Weights::imagenet_v2, "wide_resnet101_2-d733dc28.pth", 232},
    {"inception_v3", Weights::imagenet_v1, "inception_v3_google-0cc3c7bd.pth", 342, 299, "inception_v3_google-1a9a5a14.pth"},
    {"squeezenet1_0", Weights::imagenet_v1, "squeezenet1_0-b66bff10.pth", 256, 224, "squeezenet1_0-a815701f.pth"},
    {"squeezenet1_1", Weights::imagenet_v1, "squeezenet1_1-b8a52dc0.pth", 256, 224, "squeezenet1_1-f364aa15.pth"},
    {"mobilenet_v2", Weights::imagenet_v1, "mobilenet_v2-b0353104.pth"},
    {"mobilenet_v2", Weights::imagenet_v2, "mobilenet_v2-7ebf99e0.pth", 232},
};

/// What is published for a model.
/// Throws   ValueError, telling what there is, if there are no such weights.
inline const PublishedWeights& find_published(std::string_view model, Weights weights) {
  std::string others;
  for (const PublishedWeights& entry : published_weights) {
    if (entry.model != model) continue;
    if (entry.weights == weights) return entry;
    others += message(others.empty() ? "; there are " : ", ", name_of(entry.weights));
  }
  throw ValueError(message("weights: there are no ", name_of(weights), " weights of ", model, others));
}

/// How the SHA-256 of a published file begins, by its name: `resnet18-f37072fd.pth` -> `f37072fd`. Empty if the name tells none.
inline std::string hash_in_name(std::string_view file) {
  file = file.substr(file.find_last_of('/') + 1);
  const std::size_t dash = file.rfind('-'), dot = file.find('.', dash == std::string_view::npos ? 0 : dash);
  if (dash == std::string_view::npos || dot == std::string_view::npos) return "";
  const std::string_view hash = file.substr(dash + 1, dot - dash - 1);
  const bool is_hash = hash.size() >= 8 && hash.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_hash ? std::string(hash) : "";
}

/// Where weights are looked for: first this library's own directory, where downloads go, $XDG_CACHE_HOME/tapestry/weights or
/// ~/.cache/tapestry/weights; then where PyTorch keeps them, $TORCH_HOME/hub/checkpoints or ~/.cache/torch/hub/checkpoints, and where it once did.
inline std::vector<std::string> weights_directories() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value && *value == '/' ? value : "");
  };
  const std::string home = variable("HOME"), torch_home = variable("TORCH_HOME");
  std::string cache = variable("XDG_CACHE_HOME");
  if (cache.empty() && !home.empty()) cache = home + "/.cache";
  std::vector<std::string> directories;
  if (!cache.empty()) directories.push_back(cache + "/tapestry/weights");
  if (!torch_home.empty()) directories.push_back(torch_home + "/hub/checkpoints");
  if (!cache.empty()) directories.push_back(cache + "/torch/hub/checkpoints");
  if (!cache.empty()) directories.push_back(cache + "/torch/checkpoints");
  if (!home.empty()) directories.push_back(home + "/.torch/models");
  return directories;
}

/// The path of published weights that lie in one of the directories, under today's name or an older one; empty if none does.
inline std::string cached_weights(const PublishedWeights& weights) {
  for (const std::string_view name : {weights.file, weights.older})
    for (const std::string& directory : weights_directories())
      if (const std::string path = message(directory, '/', name); !name.empty() && access(path.c_str(), R_OK) == 0) return path;
  return "";
}

/// Brings a file from the internet: called with its URL, the path where it shall lie and how its SHA-256 begins. Throws FileError if that
/// fails. This library has no code for networks; a program that has some says so here: examples/common/fetch_weights.hpp does, with libcurl.
using WeightsFetcher = std::function<void(const std::string& url, const std::string& path, const std::string& hash)>;
inline WeightsFetcher& weights_fetcher() {
  static WeightsFetcher fetcher;
  return fetcher;
}

/// The path of published weights, which are fetched if they are not in the cache and there is a fetcher.
/// Throws   FileError that tells which file to put where.
inline std::string weights_path(const PublishedWeights& weights) {
  if (std::string path = cached_weights(weights); !path.empty()) return path;
  const std::vector<std::string> directories = weights_directories();
  if (directories.empty()) throw FileError(message("weights: no cache directory for ", weights.file, ": neither XDG_CACHE_HOME nor HOME is set"));
  const std::string path = message(directories.front(), '/', weights.file);
  const std::string advice = message("fetch ", weights.url(), " by other means and put it at ", path);
  if (!weights_fetcher()) throw FileError(message("weights: ", weights.file, " is not in the cache; ", advice));
  try {
    weights_fetcher()(weights.url(), path, hash_in_name(weights.file));
  } catch (const FileError& error) {
    throw FileError(message(error.what(), "; ", advice));
  }
  return path;
}

}  // namespace tapestry::inline TAPESTRY_ABI
