// SPDX-License-Identifier: MIT
#include <tapestry/data/flip.hpp>

#include <cmath>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("RandomHorizontalFlip mirrors pixels, not channels", "[data]") {
  SampleRandom random;
  const Image image{2, 3, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  const Image mirrored{2, 3, 2, {5, 6, 3, 4, 1, 2, 11, 12, 9, 10, 7, 8}};
  CHECK(RandomHorizontalFlip(1)(image, random) == mirrored);
  CHECK(RandomHorizontalFlip(0)(image, random) == image);
  const FloatImage even{1, 2, 1, {0.5f, 1.5f}};
  CHECK(RandomHorizontalFlip(1)(even, random).pixels == std::vector<float>{1.5f, 0.5f});
}

TEST_CASE("RandomHorizontalFlip flips as often as p says", "[data]") {
  const Image image{1, 2, 1, {1, 2}};
  int flipped = 0;
  for (std::uint64_t sample = 0; sample < 4000; ++sample) {
    SampleRandom random({3, 0, sample});
    flipped += RandomHorizontalFlip(0.25)(image, random) != image ? 1 : 0;
  }
  CHECK((flipped > 850 && flipped < 1150));  // 1000 expected, deviation 27
  CHECK(RandomHorizontalFlip().describe() == "RandomHorizontalFlip(p=0.5)");
  CHECK_THROWS_WITH(RandomHorizontalFlip(1.5), "RandomHorizontalFlip: p must be from 0 to 1, got 1.5");
  CHECK_THROWS_AS(RandomHorizontalFlip(std::nan("")), ValueError);
}
