// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/reduce.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;
using Indices = std::vector<Index>;

TEST_CASE("plain reduce folds the middle axis") {
  const Doubles x{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6};  // [2][3][2]
  Doubles y(4);
  plain::reduce(ReduceOp::sum, 2, 3, 2, x.data(), y.data());
  CHECK(y == Doubles{9, 12, -9, -12});
  plain::reduce(ReduceOp::maximum, 2, 3, 2, x.data(), y.data());
  CHECK(y == Doubles{5, 6, -1, -2});
  plain::reduce(ReduceOp::minimum, 2, 3, 2, x.data(), y.data());
  CHECK(y == Doubles{1, 2, -5, -6});
}

TEST_CASE("plain reduce: a sum over nothing is 0, long float sums keep their digits, integers wrap, bool asks for any") {
  Doubles y(2, 99);
  plain::reduce<double>(ReduceOp::sum, 2, 0, 1, nullptr, y.data());
  CHECK(y == Doubles{0, 0});
  const std::vector<float> tenths(100000, 0.1f);
  float total = 0;
  plain::reduce(ReduceOp::sum, 1, 100000, 1, tenths.data(), &total);
  CHECK(total == Approx(10000).epsilon(1e-6));
  const std::vector<std::uint8_t> bytes{200, 100};
  std::uint8_t byte = 0;
  plain::reduce(ReduceOp::sum, 1, 2, 1, bytes.data(), &byte);
  CHECK(byte == 44);
  const Indices large{std::numeric_limits<Index>::max(), 1};
  Index wrapped = 0;
  plain::reduce(ReduceOp::sum, 1, 2, 1, large.data(), &wrapped);
  CHECK(wrapped == std::numeric_limits<Index>::min());
  const bool flags[] = {false, true, true};
  bool any = false;
  plain::reduce(ReduceOp::sum, 1, 3, 1, flags, &any);
  CHECK(any);
  plain::reduce(ReduceOp::sum, 1, 1, 1, flags, &any);
  CHECK_FALSE(any);
}

TEST_CASE("plain arg_reduce names the first of the best, and NaN is the best") {
  const Doubles x{1, 7, 3, 7, 0, 0};
  Doubles values(1);
  Indices positions(1);
  plain::arg_reduce(ReduceOp::maximum, 1, 6, 1, x.data(), values.data(), positions.data());
  CHECK(values[0] == 7);
  CHECK(positions[0] == 1);
  plain::arg_reduce(ReduceOp::minimum, 1, 6, 1, x.data(), values.data(), positions.data());
  CHECK(positions[0] == 4);
  const Doubles with_nan{1, std::nan(""), 3, std::nan("")};
  for (ReduceOp op : {ReduceOp::maximum, ReduceOp::minimum}) {
    plain::arg_reduce(op, 1, 4, 1, with_nan.data(), values.data(), positions.data());
    CHECK(std::isnan(values[0]));
    CHECK(positions[0] == 1);
    plain::reduce(op, 1, 4, 1, with_nan.data(), values.data());
    CHECK(std::isnan(values[0]));
  }
  const Doubles columns{1, 9, 5, 2};  // [2][2], over the rows
  Indices two(2);
  plain::arg_reduce<double>(ReduceOp::maximum, 1, 2, 2, columns.data(), nullptr, two.data());
  CHECK(two == Indices{1, 0});
  CHECK_THROWS_AS(plain::arg_reduce<double>(ReduceOp::sum, 1, 2, 2, columns.data(), nullptr, two.data()), ValueError);
}

TEST_CASE("plain topk: best first, equals in order of position, NaN counts as largest") {
  const Doubles x{3, 1, 4, 1, std::nan(""), 4};
  Doubles values(3);
  Indices positions(3);
  plain::topk(1, 6, 1, 3, true, x.data(), values.data(), positions.data());
  CHECK(positions == Indices{4, 2, 5});
  CHECK(std::isnan(values[0]));
  CHECK(values[1] == 4);
  plain::topk(1, 6, 1, 3, false, x.data(), values.data(), positions.data());
  CHECK(positions == Indices{1, 3, 0});
  CHECK(values == Doubles{1, 1, 3});

  const Indices grid{1, 5, 2, 4, 3, 3};  // [1][3][2]: columns 1 2 3 and 5 4 3
  Indices best(4), at(4);
  plain::topk(1, 3, 2, 2, true, grid.data(), best.data(), at.data());
  CHECK(best == Indices{3, 5, 2, 4});
  CHECK(at == Indices{2, 0, 1, 1});

  const Index size = 200;  // long lines of equals: an unstable sort would mix them
  const Indices equal(static_cast<std::size_t>(size), 5);
  Indices all(equal.size()), order(equal.size());
  for (bool largest : {true, false}) {
    plain::topk(1, size, 1, size, largest, equal.data(), all.data(), order.data());
    for (Index i = 0; i < size; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("plain index_add adds rows where their indices say, equals too") {
  const Indices indices{2, 0, 2};
  const Doubles x{1, 2, 10, 20, 100, 200, 3, 4, 30, 40, 300, 400};  // [2][3][2]
  Doubles y(12, 1000);                                              // [2][3][2]
  plain::index_add(2, 3, 2, indices.data(), 3, x.data(), y.data());
  CHECK(y == Doubles{1010, 1020, 1000, 1000, 1101, 1202, 1030, 1040, 1000, 1000, 1303, 1404});
}
