// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>

#include "schedule.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// One rule after another, as warm-up and then decay: from step milestones[i - 1] on, rule i holds and counts its own steps from 0. Rules come
/// as functions that make a schedule, since each starts from the rates that the optimiser has when the whole is made.
///
///   SequentialLR schedule(optimizer, {5}, [](auto& o) { return LinearLR(o, 0.1); }, [](auto& o) { return CosineAnnealingLR(o, 95); });
///
/// Throws   ValueError unless milestones are above 0, rise, and are one fewer than the rules.
class SequentialLR : public Schedule {
 public:
  template <class... Make>
    requires(std::is_base_of_v<Schedule, std::invoke_result_t<const Make&, ScheduledOptimizer&>> && ...)
  SequentialLR(ScheduledOptimizer& optimizer, std::vector<Index> milestones, Make... make)
      : Schedule(optimizer), milestones_(std::move(milestones)) {
    if (milestones_.size() + 1 != sizeof...(Make))
      throw ValueError(message("SequentialLR: milestones must be one fewer than the ", sizeof...(Make), " rules, got ", milestones_.size()));
    Index last = 0;
    for (const Index milestone : milestones_) {
      if (milestone <= last) throw ValueError(message("SequentialLR: milestones must rise from above 0, got ", milestone, " after ", last));
      last = milestone;
    }
    (rules_.push_back([make](ScheduledOptimizer& rates) -> std::unique_ptr<Schedule> {
      return std::make_unique<std::invoke_result_t<const Make&, ScheduledOptimizer&>>(make(rates));
    }), ...);
    apply();
  }
  double lr_at(Index step, Index group) const override {
    return ask(step, [group](const Schedule& rule, Index own_step) { return rule.lr_at(own_step, group); });
  }
  std::optional<double> momentum_at(Index step) const override {
    return ask(step, [](const Schedule& rule, Index own_step) { return rule.momentum_at(own_step); });
  }

 private:
  /// Stands in for the optimiser: rules are made anew from the first rates whenever one is asked, so that there is no second state to keep.
  class Rates final : public ScheduledOptimizer {
   public:
    explicit Rates(std::vector<double> lr) : lr_(std::move(lr)) {}
    Index group_count() const override { return static_cast<Index>(lr_.size()); }
    double lr(Index group) const override { return lr_[static_cast<std::size_t>(group)]; }
    void set_lr(double lr, Index group) override { lr_[static_cast<std::size_t>(group)] = lr; }
    double momentum(Index) const override { return 0; }
    void set_momentum(double, Index) override {}

   private:
    std::vector<double> lr_;
  };

  template <class Question>
  std::invoke_result_t<Question&, const Schedule&, Index> ask(Index step, Question question) const {
    std::size_t i = 0;
    while (i < milestones_.size() && milestones_[i] <= step) ++i;
    std::vector<double> base;
    for (Index group = 0; group < optimizer().group_count(); ++group) base.push_back(base_lr(group));
    Rates rates(std::move(base));
    return question(*rules_[i](rates), step - (i > 0 ? milestones_[i - 1] : 0));
  }

  std::vector<Index> milestones_;
  std::vector<std::function<std::unique_ptr<Schedule>(ScheduledOptimizer&)>> rules_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
