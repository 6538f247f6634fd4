// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <vector>

#include "tapestry/tensor/creation.hpp"

namespace test {

/// The seed of every random test: TAPESTRY_TEST_SEED, or 1. Printed once, so that a failure can be repeated.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("TAPESTRY_TEST_SEED");
    const std::uint64_t chosen = given ? std::strtoull(given, nullptr, 10) : 1;
    std::printf("random configurations from TAPESTRY_TEST_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

/// Draws the sizes, options and values of one random configuration after another.
class RandomConfig {
 public:
  /// `salt` gives each test numbers of its own.
  explicit RandomConfig(std::uint64_t salt = 0) : generator_(seed() * 1000003 + salt) {}

  /// An integer from low to high, both included.
  tapestry::Index integer(tapestry::Index low, tapestry::Index high) { return low + generator_.reserve(1).below(0, high - low + 1); }
  double real(double low, double high) { return low + (high - low) * generator_.reserve(1).uniform(0); }
  /// 0, 1, ... count - 1 in turn: shares the configurations of a test out evenly among the ops of one family.
  tapestry::Index turn(tapestry::Index count) { return turn_++ % count; }
  bool coin() { return integer(0, 1) == 1; }
  template <class V>
  V pick(std::initializer_list<V> choices) {
    return choices.begin()[integer(0, static_cast<tapestry::Index>(choices.size()) - 1)];
  }
  template <class V>
  const V& pick(const std::vector<V>& choices) {
    return choices[static_cast<std::size_t>(integer(0, static_cast<tapestry::Index>(choices.size()) - 1))];
  }
  /// A shape of the given number of axes, each size from low to high.
  tapestry::Shape shape(tapestry::Index rank, tapestry::Index low = 1, tapestry::Index high = 4) {
    tapestry::Shape result;
    for (tapestry::Index axis = 0; axis < rank; ++axis) result.push_back(integer(low, high));
    return result;
  }
  /// A shape that broadcasts with `full`: leading axes left out and sizes turned to 1 at random.
  tapestry::Shape broadcastable(const tapestry::Shape& full) {
    tapestry::Shape result;
    for (tapestry::Index axis = coin() ? 0 : integer(0, full.rank()); axis < full.rank(); ++axis)
      result.push_back(integer(0, 2) == 0 ? 1 : full[axis]);
    return result;
  }
  tapestry::Layout layout() { return coin() ? tapestry::Layout::row_major : tapestry::Layout::channels_last; }
  /// Values from low to high; channels-last is taken on by 4-D tensors only.
  template <tapestry::Floating T = double>
  tapestry::Tensor<T> tensor(const tapestry::Shape& shape, tapestry::Device device, tapestry::Layout layout, double low = -2,
                             double high = 2) {
    return tapestry::in_layout(tapestry::uniform<T>(shape, low, high, generator_, device), layout);
  }
  /// Values no two of which are nearer than 1/16, in random order: for ops whose derivative jumps where values meet.
  template <tapestry::Floating T = double>
  tapestry::Tensor<T> distinct(const tapestry::Shape& shape, tapestry::Device device, tapestry::Layout layout) {
    const std::vector<tapestry::Index> order = tapestry::randperm(shape.numel(), generator_).to_vector();
    std::vector<T> values;
    for (tapestry::Index place : order) values.push_back(static_cast<T>(place - shape.numel() / 2) / 8 + static_cast<T>(0.03));
    return tapestry::in_layout(tapestry::tensor<T>(values, shape, device), layout);
  }
  tapestry::Generator& generator() { return generator_; }

 private:
  tapestry::Generator generator_;
  tapestry::Index turn_ = 0;
};

}  // namespace test
