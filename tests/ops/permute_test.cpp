// SPDX-License-Identifier: MIT
#include "tapestry/ops/permute.hpp"

#include <numeric>

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

namespace {
Shape random_order(RandomConfig& random, Index rank) {
  const auto order = randperm(rank, random.generator()).to_vector();
  return Shape(order.begin(), order.end());
}
}  // namespace

TEST_CASE("gradients of permute, transpose, broadcast_to and repeat", "[ops][permute][gradcheck]") {
  test::check_gradients(91, [](RandomConfig& random, Device device) {
    const Index rank = random.integer(1, 4);
    const Shape shape = random.shape(rank, 1, 3);
    const auto x = random.tensor(shape, device, random.layout());
    switch (random.turn(4)) {
      case 0: {
        const Shape order = random_order(random, rank);
        return gradcheck([&](const auto& a) { return permute(a, order); }, {x});
      }
      case 1: {
        const Index first = random.integer(-rank, rank - 1), second = random.integer(0, rank - 1);
        return gradcheck([&](const auto& a) { return transpose(a, first, second); }, {x});
      }
      case 2:
        return gradcheck([&](const auto& a) { return broadcast_to(a, shape); },
                         {random.tensor(random.broadcastable(shape), device, random.layout())});
      default: {
        Shape counts = random.shape(rank, 1, 2);
        if (rank < 4 && random.coin()) counts.insert(0, 2);
        return gradcheck([&](const auto& a) { return repeat(a, counts); }, {x});
      }
    }
  }, 4 * 200);
}

TEST_CASE("permuted elements are where the order says", "[ops][permute]") {
  for (const Device device : test::devices()) {
    RandomConfig random(92);
    for (int i = 0; i < 50; ++i) {
      const auto x = random.tensor(random.shape(4, 1, 4), device, random.layout());
      const Shape order = random_order(random, 4);
      const auto y = permute(x, order);
      CHECK(y.layout() == Layout::row_major);
      Shape at, from = Shape::filled(4, 0);
      for (Index axis = 0; axis < 4; ++axis) {
        CHECK(y.dim(axis) == x.dim(order[axis]));
        at.push_back(random.integer(0, y.dim(axis) - 1));
        from[order[axis]] = at[axis];
      }
      CHECK(y.at(at) == x.at(from));
      CHECK(transpose(transpose(x, 1, 3), 1, 3).to_vector() == x.to_vector());
    }
  }
}

TEST_CASE("broadcast_to and repeat", "[ops][permute]") {
  for (const Device device : test::devices()) {
    const auto x = tensor({{1}, {2}}, device);
    CHECK(broadcast_to(x, {2, 3}).to_vector() == std::vector<float>{1, 1, 1, 2, 2, 2});
    CHECK(broadcast_to(x, {2, -1, 2}).shape() == Shape{2, 2, 2});
    CHECK(broadcast_to(tensor(7, device), {2, 2}).to_vector() == std::vector<float>{7, 7, 7, 7});
    const auto r = tensor({{1, 2}, {3, 4}}, device);
    CHECK(repeat(r, {2, 1}).to_vector() == std::vector<float>{1, 2, 3, 4, 1, 2, 3, 4});
    CHECK(repeat(r, {1, 2}).to_vector() == std::vector<float>{1, 2, 1, 2, 3, 4, 3, 4});
    CHECK(repeat(r, {2, 1, 1}).shape() == Shape{2, 2, 2});
    CHECK(repeat(r, {0, 1}).shape() == Shape{0, 2});
    CHECK(permute(tensor(7, device), {}).item() == 7);
  }
}

TEST_CASE("orders and shapes that do not fit are refused", "[ops][permute]") {
  const auto x = ones({2, 3});
  CHECK_THROWS_WITH(permute(x, {0}), "permute: order must name all 2 axes, got [0] (shape [2, 3])");
  CHECK_THROWS_WITH(permute(x, {1, -1}), "permute: order must name every axis once, got [1, -1]");
  CHECK_THROWS_AS(permute(x, {0, 2}), IndexError);
  CHECK_THROWS_AS(transpose(x, 0, 2), IndexError);
  CHECK_THROWS_AS(broadcast_to(x, {2, 4}), ShapeError);
  CHECK_THROWS_WITH(broadcast_to(x, {3}), "broadcast_to: x does not broadcast to shape [3] (shape of x [2, 3])");
  CHECK_THROWS_AS(broadcast_to(ones({1}), {-2}), ShapeError);
  CHECK_THROWS_AS(repeat(x, {2}), ShapeError);
  CHECK_THROWS_WITH(repeat(x, {2, -1}), "repeat: counts must be at least 0, got [2, -1]");
}
