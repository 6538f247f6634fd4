// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "../reference/random.hpp"
#include "kernel/isa.hpp"
#include "kernel/vector.hpp"
#include "parallel_for.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

inline constexpr Index random_grain = 4096;

// Element i is a function of i alone: any thread may compute it.

template <Floating T>
void uniform(RandomStream random, T low, T high, Index count, T* y) {
  parallel_for(count, random_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = plain::uniform_value(random, i, low, high);
  });
}

template <Floating T>
void normal(RandomStream random, T mean, T deviation, Index count, T* y) {
  parallel_for(count, random_grain, [=](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) y[i] = plain::normal_value(random, i, mean, deviation);
  });
}

/// to[i] = random.uniform(i) < probability for i from `first` on: the generator's rounds (core/random.hpp), an element a lane of 64 bits.
struct BernoulliRange {
  RandomStream random;
  std::int64_t bound;  // in units of 2^-53
  Index first, count;
  bool* to;

  template <int Bytes>
  [[gnu::always_inline]] static void run(const BernoulliRange* r) {
    using V = Vector<std::uint64_t, Bytes>;
    using Signed = Vector<std::int64_t, Bytes>;
    constexpr Index lanes = Bytes / 8;
    constexpr std::uint64_t low = 0xFFFFFFFF;
    V step{};
    for (Index lane = 0; lane < lanes; ++lane) step[lane] = static_cast<std::uint64_t>(lane);
    for (Index i = 0; i < r->count; i += lanes) {
      const V at = step + (r->random.position + static_cast<std::uint64_t>(r->first + i));
      V c0 = at & low, c1 = at >> 32, c2 = V{} + (r->random.stream & low), c3 = V{} + (r->random.stream >> 32);
      std::uint64_t k0 = r->random.seed & low, k1 = r->random.seed >> 32;
      for (int round = 0; round < 10; ++round) {
        const V p0 = c0 * std::uint64_t{0xD2511F53}, p1 = c2 * std::uint64_t{0xCD9E8D57};
        c0 = (p1 >> 32) ^ c1 ^ k0, c2 = (p0 >> 32) ^ c3 ^ k1;
        c1 = p1 & low, c3 = p0 & low;
        k0 = (k0 + 0x9E3779B9u) & low, k1 = (k1 + 0xBB67AE85u) & low;
      }
      const Signed keep = reinterpret_cast<Signed>((c1 << 32 | c0) >> 11) < Signed{} + r->bound;
      for (Index lane = 0; lane < std::min(lanes, r->count - i); ++lane) r->to[i + lane] = keep[lane] != 0;
    }
  }
};

inline void bernoulli(const RandomStream& random, double probability, Index count, bool* to) {
  parallel_for(count, 4 * random_grain, [&](Index begin, Index end) {
    if (!has_wide_vectors()) {
      RandomStream from = random;
      from.position += static_cast<std::uint64_t>(begin);
      return plain::bernoulli(from, probability, end - begin, to + begin);
    }
    const BernoulliRange range{random, static_cast<std::int64_t>(std::ceil(probability * 0x1p53)), begin, end - begin, to + begin};
    dispatch_wide<BernoulliRange>(&range);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
