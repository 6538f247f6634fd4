// SPDX-License-Identifier: MIT
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>

#include "../autograd/owed.hpp"
#include "members.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
inline bool& cloning() {
  thread_local bool on = false;
  return on;
}
}  // namespace detail

/// The base of everything with parameters. A module may take and return anything; Layer is one from tensor to tensor.
/// Modules move; a deep copy is `clone(module)`. What can be done with any module, as freeze() or parameters(), stands in module.hpp.
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

  /// Names parameters, buffers and children, in PyTorch's order. What is left out is neither trained, saved nor moved; summary() finds it.
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
/// Called before and after every Layer's forward on this thread: summary() listens, and whoever wants to see what a model computes inside.
struct LayerObserver {
  virtual ~LayerObserver() = default;
  virtual void enter(Module& layer, const Shape& input) = 0;
  virtual void leave(Module& layer, const Shape& output) = 0;
  /// What a Layer was given and what it made of it; comes right after leave().
  virtual void values(Module&, const AnyTensor& /*input*/, const AnyTensor& /*output*/) {}
};
inline LayerObserver*& layer_observer() {
  thread_local LayerObserver* observer = nullptr;
  return observer;
}

/// An error on its way out of a module's forward says which of the layers below was running, by name and class. Each module on the way
/// tells it anew, so that the outermost one's names, which are the longest, remain.
[[gnu::cold, gnu::noinline]] inline void name_layer(Error& error, Module& outer, Module& inner, const std::string& prefix = "") {
  Members visit;
  visit.on_child = [&](std::string_view name, Module& child) {
    const std::string path = prefix + std::string(name);
    if (&child == error.source) error.set_place(message(outer.name(), ": layer ", path, " (", child.name(), "): "));
    name_layer(error, outer, child, path + ".");
  };
  inner.members(visit);
}

/// forward(), with the observer told before and after. A module that is no Layer may call it too, so that summary() has a row for it.
template <class Forward>
auto observed(Module& module, const Shape& input, Forward forward) {
  try {
    LayerObserver* observer = layer_observer();
    if (!observer) {
      const ModuleCall call;
      auto y = forward();
      call.finish();
      return y;
    }
    observer->enter(module, input);
    auto y = forward();
    observer->leave(module, y.shape());
    return y;
  } catch (Error& error) {
    if (error.source) name_layer(error, module, module);
    if (!error.has_place()) error.source = &module;  // the innermost one, or one that members() does not name
    throw;
  }
}
}  // namespace detail

template <Floating T>
Tensor<T> Layer<T>::operator()(const Tensor<T>& x) {
  Tensor<T> y = detail::observed(*this, x.shape(), [&] { return forward(x); });
  if (detail::LayerObserver* observer = detail::layer_observer()) observer->values(*this, x, y);
  return y;
}

}  // namespace tapestry::inline TAPESTRY_ABI
