// SPDX-License-Identifier: MIT
#include "tapestry/ops/slice.hpp"

#include "support/gradients.hpp"
#include "tapestry/ops/concat.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of slice, select, split and chunk", "[ops][slice][gradcheck]") {
  test::check_gradients(101, [](RandomConfig& random, Device device) {
    const Index rank = random.integer(1, 4), axis = random.integer(-rank, rank - 1);
    const auto x = random.tensor(random.shape(rank, 1, 4), device, random.layout());
    const Index size = x.dim(axis), start = random.integer(0, size - 1);
    switch (random.turn(4)) {
      case 0: {
        const Range range{random.coin() ? start : start - size, random.integer(start + 1, size + 2), random.integer(1, 3)};
        return gradcheck([&](const auto& a) { return slice(a, axis, range); }, {x});
      }
      case 1: return gradcheck([&](const auto& a) { return select(a, axis, start); }, {x});
      case 2: return gradcheck([&](const auto& a) { return split(a, 2, axis).back(); }, {x});
      default: return gradcheck([&](const auto& a) { return chunk(a, 2, axis).front(); }, {x});
    }
  }, 4 * 200);
}

TEST_CASE("slices are Python's", "[ops][slice]") {
  for (const Device device : test::devices()) {
    const auto x = arange<Index>(5, device);
    const auto part = [&](const Range& range) { return slice(x, 0, range).to_vector(); };
    using Values = std::vector<Index>;
    CHECK(part({1, 3}) == Values{1, 2});
    CHECK(part({.start = 2}) == Values{2, 3, 4});
    CHECK(part({.stop = -1}) == Values{0, 1, 2, 3});
    CHECK(part({-2}) == Values{3, 4});
    CHECK(part({-9, 99}) == Values{0, 1, 2, 3, 4});
    CHECK(part({0, 5, 2}) == Values{0, 2, 4});
    CHECK(part({1, 5, 3}) == Values{1, 4});
    CHECK(part({0, 5, 99}) == Values{0});
    CHECK(part({3, 1}).empty());
    CHECK(part({7, 9}).empty());
    CHECK(part({0, -7}).empty());
  }
}

TEST_CASE("slices of images keep the layout and take the right elements", "[ops][slice][layout]") {
  for (const Device device : test::devices()) {
    RandomConfig random(102);
    for (int i = 0; i < 50; ++i) {
      const Layout layout = random.layout();
      const auto x = random.tensor(random.shape(4, 2, 5), device, layout);
      const Index axis = random.integer(0, 3), start = random.integer(0, x.dim(axis) - 1), step = random.integer(1, 3);
      const auto y = slice(x, axis, {start, x.dim(axis), step});
      CHECK(y.layout() == layout);
      Shape at;
      for (Index k = 0; k < 4; ++k) at.push_back(random.integer(0, y.dim(k) - 1));
      Shape from = at;
      from[axis] = start + at[axis] * step;
      CHECK(y.at(at) == x.at(from));
      CHECK(select(x, axis, -1).to_vector() == slice(x, axis, {-1}).to_vector());
      for (Index size = 1; size <= x.dim(axis) + 1; ++size) CHECK(concat(split(x, size, axis), axis).to_vector() == x.to_vector());
      for (Index count = 1; count <= 3; ++count) CHECK(concat(chunk(x, count, axis), axis).to_vector() == x.to_vector());
    }
  }
}

TEST_CASE("sizes of splits and chunks", "[ops][slice]") {
  const auto sizes = [](const std::vector<Tensor<float>>& pieces) {
    std::vector<Index> result;
    for (const auto& piece : pieces) result.push_back(piece.dim(0));
    return result;
  };
  CHECK(sizes(split(ones({7, 2}), 3)) == std::vector<Index>{3, 3, 1});
  CHECK(sizes(split(ones({7, 2}), std::vector<Index>{2, 0, 5})) == std::vector<Index>{2, 0, 5});
  CHECK(sizes(split(ones({0, 2}), 3)) == std::vector<Index>{0});
  CHECK(sizes(chunk(ones({7, 2}), 3)) == std::vector<Index>{3, 3, 1});
  CHECK(sizes(chunk(ones({4, 2}), 3)) == std::vector<Index>{2, 2});
  CHECK(chunk(ones({6}), 6).size() == 6);
}

TEST_CASE("parts that do not exist are refused", "[ops][slice]") {
  const auto x = ones({2, 3});
  CHECK_THROWS_WITH(slice(x, 1, {0, 2, 0}), "slice: step must be at least 1, got 0");
  CHECK_THROWS_AS(slice(x, 2, {}), IndexError);
  CHECK_THROWS_AS(slice(ones({}), 0, {}), IndexError);
  CHECK_THROWS_WITH(select(x, 1, 3), "select: position must be from -3 to 2 on axis 1, got 3 (shape [2, 3])");
  CHECK_THROWS_AS(select(ones({}), 0, 0), IndexError);
  CHECK_THROWS_WITH(split(x, 0, 1), "split: size must be at least 1, got 0");
  CHECK_THROWS_WITH(split(x, std::vector<Index>{1, 1}, 1), "split: sizes must add up to 3 on axis 1, got 2 (shape [2, 3])");
  CHECK_THROWS_WITH(chunk(x, 0), "chunk: count must be at least 1, got 0");
}
