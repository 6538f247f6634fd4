// SPDX-License-Identifier: MIT
#pragma once

#include "meta_stay.hpp"
#include "summary_table.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// Writes down each layer as it is called. A template, so that only programs that use it compile it.
template <class = void>
class SummaryObserver final : public LayerObserver {
 public:
  explicit SummaryObserver(Module& root) {
    name_all(root, "");
    detail::layer_observer() = this;
  }
  ~SummaryObserver() { detail::layer_observer() = nullptr; }

  void enter(Module& layer, const Shape&) override {
    if (!open_.empty()) rows[open_.back()].leaf = false;
    Summary::Row row;
    bool named = false;
    for (const auto& [module, name] : names_)
      if (module == &layer) {
        row.name = name;
        named = true;
      }
    if (!named) refuse_unnamed(layer);
    row.type = layer.name();
    row.depth = static_cast<Index>(open_.size());
    row.flops = meta_multiply_adds();
    open_.push_back(rows.size());
    modules.push_back(named ? &layer : nullptr);
    rows.push_back(std::move(row));
  }
  void leave(Module&, const Shape& output) override {
    Summary::Row& row = rows[open_.back()];
    row.output = output;
    row.flops = 2 * (meta_multiply_adds() - row.flops);
    open_.pop_back();
  }

  std::vector<Summary::Row> rows;
  std::vector<Module*> modules;  // one a row; null for one that was made on the spot and is gone by now

 private:
  /// A layer made on the spot, as `ReLU()(x)`, needs no name; what it holds would be lost.
  void refuse_unnamed(Module& layer) const {
    for_each_member(layer, [&](const std::string& tensor, AnyTensor&, Member) {
      throw ValueError(message("summary: ", rows[open_.back()].type, " calls a ", layer.name(), " that its members() does not name, so that no ",
                               "optimiser trains its ", tensor, ", no state_dict saves it, and to() leaves it behind"));
    });
  }
  void name_all(Module& module, const std::string& name) {
    names_.emplace_back(&module, name);
    Members visit;
    visit.on_child = [&](std::string_view child_name, Module& child) {
      name_all(child, name.empty() ? std::string(child_name) : name + "." + std::string(child_name));
    };
    module.members(visit);
  }
  std::vector<std::pair<const Module*, std::string>> names_;
  std::vector<std::size_t> open_;
};

/// Calls a module that is no Layer and gives it a row of its own, without output shape if it returns something else than one tensor.
template <class M, class X>
void run_root(SummaryObserver<>& observer, M& module, const X& x) {
  const auto run = [&] {
    if constexpr (requires { module.forward(x); })
      return module.forward(x);
    else
      return module(x);
  };
  observer.enter(module, x.shape());
  const auto y = run();
  if constexpr (requires { { y.shape() } -> std::convertible_to<Shape>; })
    observer.leave(module, y.shape());
  else
    observer.leave(module, Shape{});
}
}  // namespace detail

/// Runs any module on an input of the given shape without computing or allocating anything, and tells for each layer that is called its output
/// shape, parameters and FLOPs. The module is unchanged afterwards. T is the scalar type of the input: `summary<Index>(embedding, {4, 7})`.
///
/// Throws   ValueError if it meets a layer with parameters that members() does not name, TypeError if it meets such a parameter.
///          Else what the module's forward throws if the shape does not fit.
template <Scalar T = float, std::derived_from<Module> M>
Summary summary(M& module, const Shape& input) {
  const auto count_parameters = [](Module& m, auto& into) {  // what several layers share counts once
    std::vector<AnyTensor> seen;
    for (const auto& [name, tensor] : named_parameters(m)) {
      const auto is_this = [&handle = tensor.handle()](const AnyTensor& other) { return other.handle() == handle; };
      if (std::any_of(seen.begin(), seen.end(), is_this)) continue;
      seen.push_back(tensor);
      into.parameters += tensor.numel();
      into.trainable += tensor.requires_grad() ? tensor.numel() : 0;
    }
    return seen;
  };
  std::uint64_t element = sizeof(float);  // of activations: as wide as the parameters are
  for (const auto& [name, tensor] : named_parameters(module)) element = size_of(tensor.dtype());
  Summary result;
  result.input = input;
  std::vector<Module*> modules;
  {
    const NoGrad no_grad;
    const detail::MetaStay<> stay(module);
    detail::SummaryObserver<> observer(module);
    const std::uint64_t before = detail::meta_multiply_adds();
    try {
      if constexpr (requires { typename M::value_type; })
        module(Tensor<typename M::value_type>(input, Layout::row_major, meta()));
      else
        detail::run_root(observer, module, Tensor<T>(input, Layout::row_major, meta()));
    } catch (const TypeError& error) {
      if (std::string_view(error.what()).find("on different devices, meta and ") == std::string_view::npos) throw;
      throw TypeError(message(error.what(), "; summary moves what members() names to meta: a tensor seems to be forgotten there"));
    }
    result.flops = 2 * (detail::meta_multiply_adds() - before);
    result.rows = std::move(observer.rows);
    modules = std::move(observer.modules);
  }
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (modules[i]) count_parameters(*modules[i], result.rows[i]);
    if (result.rows[i].leaf) result.activation_bytes += static_cast<std::uint64_t>(result.rows[i].output.numel()) * element;
  }
  for (const AnyTensor& tensor : count_parameters(module, result)) result.parameter_bytes += tensor.bytes();
  return result;
}

}  // namespace tapestry::inline TAPESTRY_ABI
