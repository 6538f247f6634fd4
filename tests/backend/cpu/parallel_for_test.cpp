// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/parallel_for.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;

namespace {
struct Threads {  // restores the number of threads
  int before = num_threads();
  ~Threads() { set_num_threads(before); }
};
}  // namespace

TEST_CASE("parallel_for runs every unit once, cut by count and grain alone") {
  const Threads restore;
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    CHECK(num_threads() >= 1);
    for (Index count : {0, 1, 7, 100, 1001})
      for (Index grain : {1, 7, 100, 5000}) {
        std::vector<int> seen(static_cast<std::size_t>(count), 0);
        std::vector<Index> ends(static_cast<std::size_t>(count), -1);
        parallel_for(count, grain, [&](Index begin, Index end) {
          ends[static_cast<std::size_t>(begin)] = end;
          for (Index i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        CHECK(std::count(seen.begin(), seen.end(), 1) == count);
        for (Index begin = 0; begin < count; ++begin)
          CHECK(ends[static_cast<std::size_t>(begin)] == (begin % grain ? -1 : std::min(count, begin + grain)));
      }
  }
}

TEST_CASE("parallel_for hands an exception to the caller and works afterwards") {
  const Threads restore;
  set_num_threads(3);
  const auto fail = [](Index begin, Index) {
    if (begin == 40) throw std::runtime_error("unit 40");
  };
  CHECK_THROWS_WITH(parallel_for(100, 1, fail), "unit 40");
  std::atomic<Index> sum = 0;
  parallel_for(100, 3, [&](Index begin, Index end) { sum += end - begin; });
  CHECK(sum == 100);
}

TEST_CASE("parallel_for works inside itself and on threads of the user's own") {
  const Threads restore;
  set_num_threads(2);
  std::atomic<Index> sum = 0;
  const auto nested = [&] {
    parallel_for(10, 1, [&](Index, Index) { parallel_for(10, 1, [&](Index begin, Index end) { sum += end - begin; }); });
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) workers.emplace_back(nested);
  for (std::thread& worker : workers) worker.join();
  CHECK(sum == 300);
}

TEST_CASE("set_num_threads refuses fewer than one") {
  const int before = num_threads();
  CHECK_THROWS_WITH(set_num_threads(0), "set_num_threads: count must be at least 1, got 0");
  CHECK(num_threads() == before);
}
