// SPDX-License-Identifier: MIT
#include "tapestry/ops/reshape.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of reshape, flatten, squeeze and unsqueeze", "[ops][reshape][gradcheck]") {
  test::check_gradients(81, [](RandomConfig& random, Device device) {
    const Index rank = random.integer(0, 4);
    const auto x = random.tensor(random.shape(rank, 1, 3), device, random.layout());
    switch (random.turn(4)) {
      case 0:
        return gradcheck(
            [](const auto& a) {
              return reshape(a, {-1, a.dim(0)});
            },
            {in_layout(random.tensor({2, 3, 2, 2}, device, random.layout()), random.layout())});
      case 1: {
        const Index start = random.integer(0, std::max<Index>(rank - 1, 0)), end = random.integer(start, std::max<Index>(rank - 1, 0));
        return gradcheck([=](const auto& a) { return flatten(a, start, end); }, {x});
      }
      case 2: return gradcheck([](const auto& a) { return squeeze(a); }, {x});
      default: {
        const Index axis = random.integer(-rank - 1, rank);
        return gradcheck([=](const auto& a) { return unsqueeze(a, axis); }, {x});
      }
    }
  }, 4 * 200);
}

TEST_CASE("reshaping keeps the elements in logical order, whatever the layout", "[ops][reshape][layout]") {
  for (const Device device : test::devices()) {
    RandomConfig random(82);
    for (const Layout layout : test::layouts()) {
      const auto x = random.tensor({2, 3, 4, 5}, device, layout);
      for (const auto& y : {reshape(x, {6, -1}), reshape(x, {2, 3, 5, 4}), flatten(x), flatten(x, 1), flatten(x, -2), flatten(x, 1, 2),
                            squeeze(x), unsqueeze(x, 2), reshape(x, {2, 3, 4, 5})}) {
        CHECK(y.to_vector() == x.to_vector());
        CHECK(y.layout() == Layout::row_major);
      }
      CHECK(flatten(x, 1, 2).shape() == Shape{2, 12, 5});
      CHECK(unsqueeze(x, -1).shape() == Shape{2, 3, 4, 5, 1});
    }
    const auto ones_around = random.tensor({1, 3, 1}, device, Layout::row_major);
    CHECK(squeeze(ones_around).shape() == Shape{3});
    CHECK(squeeze(ones_around, -1).shape() == Shape{1, 3});
    CHECK(squeeze(ones_around, 1).shape() == Shape{1, 3, 1});
    CHECK(flatten(tensor(1, device)).shape() == Shape{1});
    CHECK(squeeze(tensor(1, device), 0).shape() == Shape{});
    CHECK(unsqueeze(tensor(1, device), -1).shape() == Shape{1});
    CHECK(reshape(zeros({0, 3}, device), {3, 0}).shape() == Shape{3, 0});
    CHECK(reshape(zeros({0, 3}, device), {-1, 3}).shape() == Shape{0, 3});
    CHECK(reshape(tensor<Index>({1, 2}, device), {2, 1}).to_vector() == std::vector<Index>{1, 2});
  }
}

TEST_CASE("shapes that do not fit are refused", "[ops][reshape]") {
  const auto x = ones({2, 3});
  CHECK_THROWS_WITH(reshape(x, {4, 2}), "reshape: shape [4, 2] does not hold the 6 elements of x (shape [2, 3])");
  CHECK_THROWS_AS(reshape(x, {4, -1}), ShapeError);
  CHECK_THROWS_WITH(reshape(x, {-1, -1}), "reshape: shape must have sizes of at least 0 and at most one -1, got [-1, -1]");
  CHECK_THROWS_AS(reshape(x, {-2, 3}), ShapeError);
  CHECK_THROWS_AS(reshape(zeros({0, 3}), {0, -1}), ShapeError);
  CHECK_THROWS_WITH(flatten(x, 1, 0), "flatten: end must not lie before start, got start 1, end 0 (shape [2, 3])");
  CHECK_THROWS_AS(flatten(x, 2), IndexError);
  CHECK_THROWS_AS(unsqueeze(x, 3), IndexError);
  CHECK_THROWS_AS(squeeze(x, -3), IndexError);
}
