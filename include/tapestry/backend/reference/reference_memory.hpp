// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>
#include <new>

#include "../../core/error.hpp"
#include "../device.hpp"
#include "memory.hpp"
#include "random.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
// The reference device's memory is host memory behind a wrong address: far outside what a process can own, so that host code that
// reads or writes it without a primitive stops at once, as it would on a GPU.
inline constexpr std::uintptr_t reference_tag = std::uintptr_t{1} << 54;

/// The real address behind a pointer of the reference device; null stays null.
template <class P>
P* host(P* pointer) {
  static_assert(sizeof(std::uintptr_t) == 8, "the reference device needs 64-bit addresses");
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (address == 0) return nullptr;
  if ((address & reference_tag) == 0) throw TypeError("reference: pointer must be of this device's memory, got memory of another device");
  return reinterpret_cast<P*>(address ^ reference_tag);
}
}  // namespace detail

/// Memory of the reference device: real memory, which the host cannot touch outside primitives. A template so that a program that never
/// asks for the device does not pay for compiling it.
template <class = void>
class ReferenceMemory final : public DeviceMemory {
 public:
  std::string_view name() const override { return "reference"; }
  bool host_readable() const override { return false; }

  void* allocate(std::size_t bytes) override {
    void* memory = ::operator new(bytes, alignment);
    std::memset(memory, 0xFF, bytes);  // NaN as floating point: what is read before it was written shows
    return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(memory) | detail::reference_tag);
  }
  void deallocate(void* memory, std::size_t) noexcept override { ::operator delete(detail::host(memory), alignment); }
  void release_cache() override {}

  void copy_from_host(void* to, const void* from, std::size_t bytes) override { move_bytes(detail::host(to), from, bytes); }
  void copy_to_host(void* to, const void* from, std::size_t bytes) override { move_bytes(to, detail::host(from), bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { move_bytes(detail::host(to), detail::host(from), bytes); }

  void fill(DType type, const void* value, Index count, void* to) override { plain::fill(type, value, count, detail::host(to)); }
  void cast(DType from_type, const void* from, DType to_type, void* to, Index count) override {
    plain::cast(from_type, detail::host(from), to_type, detail::host(to), count);
  }
  void strided_copy(std::size_t element_size, const Shape& shape, const void* from, const Shape& from_stride, void* to,
                    const Shape& to_stride) override {
    plain::strided_copy(element_size, shape, detail::host(from), from_stride, detail::host(to), to_stride);
  }
  void gather(std::size_t element_size, Index outer, Index size, Index inner, const Index* indices, Index count, const void* from,
              void* to) override {
    plain::gather(element_size, outer, size, inner, detail::host(indices), count, detail::host(from), detail::host(to));
  }
  Index first_outside(const Index* indices, Index count, Index low, Index high, Index except) override {
    return plain::first_outside(detail::host(indices), count, low, high, except);
  }
  void bernoulli(RandomStream random, double probability, Index count, bool* to) override {
    plain::bernoulli(random, probability, count, detail::host(to));
  }
  void random_integers(RandomStream random, Index low, Index high, Index count, Index* to) override {
    plain::random_integers(random, low, high, count, detail::host(to));
  }

 private:
  static constexpr std::align_val_t alignment{64};

  static void move_bytes(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memmove(to, from, bytes);  // with 0 bytes the pointers may be null
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI
