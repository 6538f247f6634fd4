// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../core/callback.hpp"
#include "../tensor/tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {

class Module;

/// What a module's members() is called with: it hands over each parameter, buffer and child with the name that PyTorch gives it.
/// Everything that walks a model (state_dict, print, freeze, to, train, summary) is such a visitor, so there is one list to keep.
class Members {
 public:
  Callback<void(std::string_view, AnyTensor&)> on_parameter;
  Callback<void(std::string_view, AnyTensor&)> on_buffer;
  Callback<void(std::string_view, Module&)> on_child;
  Callback<void(std::string_view, const std::vector<Module*>&)> on_list;  ///< a list as a whole; if empty, on_child gets each of it

  /// Something that is learned. An undefined tensor, as a layer's absent bias, is passed over.
  template <Floating T>
  void parameter(std::string_view name, Tensor<T>& tensor) const {
    if (on_parameter && tensor.defined()) on_parameter(name, tensor);
  }
  /// Something that is kept and saved but not learned, as running statistics.
  template <Scalar T>
  void buffer(std::string_view name, Tensor<T>& tensor) const {
    if (on_buffer && tensor.defined()) on_buffer(name, tensor);
  }
  void child(std::string_view name, Module& module) const {
    if (on_child) on_child(name, module);
  }
  template <std::derived_from<Module> M>
  void child(std::string_view name, std::optional<M>& module) const {
    if (module) child(name, *module);
  }
  template <std::derived_from<Module> M>
  void child(std::string_view name, std::unique_ptr<M>& module) const {
    if (module) child(name, *module);
  }
  /// A list of modules, named by number: name.0, name.1, ...
  template <class M>
  void children(std::string_view name, std::vector<M>& modules) const {
    if (on_list) {
      std::vector<Module*> list;
      const Members collect{{}, {}, [&list](std::string_view, Module& module) { list.push_back(&module); }, {}};
      for (M& module : modules) collect.child("", module);
      return on_list(name, list);
    }
    for (std::size_t i = 0; i < modules.size(); ++i) child(std::string(name) + "." + std::to_string(i), modules[i]);
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI
