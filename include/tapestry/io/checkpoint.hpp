// SPDX-License-Identifier: MIT
#pragma once

#include "safetensors.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The state of everything that a run needs to continue, in one safetensors file: each part's tensors stand under its name.
///
///   Checkpoint out;
///   out.add("model", state_dict(net));
///   out.add("optimizer", optimizer.state());
///   out.save("last.safetensors");
///
///   const Checkpoint in = Checkpoint::load("last.safetensors");
///   load_state_dict(net, in.part("model"));
///   optimizer.load_state(in.part("optimizer"));
class Checkpoint {
 public:
  Metadata metadata;

  void add(std::string_view part, const NamedTensors& state) {
    for (const auto& [name, tensor] : state) tensors_.emplace_back(message(part, '.', name), tensor);
  }
  /// The tensors of one part, under the names they were added with.
  /// Throws   ValueError if there is none.
  NamedTensors part(std::string_view name) const {
    NamedTensors found;
    const std::string prefix = message(name, '.');
    for (const auto& [key, tensor] : tensors_)
      if (key.starts_with(prefix)) found.emplace_back(key.substr(prefix.size()), tensor);
    if (found.empty()) throw ValueError(message("checkpoint: it has no part ", name));
    return found;
  }

  /// All of it, under full names.
  const NamedTensors& tensors() const { return tensors_; }

  template <class = void>
  void save(const std::string& path) const { save_safetensors(path, tensors_, metadata); }
  template <class = void>
  static Checkpoint load(const std::string& path) {
    Safetensors file = load_safetensors(path);
    Checkpoint checkpoint;
    checkpoint.tensors_ = std::move(file.tensors);
    checkpoint.metadata = std::move(file.metadata);
    return checkpoint;
  }

 private:
  NamedTensors tensors_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
