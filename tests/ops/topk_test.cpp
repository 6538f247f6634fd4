// SPDX-License-Identifier: MIT
#include "tapestry/ops/topk.hpp"

#include <algorithm>

#include "support/gradients.hpp"
#include "tapestry/ops/slice.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of topk", "[ops][topk][gradcheck]") {
  test::check_gradients(171, [](RandomConfig& random, Device device) {
    const Index rank = random.integer(1, 4), axis = random.integer(-rank, rank - 1);
    const auto x = random.distinct(random.shape(rank, 1, 4), device, random.layout());
    const Index k = random.integer(1, x.dim(axis));
    const TopkOptions options{.axis = axis, .largest = random.coin()};
    return gradcheck([&](const auto& a) { return topk(a, k, options).values; }, {x});
  });
}

TEST_CASE("topk gives the head of the sorted axis", "[ops][topk]") {
  for (const Device device : test::devices()) {
    RandomConfig random(172);
    for (int i = 0; i < 50; ++i) {
      const Index size = random.integer(1, 9), k = random.integer(0, size);
      const bool largest = random.coin();
      const auto x = random.distinct({2, size, 3}, device, Layout::row_major);
      const auto [values, indices] = topk(x, k, {.axis = 1, .largest = largest});
      REQUIRE(values.shape() == Shape{2, k, 3});
      for (Index n = 0; n < 2; ++n)
        for (Index c = 0; c < 3; ++c) {
          auto sorted = select(select(x, 0, n), 1, c).to_vector();
          std::sort(sorted.begin(), sorted.end());
          if (largest) std::reverse(sorted.begin(), sorted.end());
          for (Index j = 0; j < k; ++j) {
            CHECK(values.at(n, j, c) == sorted[static_cast<std::size_t>(j)]);
            CHECK(x.at(n, indices.at(n, j, c), c) == values.at(n, j, c));
          }
        }
    }
    const auto equal = topk(tensor({1, 3, 3, 2, 3}, device), 4);
    CHECK(equal.indices.to_vector() == std::vector<Index>{1, 2, 4, 3});
    const auto nan = topk(tensor<double>({1.0, std::nan(""), 5.0}, device), 2);
    CHECK(nan.indices.to_vector() == std::vector<Index>{1, 2});
    CHECK(topk(tensor(4, device), 1).values.item() == 4);
    CHECK(topk(zeros({0, 3}, device), 2).values.shape() == Shape{0, 2});
  }
}

TEST_CASE("more than there are is refused", "[ops][topk]") {
  CHECK_THROWS_WITH(topk(ones({2, 3}), 4), "topk: k must be from 0 to 3 on axis -1, got 4 (shape [2, 3])");
  CHECK_THROWS_AS(topk(ones({2, 3}), -1), ValueError);
  CHECK_THROWS_AS(topk(ones({2, 3}), 1, {.axis = 2}), IndexError);
}
