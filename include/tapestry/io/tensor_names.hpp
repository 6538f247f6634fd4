// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "../tensor/any_tensor.hpp"
#include "json.hpp"

namespace tapestry::inline TAPESTRY_ABI::detail {

/// Refuses names that would make a file that no one can read, and tensors without elements.
inline void check_tensor_names(std::string_view op, const NamedTensors& tensors) {
  std::vector<std::string_view> names;
  for (const auto& [name, tensor] : tensors) {
    if (!json::is_utf8(name)) throw ValueError(message(op, ": tensor name ", json::quoted(name), " is not UTF-8"));
    if (name.size() > 60000) throw ValueError(message(op, ": tensor name of ", name.size(), " bytes is longer than an archive's can be"));
    if (!tensor.defined()) throw ValueError(message(op, ": tensor ", name, " is undefined"));
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw ValueError(message(op, ": tensor name ", *twice, " stands twice"));
}

}  // namespace tapestry::inline TAPESTRY_ABI::detail
