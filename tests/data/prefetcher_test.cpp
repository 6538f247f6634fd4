// SPDX-License-Identifier: MIT
#include <tapestry/data/prefetcher.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("Prefetcher hands out items in order, whoever makes them", "[data]") {
  const Index workers = GENERATE(0, 1, 2, 5, 8);
  CAPTURE(workers);
  Prefetcher<std::string> items(
      [](Index i) {
        std::this_thread::sleep_for(std::chrono::microseconds((i * 37 % 11) * 20));  // so that they finish out of order
        return std::to_string(i);
      },
      3, 60, workers, 2 * workers);
  for (Index i = 3; i < 60; ++i) CHECK(items.next() == std::to_string(i));
  CHECK_FALSE(items.next().has_value());
  CHECK_FALSE(items.next().has_value());
}

TEST_CASE("Prefetcher keeps its distance", "[data]") {
  std::atomic<Index> made{0};
  Prefetcher<Index> items([&](Index i) { return ++made, i; }, 0, 100, 2, 4);
  for (Index i = 0; i < 20; ++i) {
    CHECK(items.next() == i);
    CHECK(made <= i + 1 + 4);
  }
}

TEST_CASE("Prefetcher passes an exception on in its turn and ends its threads", "[data]") {
  const Index workers = GENERATE(0, 1, 4);
  Prefetcher<Index> items([](Index i) { return i == 2 ? throw std::runtime_error("two") : i; }, 0, 50, workers, 3 * workers);
  CHECK(items.next() == 0);
  CHECK(items.next() == 1);
  CHECK_THROWS_WITH(items.next(), "two");
}

TEST_CASE("Prefetcher may have nothing to do, or be left at once", "[data]") {
  Prefetcher<Index> empty([](Index i) { return i; }, 5, 5, 3, 6);
  CHECK_FALSE(empty.next().has_value());
  for (int round = 0; round < 20; ++round) Prefetcher<Index>([](Index i) { return i; }, 0, 1000, 3, 6);
}
