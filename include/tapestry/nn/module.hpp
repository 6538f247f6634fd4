// SPDX-License-Identifier: MIT
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <typeinfo>

#include "../autograd/tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

class Module;

/// What a module's members() is called with: it hands over each parameter, buffer and child with the name that PyTorch gives it.
/// Everything that walks a model (state_dict, print, freeze, to, train, summary) is such a visitor, so there is one list to keep.
class Members {
 public:
  std::function<void(std::string_view, AnyTensor&)> on_parameter;
  std::function<void(std::string_view, AnyTensor&)> on_buffer;
  std::function<void(std::string_view, Module&)> on_child;
  std::function<void(std::string_view, const std::vector<Module*>&)> on_list;  ///< a list as a whole; if empty, on_child gets each of it

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

namespace detail {
inline bool& cloning() {
  thread_local bool on = false;
  return on;
}
}  // namespace detail

/// The base of everything with parameters. A module may take and return anything; Layer is one from tensor to tensor.
/// Modules move; a deep copy is `clone(module)`.
///
///   struct TwoTower : Module {
///     Linear<> left{8, 4}, right{8, 4};
///     Tensor<> forward(const Tensor<>& a, const Tensor<>& b) { return left(a) + right(b); }
///     void members(const Members& visit) override { visit.child("left", left); visit.child("right", right); }
///   };
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  /// For clone() only: a copy that shared its parameters with the original would surprise.
  Module(const Module& other) : training_(other.training_) {
    if (!detail::cloning()) throw Error("module: a module cannot be copied by accident; move it with std::move or copy it with clone(module)");
  }
  Module& operator=(const Module&) = delete;

  /// Names parameters, buffers and children, in PyTorch's order.
  virtual void members(const Members&) {}
  /// The name that print shows; the class's own unless overridden.
  virtual std::string name() const;
  /// What print shows in parentheses after the name: `3, 30, kernel_size=(3, 3), stride=(1, 1)`.
  virtual std::string description() const { return ""; }

  /// Switches this module and all below to training (dropout drops, batch norm uses the batch's statistics) or back. Never touches requires_grad.
  void train(bool on = true) {
    training_ = on;
    Members visit;
    visit.on_child = [on](std::string_view, Module& child) { child.train(on); };
    members(visit);
  }
  void eval() { train(false); }
  bool training() const { return training_; }

  /// Moves all parameters and buffers to a device. Whoever holds them, as an optimiser does, holds them still.
  void to(Device device);

 private:
  bool training_ = true;
};

inline std::string Module::name() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), std::free);
  std::string full = status == 0 ? text.get() : typeid(*this).name();
  // 'ns::Net<float>' reads 'Net'; template arguments may hold '::' too, so cut them first.
  if (full.ends_with('>')) {
    int depth = 0;
    std::size_t at = full.size();
    do {
      --at;
      depth += full[at] == '>' ? 1 : full[at] == '<' ? -1 : 0;
    } while (depth > 0 && at > 0);
    full.erase(at);
  }
  if (const auto colon = full.rfind("::"); colon != std::string::npos) full.erase(0, colon + 2);
  return full;
}

/// A module from one tensor to one: what Sequential holds.
template <Floating T = float>
class Layer : public Module {
 public:
  using value_type = T;
  virtual Tensor<T> forward(const Tensor<T>& x) = 0;
  Tensor<T> operator()(const Tensor<T>& x);
};

namespace detail {
/// Called before and after every Layer's forward on this thread; summary() listens.
struct LayerObserver {
  virtual ~LayerObserver() = default;
  virtual void enter(Module& layer, const Shape& input) = 0;
  virtual void leave(Module& layer, const Shape& output) = 0;
};
inline LayerObserver*& layer_observer() {
  thread_local LayerObserver* observer = nullptr;
  return observer;
}
}  // namespace detail

namespace detail {
/// forward(), with the observer told before and after. A module that is no Layer may call it too, so that summary() has a row for it.
template <class Forward>
auto observed(Module& module, const Shape& input, Forward forward) {
  LayerObserver* observer = layer_observer();
  if (!observer) return forward();
  observer->enter(module, input);
  auto y = forward();
  observer->leave(module, y.shape());
  return y;
}
}  // namespace detail

template <Floating T>
Tensor<T> Layer<T>::operator()(const Tensor<T>& x) {
  return detail::observed(*this, x.shape(), [&] { return forward(x); });
}

namespace detail {
enum class Member { parameter, buffer };
/// Calls f(full name, tensor, kind) for the module's tensors and those below, names joined by dots.
template <class F>
void for_each_member(Module& module, const std::string& prefix, F& f) {
  Members visit;
  visit.on_parameter = [&](std::string_view name, AnyTensor& tensor) { f(prefix + std::string(name), tensor, Member::parameter); };
  visit.on_buffer = [&](std::string_view name, AnyTensor& tensor) { f(prefix + std::string(name), tensor, Member::buffer); };
  visit.on_child = [&](std::string_view name, Module& child) { for_each_member(child, prefix + std::string(name) + ".", f); };
  module.members(visit);
}
template <class F>
void for_each_member(Module& module, F f) {
  for_each_member(module, "", f);
}
}  // namespace detail

/// All parameters with their full names; handles, so writing through them changes the module.
inline NamedTensors named_parameters(Module& module) {
  NamedTensors found;
  detail::for_each_member(module, [&](std::string name, AnyTensor& tensor, detail::Member kind) {
    if (kind == detail::Member::parameter) found.emplace_back(std::move(name), tensor);
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
