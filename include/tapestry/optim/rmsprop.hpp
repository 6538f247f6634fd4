// SPDX-License-Identifier: MIT
#pragma once

#include "optimizer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct RmsPropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  bool maximize = false;
};

/// RMSprop: steps divided by a running root mean square of the gradient.
///
///   g = dw + weight_decay*w                       (-dw to maximise)
///   v = alpha*v + (1 - alpha)*g^2
///   d = sqrt(v) + eps                             (centered: sqrt(v - a^2) + eps, a = alpha*a + (1 - alpha)*g)
///   b = momentum*b + g/d,  w = w - lr*b           (without momentum: w = w - lr*g/d)
///
/// Source   Hinton, lecture 6e of "Neural networks for machine learning", 2012; centered: Graves, 2013.
template <Floating T = float>
class RMSprop : public Optimizer<T, RmsPropOptions> {
  using Base = Optimizer<T, RmsPropOptions>;

 public:
  explicit RMSprop(std::vector<Tensor<T>> parameters, RmsPropOptions options = {}) { this->add_group(std::move(parameters), options); }

  std::string_view name() const override { return "RMSprop"; }
  double momentum(Index group = 0) const override { return this->at(group).options.momentum; }
  void set_momentum(double momentum, Index group) override { this->at(group).options.momentum = momentum; }

 protected:
  void check(const RmsPropOptions& o) const override {
    this->require(o.lr >= 0, "lr", o.lr, "at least 0");
    this->require(o.alpha >= 0, "alpha", o.alpha, "at least 0");
    this->require(o.eps >= 0, "eps", o.eps, "at least 0");
    this->require(o.weight_decay >= 0, "weight_decay", o.weight_decay, "at least 0");
    this->require(o.momentum >= 0, "momentum", o.momentum, "at least 0");
  }
  std::vector<std::string_view> state_names() const override { return {"square_avg", "grad_avg", "momentum_buffer"}; }
  std::vector<std::string_view> needed_state_names() const override { return {"square_avg"}; }
  void update(const Tensor<T>& w, const Tensor<T>& dw, const RmsPropOptions& o, typename Base::State& state) override {
    T* square = state.tensor("square_avg", w).values_to_write();
    T* mean = o.centered ? state.tensor("grad_avg", w).values_to_write() : nullptr;
    T* buffer = o.momentum > 0 ? state.tensor("momentum_buffer", w).values_to_write() : nullptr;
    backend_of(w).rmsprop_step(RmsPropStep{o.lr, o.alpha, o.eps, o.weight_decay, o.momentum, o.centered, o.maximize}, w.numel(), dw.data(), square, mean,
                               buffer, w.values_to_write());
  }
};

template <Floating T>
RMSprop(std::vector<Tensor<T>>, RmsPropOptions = {}) -> RMSprop<T>;

}  // namespace tapestry::inline TAPESTRY_ABI
