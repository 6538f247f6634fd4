// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/elementwise.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "backend/reference/unary_ops.hpp"
#include "support/catch.hpp"

using namespace tapestry;
using test::every_unary;
using test::not_a_number;
using test::value;
using Doubles = std::vector<double>;

namespace {
template <Scalar T>
std::vector<int> integers(UnaryOp op, const std::vector<T>& x, T a = 0, T b = 0) {
  std::vector<T> y(x.size());
  plain::unary(op, static_cast<Index>(x.size()), x.data(), a, b, y.data());
  return {y.begin(), y.end()};
}
}  // namespace

TEST_CASE("plain unary on integers: exact where it has a meaning, refused elsewhere") {
  using Ints = std::vector<int>;
  const std::vector<Index> x{-2, 0, 3};
  CHECK(integers<Index>(UnaryOp::negate, x) == Ints{2, 0, -3});
  CHECK(integers<Index>(UnaryOp::absolute, x) == Ints{2, 0, 3});
  CHECK(integers<Index>(UnaryOp::sign, x) == Ints{-1, 0, 1});
  CHECK(integers<Index>(UnaryOp::power, x, 3) == Ints{-8, 0, 27});
  CHECK(integers<Index>(UnaryOp::power, x, 0) == Ints{1, 1, 1});
  CHECK(integers<Index>(UnaryOp::power, {-2, -1, 1, 3}, -3) == Ints{0, -1, 1, 0});
  CHECK(integers<Index>(UnaryOp::power, {-1}, -4) == Ints{1});
  CHECK(integers<Index>(UnaryOp::affine, x, 10, 1) == Ints{-19, 1, 31});
  CHECK(integers<Index>(UnaryOp::clamp, x, -1, 2) == Ints{-1, 0, 2});
  CHECK(integers<Index>(UnaryOp::relu, x) == Ints{0, 0, 3});
  CHECK(integers<std::uint8_t>(UnaryOp::negate, {1, 255}) == Ints{255, 1});
  CHECK(integers<std::uint8_t>(UnaryOp::power, {16, 3}, 2) == Ints{0, 9});
  constexpr Index lowest = std::numeric_limits<Index>::min();
  CHECK(plain::unary_value<Index>(UnaryOp::negate, lowest, 0, 0) == lowest);
  CHECK(plain::unary_value<Index>(UnaryOp::absolute, lowest, 0, 0) == lowest);

  for (UnaryOp op : every_unary) {
    std::vector<std::int32_t> y{7};
    const std::int32_t one = 1;
    CAPTURE(plain::name_of(op));
    if (plain::supports<std::int32_t>(op)) {
      CHECK_NOTHROW(plain::unary<std::int32_t>(op, 1, &one, 1, 1, y.data()));
    } else {
      CHECK_THROWS_WITH(plain::unary<std::int32_t>(op, 1, &one, 1, 1, y.data()),
                        std::string(plain::name_of(op)) + ": x must be float32 or float64, got int32");
      CHECK(y[0] == 7);
    }
  }
}

TEST_CASE("plain unary_backward is the derivative of every op") {
  const double a = 1.7, b = 2.5, h = 1e-6;  // clamp's bounds too: the points below lie on both sides and between
  for (UnaryOp op : every_unary)
    for (double x : {-1.3, -0.4, 0.3, 1.1, 1.9, 2.4, 3.1}) {
      const bool positive_only = op == UnaryOp::square_root || op == UnaryOp::logarithm || op == UnaryOp::power;
      if (positive_only && x < 0) continue;
      const double y = value(op, x, a, b), dy = 1.5;
      double dx = not_a_number;
      plain::unary_backward(op, 1, &x, &y, &dy, a, b, &dx);
      CAPTURE(plain::name_of(op), x);
      CHECK(dx == Approx(dy * (value(op, x + h, a, b) - value(op, x - h, a, b)) / (2 * h)).margin(1e-8));
    }
}

TEST_CASE("plain binary on integers truncates, wraps and refuses to divide by 0 before it writes") {
  constexpr Index lowest = std::numeric_limits<Index>::min(), highest = std::numeric_limits<Index>::max();
  CHECK(plain::binary_value<Index>(BinaryOp::divide, -7, 2) == -3);
  CHECK(plain::binary_value<Index>(BinaryOp::divide, lowest, -1) == lowest);
  CHECK(plain::binary_value<Index>(BinaryOp::add, highest, 1) == lowest);
  CHECK(plain::binary_value<Index>(BinaryOp::multiply, highest, 2) == -2);
  CHECK(plain::binary_value<Index>(BinaryOp::power, 3, 4) == 81);
  CHECK(int{plain::binary_value<std::uint8_t>(BinaryOp::subtract, 1, 2)} == 255);
  CHECK(plain::binary_value<bool>(BinaryOp::add, true, true));
  CHECK_FALSE(plain::binary_value<bool>(BinaryOp::multiply, true, false));

  const Broadcast walk{{3}, {1}, {1}};
  const std::vector<Index> a{1, 2, 3}, b{1, 0, 1};
  std::vector<Index> y{7, 7, 7};
  CHECK_THROWS_WITH(plain::binary(BinaryOp::divide, walk, a.data(), b.data(), y.data()),
                    "divide: divisor must not be 0 for int64, got 0 at position 1");
  CHECK(y == std::vector<Index>{7, 7, 7});
}

TEST_CASE("plain binary and compare walk by strides: a stride of 0 repeats") {
  const Broadcast outer{{2, 3}, {1, 0}, {0, 1}};
  const Doubles a{10, 20}, b{1, 2, 3};
  Doubles y(6);
  plain::binary(BinaryOp::add, outer, a.data(), b.data(), y.data());
  CHECK(y == Doubles{11, 12, 13, 21, 22, 23});
  const Broadcast transposed{{2, 3}, {1, 2}, {0, 0}};  // a is stored 3 x 2
  const Doubles stored{1, 2, 3, 4, 5, 6}, three{3};
  bool less[6];
  plain::compare(CompareOp::less, transposed, stored.data(), three.data(), less);
  CHECK(std::vector<bool>(less, less + 6) == std::vector<bool>{true, false, false, true, false, false});
  const Broadcast scalar{{}, {}, {}};
  plain::binary(BinaryOp::multiply, scalar, a.data(), b.data() + 2, y.data());
  CHECK(y[0] == 30);
}

TEST_CASE("plain where, scale_add, arange, mask_scale, add_rows") {
  const bool condition[] = {true, false};
  const Doubles a{1, 2}, b{10, 20};
  Doubles y(2);
  plain::where(2, condition, a.data(), b.data(), y.data());
  CHECK(y == Doubles{1, 20});
  plain::scale_add(2, 2.0, a.data(), 3.0, y.data());
  CHECK(y == Doubles{5, 64});
  y = {not_a_number, not_a_number};
  plain::scale_add(2, 2.0, a.data(), 0.0, y.data());
  CHECK(y == Doubles{2, 4});
  plain::mask_scale(2, condition, 2.0, b.data(), y.data());
  CHECK(y == Doubles{20, 0});

  Doubles line(3);
  plain::arange(3, 1.0, -0.5, line.data());
  CHECK(line == Doubles{1, 0.5, 0});
  std::vector<Index> counted(3);
  plain::arange<Index>(3, -1, 2, counted.data());
  CHECK(counted == std::vector<Index>{-1, 1, 3});

  Doubles rows{1, 2, 3, 4};
  plain::add_rows(2, 2, b.data(), rows.data());
  CHECK(rows == Doubles{11, 22, 13, 24});
}
