// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/random.hpp>

#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("plain uniform and normal stretch the stream's numbers") {
  const RandomStream random{1, 50};
  std::vector<double> u(20), z(20);
  plain::uniform(random, -3.0, 5.0, 20, u.data());
  plain::normal(random, 10.0, 2.0, 20, z.data());
  for (Index i = 0; i < 20; ++i) {
    CHECK(u[static_cast<std::size_t>(i)] == Approx(-3 + 8 * random.uniform(i)));
    CHECK(z[static_cast<std::size_t>(i)] == Approx(10 + 2 * random.normal(i)));
  }
}

TEST_CASE("plain uniform never rounds up to its upper bound") {
  const float low = 1.0f, high = std::nextafter(1.0f, 2.0f);  // between neighbours half of all numbers would round up
  std::vector<float> y(100);
  plain::uniform(RandomStream{2}, low, high, 100, y.data());
  for (float value : y) CHECK(value == low);
  plain::uniform(RandomStream{2}, 3.0f, 3.0f, 100, y.data());
  for (float value : y) CHECK(value == 3.0f);
}

TEST_CASE("plain bernoulli and random_integers") {
  bool keep[1000];
  plain::bernoulli(RandomStream{3}, 0.3, 1000, keep);
  int kept = 0;
  for (bool k : keep) kept += k;
  CHECK(kept == Approx(300).margin(60));
  plain::bernoulli(RandomStream{3}, 0.0, 1000, keep);
  for (bool k : keep) REQUIRE_FALSE(k);
  plain::bernoulli(RandomStream{3}, 1.0, 1000, keep);
  for (bool k : keep) REQUIRE(k);

  std::vector<Index> drawn(500);
  plain::random_integers(RandomStream{4}, -2, 3, 500, drawn.data());
  CHECK(std::set<Index>(drawn.begin(), drawn.end()) == std::set<Index>{-2, -1, 0, 1, 2});
}
