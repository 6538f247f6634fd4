// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/optim/adam.hpp"
#include "tapestry/optim/clip.hpp"
#include "tapestry/optim/rmsprop.hpp"
#include "tapestry/optim/sgd.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

/// The problem that optimizer_golden.py states: parameters p and q whose gradients in step t are a*p + c[t] and b*q + d[t].
struct Problem {
  Tensor<double> p, q;
  std::vector<double> a, b, c, d;

  Problem(test::Golden& golden, Device device)
      : p(golden.get("problem", "p", device).requires_grad(true)),
        q(golden.get("problem", "q", device).requires_grad(true)),
        a(golden.get("problem", "a").to_vector()),
        b(golden.get("problem", "b").to_vector()),
        c(golden.get("problem", "c").to_vector()),
        d(golden.get("problem", "d").to_vector()) {}

  static void set_gradient(const Tensor<double>& parameter, const std::vector<double>& slope, const std::vector<double>& noise, std::size_t step) {
    std::vector<double> gradient = parameter.to_vector();
    for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = slope[i] * gradient[i] + noise[step * gradient.size() + i];
    parameter.set_grad(tensor<double>(gradient, parameter.shape(), parameter.device()));
  }
};

/// The tensor of one step out of those of all steps.
Tensor<double> at_step(const Tensor<double>& all, std::size_t step, const Shape& shape) {
  const std::vector<double> values = all.to_vector();
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(step) * shape.numel();
  return tensor<double>(std::vector<double>(begin, begin + shape.numel()), shape);
}

template <class Optimizer>
void take_steps(test::Golden& golden, const std::string& name, Problem& problem, Optimizer& optimizer) {
  const bool skip = name.ends_with(".skip");
  const auto p = golden.get(name, "p"), q = golden.get(name, "q");
  for (std::size_t step = 0; step < 10; ++step) {
    INFO("step " << step);
    optimizer.zero_grad();
    Problem::set_gradient(problem.p, problem.a, problem.c, step);
    if (!skip || step % 2 == 0) Problem::set_gradient(problem.q, problem.b, problem.d, step);
    optimizer.step();
    CHECK(test::difference(problem.p, at_step(p, step, problem.p.shape())) == "");
    CHECK(test::difference(problem.q, at_step(q, step, problem.q.shape())) == "");
  }
  for (const auto& [key, value] : optimizer.state()) {
    if (!key.starts_with("state.")) continue;
    const std::string role = std::string("state.") + (key[6] == '0' ? "p" : "q") + key.substr(7);
    if (name.starts_with("sgd.") && role.ends_with(".step")) continue;  // PyTorch's SGD does not count
    INFO(role);
    CHECK(test::difference(value.template as<double>(), golden.get(name, role)) == "");
  }
}

template <template <class> class Optimizer, class Options>
void check_steps(test::Golden& golden, const std::string& name, const Options& options) {
  for (Device device : test::devices()) {
    INFO(name << " on " << device.name());
    Problem problem(golden, device);
    Optimizer<double> optimizer({problem.p, problem.q}, options);
    take_steps(golden, name, problem, optimizer);
  }
}

/// Two groups with options of their own.
template <template <class> class Optimizer, class Options>
void check_steps(test::Golden& golden, const std::string& name, const Options& first, const Options& second) {
  for (Device device : test::devices()) {
    INFO(name << " on " << device.name());
    Problem problem(golden, device);
    Optimizer<double> optimizer({problem.p}, first);
    optimizer.add_group({problem.q}, second);
    take_steps(golden, name, problem, optimizer);
  }
}

}  // namespace

TEST_CASE("SGD takes PyTorch's steps") {
  test::Golden golden("optimizer");
  const auto sgd = [&](const char* name, const SgdOptions& options) { check_steps<SGD>(golden, name, options); };
  sgd("sgd.default", {});
  sgd("sgd.plain", {.lr = 0.1});
  sgd("sgd.weight_decay", {.lr = 0.1, .weight_decay = 0.2});
  sgd("sgd.momentum", {.lr = 0.1, .momentum = 0.9});
  sgd("sgd.dampening", {.lr = 0.1, .momentum = 0.9, .dampening = 0.4});
  sgd("sgd.nesterov", {.lr = 0.1, .momentum = 0.9, .nesterov = true});
  sgd("sgd.all", {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true, .maximize = true});
  sgd("sgd.skip", {.lr = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.1});
  check_steps<SGD, SgdOptions>(golden, "sgd.groups", {.lr = 0.05, .momentum = 0.9}, {.lr = 0.1, .momentum = 0.5, .weight_decay = 0.3});
  CHECK(golden.unused("sgd.") == std::vector<std::string>());
}

