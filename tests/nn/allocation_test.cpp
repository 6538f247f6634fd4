// SPDX-License-Identifier: MIT
// Inference that is warm asks the system for no memory: elements, shapes and handles come from the cache.
#include <atomic>
#include <cstdlib>
#include <new>

#include <tapestry/models/cifar_net.hpp>

#include "support/catch.hpp"

namespace {
std::atomic<long> allocations{0};
}

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
// The standard's own would do, but a sanitizer brings one that does not come here.
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

using namespace tapestry;

TEST_CASE("a warm forward pass allocates nothing", "[nn]") {
  auto net = cifar_net();
  net.eval();
  const Tensor<> x = Tensor<>({4, 3, 32, 32}, Layout::channels_last).fill(0.5f);
  for (int warm = 0; warm < 2; ++warm) net(x);
  const long before = allocations;
  net(x);
  CHECK(allocations - before == 0);
  CHECK(before > 0);  // it does count
}
