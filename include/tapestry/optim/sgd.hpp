// SPDX-License-Identifier: MIT
#pragma once

#include "optimizer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};

/// Stochastic gradient descent:
///
///   g = dw + weight_decay*w                       (-dw to maximise)
///   b = momentum*b + (1 - dampening)*g            (b = g at the first step)
///   w = w - lr*(nesterov ? g + momentum*b : b)
///
/// Throws   ValueError for negative options, or Nesterov without momentum or with dampening.
/// Source   Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning", 2013.
template <Floating T = float>
class SGD : public Optimizer<T, SgdOptions> {
  using Base = Optimizer<T, SgdOptions>;

 public:
  explicit SGD(std::vector<Tensor<T>> parameters, SgdOptions options = {}) { this->add_group(std::move(parameters), options); }

  std::string_view name() const override { return "SGD"; }
  double momentum(Index group = 0) const override { return this->at(group).options.momentum; }
  void set_momentum(double momentum, Index group) override { this->at(group).options.momentum = momentum; }

 protected:
  void check(const SgdOptions& o) const override {
    this->require(o.lr >= 0, "lr", o.lr, "at least 0");
    this->require(o.momentum >= 0, "momentum", o.momentum, "at least 0");
    this->require(o.weight_decay >= 0, "weight_decay", o.weight_decay, "at least 0");
    this->require(!o.nesterov || (o.momentum > 0 && o.dampening == 0), "momentum", o.momentum, "above 0 and dampening 0 with nesterov");
  }
  std::vector<std::string_view> state_names() const override { return {"momentum_buffer"}; }
  void update(const Tensor<T>& w, const Tensor<T>& dw, const SgdOptions& o, typename Base::State& state) override {
    const bool first = state.tensors.empty();
    T* buffer = o.momentum != 0 ? state.tensor("momentum_buffer", w).values_to_write() : nullptr;
    backend_of(w).sgd_step(SgdStep{o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov, o.maximize, first}, w.numel(), dw.data(), buffer,
                           w.values_to_write());
  }
};

template <Floating T>
SGD(std::vector<Tensor<T>>, SgdOptions = {}) -> SGD<T>;

}  // namespace tapestry::inline TAPESTRY_ABI
