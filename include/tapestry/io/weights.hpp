// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/state_dict.hpp"
#include "npz.hpp"
#include "pth.hpp"
#include "safetensors.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The weights of a network, from a file of any format.
struct WeightFile {
  NamedTensors tensors;
  std::string_view format;           ///< "pth", "safetensors" or "npz"
  std::vector<std::string> skipped;  ///< entries of a checkpoint's state dict that are no tensors
  std::vector<std::string> unknown;  ///< Python names in a checkpoint that mean nothing here
  Metadata metadata;                 ///< of a safetensors file
};

namespace detail {

/// `module.layer1.module.0.weight` -> `layer1.0.weight`: DataParallel and its like stand for the network inside them.
inline std::string without_module(std::string_view name) {
  std::string result;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, dot);
    if (part != "module") result.append(result.empty() ? "" : ".").append(std::string(part));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return result;
}
inline void strip_module(NamedTensors& tensors, const std::string& path) {
  std::vector<std::string> names;
  for (auto& [name, tensor] : tensors) {
    if (std::string stripped = without_module(name); !stripped.empty()) name = std::move(stripped);
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw FileError(message("cannot read ", path, ": two tensors are named ", *twice, " once `module.` is taken off"));
}

/// Of a run's checkpoint the network: what stands under `model.` if the optimiser's state stands beside it.
inline void keep_model(NamedTensors& tensors) {
  const auto any = [&](std::string_view prefix) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const auto& entry) { return entry.first.starts_with(prefix); });
  };
  if (!any("model.") || !any("optimizer.")) return;
  NamedTensors model;
  for (auto& [name, tensor] : tensors)
    if (name.starts_with("model.")) model.emplace_back(name.substr(6), std::move(tensor));
  tensors = std::move(model);
}

inline WeightFile read_any_weights(const std::string& path, ReadOptions options) {
  const FileReader file(path);
  const std::string begin = first_bytes(file);
  const std::string_view bytes = begin;
  MemoryBudget budget(file, options);
  WeightFile weights;
  const auto take = [&](Pth pth) {
    weights.format = "pth";
    weights.tensors = std::move(pth.tensors), weights.skipped = std::move(pth.skipped), weights.unknown = std::move(pth.unknown);
  };
  if (ZipReader::begins(bytes)) {
    const ZipReader zip(file, budget);
    const auto& entries = zip.entries();
    if (std::any_of(entries.begin(), entries.end(), [](const ArchiveEntry& entry) { return entry.name.ends_with(".npy"); })) {
      weights.format = "npz";
      weights.tensors = read_npz(file, zip, budget);
    } else {
      take(read_pth(file, &zip, budget));
    }
  } else if (bytes.size() > 8 && bytes[8] == '{') {
    Safetensors safetensors = load_safetensors(path, options);
    weights.format = "safetensors";
    weights.tensors = std::move(safetensors.tensors), weights.metadata = std::move(safetensors.metadata);
  } else if (begins_pth_stream(bytes) || TarReader::is_header(bytes)) {
    take(read_pth(file, nullptr, budget));
  } else {
    std::string_view guess = "neither a PyTorch checkpoint nor safetensors nor npz";
    if (bytes.starts_with(npy_magic)) guess = "a single array (npy), not weights by name";
    if (bytes.starts_with("<!") || bytes.starts_with("<html") || bytes.starts_with("<HTML")) guess = "a web page: the download went wrong";
    if (bytes.starts_with("version https://git-lfs")) guess = "a pointer of Git LFS: the file itself was not fetched";
    throw FileError(message("cannot read ", path, ": byte 0: it is ", guess));
  }
  return weights;
}
}  // namespace detail

/// Reads the weights of a network from a PyTorch checkpoint (see load_pth), a safetensors file or an npz archive, told apart by content.
///
/// - `module` is taken off wherever it stands as a part of a name, since wrappers such as DataParallel put it there.
/// - Of a checkpoint that save() of Checkpoint wrote, the network is read: what stands under `model.`, if there is an `optimizer.` beside it.
///
/// Throws   FileError naming the file and the cause.
inline WeightFile read_weights(const std::string& path, ReadOptions options = {}) {
  WeightFile weights = detail::read_any_weights(path, options);
  detail::keep_model(weights.tensors);
  detail::strip_module(weights.tensors, path);
  return weights;
}

/// Copies the weights in a file into a network, as load_state_dict does. What belongs to Inception's auxiliary head, `AuxLogits.*`, is left out if the
/// network has none.
/// Throws   FileError if the file cannot be read, ValueError that names it and what does not fit.
inline LoadReport load_weights(Module& module, const std::string& path, LoadOptions options = {}) {
  const auto load = [&] {
    NamedTensors tensors = read_weights(path).tensors;
    constexpr std::string_view auxiliary = "AuxLogits.";
    const NamedTensors own = state_dict(module);
    if (std::none_of(own.begin(), own.end(), [&](const auto& entry) { return entry.first.starts_with(auxiliary); }))
      std::erase_if(tensors, [&](const auto& entry) { return entry.first.starts_with(auxiliary); });
    return load_state_dict(module, tensors, options);
  };
  try {
    LoadReport report = load();
    cpu().memory().release_cache();  // a network is loaded once: what held the file's tensors would lie idle
    return report;
  } catch (const ValueError& error) {
    throw ValueError(message("load_weights: ", path, ": ", error.what()));
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI
