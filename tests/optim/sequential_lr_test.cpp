// SPDX-License-Identifier: MIT
#include "tapestry/optim/sequential_lr.hpp"

#include "support/catch.hpp"
#include "support/two_groups.hpp"

using namespace tapestry;
using test::TwoGroups;

namespace {

SequentialLR warm_up_cosine_hold(ScheduledOptimizer& optimizer) {
  return SequentialLR(
      optimizer, {5, 15}, [](auto& o) { return LinearLR(o, 0.1, 1, 5); }, [](auto& o) { return CosineAnnealingLR(o, 10, 0.001); },
      [](auto& o) { return ExponentialLR(o, 0.5); });
}

}  // namespace

TEST_CASE("SequentialLR: each rule holds from its milestone on, from the optimiser's first rates") {
  TwoGroups o;
  auto schedule = warm_up_cosine_hold(o.optimizer);
  for (Index step = 0; step <= 20; ++step) {
    INFO("step " << step);
    for (const Index group : {0, 1}) {
      const double base = group == 0 ? 0.5 : 0.02, t = static_cast<double>(step);
      const double expected = step < 5    ? base * (0.1 + 0.9 * t / 5)
                              : step < 15 ? 0.001 + (base - 0.001) * std::pow(std::cos(3.14159265358979323846 * (t - 5) / 20), 2)
                                          : base * std::pow(0.5, t - 15);
      CHECK(o.optimizer.lr(group) == Approx(expected));
      CHECK(schedule.lr_at(step, group) == o.optimizer.lr(group));
      CHECK(o.optimizer.momentum(group) == 0.9);
    }
    schedule.step();
  }
}

TEST_CASE("SequentialLR: momentum cycles where a rule cycles it") {
  TwoGroups o;
  SequentialLR schedule(
      o.optimizer, {2}, [](auto& rates) { return LinearLR(rates); }, [](auto& rates) { return OneCycleLR(rates, {.max_lr = 1, .total_steps = 10}); });
  schedule.step();
  CHECK(o.optimizer.momentum(1) == 0.9);
  schedule.step();
  CHECK(o.optimizer.momentum(1) == Approx(0.95));
  for (int step = 0; step < 10; ++step) schedule.step();
  const double lr = o.optimizer.lr();
  CHECK_THROWS_WITH(schedule.step(), contains_text("OneCycleLR: step 11 is beyond total_steps 10"));
  CHECK(schedule.steps() == 12);
  CHECK(o.optimizer.lr() == lr);
}

TEST_CASE("SequentialLR: continues from its saved state") {
  TwoGroups whole, halves;
  auto straight = warm_up_cosine_hold(whole.optimizer);
  for (int step = 0; step < 18; ++step) straight.step();
  NamedTensors saved;
  {
    auto first = warm_up_cosine_hold(halves.optimizer);
    for (int step = 0; step < 8; ++step) first.step();
    saved = first.state();
  }
  auto second = warm_up_cosine_hold(halves.optimizer);  // made from the rates that the first has left
  second.load_state(saved);
  for (int step = 8; step < 18; ++step) second.step();
  CHECK(halves.optimizer.lr(0) == whole.optimizer.lr(0));
  CHECK(halves.optimizer.lr(1) == whole.optimizer.lr(1));
}

TEST_CASE("SequentialLR: milestones that do not fit are refused, and the rates stay") {
  TwoGroups o;
  const auto rule = [](auto& rates) { return ExponentialLR(rates, 0.5); };
  CHECK_THROWS_WITH(SequentialLR(o.optimizer, {}, rule, rule), "SequentialLR: milestones must be one fewer than the 2 rules, got 0");
  CHECK_THROWS_WITH(SequentialLR(o.optimizer, {3, 3}, rule, rule, rule), "SequentialLR: milestones must rise from above 0, got 3 after 3");
  CHECK_THROWS_AS(SequentialLR(o.optimizer, {0}, rule, rule), ValueError);
  CHECK(o.optimizer.lr(0) == 0.5);
  CHECK(o.optimizer.lr(1) == 0.02);
}
