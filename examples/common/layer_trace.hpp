// SPDX-License-Identifier: MIT
#pragma once

#include "receptive_field.hpp"

namespace tapestry::examples {

/// A layer at work: what it made of an input, and how much of that input it saw.
struct TracedLayer {
  Module* module = nullptr;
  std::string name, type;  ///< the full name within the model, and the layer's class
  Index depth = 0;         ///< 0: the model itself
  bool leaf = true;        ///< calls no other layer
  Tensor<> output;
  Index parameters = 0;                 ///< of the layer and all below it
  std::optional<ReceptiveField> field;  ///< nothing where it is not known
};

namespace detail {

/// Listens while a model runs. Layers are linked by the tensors that they hand on; where a tensor comes from no layer (a sum of two, a
/// concatenation), it can only come from earlier ones of its height and width, so the largest of their fields is a lower bound.
class TraceObserver final : public tapestry::detail::LayerObserver {
 public:
  TraceObserver(Module& root, const Tensor<>& x) {
    name_all(root, "");
    fields_.push_back({x, ReceptiveField{}});
    tapestry::detail::layer_observer() = this;
  }
  ~TraceObserver() override { tapestry::detail::layer_observer() = nullptr; }
  TraceObserver(const TraceObserver&) = delete;
  TraceObserver& operator=(const TraceObserver&) = delete;

  void enter(Module& module, const Shape&) override {
    if (!open_.empty()) layers[open_.back()].leaf = false;
    TracedLayer layer;
    layer.module = &module;
    for (const auto& [known, name] : names_)
      if (known == &module) layer.name = name;
    layer.type = module.name();
    layer.depth = static_cast<Index>(open_.size());
    for (const auto& [name, tensor] : named_parameters(module)) layer.parameters += tensor.numel();
    open_.push_back(layers.size());
    layers.push_back(std::move(layer));
  }
  void leave(Module&, const Shape&) override {
    left_ = open_.back();
    open_.pop_back();
  }
  void values(Module& module, const AnyTensor& input, const AnyTensor& output) override {
    TracedLayer& layer = layers[left_];
    layer.output = output.as<float>();
    if (const auto* known = find_field(output))  // a container hands on what its last layer made, a dropout at rest its input
      layer.field = *known;
    else if (const auto before = field_of(input); before && layer.leaf)
      layer.field = field_after(module, *before, input.shape(), output.shape());
    else if (!layer.leaf)
      layer.field = field_of(output);
    fields_.push_back({output, layer.field});
  }

  std::vector<TracedLayer> layers;

 private:
  void name_all(Module& module, const std::string& name) {
    names_.emplace_back(&module, name);
    Members visit;
    visit.on_child = [&](std::string_view child, Module& below) { name_all(below, name.empty() ? std::string(child) : message(name, ".", child)); };
    module.members(visit);
  }
  const std::optional<ReceptiveField>* find_field(const AnyTensor& tensor) const {
    for (const auto& [known, field] : fields_)
      if (known.handle() == tensor.handle()) return &field;
    return nullptr;
  }
  std::optional<ReceptiveField> field_of(const AnyTensor& tensor) const {
    if (const auto* known = find_field(tensor)) return *known;
    std::optional<ReceptiveField> largest;
    if (tensor.rank() != 4) {
      largest.emplace().whole = true;
      return largest;
    }
    for (const auto& [known, field] : fields_) {
      if (known.rank() != 4 || known.dim(2) != tensor.dim(2) || known.dim(3) != tensor.dim(3)) continue;
      if (!field) return std::nullopt;
      if (!largest || field->rows.size > largest->rows.size) largest = field;
    }
    if (largest && !largest->whole) largest->at_least = true;
    return largest;
  }

  std::vector<std::pair<const Module*, std::string>> names_;
  std::vector<std::pair<AnyTensor, std::optional<ReceptiveField>>> fields_;  // the tensors are kept, so that none's address comes again
  std::vector<std::size_t> open_;
  std::size_t left_ = 0;
};

}  // namespace detail

/// Runs a model and returns each layer that was called, in the order of the calls, with what it put out. It needs to know nothing about the model:
/// whatever calls its parts as layers can be looked into.
inline std::vector<TracedLayer> trace_layers(Layer<>& model, const Tensor<>& x) {
  const NoGrad no_grad;
  detail::TraceObserver observer(model, x);
  model(x);
  return std::move(observer.layers);
}

/// The layers as a table: output shape, parameters, receptive field, and how many input pixels lie between two neighbours of the output.
inline std::string to_table(const std::vector<TracedLayer>& layers) {
  std::vector<std::array<std::string, 5>> cells{{"Layer", "Output", "Parameters", "Sees", "Step"}};
  bool at_least = false, unknown = false;
  for (const auto& layer : layers) {
    const auto& field = layer.field;
    at_least = at_least || (field && field->at_least && !field->whole);
    unknown = unknown || !field;
    cells.push_back({std::string(static_cast<std::size_t>(2 * layer.depth), ' ') + (layer.name.empty() ? "" : layer.name + " ") + layer.type,
                     to_string(layer.output.shape()), layer.parameters > 0 ? std::to_string(layer.parameters) : "-", field ? to_string(*field) : "?",
                     !field || field->whole ? "-" : field->rows.step == field->columns.step ? message(field->rows.step) : message(field->rows.step, " x ", field->columns.step)});
  }
  std::array<std::size_t, 5> width{};
  for (const auto& line : cells)
    for (std::size_t i = 0; i < 5; ++i) width[i] = std::max(width[i], line[i].size());
  std::string text;
  for (const auto& line : cells) {
    for (std::size_t i = 0; i < 5; ++i) {
      const std::string space(width[i] - line[i].size(), ' ');
      text += i == 0 ? line[i] + space : i == 1 ? "  " + line[i] + space : "  " + space + line[i];
    }
    text += "\n";
  }
  if (at_least) text += ">=: a sum, a concatenation or a function between the layers takes part; what that adds is not counted.\n";
  if (unknown) text += "?: a layer of a kind whose windows are not known.\n";
  return text;
}

}  // namespace tapestry::examples
