// SPDX-License-Identifier: MIT
#include "tapestry/optim/schedule.hpp"

#include "support/catch.hpp"
#include "support/two_groups.hpp"
#include "tapestry/optim/adam.hpp"

using namespace tapestry;
using test::TwoGroups;

namespace {

/// Steps a schedule and compares each group's rate with a rule of its own: expected(step, base).
template <class Make, class Expected>
void check(Make make, Expected expected, Index steps = 40) {
  TwoGroups o;
  auto schedule = make(o.optimizer);
  for (Index step = 0; step <= steps; ++step) {
    INFO("step " << step);
    CHECK(schedule.steps() == step);
    CHECK(o.optimizer.lr(0) == Approx(expected(step, 0.5)).epsilon(1e-10).margin(1e-15));
    CHECK(o.optimizer.lr(1) == Approx(expected(step, 0.02)).epsilon(1e-10).margin(1e-15));
    CHECK(schedule.lr_at(step, 0) == o.optimizer.lr(0));
    CHECK(o.optimizer.momentum(0) == 0.9);
    if (step < steps) schedule.step();
  }
}

const double pi = 3.14159265358979323846;

}  // namespace

TEST_CASE("StepLR multiplies by gamma every step_size steps") {
  double rate = 1;
  check([](auto& o) { return StepLR(o, 7, 0.5); },
        [&](Index step, double base) {
          rate = 1;
          for (Index s = 1; s <= step; ++s)
            if (s % 7 == 0) rate *= 0.5;
          return base * rate;
        });
}

TEST_CASE("MultiStepLR multiplies by gamma at each milestone, in any order, twice at one that stands twice") {
  check([](auto& o) { return MultiStepLR(o, {22, 3, 10, 10}, 0.3); },
        [](Index step, double base) { return base * (step < 3 ? 1 : step < 10 ? 0.3 : step < 22 ? 0.027 : 0.0081); });
  check([](auto& o) { return MultiStepLR(o, {}); }, [](Index, double base) { return base; });
}

TEST_CASE("ExponentialLR multiplies by gamma every step") {
  check([](auto& o) { return ExponentialLR(o, 0.9); },
        [](Index step, double base) {
          for (Index s = 0; s < step; ++s) base *= 0.9;
          return base;
        });
}

TEST_CASE("LambdaLR follows the user's rule") {
  check([](auto& o) { return LambdaLR(o, [](Index step) { return 1.0 / static_cast<double>(1 + step); }); },
        [](Index step, double base) { return base / static_cast<double>(1 + step); });
}

TEST_CASE("LambdaLR takes one rule a group of parameters") {
  const std::function<double(Index)> halved = [](Index step) { return std::pow(0.5, static_cast<double>(step)); };
  const auto grown = [](Index step) { return 1 + static_cast<double>(step); };
  check([&](auto& o) { return LambdaLR(o, {halved, grown}); },
        [&](Index step, double base) { return base * (base == 0.5 ? halved(step) : grown(step)); });
  check([&](auto& o) { return LambdaLR(o, halved); }, [&](Index step, double base) { return base * halved(step); });
  TwoGroups o;
  CHECK_THROWS_WITH(LambdaLR(o.optimizer, {grown}), "LambdaLR: factors must be one a group of parameters, 2, got 1");
  CHECK_THROWS_AS(LambdaLR(o.optimizer, {grown, grown, grown}), ValueError);
  CHECK(o.optimizer.lr(0) == 0.5);
}

