// SPDX-License-Identifier: MIT
#include "tapestry/ops/where.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of where", "[ops][compare][gradcheck]") {
  test::check_gradients(141, [](RandomConfig& random, Device device) {
    const GradcheckOptions zero_is_right{.allow_zero = true};  // the condition may choose one side everywhere
    const Shape full = random.shape(random.integer(0, 4), 1, 3);
    Shape a = random.broadcastable(full), b = random.broadcastable(full);
    (random.coin() ? a : b) = full;
    const auto condition = random.tensor(random.broadcastable(full), device, random.layout()) > 0;
    const auto x = random.tensor(a, device, random.layout()), y = random.tensor(b, device, random.layout());
    switch (random.turn(3)) {
      case 0: return gradcheck([&](const auto& p, const auto& q) { return where(condition, p, q); }, {x, y}, zero_is_right);
      case 1: return gradcheck([&](const auto& p) { return where(condition, p, 2); }, {x}, zero_is_right);
      default: return gradcheck([&](const auto& p) { return where(condition, 0.5, p); }, {x}, zero_is_right);
    }
  }, 3 * 200);
}

TEST_CASE("each element comes from where the condition says", "[ops][where]") {
  for (const Device device : test::devices()) {
    RandomConfig random(144);
    for (int i = 0; i < 50; ++i) {
      const Shape full = random.shape(4, 1, 3);
      const auto a = random.tensor(full, device, random.layout()), b = random.tensor(full, device, random.layout());
      Shape at;
      for (Index axis = 0; axis < 4; ++axis) at.push_back(random.integer(0, full[axis] - 1));
      CHECK(where(a > b, a, b).at(at) == std::max(a.at(at), b.at(at)));
    }
    const auto condition = tensor<bool>({true, false}, device);
    CHECK(where(condition, tensor<Index>({1, 2}, device), 7).to_vector() == std::vector<Index>{1, 7});
    CHECK(where(condition, tensor<double>({1, 2}, device), std::nan("")).at(0) == 1);
    CHECK(where(condition, tensor<bool>({false, false}, device), true).to_vector() == std::vector<bool>{false, true});
    CHECK(where(zeros<bool>({0, 1}, device), ones({3}, device), 0).shape() == Shape{0, 3});
  }
}

TEST_CASE("layout of choices", "[ops][where][layout]") {
  const auto x = ones({2, 3, 2, 2}), last = in_layout(x, Layout::channels_last);
  CHECK(where(x > 0, x, last).layout() == Layout::channels_last);
  CHECK(where(last > 0, x, 0).layout() == Layout::channels_last);
  CHECK(where(x > 0, x, 0).layout() == Layout::row_major);
  RandomConfig random(145);
  for (const Device device : test::devices())
    test::check_layouts({random.tensor({2, 3, 4, 2}, device, Layout::row_major), random.tensor({3, 1, 2}, device, Layout::row_major),
                         random.tensor({2, 3, 1, 2}, device, Layout::row_major)},
                        [](const auto& x3) { return where(x3[0] > x3[1], x3[1], x3[2]); });
}

TEST_CASE("a NaN on the side not chosen does not reach the gradient", "[ops][where]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({1.0, 2.0}, device).requires_grad(true);
    Tape tape;
    tape.backward(where(tensor<bool>({true, false}, device), x, std::nan("")), tensor<double>({3.0, std::nan("")}, device));
    CHECK(x.grad().to_vector() == std::vector<double>{3, 0});
  }
}

TEST_CASE("operands of where that do not fit are refused", "[ops][where]") {
  CHECK_THROWS_AS(where(ones({2}) > 0, ones({3}), ones({3})), ShapeError);
  CHECK_THROWS_AS(where(ones({2}) > 0, ones({2}, reference()), ones({2}, reference())), TypeError);
}
