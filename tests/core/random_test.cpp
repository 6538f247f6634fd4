// SPDX-License-Identifier: MIT
#include <tapestry/core/random.hpp>

#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;
using Words = std::array<std::uint32_t, 4>;

TEST_CASE("philox gives the known answers of Random123's kat_vectors") {
  CHECK(philox(0, 0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox(~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: the digits of pi, lowest word first
  CHECK(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) == Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("element i of a stream is number position + i of its sequence") {
  const RandomStream whole{7, 0, 3}, later{7, 1000, 3};
  for (Index i = 0; i < 20; ++i) {
    CHECK(later.bits(i) == whole.bits(1000 + i));
    CHECK(later.uniform(i) == whole.uniform(1000 + i));
    CHECK(later.normal(i) == whole.normal(1000 + i));
    CHECK(later.below(i, 10) == whole.below(1000 + i, 10));
  }
}

TEST_CASE("seed and stream name different sequences") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (std::uint64_t stream = 0; stream < 10; ++stream) seen.insert(RandomStream{seed, 0, stream}.bits(0));
  CHECK(seen.size() == 100);
}

TEST_CASE("uniform numbers lie in [0, 1) with the moments of their distribution") {
  const RandomStream random{1};
  const Index count = 20000;
  double sum = 0, squares = 0;
  for (Index i = 0; i < count; ++i) {
    const double u = random.uniform(i);
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    sum += u;
    squares += u * u;
  }
  CHECK(sum / count == Approx(0.5).margin(0.01));
  CHECK(squares / count == Approx(1.0 / 3).margin(0.01));
}

TEST_CASE("normal numbers have the moments of their distribution") {
  const RandomStream random{2};
  const Index count = 40000;
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0;
  for (Index i = 0; i < count; ++i) {
    const double z = random.normal(i);
    REQUIRE(std::isfinite(z));
    sum += z;
    squares += z * z;
    cubes += z * z * z;
    fourths += z * z * z * z;
    neighbours += z * random.normal(i + 1);
  }
  CHECK(sum / count == Approx(0).margin(0.03));
  CHECK(squares / count == Approx(1).margin(0.04));
  CHECK(cubes / count == Approx(0).margin(0.1));
  CHECK(fourths / count == Approx(3).margin(0.25));
  CHECK(neighbours / count == Approx(0).margin(0.03));
}

TEST_CASE("below reaches every integer under its bound, evenly") {
  const RandomStream random{3};
  std::vector<int> hits(7);
  for (Index i = 0; i < 7000; ++i) ++hits.at(static_cast<std::size_t>(random.below(i, 7)));  // at() refuses what lies outside
  for (int count : hits) CHECK(count == Approx(1000).margin(150));
  for (Index i = 0; i < 10; ++i) CHECK(random.below(i, 1) == 0);
}

#ifdef __SIZEOF_INT128__
TEST_CASE("below is the high half of a 64 x 64 bit product") {
  __extension__ using Wide = unsigned __int128;
  const RandomStream random{4};
  for (Index i = 0; i < 200; ++i)
    for (Index bound : {Index{1}, Index{10}, Index{1} << 31, (Index{1} << 40) + 12345, INT64_MAX})
      CHECK(random.below(i, bound) == static_cast<Index>((static_cast<Wide>(random.bits(i)) * static_cast<std::uint64_t>(bound)) >> 64));
}
#endif

TEST_CASE("a generator hands out runs that do not overlap, and its copy continues alike") {
  Generator generator(5);
  const RandomStream a = generator.reserve(100), b = generator.reserve(10);
  CHECK(a.seed == 5);
  CHECK(a.position == 0);
  CHECK(b.position == 100);
  Generator copy = generator;
  CHECK(copy.reserve(1).bits(0) == generator.reserve(1).bits(0));
  CHECK(generator.position() == 111);
  generator.set(5, 100);
  CHECK(generator.reserve(1).bits(0) == b.bits(0));
}

TEST_CASE("threads that share a generator never get the same number") {
  Generator generator(6);
  std::vector<std::vector<std::uint64_t>> starts(4);
  std::vector<std::thread> threads;
  for (auto& mine : starts)
    threads.emplace_back([&generator, &mine] {
      for (int i = 0; i < 500; ++i) mine.push_back(generator.reserve(3).position);
    });
  for (auto& thread : threads) thread.join();
  std::set<std::uint64_t> all;
  for (const auto& mine : starts) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 2000);
  CHECK(generator.position() == 6000);
}

TEST_CASE("manual_seed restarts the default generator") {
  manual_seed(42);
  const std::uint64_t first = default_generator().reserve(1).bits(0);
  CHECK(default_generator().reserve(1).bits(0) != first);
  manual_seed(42);
  CHECK(default_generator().reserve(1).bits(0) == first);
}
