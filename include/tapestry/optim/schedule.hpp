// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <optional>
#include <type_traits>

#include "optimizer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A learning rate as a function of the steps taken. Making one sets the rate of step 0; `step()` goes to the next, an epoch or a batch as
/// the user means it. The optimiser must outlive the schedule.
class Schedule {
 public:
  virtual ~Schedule() = default;
  explicit Schedule(ScheduledOptimizer& optimizer) : optimizer_(optimizer) {
    for (Index group = 0; group < optimizer.group_count(); ++group) base_lr_.push_back(optimizer.lr(group));
  }

  /// Throws   what the rule throws for the next step, having changed nothing.
  void step() { go_to(steps_ + 1, base_lr_); }
  Index steps() const { return steps_; }

  /// Steps taken and the rates it started from: all it needs to continue.
  NamedTensors state() const {
    Tensor<Index> steps(Shape{});
    Tensor<double> base({static_cast<Index>(base_lr_.size())});
    for (std::size_t i = 0; i < base_lr_.size(); ++i) base.set({static_cast<Index>(i)}, base_lr_[i]);
    return {{"steps", steps.fill(steps_)}, {"base_lr", base}};
  }
  /// Throws   ValueError, changing nothing, if the state is not a schedule's or has another number of groups.
  void load_state(const NamedTensors& state) {
    const AnyTensor *steps = find(state, "steps"), *base = find(state, "base_lr");
    if (!steps || !base || base->numel() != static_cast<Index>(base_lr_.size()))
      throw ValueError(message("schedule: saved state must hold steps and base_lr of ", base_lr_.size(), " groups"));
    const Index taken = steps->as<Index>().item();
    if (taken < 0) throw ValueError(message("schedule: saved steps must be at least 0, got ", taken));
    go_to(taken, base->as<double>().to_vector());
  }

  /// The rate of one group after `step` steps.
  virtual double lr_at(Index step, Index group) const = 0;
  /// The momentum after `step` steps, if the schedule rules it.
  virtual std::optional<double> momentum_at(Index) const { return {}; }

 protected:
  /// Sets the rates of step 0; to be called once by the most derived constructor.
  void apply() { go_to(steps_, base_lr_); }
  double base_lr(Index group) const { return base_lr_[static_cast<std::size_t>(group)]; }
  ScheduledOptimizer& optimizer() const { return optimizer_; }
  static void require(bool holds, std::string_view schedule, std::string_view parameter, double got, std::string_view expected) {
    if (!holds) throw ValueError(message(schedule, ": ", parameter, " must be ", expected, ", got ", got));
  }

 private:
  /// Computes all rates before it sets the first, since a rule may throw.
  void go_to(Index step, std::vector<double> base) {
    if (optimizer_.group_count() != static_cast<Index>(base_lr_.size()))
      throw ValueError(message("schedule: optimizer has ", optimizer_.group_count(), " groups but had ", base_lr_.size(),
                               " when the schedule was made; add groups first"));
    std::vector<double> rates;
    std::optional<double> momentum;
    base_lr_.swap(base);
    try {
      for (Index group = 0; group < optimizer_.group_count(); ++group) rates.push_back(lr_at(step, group));
      momentum = momentum_at(step);
    } catch (...) {
      base_lr_.swap(base);
      throw;
    }
    steps_ = step;
    for (Index group = 0; group < optimizer_.group_count(); ++group) {
      optimizer_.set_lr(rates[static_cast<std::size_t>(group)], group);
      if (momentum) optimizer_.set_momentum(*momentum, group);
    }
  }

  ScheduledOptimizer& optimizer_;
  std::vector<double> base_lr_;
  Index steps_ = 0;
};

/// lr = base * f(step): any rule of the user's own, one for all groups or one for each.
/// Throws   ValueError unless there are as many rules as groups.
class LambdaLR : public Schedule {
 public:
  template <class F>
    requires std::is_invocable_r_v<double, const F&, Index>
  LambdaLR(ScheduledOptimizer& optimizer, F factor)
      : LambdaLR(optimizer, std::vector<std::function<double(Index step)>>(static_cast<std::size_t>(optimizer.group_count()), factor)) {}
  LambdaLR(ScheduledOptimizer& optimizer, std::vector<std::function<double(Index step)>> factors)
      : Schedule(optimizer), factors_(std::move(factors)) {
    if (static_cast<Index>(factors_.size()) != optimizer.group_count())
      throw ValueError(message("LambdaLR: factors must be one a group of parameters, ", optimizer.group_count(), ", got ", factors_.size()));
    apply();
  }
  double lr_at(Index step, Index group) const override { return base_lr(group) * factors_[static_cast<std::size_t>(group)](step); }

