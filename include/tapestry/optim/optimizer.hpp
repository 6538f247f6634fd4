// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>

#include "../autograd/tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a schedule needs to know of an optimiser: learning rate and momentum of each of its groups of parameters.
class ScheduledOptimizer {
 public:
  ScheduledOptimizer() = default;
  ScheduledOptimizer(ScheduledOptimizer&&) = default;
  ScheduledOptimizer& operator=(ScheduledOptimizer&&) = default;
  ScheduledOptimizer(const ScheduledOptimizer&) = delete;  // two optimisers over one set of state tensors would spoil each other's
  ScheduledOptimizer& operator=(const ScheduledOptimizer&) = delete;
  virtual ~ScheduledOptimizer() = default;
  virtual Index group_count() const = 0;
  virtual double lr(Index group = 0) const = 0;
  virtual void set_lr(double lr, Index group) = 0;
  void set_lr(double lr) {
    for (Index group = 0; group < group_count(); ++group) set_lr(lr, group);
  }
  virtual double momentum(Index group = 0) const = 0;  ///< beta1 for the Adam family
  virtual void set_momentum(double momentum, Index group) = 0;
};

/// What all optimisers share: parameters in groups with options of their own, and state tensors for each parameter, made at its first step.
/// Derived classes say how one parameter moves.
template <Floating T, class Options>
class Optimizer : public ScheduledOptimizer {
 public:
  struct Group {
    std::vector<Tensor<T>> parameters;
    Options options;
  };

