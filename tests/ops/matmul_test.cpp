// SPDX-License-Identifier: MIT
#include "tapestry/ops/matmul.hpp"

#include "support/gradients.hpp"
#include "tapestry/ops/permute.hpp"

using namespace tapestry;
using test::RandomConfig;

namespace {
/// Two operands that fit: vectors, matrices or stacks whose batches broadcast.
std::pair<Shape, Shape> random_operands(RandomConfig& random) {
  const Index inner = random.integer(1, 4);
  const Shape batch = random.shape(random.integer(0, 2), 1, 3);
  Shape a = random.broadcastable(batch), b = random.broadcastable(batch);
  if (random.integer(0, 3) == 0) a = {};
  if (random.integer(0, 3) == 0) b = {};
  if (a.rank() > 0 || random.coin()) a.push_back(random.integer(1, 4));
  a.push_back(inner);
  b.push_back(inner);
  if (b.rank() > 1 || random.coin()) b.push_back(random.integer(1, 4));
  return {a, b};
}
}  // namespace

TEST_CASE("gradients of matmul", "[ops][matmul][gradcheck]") {
  test::check_gradients(121, [](RandomConfig& random, Device device) {
    const auto [a, b] = random_operands(random);
    return gradcheck([](const auto& x, const auto& y) { return matmul(x, y); },
                     {random.tensor(a, device, random.layout()), random.tensor(b, device, random.layout())});
  }, 400);
}

TEST_CASE("products are those of plain loops", "[ops][matmul]") {
  for (const Device device : test::devices()) {
    RandomConfig random(122);
    for (int i = 0; i < 50; ++i) {
      const Index batch = random.integer(1, 3), m = random.integer(1, 9), k = random.integer(0, 9), n = random.integer(1, 9);
      const bool repeat_a = random.coin();
      const auto a = random.tensor(repeat_a ? Shape{m, k} : Shape{batch, m, k}, device, Layout::row_major);
      const auto b = random.tensor(repeat_a ? Shape{batch, k, n} : Shape{k, n}, device, Layout::row_major);
      const auto y = matmul(a, b);
      REQUIRE(y.shape() == Shape{batch, m, n});
      const auto x = a.to_vector(), w = b.to_vector(), values = y.to_vector();
      for (Index p = 0; p < batch; ++p)
        for (Index r = 0; r < m; ++r)
          for (Index c = 0; c < n; ++c) {
            double expected = 0;
            for (Index l = 0; l < k; ++l)
              expected += x[static_cast<std::size_t>(((repeat_a ? 0 : p) * m + r) * k + l)] *
                          w[static_cast<std::size_t>(((repeat_a ? p : 0) * k + l) * n + c)];
            CHECK(values[static_cast<std::size_t>((p * m + r) * n + c)] == Approx(expected).margin(1e-12));
          }
    }
  }
}

TEST_CASE("shapes of products", "[ops][matmul]") {
  for (const Device device : test::devices()) {
    const auto shape = [&](const Shape& a, const Shape& b) { return matmul(ones(a, device), ones(b, device)).shape(); };
    CHECK(shape({3}, {3}) == Shape{});
    CHECK(shape({2, 3}, {3}) == Shape{2});
    CHECK(shape({3}, {3, 4}) == Shape{4});
    CHECK(shape({5, 2, 3}, {3}) == Shape{5, 2});
    CHECK(shape({3}, {5, 3, 2}) == Shape{5, 2});
    CHECK(shape({5, 1, 2, 3}, {4, 3, 2}) == Shape{5, 4, 2, 2});
    CHECK(shape({2, 0}, {0, 3}) == Shape{2, 3});
    CHECK(shape({0, 3}, {3, 2}) == Shape{0, 2});
    CHECK(shape({0, 2, 3}, {3, 2}) == Shape{0, 2, 2});
    CHECK(matmul(ones({2, 0}, device), ones({0, 3}, device)).to_vector() == std::vector<float>(6, 0));
    CHECK(matmul(tensor({1, 2, 3}, device), tensor({4, 5, 6}, device)).item() == 32);
  }
}

TEST_CASE("laws of the product", "[ops][matmul]") {
  for (const Device device : test::devices()) {
    RandomConfig random(123);
    for (int i = 0; i < 20; ++i) {
      const Shape batch = random.shape(2, 1, 3);
      const auto a = random.tensor({batch[0], batch[1], 3, 4}, device, random.layout());
      const auto b = random.tensor({batch[0], 1, 4, 2}, device, random.layout());
      const auto left = transpose(matmul(a, b), -1, -2).to_vector(), right = matmul(transpose(b, -1, -2), transpose(a, -1, -2)).to_vector();
      REQUIRE(left.size() == right.size());
      for (std::size_t k = 0; k < left.size(); ++k) CHECK(left[k] == Approx(right[k]).margin(1e-12));
      CHECK(matmul(a, eye<double>(4, -1, device)).to_vector() == a.to_vector());
    }
    test::check_layouts({random.tensor({2, 3, 4, 5}, device, Layout::row_major), random.tensor({2, 3, 5, 2}, device, Layout::row_major)},
                        [](const auto& x) { return matmul(x[0], x[1]); });
  }
}

TEST_CASE("operands of matmul that do not fit are refused", "[ops][matmul]") {
  CHECK_THROWS_WITH(matmul(ones({2, 3}), ones({4, 2})), "matmul: a has 3 columns but b has 4 rows (a [2, 3], b [4, 2])");
  CHECK_THROWS_WITH(matmul(ones({}), ones({4})), "matmul: operands must have at least one axis, got shapes [] and [4]");
  CHECK_THROWS_AS(matmul(ones({2, 2, 3}), ones({3, 3, 2})), ShapeError);
  CHECK_THROWS_AS(matmul(ones({2, 3}), ones({3, 2}, reference())), TypeError);
}
