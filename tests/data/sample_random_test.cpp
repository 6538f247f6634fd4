// SPDX-License-Identifier: MIT
#include <tapestry/data/sample_random.hpp>

#include <set>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("SampleRandom's draws depend on their number only, not on their kind", "[data]") {
  const RandomStream stream{8, 0, 3};
  SampleRandom random(stream);
  CHECK(random.uniform() == stream.uniform(0));
  CHECK(random.below(100) == stream.below(1, 100));
  CHECK(random.normal() == stream.normal(2));
}

TEST_CASE("Seeds, epochs, samples and purposes have sequences of their own", "[data]") {
  std::set<std::uint64_t> seen;
  int streams = 0;
  for (auto purpose : {detail::DataDraw::split, detail::DataDraw::shuffle, detail::DataDraw::sample})
    for (std::uint64_t seed : {0u, 1u, 2u})
      for (Index epoch : {0, 1, 2})
        for (Index sample : {0, 1, 2}) {
          ++streams;
          for (Index draw : {0, 1}) seen.insert(detail::data_stream(purpose, seed, epoch, sample).bits(draw));
        }
  CHECK(static_cast<int>(seen.size()) == 2 * streams);
}

TEST_CASE("random_order is a permutation, and every element comes to every place", "[data]") {
  CHECK(detail::random_order(0, {}).empty());
  CHECK(detail::random_order(1, {}) == std::vector<Index>{0});
  int count[4][4] = {};
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto order = detail::random_order(4, {seed, 0, 0});
    CHECK(std::set<Index>(order.begin(), order.end()).size() == 4);
    for (std::size_t i = 0; i < 4; ++i) ++count[i][order[i]];
  }
  for (const auto& row : count)
    for (int times : row) CHECK((times > 400 && times < 600));  // 500 expected, deviation 19
}
