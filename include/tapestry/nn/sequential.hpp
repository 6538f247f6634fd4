// SPDX-License-Identifier: MIT
#pragma once

#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Layers one after another: y = layer_n(...layer_1(layer_0(x))). It owns them; a Sequential may hold a Sequential.
///
///   Sequential net(Conv2d(3, 30, {.kernel = 3}), ReLU(), MaxPool2d(2));
///   net.append(Flatten());
///   net.replace(0, Conv2d(1, 30, {.kernel = 3}));
///
/// Layers are moved in; one that is still needed outside goes in as clone(layer).
/// Throws   IndexError for a position without a layer.
template <Floating T = float>
class Sequential : public Layer<T> {
 public:
  Sequential() = default;
  Sequential(Sequential&&) = default;
  Sequential& operator=(Sequential&&) = default;
  Sequential(const Sequential& other) : Layer<T>(other) {
    for (const Entry& entry : other.layers_) layers_.push_back({entry.copy(*entry.layer), entry.copy});
  }
  Sequential& operator=(const Sequential&) = delete;

  /// A single Sequential is moved from, as the language has it; `Sequential<>().append(Sequential(...))` nests one.
  template <class First, class... Rest>
    requires(std::derived_from<First, Layer<T>> && (std::derived_from<Rest, Layer<T>> && ...) &&
             !(sizeof...(Rest) == 0 && std::same_as<First, Sequential>))
  explicit Sequential(First first, Rest... rest) {
    layers_.reserve(1 + sizeof...(rest));
    layers_.push_back(entry(first));
    (layers_.push_back(entry(rest)), ...);
  }

  template <std::derived_from<Layer<T>> L>
  Sequential& append(L layer) & {
    layers_.push_back(entry(layer));
    return *this;
  }
  template <std::derived_from<Layer<T>> L>
  Sequential append(L layer) && {
    layers_.push_back(entry(layer));
    return std::move(*this);
  }
  /// Puts another layer in a layer's place.
  template <std::derived_from<Layer<T>> L>
  void replace(Index position, L layer) {
    layers_[checked(position)] = entry(layer);
  }

  Index size() const { return static_cast<Index>(layers_.size()); }
  /// A layer by position, counted from either end.
  Layer<T>& operator[](Index position) { return *layers_[checked(position)].layer; }
  /// The same, as the type it has: `net.at<Conv2d<>>(0).weight`.
  /// Throws   TypeError if it is another.
  template <class L>
  L& at(Index position) {
    if (auto* layer = dynamic_cast<L*>(&(*this)[position])) return *layer;
    throw TypeError(message("Sequential: layer ", position, " is a ", (*this)[position].name(), ", not what was asked for"));
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    Tensor<T> y = x;
    for (const Entry& entry : layers_) y = (*entry.layer)(y);
    return y;
  }
  void members(const Members& visit) override {
    for (std::size_t i = 0; i < layers_.size(); ++i) visit.child(std::to_string(i), *layers_[i].layer);
  }
  std::string name() const override { return "Sequential"; }

 private:
  struct Entry {
    std::unique_ptr<Layer<T>> layer;
    std::unique_ptr<Layer<T>> (*copy)(const Layer<T>&);
  };
  /// Moves the layer in.
  template <class L>
  static Entry entry(L& layer) {
    using Pointer = std::unique_ptr<Layer<T>>;  // of no further type, which would be compiled for each kind of layer
    return {Pointer(new L(std::move(layer))), [](const Layer<T>& original) -> Pointer {
              if constexpr (std::is_copy_constructible_v<L>) {
                return Pointer(new L(static_cast<const L&>(original)));
              } else {
                throw Error(message("clone: layer ", original.name(), " holds something that cannot be copied"));
              }
            }};
  }
  std::size_t checked(Index position) const {
    if (position < -size() || position >= size())
      throw IndexError(message("Sequential: position must be from ", -size(), " to ", size() - 1, ", got ", position));
    return static_cast<std::size_t>(position < 0 ? position + size() : position);
  }

  std::vector<Entry> layers_;
};

template <class First, class... Rest>
  requires std::derived_from<First, Module>  // constrained, lest clang++ 14 prefer the constructor and its default T
Sequential(First, Rest...) -> Sequential<typename First::value_type>;

}  // namespace tapestry::inline TAPESTRY_ABI