  /// Adds parameters with options of their own, as for a new head that learns faster.
  /// Throws   ValueError if there are none, one is no leaf, or one is here already.
  void add_group(std::vector<Tensor<T>> parameters, Options options) {
    check(options);
    if (parameters.empty()) throw ValueError(message(name(), ": parameters must not be empty"));
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& slot = parameters[i].body().slot;
      if (slot && slot->tape != 0) throw ValueError(message(name(), ": parameter ", i, " is the result of an op; only leaves can be optimised"));
      for (std::size_t j = 0; j < i; ++j) refuse_same(parameters[i], parameters[j]);
      for (const Group& group : groups_)
        for (const auto& other : group.parameters) refuse_same(parameters[i], other);
    }
    states_.resize(states_.size() + parameters.size());
    groups_.push_back({std::move(parameters), options});
  }

  /// Moves every parameter that got a gradient since zero_grad. One without is left alone, weight decay and momentum included.
  /// Throws   ValueError if a parameter belongs to no module any more, as after replacing a head: make the optimiser afterwards.
  void step() {
    for_each([&](std::size_t i, const Tensor<T>& parameter, const Options&) {
      if (parameter.handle().use_count() == 1)
        throw ValueError(message(name(), ": parameter ", i, " (shape ", parameter.shape(),
                                 ") is held by no module any more; make the optimiser after replacing layers"));
    });
    for_each([&](std::size_t i, const Tensor<T>& parameter, const Options& options) {
      if (!parameter.has_grad()) return;
      ++states_[i].step;
      update(parameter, parameter.grad(), options, states_[i]);
    });
  }
  /// Forgets all gradients.
  void zero_grad() {
    for (const Group& group : groups_)
      for (const auto& parameter : group.parameters) parameter.drop_grad();
  }

  std::vector<Group>& groups() { return groups_; }

  Index group_count() const override { return static_cast<Index>(groups_.size()); }
  double lr(Index group = 0) const override { return at(group).options.lr; }
  using ScheduledOptimizer::set_lr;
  void set_lr(double lr, Index group) override { at(group).options.lr = lr; }

  /// Everything step() remembers: `state.<parameter>.<name>` by the parameters' order, `group.<n>.lr` and `group.<n>.momentum`.
  NamedTensors state() const {
    NamedTensors found;
    const auto number = [&](std::string key, double value) {
      Tensor<double> tensor(Shape{});
      found.emplace_back(std::move(key), tensor.fill(value));
    };
    for (std::size_t i = 0; i < states_.size(); ++i) {
      const std::string prefix = message("state.", i, ".");
      if (states_[i].step > 0) number(prefix + "step", static_cast<double>(states_[i].step));
      for (const auto& [key, tensor] : states_[i].tensors) found.emplace_back(prefix + key, tensor);
    }
    for (Index g = 0; g < group_count(); ++g) {
      number(message("group.", g, ".lr"), lr(g));
      number(message("group.", g, ".momentum"), momentum(g));
    }
    return found;
  }
  /// Continues where state() was taken; parameters must be the same in number, order and shape.
  /// Throws   ValueError, changing nothing, if the state is another optimiser's, or TypeError or ShapeError if an entry is of the wrong kind.
  void load_state(const NamedTensors& saved) {
    std::vector<State> states(states_.size());
    std::vector<std::pair<double, double>> rates(groups_.size());
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      const AnyTensor* lr = find(saved, message("group.", g, ".lr"));
      const AnyTensor* momentum = find(saved, message("group.", g, ".momentum"));
      if (!lr || !momentum) throw ValueError(message(name(), ": saved state has no group ", g));
      rates[g] = {lr->as<double>().item(), momentum->as<double>().item()};
    }
    if (find(saved, message("group.", groups_.size(), ".lr")))
      throw ValueError(message(name(), ": saved state has more than ", groups_.size(), " groups"));
    for (const auto& [key, tensor] : saved) {
      if (!key.starts_with("state.")) continue;
      const std::size_t dot = key.find('.', 6);
      std::size_t i = states.size();
      if (dot != std::string::npos && std::from_chars(key.data() + 6, key.data() + dot, i).ptr != key.data() + dot) i = states.size();
      if (i >= states.size())
        throw ValueError(message(name(), ": saved state has an entry ", key, " but there are ", states.size(), " parameters"));
      const std::string what = key.substr(dot + 1);
      if (what == "step") {
        const double step = tensor.template as<double>().item();
        if (!(step >= 1 && step < 1e15)) throw ValueError(message(name(), ": saved ", key, " must be at least 1, got ", step));
        states[i].step = static_cast<Index>(step);
        continue;
      }
      const auto known = state_names();
      if (std::find(known.begin(), known.end(), what) == known.end())
        throw ValueError(message(name(), ": saved ", key, " is not of this optimiser"));
      const Tensor<T>& parameter = parameter_at(i);
      if (tensor.shape() != parameter.shape())
        throw ValueError(message(name(), ": saved ", key, " has shape ", tensor.shape(), " but the parameter has ", parameter.shape()));
      const Tensor<T> own(parameter.shape(), parameter.layout(), parameter.device());
      assign(own, tensor);
      states[i].tensors.emplace_back(what, own);
    }
    for (std::size_t i = 0; i < states.size(); ++i)
      for (const std::string_view key : needed_state_names())
        if (states[i].step > 0 && !states[i].has(key)) throw ValueError(message(name(), ": saved state has no state.", i, ".", key));
    states_ = std::move(states);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      set_lr(rates[g].first, static_cast<Index>(g));
      set_momentum(rates[g].second, static_cast<Index>(g));
    }
  }

  virtual std::string_view name() const = 0;

 protected:
  struct State {
    Index step = 0;
    std::vector<std::pair<std::string, Tensor<T>>> tensors;

    /// The state tensor of that name, zeros at first, laid out as the parameter.
    Tensor<T> tensor(std::string_view key, const Tensor<T>& parameter) {
      for (auto& [other, found] : tensors) {
        if (other != key) continue;
        if (!(found.device() == parameter.device())) found = on_device(found, parameter.device()).template as<T>();  // the module moved
        return found;
      }
      Tensor<T> made(parameter.shape(), parameter.layout(), parameter.device());
      tensors.emplace_back(std::string(key), made.fill(T{0}));
      return made;
    }
    bool has(std::string_view key) const {
      return std::any_of(tensors.begin(), tensors.end(), [key](const auto& entry) { return entry.first == key; });
    }
  };

  virtual void check(const Options& options) const = 0;
  virtual std::vector<std::string_view> state_names() const = 0;                  ///< of all state tensors that a parameter may have
  virtual std::vector<std::string_view> needed_state_names() const { return {}; }  ///< of those that it has from its first step on
  virtual void update(const Tensor<T>& parameter, const Tensor<T>& gradient, const Options& options, State& state) = 0;

  void require(bool holds, std::string_view parameter, double got, std::string_view expected) const {
    if (!holds) throw ValueError(message(name(), ": ", parameter, " must be ", expected, ", got ", got));
  }
  const Group& at(Index group) const {
    if (group < 0 || group >= group_count()) throw IndexError(message(name(), ": group must be from 0 to ", group_count() - 1, ", got ", group));
    return groups_[static_cast<std::size_t>(group)];
  }
  Group& at(Index group) { return const_cast<Group&>(std::as_const(*this).at(group)); }

 private:
  template <class F>
  void for_each(F f) {
    std::size_t i = 0;
    for (const Group& group : groups_)
      for (const auto& parameter : group.parameters) f(i++, parameter, group.options);
  }
  const Tensor<T>& parameter_at(std::size_t i) const {
    std::size_t g = 0;
    while (i >= groups_[g].parameters.size()) i -= groups_[g++].parameters.size();
    return groups_[g].parameters[i];
  }
  void refuse_same(const Tensor<T>& a, const Tensor<T>& b) const {
    if (a.handle() == b.handle()) throw ValueError(message(name(), ": a parameter of shape ", a.shape(), " is given twice"));
  }

  std::vector<Group> groups_;
  std::vector<State> states_;  // one a parameter, groups after one another
};

}  // namespace tapestry::inline TAPESTRY_ABI
