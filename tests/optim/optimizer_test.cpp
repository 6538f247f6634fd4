// SPDX-License-Identifier: MIT
#include "tapestry/optim/optimizer.hpp"

#include <memory>

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/optim/adam.hpp"
#include "tapestry/optim/rmsprop.hpp"
#include "tapestry/optim/sgd.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

/// Two parameters, one of them a channels-last image weight, and gradients that depend on the step alone.
struct Problem {
  Tensor<double> a = tensor<double>({1.0, -2.0, 0.5}, {3}).requires_grad(true);
  Tensor<double> b = in_layout(arange<double>(-6, 6, 1).with_shape({1, 2, 2, 3}), Layout::channels_last).requires_grad(true);
  std::vector<Tensor<double>> all() const { return {a, b}; }

  void give_gradients(int step) const {
    int place = 0;
    for (const auto& w : all()) {
      std::vector<double> dw;
      for (Index i = 0; i < w.numel(); ++i) dw.push_back(0.3 * ((step * 7 + place * 5 + static_cast<int>(i) * 3) % 11) - 1.4);
      w.set_grad(tensor<double>(dw, w.shape(), w.device()));
      ++place;
    }
  }
  std::vector<double> values() const {
    std::vector<double> found = a.to_vector();
    for (double value : b.to_vector()) found.push_back(value);
    return found;
  }
};

NamedTensors copied(const NamedTensors& state) {
  NamedTensors copies;
  for (const auto& [name, tensor] : state) copies.emplace_back(name, copy_of(tensor, Layout::row_major));  // as a file would bring them
  return copies;
}

/// Ten steps at once, and five, saved and loaded into a new optimiser with other rates, and five more: the same bits.
template <class Make>
void check_resume(Make make) {
  Problem whole, halves;
  auto straight = make(whole.all());
  for (int step = 0; step < 10; ++step) {
    whole.give_gradients(step);
    straight.step();
  }
  NamedTensors saved;
  {
    auto first = make(halves.all());
    for (int step = 0; step < 5; ++step) {
      halves.give_gradients(step);
      first.step();
    }
    saved = copied(first.state());
    halves.give_gradients(90);
    Problem elsewhere;  // what was saved is not what goes on changing
    elsewhere.give_gradients(1);
  }
  auto second = make(halves.all());
  const double lr = second.lr();
  second.set_lr(123);
  second.load_state(saved);
  CHECK(second.lr() == lr);
  for (int step = 5; step < 10; ++step) {
    halves.give_gradients(step);
    second.step();
  }
  CHECK(halves.values() == whole.values());
  const NamedTensors a = straight.state(), b = second.state();
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].first == b[i].first);
    CHECK(a[i].second.template as<double>().to_vector() == b[i].second.template as<double>().to_vector());
  }
}

using Params = std::vector<Tensor<double>>;

}  // namespace

TEST_CASE("every optimiser continues from its saved state, bit for bit") {
  check_resume([](const Params& p) { return SGD(p, {.lr = 0.1}); });
  check_resume([](const Params& p) { return SGD(p, {.lr = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.01}); });
  check_resume([](const Params& p) { return SGD(p, {.lr = 0.1, .momentum = 0.9, .nesterov = true, .maximize = true}); });
  check_resume([](const Params& p) { return Adam(p, {.lr = 0.1, .weight_decay = 0.01}); });
  check_resume([](const Params& p) { return Adam(p, {.lr = 0.1, .amsgrad = true}); });
  check_resume([](const Params& p) { return AdamW(p, {.lr = 0.1, .amsgrad = true, .maximize = true}); });
  check_resume([](const Params& p) { return RMSprop(p, {.lr = 0.1, .momentum = 0.5, .centered = true}); });
  check_resume([](const Params& p) { return RMSprop(p); });
}