 private:
  std::vector<std::function<double(Index)>> factors_;
};

/// lr = base * gamma^floor(step / step_size)
class StepLR : public Schedule {
 public:
  StepLR(ScheduledOptimizer& optimizer, Index step_size, double gamma = 0.1) : Schedule(optimizer), step_size_(step_size), gamma_(gamma) {
    require(step_size > 0, "StepLR", "step_size", static_cast<double>(step_size), "above 0");
    apply();
  }
  double lr_at(Index step, Index group) const override { return base_lr(group) * std::pow(gamma_, static_cast<double>(step / step_size_)); }

 private:
  Index step_size_;
  double gamma_;
};

/// lr = base * gamma^(milestones passed)
class MultiStepLR : public Schedule {
 public:
  MultiStepLR(ScheduledOptimizer& optimizer, std::vector<Index> milestones, double gamma = 0.1)
      : Schedule(optimizer), milestones_(std::move(milestones)), gamma_(gamma) {
    apply();
  }
  double lr_at(Index step, Index group) const override {
    const auto passed = std::count_if(milestones_.begin(), milestones_.end(), [step](Index milestone) { return milestone <= step; });
    return base_lr(group) * std::pow(gamma_, static_cast<double>(passed));
  }

 private:
  std::vector<Index> milestones_;
  double gamma_;
};

/// lr = base * gamma^step
class ExponentialLR : public Schedule {
 public:
  ExponentialLR(ScheduledOptimizer& optimizer, double gamma) : Schedule(optimizer), gamma_(gamma) { apply(); }
  double lr_at(Index step, Index group) const override { return base_lr(group) * std::pow(gamma_, static_cast<double>(step)); }

 private:
  double gamma_;
};

/// lr = eta_min + (base - eta_min) * (1 + cos(pi * step / t_max)) / 2
/// Source   Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without the restarts.
class CosineAnnealingLR : public Schedule {
 public:
  CosineAnnealingLR(ScheduledOptimizer& optimizer, Index t_max, double eta_min = 0) : Schedule(optimizer), t_max_(t_max), eta_min_(eta_min) {
    require(t_max > 0, "CosineAnnealingLR", "t_max", static_cast<double>(t_max), "above 0");
    apply();
  }
  double lr_at(Index step, Index group) const override {
    const double angle = std::numbers::pi * static_cast<double>(step) / static_cast<double>(t_max_);
    return eta_min_ + (base_lr(group) - eta_min_) * (1 + std::cos(angle)) / 2;
  }

 private:
  Index t_max_;
  double eta_min_;
};

/// Warm-up: lr rises in a straight line from base*start_factor to base*end_factor over total_steps, then stays.
class LinearLR : public Schedule {
 public:
  LinearLR(ScheduledOptimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1, Index total_steps = 5)
      : Schedule(optimizer), start_(start_factor), end_(end_factor), total_(total_steps) {
    require(start_factor > 0 && start_factor <= 1, "LinearLR", "start_factor", start_factor, "above 0 and at most 1");
    require(end_factor >= 0 && end_factor <= 1, "LinearLR", "end_factor", end_factor, "from 0 to 1");
    require(total_steps > 0, "LinearLR", "total_steps", static_cast<double>(total_steps), "above 0");
    apply();
  }
  double lr_at(Index step, Index group) const override {
    return base_lr(group) * (start_ + (end_ - start_) * static_cast<double>(std::min(step, total_)) / static_cast<double>(total_));
  }

 private:
  double start_, end_;
  Index total_;
};

