// SPDX-License-Identifier: MIT
#pragma once

#include <ostream>

#include "layer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Prints as PyTorch's print(net).
inline std::string to_string(const Module& module, int indent = 0);
namespace detail {
/// `ModuleList(...)`, in which equal neighbours share a line: `(0-2): 3 x ReLU()`.
inline std::string list_text(const std::vector<Module*>& modules, int indent) {
  std::vector<std::string> texts;
  for (const Module* module : modules) texts.push_back(to_string(*module, indent + 2));
  const std::string space(static_cast<std::size_t>(indent), ' ');
  std::string text = "ModuleList(";
  for (std::size_t first = 0, last = 0; first < texts.size(); first = last + 1) {
    last = first;
    while (last + 1 < texts.size() && texts[last + 1] == texts[first]) ++last;
    text += "\n" + space + "  (" + std::to_string(first);
    if (last > first) text += message('-', last);
    text += "): ";
    if (last > first) text += std::to_string(last - first + 1) + " x ";
    text += texts[first];
  }
  return text + (texts.empty() ? ")" : "\n" + space + ")");
}
}  // namespace detail
inline std::string to_string(const Module& module, int indent) {
  std::string text = module.name() + "(" + module.description();
  const std::string space(static_cast<std::size_t>(indent), ' ');
  bool any = false;
  const auto line = [&](std::string_view name, const std::string& value) {
    any = true;
    text += "\n" + space + "  (" + std::string(name) + "): " + value;
  };
  Members visit;
  visit.on_child = [&](std::string_view name, Module& child) { line(name, to_string(child, indent + 2)); };
  visit.on_list = [&](std::string_view name, const std::vector<Module*>& list) { line(name, detail::list_text(list, indent + 2)); };
  const_cast<Module&>(module).members(visit);  // a visitor that only looks
  return text + (any ? "\n" + space + ")" : ")");
}
inline std::ostream& operator<<(std::ostream& out, const Module& module) { return out << to_string(module); }

}  // namespace tapestry::inline TAPESTRY_ABI
