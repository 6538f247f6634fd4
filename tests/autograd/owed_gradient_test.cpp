// SPDX-License-Identifier: MIT
// Gradients that batch norm and its activation owe, as a user's modules meet them.
#include "tapestry/autograd/owed_gradient.hpp"

#include "support/catch.hpp"
#include "support/counting_device.hpp"
#include "tapestry/tapestry.hpp"

using namespace tapestry;
using tapestry_test::counting_backend;
using tapestry_test::counting_device;

namespace {

struct FusionOff {
  FusionOff() { set_fusion(false); }
  ~FusionOff() { set_fusion(true); }
};

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

/// Convolutions, normalised and activated, of every kind that has a way of its own back.
template <Floating T>
Sequential<T> network() {
  manual_seed(5);
  return Sequential<T>(Conv2d<T>(3, 20, {.kernel = 3, .bias = false}), BatchNorm2d<T>(20), ReLU<T>(),
                       Conv2d<T>(20, 20, {.kernel = 3, .padding = 1, .groups = 20}), BatchNorm2d<T>(20), ReLU6<T>(),
                       Conv2d<T>(20, 18, {.kernel = 1}), BatchNorm2d<T>(18), LeakyReLU<T>({.negative_slope = 0.2}),
                       Conv2d<T>(18, 16, {.kernel = 3, .stride = 2}), BatchNorm2d<T>(16), Flatten<T>(), Linear<T>(16 * 9, 4));
}

/// The loss, and the gradients of x and all parameters.
template <Floating T>
std::vector<T> step(Layer<T>& net, const Tensor<T>& x) {
  for (const auto& p : parameters<T>(net)) p.drop_grad();
  x.drop_grad();
  Tape tape;
  const auto loss = mean(square(net(x)));
  tape.backward(loss);
  std::vector<T> all{loss.item()};
  const auto add = [&](const Tensor<T>& tensor) {
    const auto values = tensor.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  };
  add(x.grad());
  for (const auto& p : parameters<T>(net)) add(p.grad());
  return all;
}

/// What may lie between a batch norm and an activation, and who else may want what is there.
struct Between : Layer<float> {
  enum What { nothing, sums, shared, kept, view } what;
  Conv2d<> conv{2, 4, {.kernel = 3, .padding = 1, .bias = false}}, after{4, 4, {.kernel = 1}};
  BatchNorm2d<> bn{4};
  Tensor<> held;
  explicit Between(What w) : what(w) {}
  Tensor<> forward(const Tensor<>& x) override {
    auto y = bn(conv(x));
    switch (what) {
      case nothing: return after(relu(y));
      case sums:  // storage of sums that are dropped may come to lie where the normalisation's lay
        y = y + x.detach();
        y = y + x.detach();
        y = y + x.detach();
        return after(relu(y));
      case shared: return after(relu(y)) + y + leaky_relu(y, 0.3);
      case kept:
        held = y;
        held.retain_grad();
        return after(relu(y));
      case view: return after(relu(reshape(y, {y.shape()[0], 4, y.shape()[2], y.shape()[3]})));
    }
    return y;
  }
  void members(const Members& visit) override {
    visit.child("conv", conv);
    visit.child("bn", bn);
    visit.child("after", after);
  }
};

}  // namespace

TEST_CASE("in training an activation and a batch norm are one step of the way back, and the convolution before takes what they owe") {
  auto net = network<float>();
  net.to(counting_device());
  const auto x = to(randn({4, 3, 9, 9}), counting_device()).requires_grad(true);
  Tape tape;
  const auto loss = mean(net(x));
  counting_backend().calls.clear();
  tape.backward(loss);
  auto& calls = counting_backend().calls;
  CHECK(calls["normalization_sums"] == 4);
  CHECK(calls["conv2d_normalized_backward"] == 4);
  CHECK(calls["normalization_gradient"] == 0);
  CHECK(calls["unary_backward"] == 0);
  CHECK(calls["conv2d_backward"] == 0);
}

TEMPLATE_TEST_CASE("normalised convolutions train as their layers one by one, on every device", "", float, double) {
  using T = TestType;
  auto net = network<T>();
  const auto x = randn<T>({5, 3, 9, 9}).requires_grad(true);
  const auto together = step(net, x);
  auto elsewhere = network<T>();
  elsewhere.to(reference());
  const auto on_reference = step(elsewhere, to(x.detach(), reference()).requires_grad(true));
  const FusionOff off;
  const auto apart = step(net, x);
  CHECK(largest_difference(together, apart) < (sizeof(T) == 4 ? 1e-5 : 1e-13));
  CHECK(largest_difference(together, on_reference) < (sizeof(T) == 4 ? 1e-4 : 1e-12));
  CHECK(largest_difference(apart, std::vector<T>(apart.size())) > 1e-2);
}

TEST_CASE("gradients of normalised convolutions are those of differences") {
  auto net = network<double>();
  for (const bool training : {true, false}) {
    net.train(training);
    const auto x = randn<double>({3, 3, 9, 9}).requires_grad(true);
    const auto analytic = step(net, x);
    const auto loss_of = [&](const Tensor<double>& at) { return mean(square(net(at))).item(); };
    for (const Index i : {0, 17, 100, 300, 728}) {
      auto up = x.to_vector(), down = up;
      up[static_cast<std::size_t>(i)] += 1e-6, down[static_cast<std::size_t>(i)] -= 1e-6;
      const double difference = (loss_of(tensor<double>(up, x.shape())) - loss_of(tensor<double>(down, x.shape()))) / 2e-6;
      CHECK(analytic[static_cast<std::size_t>(1 + i)] == Approx(difference).epsilon(1e-4).margin(1e-8));
    }
  }
}

TEST_CASE("a mask belongs to the normalisation that was activated, whatever lies between and whoever else reads") {
  for (const auto what : {Between::nothing, Between::sums, Between::shared, Between::kept, Between::view}) {
    INFO("what lies between: " << static_cast<int>(what));
    manual_seed(6);
    Between net(what);
    const auto x = (what == Between::sums ? randn({3, 4, 6, 6}) : randn({3, 2, 6, 6})).requires_grad(true);
    if (what == Between::sums) net.conv = Conv2d<>(4, 4, {.kernel = 3, .padding = 1, .bias = false});
    const auto run = [&] {
      auto all = step(net, x);
      if (what == Between::kept) {
        const auto held = net.held.grad().to_vector();
        all.insert(all.end(), held.begin(), held.end());
      }
      return all;
    };
    const auto together = run();
    const FusionOff off;
    CHECK(largest_difference(together, run()) < 1e-5);
  }
}
