// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "../autograd/tape.hpp"
#include "print.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// What can be done with any module: it is asked for its members, and they are visited.

namespace detail {
enum class Member { parameter, buffer };
using MemberVisitor = Callback<void(const std::string& name, AnyTensor& tensor, Member kind)>;
/// Calls f for the module's tensors and those below, whose full names are joined by dots.
inline void for_each_member(Module& module, const MemberVisitor& f, const std::string& prefix = "") {
  Members visit;
  visit.on_parameter = [&](std::string_view name, AnyTensor& tensor) { f(message(prefix, name), tensor, Member::parameter); };
  visit.on_buffer = [&](std::string_view name, AnyTensor& tensor) { f(message(prefix, name), tensor, Member::buffer); };
  visit.on_child = [&](std::string_view name, Module& child) { for_each_member(child, f, message(prefix, name, '.')); };
  module.members(visit);
}
}  // namespace detail

/// Calls f for every module of class M: the module itself, those below it, and those below them, in PyTorch's order.
///
///   for_each_module<Conv2d<>>(net, [](Conv2d<>& conv) { init::kaiming_normal(conv.weight); });
template <std::derived_from<Module> M, class F>
void for_each_module(Module& root, const F& f) {
  if (auto* wanted = dynamic_cast<M*>(&root)) f(*wanted);
  Members visit;
  visit.on_child = [&f](std::string_view, Module& child) { for_each_module<M>(child, f); };
  root.members(visit);
}

/// All parameters with their full names; handles, so writing through them changes the module.
inline NamedTensors named_parameters(Module& module) {
  NamedTensors found;
  detail::for_each_member(module, [&](const std::string& name, AnyTensor& tensor, detail::Member kind) {
    if (kind == detail::Member::parameter) found.emplace_back(name, tensor);
  });
  return found;
}

/// All parameters, for an optimiser. A parameter that several modules share is listed once.
/// Throws   TypeError if one is not of type T.
template <Floating T = float>
std::vector<Tensor<T>> parameters(Module& module) {
  std::vector<Tensor<T>> found;
  for (auto& [name, tensor] : named_parameters(module)) {
    bool seen = false;
    for (const auto& other : found) seen = seen || other.handle() == tensor.handle();
    if (!seen) found.push_back(tensor.template as<T>());
  }
  return found;
}
template <Floating T>
std::vector<Tensor<T>> parameters(Layer<T>& layer) {
  return parameters<T>(static_cast<Module&>(layer));
}

/// Those of them that learn, which is what an optimiser of a partly frozen module needs.
template <Floating T = float>
std::vector<Tensor<T>> trainable_parameters(Module& module) {
  std::vector<Tensor<T>> found = parameters<T>(module);
  std::erase_if(found, [](const Tensor<T>& parameter) { return !parameter.requires_grad(); });
  return found;
}
template <Floating T>
std::vector<Tensor<T>> trainable_parameters(Layer<T>& layer) {
  return trainable_parameters<T>(static_cast<Module&>(layer));
}

/// Keeps the parameters whose full name the predicate picks from learning: no gradient is recorded or computed for them.
/// Batch norm in training mode still updates its running statistics; call eval() on it to stop that.
inline void freeze(Module& module, const std::function<bool(std::string_view)>& pick = {}) {
  for (auto& [name, tensor] : named_parameters(module))
    if (!pick || pick(name)) {
      tensor.set_requires_grad(false);
      tensor.drop_grad();
    }
}
/// Undoes freeze.
inline void unfreeze(Module& module, const std::function<bool(std::string_view)>& pick = {}) {
  for (auto& [name, tensor] : named_parameters(module))
    if (!pick || pick(name)) tensor.set_requires_grad(true);
}

inline void Module::to(Device device) {
  detail::for_each_member(*this, [&](const std::string&, AnyTensor& tensor, detail::Member) {
    if (tensor.device() == device) return;
    if (tensor.has_grad()) {
      auto& grad = tensor.body().slot->grad;
      grad = on_device(AnyTensor(grad), device).handle();
    }
    tensor.body().storage = on_device(tensor, device).body().storage;
  });
}

/// A deep copy: parameters and buffers of its own, with the same values and the same requires_grad.
template <std::derived_from<Module> M>
M clone(const M& module) {
  static_assert(std::is_copy_constructible_v<M>, "clone: hold children by value, optional, vector or Sequential, so that the module can be copied");
  struct Cloning {
    bool outer = std::exchange(detail::cloning(), true);
    ~Cloning() { detail::cloning() = outer; }
  } guard;
  M copy(module);
  std::vector<std::pair<AnyTensor, AnyTensor>> done;  // original and copy, so that tied weights stay tied
  detail::for_each_member(copy, [&](const std::string&, AnyTensor& tensor, detail::Member) {
    for (const auto& [original, duplicate] : done)
      if (original.handle() == tensor.handle()) {
        tensor = duplicate;
        return;
      }
    const AnyTensor original = tensor;
    tensor = copy_of(original, original.layout());
    if (original.requires_grad()) tensor.set_requires_grad(true);
    done.emplace_back(original, tensor);
  });
  return copy;
}

}  // namespace tapestry::inline TAPESTRY_ABI
