// SPDX-License-Identifier: MIT
#pragma once

#include "optimizer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  bool maximize = false;
};
struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
};

namespace detail {
/// Adam and AdamW differ in one line of the kernel, their names and their default decay.
template <Floating T, class Options, bool decoupled>
class AdamFamily : public Optimizer<T, Options> {
  using Base = Optimizer<T, Options>;

 public:
  double momentum(Index group = 0) const override { return this->at(group).options.beta1; }
  void set_momentum(double momentum, Index group) override { this->at(group).options.beta1 = momentum; }

 protected:
  void check(const Options& o) const override {
    this->require(o.lr >= 0, "lr", o.lr, "at least 0");
    this->require(o.beta1 >= 0 && o.beta1 < 1, "beta1", o.beta1, "at least 0 and below 1");
    this->require(o.beta2 >= 0 && o.beta2 < 1, "beta2", o.beta2, "at least 0 and below 1");
    this->require(o.eps >= 0, "eps", o.eps, "at least 0");
    this->require(o.weight_decay >= 0, "weight_decay", o.weight_decay, "at least 0");
  }
  std::vector<std::string_view> state_names() const override { return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}; }
  std::vector<std::string_view> needed_state_names() const override { return {"exp_avg", "exp_avg_sq"}; }
  void update(const Tensor<T>& w, const Tensor<T>& dw, const Options& o, typename Base::State& state) override {
    T* first = state.tensor("exp_avg", w).values_to_write();
    T* second = state.tensor("exp_avg_sq", w).values_to_write();
    T* largest = o.amsgrad ? state.tensor("max_exp_avg_sq", w).values_to_write() : nullptr;
    backend_of(w).adam_step(AdamStep{o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, state.step, decoupled, o.amsgrad, o.maximize}, w.numel(), dw.data(),
                            first, second, largest, w.values_to_write());
  }
};
}  // namespace detail

/// Adam: steps scaled by running means of the gradient and of its square.
///
///   g = dw + weight_decay*w                       (-dw to maximise)
///   m = beta1*m + (1 - beta1)*g
///   v = beta2*v + (1 - beta2)*g^2                 (amsgrad: then the largest v so far)
///   w = w - lr/(1 - beta1^t) * m / (sqrt(v/(1 - beta2^t)) + eps)        t counted from 1
///
/// Source   Kingma and Ba, "Adam: a method for stochastic optimization", 2015; amsgrad: Reddi, Kale and Kumar, 2018.
template <Floating T = float>
class Adam : public detail::AdamFamily<T, AdamOptions, false> {
 public:
  explicit Adam(std::vector<Tensor<T>> parameters, AdamOptions options = {}) { this->add_group(std::move(parameters), options); }
  std::string_view name() const override { return "Adam"; }
};

/// AdamW: Adam whose weight decay acts on the weight itself, w = w - lr*weight_decay*w, and not on the gradient.
///
/// Source   Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
template <Floating T = float>
class AdamW : public detail::AdamFamily<T, AdamWOptions, true> {
 public:
  explicit AdamW(std::vector<Tensor<T>> parameters, AdamWOptions options = {}) { this->add_group(std::move(parameters), options); }
  std::string_view name() const override { return "AdamW"; }
};

template <Floating T>
Adam(std::vector<Tensor<T>>, AdamOptions = {}) -> Adam<T>;
template <Floating T>
AdamW(std::vector<Tensor<T>>, AdamWOptions = {}) -> AdamW<T>;

}  // namespace tapestry::inline TAPESTRY_ABI
