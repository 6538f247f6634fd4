// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/models/published_weights.hpp>
#include <tapestry/tapestry.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>


namespace tapestry::examples {

/// How images are prepared: the smaller edge scaled to `resize`, the middle `crop` cut out, bytes to 0..1, then (x - mean) / std a channel.
struct ImagePreparation {
  Index resize = 256, crop = 224;
  std::vector<double> mean{0.485, 0.456, 0.406}, std{0.229, 0.224, 0.225};  ///< ImageNet's

  Compose transform() const { return Compose(Resize(resize), CenterCrop(crop), ToTensor(), Normalize(mean, std)); }
};

/// Which model the user wants, and whose weights.
struct ZooChoice {
  std::string model{};              ///< torchvision's name
  std::string weights{};            ///< a file, or imagenet_v1 or imagenet_v2; empty: imagenet_v1
  std::string labels{};             ///< a file with a class name a line; empty: those that belong to the weights
  bool transform_input = false;     ///< of Inception v3; named weights turn it on
  bool download = true;             ///< whether weights that are not in the cache may be fetched
  bool progress = true;
};

/// A model of the zoo, ready to be asked.
struct ZooModel {
  std::unique_ptr<Layer<>> net;
  ImagePreparation preparation;
  std::vector<std::string> classes;
};

// Programs reach the models through these functions, so that all models are compiled once and not for each program.

/// The names of all models, which are torchvision's.
std::vector<std::string> zoo_names();
/// A model by name, with random weights.
std::unique_ptr<Layer<>> make_zoo_model(const std::string& name);

inline bool is_cifar_resnet(std::string_view model) {
  return model == "resnet20" || model == "resnet32" || model == "resnet44" || model == "resnet56";
}

/// How images are prepared for a model: as for its published weights. The CIFAR ResNets see 32 pixels.
inline ImagePreparation preparation_for(std::string_view model, Weights weights = Weights::imagenet) {
  ImagePreparation preparation;
  if (is_cifar_resnet(model)) {
    preparation.resize = preparation.crop = 32;
  } else {
    const PublishedWeights& published = find_published(model, weights);
    preparation.resize = published.resize, preparation.crop = published.crop;
  }
  return preparation;
}

/// A list of names as one text, as checkpoints keep it. The comma parts names, so that within one it becomes a semicolon.
inline std::string joined_by_commas(const std::vector<std::string>& names) {
  std::string text;
  for (std::string name : names) {
    std::replace(name.begin(), name.end(), ',', ';');
    text.append(text.empty() ? "" : ",").append(name);
  }
  return text;
}
/// The names in such a list.
inline std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return parts;
}

/// What finetune writes beside the weights, so that others know what to do with them.
inline Metadata fine_tuned_metadata(std::string_view model, const std::vector<std::string>& classes, const ImagePreparation& preparation) {
  return {{"architecture", std::string(model)},
          {"classes", joined_by_commas(classes)},
          {"resize", message(preparation.resize)},
          {"crop", message(preparation.crop)}};
}

/// If no model is named and the weights are a file that finetune wrote, or the folder with its files, takes the model's name from it.
inline void adopt_model(ZooChoice& choice) {
  namespace fs = std::filesystem;
  if (!choice.model.empty()) return;
  fs::path file = choice.weights;
  if (fs::is_directory(file)) file /= fs::exists(file / "best.safetensors") ? "best.safetensors" : "last.safetensors";
  if (file.extension() != ".safetensors" || !fs::is_regular_file(file)) return;
  const std::string architecture(find(load_safetensors(file.string()).metadata, "architecture"));
  for (const std::string& name : zoo_names())
    if (name == architecture) choice.model = name, choice.weights = file.string();
}

/// Non-empty lines of a file.
/// Throws   FileError if it cannot be read or holds none.
inline std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw FileError(message("labels: cannot open ", path, ": ", std::strerror(errno)));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(line);
  }
  if (lines.empty()) throw FileError(message("labels: ", path, " holds no line"));
  return lines;
}

/// Makes the model and loads its weights: those of a file in any format, or published ones from the cache or the internet. A file with
/// another number of classes gets a head that fits.
///
/// Throws   FileError if weights cannot be had, telling which file to put where; ValueError if they do not fit the model.
ZooModel load_zoo_model(const ZooChoice& choice);

/// One prepared image as a batch [1, C, H, W].
inline Tensor<> prepared_batch(const Compose& transform, Image image) {
  SampleRandom unused;
  const AnyImage prepared = transform(std::move(image), unused);
  const auto& values = std::get<FloatImage>(prepared);
  Tensor<> x({1, values.channels, values.height, values.width}, Layout::channels_last);
  std::copy(values.pixels.begin(), values.pixels.end(), x.mutable_data());
  return x;
}

}  // namespace tapestry::examples
