// SPDX-License-Identifier: MIT
#include <tapestry/core/shape.hpp>

#include <vector>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("a shape counts axes and elements") {
  CHECK(Shape{}.rank() == 0);
  CHECK(Shape{}.empty());
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{2, 3, 4}.rank() == 3);
  CHECK(Shape{2, 3, 4}.numel() == 24);
  CHECK(Shape{2, 0, 4}.numel() == 0);
  CHECK(Shape{2, 3, 4}.back() == 4);
  CHECK(Shape::filled(3, 7) == Shape{7, 7, 7});
  const std::vector<int> sizes{5, 6};
  CHECK(Shape(sizes.begin(), sizes.end()) == Shape{5, 6});
}

TEST_CASE("shapes are equal if all sizes and the number of axes are") {
  CHECK(Shape{1, 2} == Shape{1, 2});
  CHECK(Shape{1, 2} != Shape{2, 1});
  CHECK(Shape{1} != Shape{1, 1});
  CHECK(Shape{} != Shape{1});
  Shape longer{1, 2, 3};
  longer.erase(2);
  CHECK(longer == Shape{1, 2});  // what was erased does not count
}

TEST_CASE("insert and erase keep the order of the rest") {
  Shape shape{1, 2, 3};
  shape.insert(0, 9);
  CHECK(shape == Shape{9, 1, 2, 3});
  shape.insert(2, 8);
  CHECK(shape == Shape{9, 1, 8, 2, 3});
  shape.insert(5, 7);
  CHECK(shape == Shape{9, 1, 8, 2, 3, 7});
  shape.erase(0);
  shape.erase(1);
  shape.erase(3);
  CHECK(shape == Shape{1, 2, 3});
}

TEST_CASE("a ninth axis is refused and nothing changes") {
  Shape shape = Shape::filled(8, 2);
  CHECK_THROWS_AS(shape.push_back(2), ShapeError);
  CHECK_THROWS_AS(shape.insert(0, 2), ShapeError);
  CHECK(shape == Shape::filled(8, 2));
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), ShapeError);
}

TEST_CASE("shapes print as PyTorch's sizes") {
  CHECK(to_string(Shape{}) == "[]");
  CHECK(to_string(Shape{4}) == "[4]");
  CHECK(to_string(Shape{1, 3, 32, 32}) == "[1, 3, 32, 32]");
}

TEST_CASE("checked_sizes refuses negative sizes and what no memory could hold") {
  CHECK(checked_sizes("zeros", {2, 0, 3}) == Shape{2, 0, 3});
  CHECK(checked_sizes("zeros", {Index{1} << 59}) == Shape{Index{1} << 59});
  CHECK_THROWS_WITH(checked_sizes("zeros", {2, -1}), "zeros: shape must have sizes of at least 0, got [2, -1]");
  CHECK_THROWS_AS(checked_sizes("zeros", {Index{1} << 32, Index{1} << 31}), ShapeError);
  CHECK_THROWS_AS(checked_sizes("zeros", {Index{1} << 40, Index{1} << 40}), ShapeError);  // its product would wrap to 0
}

TEST_CASE("axes count from either end") {
  CHECK(checked_axis("sum", 0, 3) == 0);
  CHECK(checked_axis("sum", 2, 3) == 2);
  CHECK(checked_axis("sum", -1, 3) == 2);
  CHECK(checked_axis("sum", -3, 3) == 0);
  CHECK(checked_axis("sum", 0, 0) == 0);
  CHECK(checked_axis("sum", -1, 0) == 0);
  CHECK_THROWS_WITH(checked_axis("sum", 3, 3), "sum: axis must be from -3 to 2 for a tensor with 3 axes, got 3");
  CHECK_THROWS_AS(checked_axis("sum", -4, 3), IndexError);
  CHECK_THROWS_AS(checked_axis("sum", 1, 0), IndexError);
}

TEST_CASE("shapes broadcast from the last axis") {
  CHECK(broadcast_shapes("add", {2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast_shapes("add", {3}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast_shapes("add", {4, 1, 3}, {5, 1}) == Shape{4, 5, 3});
  CHECK(broadcast_shapes("add", {}, {2, 2}) == Shape{2, 2});
  CHECK(broadcast_shapes("add", {}, {}) == Shape{});
  CHECK(broadcast_shapes("add", {1}, {0}) == Shape{0});
  CHECK_THROWS_AS(broadcast_shapes("add", {2}, {0}), ShapeError);
  CHECK_THROWS_WITH(broadcast_shapes("add", {2, 3}, {2, 4}),
                    "add: shapes [2, 3] and [2, 4] do not broadcast: sizes 3 and 4 at axis -1");
}
