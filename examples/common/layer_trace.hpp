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

/// Listens while a model runs. Layers are linked by the tensors that they hand on. A tensor that no layer put out was made by a function, from maps
/// that lie in the same part of the model: a residual block's sum, a concatenation of branches. It is taken to be made of all of them that have its
/// height and width, which is an estimate and is called one.
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
    if (!open_.empty()) layers[open_.back().layer].leaf = false;
    TracedLayer layer;
    layer.module = &module;
    for (const auto& [known, name] : names_)
      if (known == &module) layer.name = name;
    layer.type = module.name();
    layer.depth = static_cast<Index>(open_.size());
    for (const auto& [name, tensor] : named_parameters(module)) layer.parameters += tensor.numel();
    open_.push_back({layers.size(), fields_.size()});
    layers.push_back(std::move(layer));
  }
  void leave(Module&, const Shape&) override {
    left_ = open_.back();
    open_.pop_back();
  }
  void values(Module& module, const AnyTensor& input, const AnyTensor& output) override {
    TracedLayer& layer = layers[left_.layer];
    layer.output = output.as<float>();
    if (const auto* known = find_field(output))  // a container hands on what its last layer made, a dropout at rest its input
      layer.field = *known;
    else if (!layer.leaf)
      layer.field = estimate(output, left_.first_field).value_or(std::nullopt);
    else if (const auto before = field_of(input))
      layer.field = field_after(module, *before, input.shape(), output.shape());
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
  /// The innermost part of the model that has maps of the tensor's size decides.
  std::optional<ReceptiveField> field_of(const AnyTensor& tensor) const {
    if (const auto* known = find_field(tensor)) return *known;
    for (auto part = open_.rbegin(); part != open_.rend(); ++part)
      if (const auto found = estimate(tensor, part->first_field)) return *found;
    return std::nullopt;
  }
  /// From what was put out since `first`; nothing if none of it has the tensor's size, and an empty field if one of those is not known.
  std::optional<std::optional<ReceptiveField>> estimate(const AnyTensor& tensor, std::size_t first) const {
    std::optional<ReceptiveField> all;
    if (tensor.rank() != 4) {
      all.emplace().whole = true;
      return all;
    }
    for (std::size_t i = first; i < fields_.size(); ++i) {
      const auto& [known, field] = fields_[i];
      if (known.rank() != 4 || known.dim(2) != tensor.dim(2) || known.dim(3) != tensor.dim(3)) continue;
      if (!field || (all && (field->rows.step != all->rows.step || field->columns.step != all->columns.step))) return std::optional<ReceptiveField>();
      all = all ? united(*all, *field) : *field;
    }
    if (!all) return std::nullopt;
    all->estimated = true;
    return all;
  }

  struct Part {
    std::size_t layer = 0, first_field = 0;  // its place among the layers, and the first field that came after it was entered
  };
  std::vector<std::pair<const Module*, std::string>> names_;
  std::vector<std::pair<AnyTensor, std::optional<ReceptiveField>>> fields_;  // the tensors are kept, so that none's address comes again
  std::vector<Part> open_;
  Part left_;
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
  bool estimated = false, unknown = false;
  for (const auto& layer : layers) {
    const auto& field = layer.field;
    estimated = estimated || (field && field->estimated && !field->whole);
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
  if (estimated) text += "~: a function between the layers takes part, as a sum or a concatenation; estimated from the layers around it.\n";
  if (unknown) text += "?: a layer of a kind whose windows are not known.\n";
  return text;
}

}  // namespace tapestry::examples
