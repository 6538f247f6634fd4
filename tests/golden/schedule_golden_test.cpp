// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/optim/adam.hpp"
#include "tapestry/optim/schedule.hpp"
#include "tapestry/optim/sgd.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

/// Steps a schedule over two groups, lr 0.5 and 0.02, and compares learning rates and momenta before every step.
template <class Optimizer, class Options, class Make>
void check_schedule(test::Golden& golden, const std::string& name, Options first, Options second, Make make) {
  INFO(name);
  const auto p = zeros<double>({1}).requires_grad(true), q = zeros<double>({1}).requires_grad(true);
  first.lr = 0.5;
  second.lr = 0.02;
  Optimizer optimizer({p}, first);
  optimizer.add_group({q}, second);
  auto schedule = make(optimizer);
  const auto lr = golden.get(name, "lr"), momentum = golden.get(name, "momentum");
  Tensor<double> got_lr(lr.shape()), got_momentum(lr.shape());
  for (Index step = 0; step < lr.dim(0); ++step) {
    if (step > 0) schedule.step();
    for (Index group = 0; group < 2; ++group) {
      got_lr.set({step, group}, optimizer.lr(group));
      got_momentum.set({step, group}, optimizer.momentum(group));
    }
  }
  CHECK(test::difference(got_lr, lr) == "");
  CHECK(test::difference(got_momentum, momentum) == "");
}

template <class Make>
void check_sgd(test::Golden& golden, const std::string& name, Make make) {
  check_schedule<SGD<double>>(golden, name, SgdOptions{.momentum = 0.9}, SgdOptions{.momentum = 0.9}, make);
}

}  // namespace

TEST_CASE("schedules give PyTorch's learning rates over 30 steps") {
  test::Golden golden("schedule");
  check_sgd(golden, "step", [](auto& o) { return StepLR(o, 7); });
  check_sgd(golden, "step_gamma", [](auto& o) { return StepLR(o, 4, 0.5); });
  check_sgd(golden, "multi_step", [](auto& o) { return MultiStepLR(o, {3, 10, 22}); });
  check_sgd(golden, "multi_step_repeated", [](auto& o) { return MultiStepLR(o, {12, 5, 5}, 0.3); });
  check_sgd(golden, "exponential", [](auto& o) { return ExponentialLR(o, 0.9); });
  check_sgd(golden, "cosine", [](auto& o) { return CosineAnnealingLR(o, 30); });
  check_sgd(golden, "cosine_eta_min", [](auto& o) { return CosineAnnealingLR(o, 20, 0.01); });
  check_sgd(golden, "cosine_periodic", [](auto& o) { return CosineAnnealingLR(o, 7, 0.001); });
  check_sgd(golden, "linear", [](auto& o) { return LinearLR(o); });
  check_sgd(golden, "linear_options", [](auto& o) { return LinearLR(o, 0.1, 0.8, 12); });
  check_sgd(golden, "lambda", [](auto& o) { return LambdaLR(o, [](Index step) { return 1.0 / static_cast<double>(1 + step); }); });
  for (const char* prefix : {"step", "multi_step", "exponential", "cosine", "linear", "lambda"})
    CHECK(golden.unused(prefix) == std::vector<std::string>());
}

TEST_CASE("OneCycleLR gives PyTorch's learning rates and momenta") {
  test::Golden golden("schedule");
  const auto one_cycle = [&](const std::string& variant, OneCycleOptions options) {
    options.max_lr = 0.5;
    options.total_steps = 30;
    const auto make = [options](auto& o) { return OneCycleLR(o, options); };
    check_sgd(golden, "one_cycle.sgd." + variant, make);
    check_schedule<Adam<double>>(golden, "one_cycle.adam." + variant, AdamOptions{}, AdamOptions{}, make);
  };
  one_cycle("default", {});
  one_cycle("linear", {.cosine = false});
  one_cycle("three_phase", {.pct_start = 0.4, .three_phase = true});
  one_cycle("options", {.pct_start = 0.2, .base_momentum = 0.8, .max_momentum = 0.9, .div_factor = 10, .final_div_factor = 100});
  one_cycle("no_momentum", {.cycle_momentum = false});
  CHECK(golden.unused("one_cycle.") == std::vector<std::string>());
}