TEST_CASE("CosineAnnealingLR follows half a cosine, and back up beyond it") {
  // The recursion that PyTorch's documentation states, not the closed form.
  const auto recursion = [](Index t_max, double eta_min) {
    return [=](Index step, double base) {
      double rate = base;
      for (Index s = 1; s <= step; ++s) {
        const double now = 1 + std::cos(pi * static_cast<double>(s) / static_cast<double>(t_max));
        const double before = 1 + std::cos(pi * static_cast<double>(s - 1) / static_cast<double>(t_max));
        rate = eta_min + (rate - eta_min) * now / before;
      }
      return rate;
    };
  };
  check([](auto& o) { return CosineAnnealingLR(o, 41); }, recursion(41, 0));
  check([](auto& o) { return CosineAnnealingLR(o, 45, 0.01); }, recursion(45, 0.01));
  TwoGroups o;
  CosineAnnealingLR schedule(o.optimizer, 10, 0.001);
  CHECK(schedule.lr_at(5, 0) == Approx((0.5 + 0.001) / 2));
  CHECK(schedule.lr_at(10, 0) == Approx(0.001));
  CHECK(schedule.lr_at(20, 0) == Approx(0.5));
}

TEST_CASE("LinearLR rises in a straight line and stays") {
  check([](auto& o) { return LinearLR(o); },
        [](Index step, double base) {
          const double factors[] = {1.0 / 3, 1.0 / 3 + 2.0 / 15, 1.0 / 3 + 4.0 / 15, 1.0 / 3 + 6.0 / 15, 1.0 / 3 + 8.0 / 15, 1};
          return base * factors[std::min<Index>(step, 5)];
        });
  check([](auto& o) { return LinearLR(o, 1, 0, 20); }, [](Index step, double base) { return base * static_cast<double>(20 - std::min<Index>(step, 20)) / 20; });
}

TEST_CASE("WarmupCosineLR rises, then falls to 0") {
  check([](auto& o) { return WarmupCosineLR(o, 4, 34); },
        [](Index step, double base) {
          if (step < 4) return base * (0.2 + 0.2 * static_cast<double>(step));
          if (step >= 34) return 0.0;
          const double half = std::cos(pi * static_cast<double>(step - 4) / 60);
          return base * half * half;  // (1 + cos 2a) / 2
        });
  check([](auto& o) { return WarmupCosineLR(o, 0, 10); },
        [](Index step, double base) { return step >= 10 ? 0.0 : base * std::pow(std::cos(pi * static_cast<double>(step) / 20), 2); });
}

TEST_CASE("OneCycleLR rises to max_lr and falls, momentum the other way round") {
  TwoGroups o;
  OneCycleLR schedule(o.optimizer, {.max_lr = 1, .total_steps = 21, .pct_start = 0.2857142857142857, .cosine = false, .div_factor = 10, .final_div_factor = 100});
  // Up in 5 steps (0.2857 * 21 - 1), down in 15.
  for (Index step = 0; step <= 20; ++step) {
    INFO("step " << step);
    const double t = static_cast<double>(step);
    const double lr = step <= 5 ? 0.1 + 0.9 * t / 5 : 1 + (0.001 - 1) * (t - 5) / 15;
    const double momentum = step <= 5 ? 0.95 - 0.1 * t / 5 : 0.85 + 0.1 * (t - 5) / 15;
    for (Index group : {0, 1}) {
      CHECK(o.optimizer.lr(group) == Approx(lr));
      CHECK(o.optimizer.momentum(group) == Approx(momentum));
    }
    schedule.step();
  }
}

TEST_CASE("OneCycleLR on Adam moves beta1, and leaves momentum alone if told so") {
  const auto p = zeros<double>({1});
  Adam adam(std::vector<Tensor<double>>{p});
  OneCycleLR schedule(adam, {.max_lr = 0.1, .total_steps = 10});
  CHECK(adam.momentum() == Approx(0.95));
  schedule.step();
  schedule.step();
  CHECK(adam.lr() == Approx(0.1));
  CHECK(adam.momentum() == Approx(0.85));
  Adam still(std::vector<Tensor<double>>{p});
  OneCycleLR quiet(still, {.max_lr = 0.1, .total_steps = 10, .cycle_momentum = false});
  quiet.step();
  CHECK(still.momentum() == 0.9);
}

