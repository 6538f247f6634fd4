// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/allocator.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("allocator: blocks are aligned, large enough, and at most an eighth too large") {
  CachingAllocator& allocator = CachingAllocator::instance();
  for (std::size_t bytes : std::vector<std::size_t>{0, 1, 63, 64, 65, 500, 513, 4097, 100000, 3 << 20}) {
    char* block = static_cast<char*>(allocator.allocate(bytes));
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
    std::memset(block, 1, bytes);
    allocator.deallocate(block, bytes);
    CHECK(CachingAllocator::rounded(bytes) >= bytes);
    CHECK(CachingAllocator::rounded(bytes) <= std::max<std::size_t>(bytes + 64, bytes + bytes / 8 + 64));
  }
  std::size_t last = 0;
  for (std::size_t bytes = 1; bytes < 100000; bytes += 61) {
    CHECK(CachingAllocator::rounded(bytes) >= last);
    last = CachingAllocator::rounded(bytes);
  }
}

TEST_CASE("allocator: what was freed is used again, until the cache is released") {
  CachingAllocator& allocator = CachingAllocator::instance();
  const char* no_cache = std::getenv("TAPESTRY_NO_CACHE");
  if (no_cache && no_cache[0] == '1') return;
  void* block = allocator.allocate(10000);
  allocator.deallocate(block, 10000);
  void* again = allocator.allocate(9999);
  CHECK(again == block);
  allocator.deallocate(again, 9999);
  allocator.release_cache();
  void* fresh = allocator.allocate(10000);
  CHECK(fresh != nullptr);
  allocator.deallocate(fresh, 10000);
}

TEST_CASE("allocator: what a thread kept for itself is others' after its end, and it keeps little") {
  CachingAllocator& allocator = CachingAllocator::instance();
  const char* no_cache = std::getenv("TAPESTRY_NO_CACHE");
  if (no_cache && no_cache[0] == '1') return;
  allocator.release_cache();
  void* kept = nullptr;
  std::thread([&] {
    kept = allocator.allocate(5000);
    allocator.deallocate(kept, 5000);
  }).join();
  void* again = allocator.allocate(5000);
  CHECK(again == kept);
  allocator.deallocate(again, 5000);

  // 3 MiB freed here: all but 1 MiB is there for others.
  constexpr std::size_t bytes = std::size_t{64} << 10;
  std::vector<void*> blocks(48);
  for (void*& block : blocks) block = allocator.allocate(bytes);
  for (void* block : blocks) allocator.deallocate(block, bytes);
  std::ptrdiff_t found = 0;
  std::thread([&] {
    std::vector<void*> taken(32);
    for (void*& block : taken) {
      block = allocator.allocate(bytes);
      found += std::count(blocks.begin(), blocks.end(), block);
    }
    for (void* block : taken) allocator.deallocate(block, bytes);
  }).join();
  CHECK(found == 32);
}

TEST_CASE("allocator: a size that no memory holds is refused") {
  CHECK_THROWS_AS(CachingAllocator::instance().allocate(std::size_t{1} << 62), std::bad_alloc);
  CHECK_THROWS_AS(CachingAllocator::instance().allocate(~std::size_t{0}), std::bad_alloc);
}

TEST_CASE("allocator: threads do not get one another's blocks") {
  std::atomic<int> wrong = 0;
  const auto work = [&](int id) {
    for (std::size_t round = 0; round < 2000; ++round) {
      const std::size_t bytes = 64 + round % 7 * 100;
      auto* block = static_cast<unsigned char*>(CachingAllocator::instance().allocate(bytes));
      std::memset(block, id, bytes);
      for (std::size_t i = 0; i < bytes; ++i) wrong += block[i] != id;
      CachingAllocator::instance().deallocate(block, bytes);
    }
  };
  std::vector<std::thread> threads;
  for (int id = 1; id <= 4; ++id) threads.emplace_back(work, id);
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("CachedAllocator serves the standard library") {
  const auto shared = std::allocate_shared<std::vector<int>>(CachedAllocator<std::vector<int>>(), 3, 7);
  CHECK(*shared == std::vector<int>{7, 7, 7});
  std::vector<double, CachedAllocator<double>> numbers(1000, 0.5);
  numbers.push_back(2);
  CHECK(numbers.front() == 0.5);
  CHECK(numbers.back() == 2);
}
