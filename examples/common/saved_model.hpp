// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <filesystem>

#include "cifar10.hpp"
#include "recipe.hpp"

namespace tapestry::examples {

/// A trained network, ready to be asked.
struct SavedModel {
  Sequential<> net;
  std::vector<std::string> classes;
  std::string data;  ///< what it was trained on: "cifar10" or "embedded"
};

/// Loads what the trainer wrote: best.safetensors, last.safetensors, or the folder that holds them (then the best).
///
/// Throws   FileError if the file cannot be read, ValueError if it holds no network of the trainer's.
inline SavedModel load_model(std::filesystem::path path) {
  if (std::filesystem::is_directory(path)) path /= std::filesystem::exists(path / "best.safetensors") ? "best.safetensors" : "last.safetensors";
  const Checkpoint checkpoint = Checkpoint::load(path.string());
  const auto text = [&](std::string_view key) { return std::string(find(checkpoint.metadata, key)); };
  if (text("architecture") != architecture_name)
    throw ValueError(message(path.string(), ": architecture must be ", architecture_name, ", got '", text("architecture"), "'"));
  std::vector<std::string> classes;
  for (std::string rest = text("classes"); !rest.empty();) {
    const auto comma = rest.find(',');
    classes.push_back(rest.substr(0, comma));
    rest.erase(0, comma == std::string::npos ? rest.size() : comma + 1);
  }
  SavedModel model{cifar_net(static_cast<Index>(classes.size())), std::move(classes), text("data")};
  const bool whole_run = !text("format").empty();
  load_state_dict(model.net, whole_run ? checkpoint.part("model") : checkpoint.tensors());
  model.net.eval();
  return model;
}

/// An image as the network reads it: the smaller edge scaled to 32, the middle cut out, bytes to 0..1; [1, 3, 32, 32].
inline Tensor<> network_input(tapestry::Image image) {
  if (image.height != 32 || image.width != 32) image = CenterCrop(32)(Resize(32)(std::move(image)));
  Tensor<> x({1, image.channels, image.height, image.width}, Layout::channels_last);
  const FloatImage values = ToTensor()(image);
  std::copy(values.pixels.begin(), values.pixels.end(), x.mutable_data());
  return x;
}

}  // namespace tapestry::examples
