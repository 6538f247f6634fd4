// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstring>

#include "../device.hpp"
#include "allocator.hpp"
#include "cast.hpp"
#include "parallel_for.hpp"
#include "random.hpp"
#include "strided_copy.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The host's own memory. A template so that tapestry::compiled can hold it ready.
template <class = void>
class CpuMemory : public DeviceMemory {
 public:
  std::string_view name() const override { return "cpu"; }
  bool host_readable() const override { return true; }

  void* allocate(std::size_t bytes) override { return CachingAllocator::instance().allocate(bytes); }
  void deallocate(void* memory, std::size_t bytes) noexcept override { CachingAllocator::instance().deallocate(memory, bytes); }
  void release_cache() override { CachingAllocator::instance().release_cache(); }

  void copy_from_host(void* to, const void* from, std::size_t bytes) override { copy(to, from, bytes); }
  void copy_to_host(void* to, const void* from, std::size_t bytes) override { copy(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override {
    parallel_for(static_cast<Index>(bytes), Index{1} << 20, [=](Index begin, Index end) {
      std::memmove(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, static_cast<std::size_t>(end - begin));
    });
  }

  void fill(DType type, const void* value, Index count, void* to) override {
    parallel_for(count, Index{1} << 17, [=, size = size_of(type)](Index begin, Index end) {
      const auto fill_with = [&]<class U>(U bits) {
        std::memcpy(&bits, value, sizeof bits);
        std::fill(static_cast<U*>(to) + begin, static_cast<U*>(to) + end, bits);
      };
      if (size == 1) return fill_with(std::uint8_t{});
      if (size == 4) return fill_with(std::uint32_t{});
      fill_with(std::uint64_t{});
    });
  }

  void cast(DType from_type, const void* from, DType to_type, void* to, Index count) override {
    parallel_for(count, Index{1} << 16, [=](Index begin, Index end) { cpu_kernels::cast(from_type, from, to_type, to, begin, end); });
  }

  void strided_copy(std::size_t element_size, const Shape& shape, const void* from, const Shape& from_stride, void* to,
                    const Shape& to_stride) override {
    cpu_kernels::strided_copy(element_size, shape, from, from_stride, to, to_stride);
  }

  void gather(std::size_t element_size, Index outer, Index size, Index inner, const Index* indices, Index count, const void* from,
              void* to) override {
    const std::size_t run = element_size * static_cast<std::size_t>(inner);
    if (run == 0) return;
    parallel_for(outer * count, std::max<Index>(1, (Index{1} << 16) / static_cast<Index>(run)), [=](Index begin, Index end) {
      for (Index at = begin; at < end; ++at) {
        const Index source = at / count * size + indices[at % count];
        std::memcpy(static_cast<char*>(to) + static_cast<std::size_t>(at) * run,
                    static_cast<const char*>(from) + static_cast<std::size_t>(source) * run, run);
      }
    });
  }

  Index first_outside(const Index* indices, Index count, Index low, Index high, Index except) override {
    const Index* found = std::find_if(indices, indices + count, [=](Index i) { return (i < low || i >= high) && i != except; });
    return found == indices + count ? -1 : found - indices;
  }

  void bernoulli(RandomStream random, double probability, Index count, bool* to) override {
    cpu_kernels::bernoulli(random, probability, count, to);
  }
  void random_integers(RandomStream random, Index low, Index high, Index count, Index* to) override {
    parallel_for(count, 8192, [=](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) to[i] = low + random.below(i, high - low);
    });
  }
};
#ifdef TAPESTRY_COMPILED
extern template class CpuMemory<void>;
#endif

}  // namespace tapestry::inline TAPESTRY_ABI