TEST_CASE("OneCycleLR with a phase of no length has a number at every step") {
  for (const double pct_start : {0.0, 0.1, 1.0})
    for (const bool three_phase : {false, true})
      for (const Index total : {1, 2, 10}) {
        INFO("pct_start " << pct_start << ", three_phase " << three_phase << ", total_steps " << total);
        TwoGroups o;
        OneCycleLR schedule(o.optimizer, {.max_lr = 1, .total_steps = total, .pct_start = pct_start, .three_phase = three_phase});
        for (Index step = 0; step < total; ++step) {
          CHECK(std::isfinite(o.optimizer.lr(0)));
          CHECK(std::isfinite(o.optimizer.momentum(0)));
          schedule.step();
        }
      }
}

TEST_CASE("OneCycleLR refuses to go beyond total_steps and stays where it is") {
  TwoGroups o;
  OneCycleLR schedule(o.optimizer, {.max_lr = 1, .total_steps = 5});
  for (int step = 0; step < 5; ++step) schedule.step();
  const double lr = o.optimizer.lr(), momentum = o.optimizer.momentum();
  for (int again = 0; again < 2; ++again) {
    CHECK_THROWS_WITH(schedule.step(), contains_text("OneCycleLR: step 6 is beyond total_steps 5"));
    CHECK(schedule.steps() == 5);
    CHECK(o.optimizer.lr() == lr);
    CHECK(o.optimizer.momentum() == momentum);
  }
  NamedTensors later = schedule.state();
  later[0].second = tensor<Index>(99);
  CHECK_THROWS_AS(schedule.load_state(later), ValueError);
  CHECK(schedule.steps() == 5);
  CHECK(o.optimizer.lr() == lr);
}

TEST_CASE("a user's rule that throws leaves the schedule where it was") {
  TwoGroups o;
  LambdaLR schedule(o.optimizer, [](Index step) -> double {
    if (step == 2) throw ValueError("no rate for step 2");
    return 1 / static_cast<double>(1 + step);
  });
  schedule.step();
  CHECK_THROWS_WITH(schedule.step(), "no rate for step 2");
  CHECK(schedule.steps() == 1);
  CHECK(o.optimizer.lr(0) == 0.25);
  CHECK(o.optimizer.lr(1) == 0.01);
}

TEST_CASE("every schedule continues from its saved state") {
  const auto check_resume = [](auto make) {
    TwoGroups whole, halves;
    auto straight = make(whole.optimizer);
    for (int step = 0; step < 20; ++step) straight.step();
    NamedTensors saved;
    {
      auto first = make(halves.optimizer);
      for (int step = 0; step < 9; ++step) first.step();
      saved = first.state();
    }
    auto second = make(halves.optimizer);  // starts from the rates that the first has left, until it loads
    second.load_state(saved);
    CHECK(second.steps() == 9);
    for (int step = 9; step < 20; ++step) second.step();
    for (Index group : {0, 1}) {
      CHECK(halves.optimizer.lr(group) == whole.optimizer.lr(group));
      CHECK(halves.optimizer.momentum(group) == whole.optimizer.momentum(group));
    }
  };
  check_resume([](auto& o) { return StepLR(o, 7, 0.5); });
  check_resume([](auto& o) { return MultiStepLR(o, {3, 12}); });
  check_resume([](auto& o) { return ExponentialLR(o, 0.9); });
  check_resume([](auto& o) { return LambdaLR(o, [](Index step) { return 1.0 / static_cast<double>(1 + step); }); });
  check_resume([](auto& o) { return CosineAnnealingLR(o, 30, 0.01); });
  check_resume([](auto& o) { return LinearLR(o, 0.1, 1, 15); });
  check_resume([](auto& o) { return WarmupCosineLR(o, 12, 30); });
  check_resume([](auto& o) { return OneCycleLR(o, {.max_lr = 1, .total_steps = 30}); });
}

