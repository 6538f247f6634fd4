// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cmath>
#include <numbers>

#include "scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Random numbers as a pure function of (seed, position): no state to share, so every thread and every device
/// computes the same number for the same element. Ten rounds of multiply and xor on a 128-bit counter.
/// Source   Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011 (Philox4x32-10).
inline std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t position, std::uint64_t stream = 0) {
  std::uint32_t c0 = static_cast<std::uint32_t>(position), c1 = static_cast<std::uint32_t>(position >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(stream), c3 = static_cast<std::uint32_t>(stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

/// A run of the random sequence: element i of a fill uses number position + i of the sequence that seed and stream name.
struct RandomStream {
  std::uint64_t seed = 0;
  std::uint64_t position = 0;
  std::uint64_t stream = 0;

  /// 64 random bits for element i.
  std::uint64_t bits(Index i) const {
    const auto r = philox(seed, position + static_cast<std::uint64_t>(i), stream);
    return (std::uint64_t{r[1]} << 32) | r[0];
  }
  /// Uniform in [0, 1), element i; 53 bits of it are random.
  double uniform(Index i) const { return static_cast<double>(bits(i) >> 11) * 0x1p-53; }
  /// Standard normal, element i, by Box and Muller's transform.
  double normal(Index i) const {
    const auto r = philox(seed, position + static_cast<std::uint64_t>(i), stream);
    const double u = (static_cast<double>((std::uint64_t{r[1]} << 32 | r[0]) >> 11) + 1) * 0x1p-53;  // in (0, 1]: log(u) is finite
    const double v = static_cast<double>((std::uint64_t{r[3]} << 32 | r[2]) >> 11) * 0x1p-53;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
  }
  /// Uniform integer in [0, bound), element i. The bias of the multiplication is below bound / 2^64.
  Index below(Index i, Index bound) const {
    const std::uint64_t b = static_cast<std::uint64_t>(bound), r = bits(i);
    const std::uint64_t low = ((r & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu)) >> 32;  // the high half of a 64 x 64 bit product, by schoolbook
    const std::uint64_t m1 = (r >> 32) * (b & 0xFFFFFFFFu) + low;
    const std::uint64_t m2 = (r & 0xFFFFFFFFu) * (b >> 32) + (m1 & 0xFFFFFFFFu);
    return static_cast<Index>((r >> 32) * (b >> 32) + (m1 >> 32) + (m2 >> 32));
  }
};

/// Where random ops take their numbers from: a seed and how many numbers were used so far. Both are its whole state.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0) : seed_(seed) {}
  Generator(const Generator& other) : seed_(other.seed()), position_(other.position()) {}
  Generator& operator=(const Generator& other) {
    set(other.seed(), other.position());
    return *this;
  }

  std::uint64_t seed() const { return seed_; }
  std::uint64_t position() const { return position_; }
  /// Continues at a known place, as after loading a checkpoint.
  void set(std::uint64_t seed, std::uint64_t position = 0) {
    seed_ = seed;
    position_ = position;
  }
  /// The next `count` numbers of the sequence.
  RandomStream reserve(Index count) { return {seed_, position_.fetch_add(static_cast<std::uint64_t>(count))}; }

 private:
  std::atomic<std::uint64_t> seed_;
  std::atomic<std::uint64_t> position_ = 0;
};

/// The generator that random ops use when none is given; shared by all threads.
inline Generator& default_generator() {
  static Generator generator;
  return generator;
}

/// Restarts the default generator: the same program then draws the same numbers.
inline void manual_seed(std::uint64_t seed) { default_generator().set(seed); }

}  // namespace tapestry::inline TAPESTRY_ABI