TEST_CASE("the state holds what step() remembers, by PyTorch's names") {
  Problem problem;
  Adam adam(problem.all(), {.amsgrad = true});
  CHECK(adam.state().size() == 2);  // lr and momentum of the group
  problem.give_gradients(0);
  adam.step();
  std::vector<std::string> names;
  for (const auto& [name, tensor] : adam.state()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"state.0.step", "state.0.exp_avg", "state.0.exp_avg_sq", "state.0.max_exp_avg_sq", "state.1.step",
                                          "state.1.exp_avg", "state.1.exp_avg_sq", "state.1.max_exp_avg_sq", "group.0.lr", "group.0.momentum"});
  const AnyTensor* second = find(adam.state(), "state.1.exp_avg");
  REQUIRE(second);
}

TEST_CASE("a state that is not of this optimiser changes nothing") {
  Problem problem;
  Adam adam(problem.all(), {.lr = 0.5});
  for (int step = 0; step < 2; ++step) {
    problem.give_gradients(step);
    adam.step();
  }
  const NamedTensors good = copied(adam.state());
  const auto check = [&](const NamedTensors& bad, const std::string& cause) {
    CHECK_THROWS_WITH(adam.load_state(bad), contains_text(cause));
    const NamedTensors now = adam.state();
    REQUIRE(now.size() == good.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
      CHECK(now[i].first == good[i].first);
      CHECK(now[i].second.as<double>().to_vector() == good[i].second.as<double>().to_vector());
    }
  };
  const auto with = [&](const std::string& name, const AnyTensor& tensor) {
    NamedTensors changed = good;
    for (auto& [key, value] : changed)
      if (key == name) {
        value = tensor;
        return changed;
      }
    changed.emplace_back(name, tensor);
    return changed;
  };
  const auto without = [&](const std::string& name) {
    NamedTensors changed;
    for (const auto& entry : good)
      if (entry.first != name) changed.push_back(entry);
    return changed;
  };
  check({}, "Adam: saved state has no group 0");
  check(without("group.0.momentum"), "no group 0");
  check(with("group.1.lr", tensor<double>(1)), "more than 1 groups");
  check(with("group.0.lr", tensor<float>(1)), "float");
  check(with("state.2.exp_avg", zeros<double>({3})), "there are 2 parameters");
  check(with("state.x.exp_avg", zeros<double>({3})), "there are 2 parameters");
  check(with("state.1x.exp_avg", zeros<double>({3})), "there are 2 parameters");
  check(with("state.exp_avg", zeros<double>({3})), "there are 2 parameters");
  check(with("state.0.exp_avg", zeros<double>({4})), "has shape [4] but the parameter has [3]");
  check(with("state.0.momentum_buffer", zeros<double>({3})), "momentum_buffer is not of this optimiser");
  check(without("state.1.exp_avg_sq"), "no state.1.exp_avg_sq");
  for (double step : {0.0, -1.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) check(with("state.0.step", tensor<double>(step)), "must be at least 1");

  Problem other;
  SGD sgd(other.all(), {.momentum = 0.9});
  RMSprop rmsprop(other.all());
  other.give_gradients(0);
  sgd.step();
  check(copied(sgd.state()), "Adam: saved state.0.momentum_buffer is not of this optimiser");
  CHECK_THROWS_WITH(rmsprop.load_state(copied(sgd.state())), contains_text("RMSprop: saved state has no state.0.square_avg"));
  CHECK_THROWS_WITH(sgd.load_state(good), contains_text("SGD: saved state.0.exp_avg is not of this optimiser"));
}

TEST_CASE("groups have options of their own, a new one later too") {
  const auto a = tensor<double>({1.0}).requires_grad(true), b = tensor<double>({1.0}).requires_grad(true);
  SGD optimizer(Params{a}, {.lr = 0.1});
  optimizer.add_group({b}, {.lr = 0.5, .momentum = 0.9});
  REQUIRE(optimizer.group_count() == 2);
  CHECK(optimizer.lr(0) == 0.1);
  CHECK(optimizer.lr(1) == 0.5);
  CHECK(optimizer.momentum(0) == 0);
  CHECK(optimizer.momentum(1) == 0.9);
  for (int step = 0; step < 2; ++step) {
    a.set_grad(tensor<double>({1.0}));
    b.set_grad(tensor<double>({1.0}));
    optimizer.step();
  }
  CHECK(a.item() == Approx(1 - 0.1 - 0.1));
  CHECK(b.item() == Approx(1 - 0.5 - 0.5 * 1.9));
  optimizer.set_lr(0.25);
  CHECK(optimizer.lr(0) == 0.25);
  CHECK(optimizer.lr(1) == 0.25);
  optimizer.set_momentum(0.5, 1);
  CHECK(optimizer.momentum(0) == 0);
  CHECK(optimizer.momentum(1) == 0.5);
  for (Index group : {-1, 2}) {
    CHECK_THROWS_AS(optimizer.lr(group), IndexError);
    CHECK_THROWS_AS(optimizer.set_lr(1, group), IndexError);
    CHECK_THROWS_AS(optimizer.momentum(group), IndexError);
    CHECK_THROWS_AS(optimizer.set_momentum(1, group), IndexError);
  }
}

TEST_CASE("a parameter without gradient is left alone, weight decay and momentum included") {
  const auto check = [](auto optimizer, const Tensor<double>& moved, const Tensor<double>& still) {
    moved.set_grad(ones<double>({2}));
    still.set_grad(ones<double>({2}));
    optimizer.step();
    optimizer.zero_grad();
    CHECK_FALSE(moved.has_grad());
    const auto before = still.to_vector(), other = moved.to_vector();
    moved.set_grad(ones<double>({2}));
    optimizer.step();
    CHECK(still.to_vector() == before);
    CHECK(moved.to_vector() != other);
    CHECK(find(optimizer.state(), "state.0.step")->template as<double>().item() == 2);
    CHECK(find(optimizer.state(), "state.1.step")->template as<double>().item() == 1);
  };
  const auto fresh = [] { return Params{ones<double>({2}).requires_grad(true), ones<double>({2}).requires_grad(true)}; };
  Params p = fresh();
  check(SGD(p, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1}), p[0], p[1]);
  p = fresh();
  check(Adam(p, {.lr = 0.1, .weight_decay = 0.1}), p[0], p[1]);
  p = fresh();
  check(AdamW(p, {.lr = 0.1, .weight_decay = 0.1}), p[0], p[1]);
  p = fresh();
  check(RMSprop(p, {.lr = 0.1, .weight_decay = 0.1, .momentum = 0.9}), p[0], p[1]);
}

