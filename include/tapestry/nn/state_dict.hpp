// SPDX-License-Identifier: MIT
#pragma once

#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// All parameters and buffers by full name, in PyTorch's order and under PyTorch's names. The tensors are handles of the module's own.
inline NamedTensors state_dict(Module& module) {
  NamedTensors state;
  detail::for_each_member(module, [&](const std::string& name, AnyTensor& tensor, detail::Member) { state.emplace_back(name, tensor); });
  return state;
}

/// What load_state_dict found: names without a partner on the other side, and pairs whose shapes differ.
struct LoadReport {
  std::vector<std::string> missing;     ///< the module has them, the state does not
  std::vector<std::string> unexpected;  ///< the state has them, the module does not
  std::vector<std::string> mismatched;  ///< `name: state [10, 512], module [1000, 512]`
  bool complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};
/// All names, or of each kind the first `most`.
inline std::string to_string(const LoadReport& report, std::size_t most = std::string::npos) {
  std::string text;
  const auto list = [&](std::string_view title, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += text.empty() ? "" : "; ";
    text += message(title, ' ', static_cast<Index>(names.size()), ": ");
    for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i ? ", " : "") + names[i];
    if (names.size() > most) text += ", ...";
  };
  list("missing", report.missing);
  list("unexpected", report.unexpected);
  list("mismatched", report.mismatched);
  return text.empty() ? "all keys matched" : text;
}
inline std::ostream& operator<<(std::ostream& out, const LoadReport& report) { return out << to_string(report); }

struct LoadOptions {
  bool strict = true;  ///< refuse unless every name has its partner
};

/// Copies a state into the module's own tensors, converting scalar type and layout; optimisers made before stay valid.
/// A state whose shapes do not fit, or whose names do not while strict, changes nothing. A batch norm's `num_batches_tracked` that stands not beside
/// its `running_mean` becomes 0: PyTorch did not save it before 0.4.1.
/// Throws   ValueError that lists the names, of each kind the first 9.
inline LoadReport load_state_dict(Module& module, const NamedTensors& state, LoadOptions options = {}) {
  LoadReport report;
  const NamedTensors own = state_dict(module);
  const auto starts_at_0 = [&](std::string_view name) {
    constexpr std::string_view count = "num_batches_tracked";
    if (!name.ends_with(count)) return false;
    return find(state, message(name.substr(0, name.size() - count.size()), "running_mean")) != nullptr;
  };
  for (const auto& [name, tensor] : own) {
    const AnyTensor* source = find(state, name);
    if (!source && starts_at_0(name)) continue;
    if (!source)
      report.missing.push_back(name);
    else if (source->shape() != tensor.shape())
      report.mismatched.push_back(message(name, ": state ", source->shape(), ", module ", tensor.shape()));
  }
  for (const auto& [name, tensor] : state)
    if (!find(own, name)) report.unexpected.push_back(name);
  if (!report.mismatched.empty() || (options.strict && !report.complete()))
    throw ValueError(message("load_state_dict: the state does not fit ", module.name(), ": ", to_string(report, 9)));

  for (const auto& [name, tensor] : own)
    if (const AnyTensor* source = find(state, name)) {
      assign(tensor, *source);
    } else if (starts_at_0(name)) {
      const Index zero = 0;
      tensor.device().memory().fill(tensor.dtype(), &zero, tensor.numel(), tensor.raw_mutable_data());
    }
  return report;
}

}  // namespace tapestry::inline TAPESTRY_ABI
