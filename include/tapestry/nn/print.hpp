// SPDX-License-Identifier: MIT
#pragma once

#include <ostream>

#include "layer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// Appends a module's text, whose lines after the first are indented; all nested modules write into the one text. A template so that
/// tapestry::compiled can hold it ready. Cold, as all of printing, that is compiled for size, which takes less time.
template <class = void>
[[gnu::cold]] void print_module(const Module& module, std::size_t indent, std::string& text);

/// Begins the line of a child: `  (name): `.
[[gnu::cold]] inline void begin_line(std::string_view name, std::size_t indent, std::string& text) {
  text.append(1, '\n').append(indent + 2, ' ').append(1, '(').append(name).append("): ");
}
[[gnu::cold]] inline void end_block(bool any, std::size_t indent, std::string& text) {
  if (any) text.append(1, '\n').append(indent, ' ');
  text.append(1, ')');
}
/// `ModuleList(...)`, in which equal neighbours share a line: `(0-2): 3 x ReLU()`.
template <class = void>
[[gnu::cold]] void print_list(const std::vector<Module*>& modules, std::size_t indent, std::string& text) {
  text.append("ModuleList(");
  std::string shared, next;
  std::size_t first = 0;
  for (std::size_t i = 0; i <= modules.size(); ++i) {
    next.clear();
    if (i < modules.size()) print_module(*modules[i], indent + 2, next);
    if (i > first && (i == modules.size() || next != shared)) {
      const bool several = i - first > 1;
      begin_line(several ? message(first, '-', i - 1) : message(first), indent, text);
      text.append(several ? message(i - first, " x ", shared) : shared);
      first = i;
    }
    shared.swap(next);
  }
  end_block(!modules.empty(), indent, text);
}
template <class>
void print_module(const Module& module, std::size_t indent, std::string& text) {
  text.append(module.name()).append(1, '(').append(module.description());
  bool any = false;
  Members visit;
  visit.on_child = [&](std::string_view name, Module& child) {
    any = true;
    begin_line(name, indent, text);
    print_module(child, indent + 2, text);
  };
  visit.on_list = [&](std::string_view name, const std::vector<Module*>& list) {
    any = true;
    begin_line(name, indent, text);
    print_list(list, indent + 2, text);
  };
  const_cast<Module&>(module).members(visit);  // a visitor that only looks
  end_block(any, indent, text);
}
#ifdef TAPESTRY_COMPILED
extern template void print_module<void>(const Module&, std::size_t, std::string&);
#endif
}  // namespace detail

/// Prints as PyTorch's print(net).
[[gnu::cold]] inline std::string to_string(const Module& module) {
  std::string text;
  detail::print_module(module, 0, text);
  return text;
}
inline std::ostream& operator<<(std::ostream& out, const Module& module) { return out << to_string(module); }

}  // namespace tapestry::inline TAPESTRY_ABI