TEST_CASE("what cannot be optimised is refused") {
  const auto a = ones<double>({2}).requires_grad(true), b = ones<double>({3}).requires_grad(true);
  CHECK_THROWS_WITH(SGD(Params{}), "SGD: parameters must not be empty");
  CHECK_THROWS_WITH(SGD(Params{a, b, a}), "SGD: a parameter of shape [2] is given twice");
  SGD optimizer(Params{a});
  CHECK_THROWS_WITH(optimizer.add_group({b, a}, {}), contains_text("given twice"));
  CHECK(optimizer.group_count() == 1);
  CHECK_THROWS_AS(optimizer.add_group({b}, {.lr = -1}), ValueError);
  CHECK(optimizer.group_count() == 1);
  CHECK_THROWS_AS(SGD(Params{Tensor<double>()}), ValueError);
  Tape tape;
  const auto y = record("twice", Tensor<double>(copy_of(a, a.layout()).handle()), {a}, [](const Tensor<double>&) {});
  CHECK_THROWS_WITH(SGD(Params{a, y}), contains_text("SGD: parameter 1 is the result of an op"));
}

TEST_CASE("a parameter that no module holds any more is refused, and nothing moves") {
  auto kept = ones<double>({2}).requires_grad(true), replaced = ones<double>({3}).requires_grad(true);
  Adam optimizer(Params{kept, replaced});
  kept.set_grad(ones<double>({2}));
  replaced = ones<double>({4});
  CHECK_THROWS_WITH(optimizer.step(), contains_text("Adam: parameter 1 (shape [3]) is held by no module any more"));
  CHECK(kept.to_vector() == std::vector<double>{1, 1});
}