TEMPLATE_TEST_CASE("Adam and AdamW take PyTorch's steps", "", Adam<double>, AdamW<double>) {
  test::Golden golden("optimizer");
  constexpr bool decoupled = std::is_same_v<TestType, AdamW<double>>;
  using Options = std::conditional_t<decoupled, AdamWOptions, AdamOptions>;
  const std::string prefix = decoupled ? "adamw." : "adam.";
  const auto adam = [&](const std::string& name, const Options& options) {
    if constexpr (decoupled)
      check_steps<AdamW>(golden, prefix + name, options);
    else
      check_steps<Adam>(golden, prefix + name, options);
  };
  adam("default", {});
  adam("lr", {.lr = 0.1});
  adam("betas", {.lr = 0.05, .beta1 = 0.8, .beta2 = 0.95});
  adam("eps", {.lr = 0.1, .eps = 0.01});
  adam("weight_decay", {.lr = 0.1, .weight_decay = 0.2});
  adam("amsgrad", {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.6, .amsgrad = true});
  adam("amsgrad_weight_decay", {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.6, .weight_decay = 0.1, .amsgrad = true});
  adam("maximize", {.lr = 0.1, .maximize = true});
  adam("skip", {.lr = 0.1, .weight_decay = 0.1});
  const Options first{.lr = 0.02}, second{.lr = 0.1, .beta1 = 0.7, .beta2 = 0.9, .weight_decay = 0.3};
  if constexpr (decoupled) {
    check_steps<AdamW>(golden, "adamw.groups", first, second);
  } else {
    check_steps<Adam>(golden, "adam.groups", first, second);
    check_steps<AdamW>(golden, "adam.decoupled", AdamWOptions{.lr = 0.1, .weight_decay = 0.2});  // PyTorch's Adam can be told to be AdamW
  }
  CHECK(golden.unused(prefix) == std::vector<std::string>());
}

TEST_CASE("RMSprop takes PyTorch's steps") {
  test::Golden golden("optimizer");
  const auto rmsprop = [&](const char* name, const RmsPropOptions& options) { check_steps<RMSprop>(golden, name, options); };
  rmsprop("rmsprop.default", {});
  rmsprop("rmsprop.alpha_eps", {.lr = 0.05, .alpha = 0.8, .eps = 0.01});
  rmsprop("rmsprop.weight_decay", {.lr = 0.05, .weight_decay = 0.2});
  rmsprop("rmsprop.momentum", {.lr = 0.02, .momentum = 0.9});
  rmsprop("rmsprop.centered", {.lr = 0.05, .centered = true});
  rmsprop("rmsprop.all", {.lr = 0.02, .alpha = 0.9, .weight_decay = 0.1, .momentum = 0.5, .centered = true, .maximize = true});
  rmsprop("rmsprop.skip", {.lr = 0.02, .momentum = 0.9});
  check_steps<RMSprop, RmsPropOptions>(golden, "rmsprop.groups", {.lr = 0.05}, {.lr = 0.1, .alpha = 0.5, .momentum = 0.3});
  CHECK(golden.unused("rmsprop.") == std::vector<std::string>());
}

TEST_CASE("gradients are clipped as PyTorch clips them") {
  test::Golden golden("optimizer");
  const auto clip = [&](const std::string& name, const std::function<void(const std::vector<Tensor<double>>&)>& function) {
    for (Device device : test::devices()) {
      INFO(name << " on " << device.name());
      const std::vector<Tensor<double>> parameters{zeros<double>({3, 2}, device), zeros<double>({4}, device), zeros<double>({2}, device)};
      for (const auto& parameter : parameters) parameter.requires_grad(true);
      parameters[0].set_grad(golden.get(name, "dp", device));
      parameters[1].set_grad(golden.get(name, "dq", device));
      function(parameters);
      CHECK(test::difference(parameters[0].grad(), golden.get(name, "clipped_dp")) == "");
      CHECK(test::difference(parameters[1].grad(), golden.get(name, "clipped_dq")) == "");
      CHECK_FALSE(parameters[2].has_grad());
    }
  };
  const auto clip_norm = [&](const std::string& name, double max_norm, double p) {
    clip(name, [&](const std::vector<Tensor<double>>& parameters) {
      CHECK(clip_grad_norm(parameters, max_norm, p) == Approx(golden.get(name, "total").item()).epsilon(1e-12));
    });
  };
  clip_norm("clip_norm.below", 100, 2);
  clip_norm("clip_norm.above", 0.5, 2);
  clip_norm("clip_norm.near", 1e-7, 2);
  clip_norm("clip_norm.one", 0.5, 1);
  clip_norm("clip_norm.infinity", 0.2, std::numeric_limits<double>::infinity());
  clip_norm("clip_norm.three", 0.5, 3);
  clip("clip_value", [](const std::vector<Tensor<double>>& parameters) { clip_grad_value(parameters, 0.2); });
  CHECK(golden.unused("clip_") == std::vector<std::string>());
}
