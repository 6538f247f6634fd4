// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <memory>

#include "cifar10.hpp"
#include "evaluation.hpp"
#include "train_options.hpp"

namespace tapestry::examples {

/// The name under which best.safetensors records its network.
inline constexpr std::string_view architecture_name = "cifar_net";

/// The first `limit` images (0: all) as a data set. It takes the pixels over: a second copy of CIFAR-10 would be 150 MB.
inline ImageDataset image_dataset(Cifar10 data, std::size_t limit = 0) {
  const std::size_t count = limit > 0 ? std::min(limit, data.size()) : data.size();
  data.pixels.resize(count * cifar10_image_bytes);
  return ImageDataset(std::move(data.pixels), std::vector<Index>(data.labels.begin(), data.labels.begin() + static_cast<std::ptrdiff_t>(count)));
}

inline Transform training_transform(const std::string& augment) {
  if (augment == "lecture") return Compose(Resize(44), RandomCrop(32, {.padding = 4}));
  if (augment == "crop-flip") return Compose(RandomCrop(32, {.padding = 4}), RandomHorizontalFlip());
  return Compose();
}

/// One of the library's optimisers behind the calls that a training loop makes.
class AnyOptimizer {
 public:
  AnyOptimizer(const std::string& name, Module& net, const TrainOptions& o) {
    const auto weights = parameters(net);
    if (name == "adam") hold(std::make_unique<Adam<>>(weights, AdamOptions{.lr = o.lr, .weight_decay = o.weight_decay}));
    else if (name == "adamw") hold(std::make_unique<AdamW<>>(weights, AdamWOptions{.lr = o.lr, .weight_decay = o.weight_decay}));
    else if (name == "sgd") hold(std::make_unique<SGD<>>(weights, SgdOptions{.lr = o.lr, .momentum = o.momentum, .weight_decay = o.weight_decay}));
    else hold(std::make_unique<RMSprop<>>(weights, RmsPropOptions{.lr = o.lr, .weight_decay = o.weight_decay, .momentum = o.momentum}));
  }
  ScheduledOptimizer& schedulable() { return *held_; }
  void zero_grad() { zero_grad_(); }
  void step() { step_(); }
  NamedTensors state() { return state_(); }
  void load_state(const NamedTensors& state) { load_state_(state); }

 private:
  template <class O>
  void hold(std::unique_ptr<O> optimizer) {
    O* o = optimizer.get();
    zero_grad_ = [o] { o->zero_grad(); };
    step_ = [o] { o->step(); };
    state_ = [o] { return o->state(); };
    load_state_ = [o](const NamedTensors& state) { o->load_state(state); };
    held_ = std::move(optimizer);
  }
  std::unique_ptr<ScheduledOptimizer> held_;
  std::function<void()> zero_grad_, step_;
  std::function<NamedTensors()> state_;
  std::function<void(const NamedTensors&)> load_state_;
};

/// The schedule by name, or null for none. All count in training steps, so that a run can stop and resume anywhere.
inline std::unique_ptr<Schedule> make_schedule(const TrainOptions& o, ScheduledOptimizer& optimizer, Index steps_an_epoch) {
  const Index total = o.epochs * steps_an_epoch;
  if (o.schedule == "step") return std::make_unique<MultiStepLR>(optimizer, std::vector<Index>{total / 2, total * 3 / 4});
  if (o.schedule == "exponential") return std::make_unique<ExponentialLR>(optimizer, std::pow(0.9, 1.0 / static_cast<double>(steps_an_epoch)));
  if (o.schedule == "cosine") return std::make_unique<CosineAnnealingLR>(optimizer, total);
  if (o.schedule == "warmup-cosine") return std::make_unique<WarmupCosineLR>(optimizer, total / 20, total);
  if (o.schedule == "one-cycle") return std::make_unique<OneCycleLR>(optimizer, OneCycleOptions{.max_lr = o.lr, .total_steps = total});
  return nullptr;
}

}  // namespace tapestry::examples
