// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

#include "../core/random.hpp"
#include "../core/scalar.hpp"
#include "../core/shape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a device must do with memory, whatever the scalar type: one line a primitive. Pointers are the device's own;
/// the host may read them only where `host_readable` says so. All counts are in elements unless they say bytes.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  virtual std::string_view name() const = 0;
  virtual bool host_readable() const = 0;

  virtual void* allocate(std::size_t bytes) = 0;  ///< aligned to 64 bytes, not cleared; thread-safe
  virtual void deallocate(void* memory, std::size_t bytes) noexcept = 0;
  virtual void release_cache() = 0;  ///< gives memory that is held for reuse back to the system

  virtual void copy_from_host(void* to, const void* from, std::size_t bytes) = 0;
  virtual void copy_to_host(void* to, const void* from, std::size_t bytes) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;  ///< both on this device

  /// to[i] = *value for i < count; `value` lies on the host.
  virtual void fill(DType type, const void* value, Index count, void* to) = 0;
  /// to[i] = from[i] converted as by static_cast; to bool: whether it differs from 0.
  virtual void cast(DType from_type, const void* from, DType to_type, void* to, Index count) = 0;
  /// For every coordinate of `shape`: to[sum of coordinate*to_stride] = from[sum of coordinate*from_stride]. Strides are in elements and may be 0 or negative.
  virtual void strided_copy(std::size_t element_size, const Shape& shape, const void* from, const Shape& from_stride, void* to,
                            const Shape& to_stride) = 0;
  /// to[o][i][r] = from[o][indices[i]][r] for o < outer, i < count, r < inner; the gathered axis of `from` has `size` entries.
  virtual void gather(std::size_t element_size, Index outer, Index size, Index inner, const Index* indices, Index count, const void* from,
                      void* to) = 0;
  /// The first position whose index lies outside [low, high) and is not `except`; -1 if there is none.
  virtual Index first_outside(const Index* indices, Index count, Index low, Index high, Index except) = 0;

  virtual void bernoulli(RandomStream random, double probability, Index count, bool* to) = 0;  ///< to[i] = random.uniform(i) < probability
  virtual void random_integers(RandomStream random, Index low, Index high, Index count, Index* to) = 0;  ///< to[i] = low + random.below(i, high - low)
};

namespace detail {
/// What a Device handle points to; made once, never destroyed, so that a global network may outlive every static.
struct DeviceEntry {
  DeviceMemory* memory = nullptr;
  std::array<std::atomic<void*>, dtype_count> kernels{};  // Kernels<T>* by DType, see kernels.hpp
};
}  // namespace detail

/// The handle that a tensor carries: which device its memory lies on. `cpu()`, `reference()`.
class Device {
 public:
  explicit Device(detail::DeviceEntry& entry) : entry_(&entry) {}
  std::string_view name() const { return entry_->memory->name(); }
  DeviceMemory& memory() const { return *entry_->memory; }
  detail::DeviceEntry& entry() const { return *entry_; }
  friend bool operator==(const Device& a, const Device& b) { return a.entry_ == b.entry_; }

 private:
  detail::DeviceEntry* entry_;
};
inline std::string to_string(const Device& device) { return std::string(device.name()); }

/// Device memory for a kernel's own use, given back at the end of the scope.
template <class T>
class Workspace {
 public:
  Workspace(DeviceMemory& memory, Index count)
      : memory_(memory), bytes_(static_cast<std::size_t>(count) * sizeof(T)), data_(static_cast<T*>(memory.allocate(bytes_))) {}
  ~Workspace() { memory_.deallocate(data_, bytes_); }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  T* data() const { return data_; }

 private:
  DeviceMemory& memory_;
  std::size_t bytes_;
  T* data_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
