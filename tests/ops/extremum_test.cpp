// SPDX-License-Identifier: MIT
#include "tapestry/ops/extremum.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of max and min", "[ops][extremum][gradcheck]") {
  for (const bool smallest : {false, true})
    test::check_gradients(smallest ? 71 : 72, [smallest](RandomConfig& random, Device device) {
      const Index rank = random.integer(1, 4), axis = random.integer(-rank, rank - 1);
      const auto x = random.distinct(random.shape(rank, 1, 4), device, random.layout());
      const ReduceOptions options{.keep_dim = random.coin()};
      switch (random.turn(3)) {
        case 0: return gradcheck([&](const auto& a) { return smallest ? min(a) : max(a); }, {x});
        case 1:
          return gradcheck([&](const auto& a) { return smallest ? min(a, axis, options).values : max(a, axis, options).values; }, {x});
        default: return gradcheck([&](const auto& a) { return smallest ? amin(a, axis, options) : amax(a, axis, options); }, {x});
      }
    }, 3 * 200);
}

TEST_CASE("values and positions along an axis", "[ops][extremum]") {
  for (const Device device : test::devices()) {
    RandomConfig random(73);
    for (int i = 0; i < 50; ++i) {
      const auto x = random.distinct(random.shape(4, 1, 4), device, random.layout());
      const Index axis = random.integer(0, 3);
      const auto [values, indices] = max(x, axis, {.keep_dim = true});
      const auto [low, low_at] = min(x, axis, {.keep_dim = true});
      CHECK(argmax(x, axis).to_vector() == indices.to_vector());
      CHECK(argmin(x, axis).to_vector() == low_at.to_vector());
      Shape at;
      for (Index k = 0; k < 4; ++k) at.push_back(random.integer(0, x.shape()[k] - 1));
      Shape place = at;
      place[axis] = 0;
      CHECK(values.at(place) >= x.at(at));
      CHECK(low.at(place) <= x.at(at));
      at[axis] = indices.at(place);
      CHECK(values.at(place) == x.at(at));
      at[axis] = low_at.at(place);
      CHECK(low.at(place) == x.at(at));
      const auto flat = x.to_vector();
      CHECK(flat[static_cast<std::size_t>(argmax(x).item())] == max(x).item());
      CHECK(flat[static_cast<std::size_t>(argmin(x).item())] == min(x).item());
      CHECK(*std::max_element(flat.begin(), flat.end()) == max(x).item());
      CHECK(amax(x, {axis, (axis + 1) % 4}).numel() == x.numel() / x.dim(axis) / x.dim((axis + 1) % 4));
    }
  }
}

TEST_CASE("equals and NaN", "[ops][extremum]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({{3, 1, 3}, {2, 2, 2}}, device).requires_grad(true);
    CHECK(argmax(x, 1).to_vector() == std::vector<Index>{0, 0});
    CHECK(argmin(x, 0).to_vector() == std::vector<Index>{1, 0, 1});
    Tape tape;
    tape.backward(max(x));
    CHECK(x.grad().to_vector() == std::vector<double>{0.5, 0, 0.5, 0, 0, 0});  // the whole tensor's: shared
    x.set_grad({});
    tape.backward(max(x, 1).values, ones<double>({2}, device));
    CHECK(x.grad().to_vector() == std::vector<double>{1, 0, 0, 1, 0, 0});  // along an axis: the first
    x.set_grad({});
    tape.backward(amax(x, 1), ones<double>({2}, device));
    CHECK(x.grad().at(1, 2) == Approx(1.0 / 3));

    const auto nan = tensor<double>({1.0, std::nan(""), 3.0}, device);
    CHECK(std::isnan(max(nan).item()));
    CHECK(std::isnan(min(nan, 0).values.item()));
    CHECK(max(nan, 0).indices.item() == 1);
    CHECK(max(tensor<Index>({4, 9, 2}, device)).item() == 9);
    CHECK(max(tensor(5, device), 0).indices.item() == 0);
    CHECK(max(zeros({0, 3}, device), 1).values.shape() == Shape{0});
  }
}

TEST_CASE("nothing to choose from is refused", "[ops][extremum]") {
  CHECK_THROWS_WITH(max(zeros({0, 3})), "max: x must have an element to choose, got shape [0, 3]");
  CHECK_THROWS_AS(argmin(zeros({2, 0}), 1), ValueError);
  CHECK_THROWS_AS(max(ones({2}), 1), IndexError);
}