TEST_CASE("a state that is no schedule's changes nothing") {
  TwoGroups o;
  ExponentialLR schedule(o.optimizer, 0.5);
  schedule.step();
  const auto base = tensor<double>({1.0, 2.0});
  const std::vector<NamedTensors> bad{{},
                                      {{"steps", tensor<Index>(3)}},
                                      {{"base_lr", base}},
                                      {{"steps", tensor<Index>(3)}, {"base_lr", tensor<double>({1.0})}},
                                      {{"steps", tensor<Index>(-1)}, {"base_lr", base}}};
  for (const NamedTensors& state : bad) {
    CHECK_THROWS_AS(schedule.load_state(state), ValueError);
    CHECK(schedule.steps() == 1);
    CHECK(o.optimizer.lr(0) == 0.25);
  }
  CHECK_THROWS_AS(schedule.load_state({{"steps", tensor<double>(3)}, {"base_lr", base}}), TypeError);
  CHECK_THROWS_AS(schedule.load_state({{"steps", tensor<Index>(3)}, {"base_lr", tensor<float>({1, 2})}}), TypeError);
  CHECK(schedule.steps() == 1);
}

TEST_CASE("a group added after the schedule is refused, and nothing changes") {
  TwoGroups o;
  ExponentialLR schedule(o.optimizer, 0.5);
  const auto r = zeros<double>({1});
  o.optimizer.add_group({r}, {.lr = 0.1});
  CHECK_THROWS_WITH(schedule.step(), contains_text("optimizer has 3 groups but had 2"));
  CHECK(schedule.steps() == 0);
  CHECK(o.optimizer.lr(0) == 0.5);
  CHECK(o.optimizer.lr(2) == 0.1);
}

TEST_CASE("options outside their range are refused by name, and the rates stay") {
  TwoGroups o;
  auto& optimizer = o.optimizer;
  CHECK_THROWS_WITH(StepLR(optimizer, 0), "StepLR: step_size must be above 0, got 0");
  CHECK_THROWS_WITH(CosineAnnealingLR(optimizer, 0), contains_text("CosineAnnealingLR: t_max must be above 0"));
  CHECK_THROWS_WITH(LinearLR(optimizer, 0), contains_text("LinearLR: start_factor must be above 0 and at most 1"));
  CHECK_THROWS_WITH(LinearLR(optimizer, 1.5), contains_text("LinearLR: start_factor"));
  CHECK_THROWS_WITH(LinearLR(optimizer, 0.1, -1), contains_text("LinearLR: end_factor must be from 0 to 1"));
  CHECK_THROWS_WITH(LinearLR(optimizer, 0.1, 1, 0), contains_text("LinearLR: total_steps must be above 0"));
  CHECK_THROWS_WITH(WarmupCosineLR(optimizer, -1, 5), contains_text("WarmupCosineLR: warmup_steps must be at least 0"));
  CHECK_THROWS_WITH(WarmupCosineLR(optimizer, 5, 5), contains_text("WarmupCosineLR: total_steps must be above warmup_steps"));
  CHECK_THROWS_WITH(OneCycleLR(optimizer, {.max_lr = 1}), contains_text("OneCycleLR: total_steps must be above 0"));
  CHECK_THROWS_WITH(OneCycleLR(optimizer, {.total_steps = 5, .pct_start = 1.1}), contains_text("OneCycleLR: pct_start must be from 0 to 1"));
  CHECK_THROWS_WITH(OneCycleLR(optimizer, {.total_steps = 5, .div_factor = 0}), contains_text("OneCycleLR: div_factor must be above 0"));
  CHECK_THROWS_WITH(OneCycleLR(optimizer, {.total_steps = 5, .final_div_factor = 0}), contains_text("OneCycleLR: final_div_factor must be above 0"));
  CHECK(optimizer.lr(0) == 0.5);
  CHECK(optimizer.lr(1) == 0.02);
  CHECK(optimizer.momentum(0) == 0.9);
}
