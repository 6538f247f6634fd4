// SPDX-License-Identifier: MIT
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include "../core/random.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The random numbers of one sample in one epoch, drawn one after the other. Which worker draws them, and when, makes no
/// difference: draw number d of sample i is a pure function of (seed, epoch, i, d).
class SampleRandom {
 public:
  explicit SampleRandom(RandomStream stream = {}) : stream_(stream) {}

  double uniform() { return stream_.uniform(next_++); }                 ///< in [0, 1)
  double normal() { return stream_.normal(next_++); }                   ///< mean 0, deviation 1
  Index below(Index bound) { return stream_.below(next_++, bound); }    ///< in [0, bound)

 private:
  RandomStream stream_;
  Index next_ = 0;
};

namespace detail {
/// What the data floor draws random numbers for; each purpose has sequences of its own. 0 is left to Generator.
enum class DataDraw : std::uint64_t { split = 1, shuffle = 2, sample = 3 };

/// The sequence of one purpose in one epoch. Seed, epoch and purpose are hashed into a key, so that the whole counter is left for
/// `which` (a sample) and the draws.
inline RandomStream data_stream(DataDraw purpose, std::uint64_t seed, Index epoch, Index which = 0) {
  const auto key = philox(seed, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(purpose));
  return {std::uint64_t{key[1]} << 32 | key[0], 0, static_cast<std::uint64_t>(which)};
}

/// 0..count-1 in random order, each order equally likely.
/// Source   Fisher and Yates, 1938; Durstenfeld, "Algorithm 235", 1964.
inline std::vector<Index> random_order(Index count, const RandomStream& random) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  for (Index i = count - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i, i + 1))]);
  return order;
}
}  // namespace detail

}  // namespace tapestry::inline TAPESTRY_ABI