TEST_CASE("options outside their range are refused by name") {
  const Params p{ones<double>({2})};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(SGD(p, {.lr = -0.1}), "SGD: lr must be at least 0, got -0.1");
  CHECK_THROWS_WITH(SGD(p, {.lr = nan}), contains_text("SGD: lr must be"));
  CHECK_THROWS_WITH(SGD(p, {.momentum = -1}), contains_text("SGD: momentum must be at least 0"));
  CHECK_THROWS_WITH(SGD(p, {.weight_decay = -1}), contains_text("SGD: weight_decay must be"));
  CHECK_THROWS_WITH(SGD(p, {.nesterov = true}), contains_text("momentum must be above 0 and dampening 0 with nesterov"));
  CHECK_THROWS_WITH(SGD(p, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), contains_text("dampening 0 with nesterov"));
  CHECK_THROWS_WITH(Adam(p, {.lr = nan}), contains_text("Adam: lr must be"));
  CHECK_THROWS_WITH(Adam(p, {.beta1 = 1}), contains_text("Adam: beta1 must be at least 0 and below 1"));
  CHECK_THROWS_WITH(Adam(p, {.beta2 = -0.1}), contains_text("Adam: beta2 must be"));
  CHECK_THROWS_WITH(AdamW(p, {.eps = -1}), contains_text("AdamW: eps must be at least 0"));
  CHECK_THROWS_WITH(AdamW(p, {.weight_decay = -1}), contains_text("AdamW: weight_decay must be"));
  CHECK_THROWS_WITH(RMSprop(p, {.lr = -1}), contains_text("RMSprop: lr must be"));
  CHECK_THROWS_WITH(RMSprop(p, {.alpha = -1}), contains_text("RMSprop: alpha must be"));
  CHECK_THROWS_WITH(RMSprop(p, {.eps = nan}), contains_text("RMSprop: eps must be"));
  CHECK_THROWS_WITH(RMSprop(p, {.weight_decay = -1}), contains_text("RMSprop: weight_decay must be"));
  CHECK_THROWS_WITH(RMSprop(p, {.momentum = -1}), contains_text("RMSprop: momentum must be"));
}

TEST_CASE("optimisers move and are not copied") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<Adam<>>);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<SGD<>>);
  STATIC_REQUIRE(std::is_move_constructible_v<Adam<>>);
  Problem straight, moved;
  SGD one(straight.all(), {.lr = 0.1, .momentum = 0.9}), two(moved.all(), {.lr = 0.1, .momentum = 0.9});
  straight.give_gradients(0), moved.give_gradients(0);
  one.step(), two.step();
  SGD three = std::move(two);
  straight.give_gradients(1), moved.give_gradients(1);
  one.step(), three.step();
  CHECK(straight.values() == moved.values());
}

TEST_CASE("every device and layout moves alike") {
  const auto run = [](auto make, Device device, Layout layout) {
    const auto w = in_layout(on_device(arange<double>(-6, 6, 1).with_shape({1, 2, 2, 3}), device).as<double>(), layout).requires_grad(true);
    auto optimizer = make(Params{w});
    for (int step = 0; step < 3; ++step) {
      w.set_grad(on_device(arange<double>(12).with_shape({1, 2, 2, 3}), device).as<double>());
      optimizer.step();
    }
    return w.to_vector();
  };
  const auto check = [&](auto make) {
    const auto expected = run(make, cpu(), Layout::row_major);
    for (const Device device : test::devices())
      for (const Layout layout : test::layouts()) {
        const auto got = run(make, device, layout);
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-12));
      }
  };
  check([](const Params& p) { return SGD(p, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true}); });
  check([](const Params& p) { return Adam(p, {.lr = 0.1, .weight_decay = 0.1, .amsgrad = true}); });
  check([](const Params& p) { return AdamW(p, {.lr = 0.1}); });
  check([](const Params& p) { return RMSprop(p, {.lr = 0.1, .momentum = 0.9, .centered = true}); });
}