/// Warm-up followed by cosine decay to 0, counted in steps: the usual recipe of today's image networks.
class WarmupCosineLR : public Schedule {
 public:
  WarmupCosineLR(ScheduledOptimizer& optimizer, Index warmup_steps, Index total_steps) : Schedule(optimizer), warmup_(warmup_steps), total_(total_steps) {
    require(warmup_steps >= 0, "WarmupCosineLR", "warmup_steps", static_cast<double>(warmup_steps), "at least 0");
    require(total_steps > warmup_steps, "WarmupCosineLR", "total_steps", static_cast<double>(total_steps), "above warmup_steps");
    apply();
  }
  double lr_at(Index step, Index group) const override {
    if (step < warmup_) return base_lr(group) * static_cast<double>(step + 1) / static_cast<double>(warmup_ + 1);
    const double gone = static_cast<double>(std::min(step, total_) - warmup_) / static_cast<double>(total_ - warmup_);
    return base_lr(group) * (1 + std::cos(std::numbers::pi * gone)) / 2;
  }

 private:
  Index warmup_, total_;
};

struct OneCycleOptions {
  double max_lr = 0.01;
  Index total_steps = 0;
  double pct_start = 0.3;  ///< share of the steps in which the rate rises
  bool cosine = true;      ///< anneal along a cosine; otherwise along straight lines
  bool cycle_momentum = true;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25;         ///< the first rate is max_lr / div_factor
  double final_div_factor = 1e4;  ///< the last is the first / final_div_factor
  bool three_phase = false;       ///< up, down to the first rate, then down to the last
};

/// The rate rises to max_lr and falls far below where it began, while momentum does the opposite. Step once a batch.
/// Throws   ValueError when stepped beyond total_steps.
/// Source   Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018.
class OneCycleLR : public Schedule {
 public:
  OneCycleLR(ScheduledOptimizer& optimizer, OneCycleOptions options) : Schedule(optimizer), options_(options) {
    require(options.total_steps > 0, "OneCycleLR", "total_steps", static_cast<double>(options.total_steps), "above 0");
    require(options.pct_start >= 0 && options.pct_start <= 1, "OneCycleLR", "pct_start", options.pct_start, "from 0 to 1");
    require(options.div_factor > 0, "OneCycleLR", "div_factor", options.div_factor, "above 0");
    require(options.final_div_factor > 0, "OneCycleLR", "final_div_factor", options.final_div_factor, "above 0");
    const double total = static_cast<double>(options.total_steps), first = options.max_lr / options.div_factor, last = first / options.final_div_factor;
    const double low = options.base_momentum, high = options.max_momentum;
    const double top = options.pct_start * total - 1;
    phases_.push_back({top, first, options.max_lr, high, low});
    if (options.three_phase) {
      phases_.push_back({2 * options.pct_start * total - 2, options.max_lr, first, low, high});
      phases_.push_back({total - 1, first, last, high, high});
    } else {
      phases_.push_back({total - 1, options.max_lr, last, low, high});
    }
    apply();
  }
  double lr_at(Index step, Index) const override {
    return at(step, [](const Phase& p) { return std::pair(p.lr_from, p.lr_to); });
  }
  std::optional<double> momentum_at(Index step) const override {
    if (!options_.cycle_momentum) return {};
    return at(step, [](const Phase& p) { return std::pair(p.momentum_from, p.momentum_to); });
  }

 private:
  struct Phase {
    double end, lr_from, lr_to, momentum_from, momentum_to;
  };
  template <class Pick>
  double at(Index step, Pick pick) const {
    if (step > options_.total_steps) throw ValueError(message("OneCycleLR: step ", step, " is beyond total_steps ", options_.total_steps));
    double start = 0;
    for (std::size_t i = 0;; ++i) {
      const Phase& phase = phases_[i];
      if (static_cast<double>(step) <= phase.end || i + 1 == phases_.size()) {
        const auto ends = pick(phase);
        const double length = phase.end - start;  // a phase of no length is over at once
        const double gone = length > 0 ? (static_cast<double>(step) - start) / length : 1;
        return options_.cosine ? ends.second + (ends.first - ends.second) / 2 * (1 + std::cos(std::numbers::pi * gone))
                               : ends.first + (ends.second - ends.first) * gone;
      }
      start = phase.end;
    }
  }

  OneCycleOptions options_;
  std::vector<Phase> phases_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
