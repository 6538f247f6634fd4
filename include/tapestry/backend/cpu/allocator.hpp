// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "../../core/config.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Memory that is kept for the next request of a like size: freeing and mapping the activations anew in each step costs more than
/// the arithmetic of a small network. Blocks are aligned to 64 bytes. Sizes are rounded up to one of eight classes an octave, so that at most
/// an eighth is wasted; each class has a list of free blocks. A thread keeps some small ones for itself, for which it needs no lock. With TAPESTRY_NO_CACHE=1 in the environment every
/// block comes from the system and goes back at once, so that sanitizers see its life.
class CachingAllocator {
 public:
  /// The one of the CPU; never destroyed, so that statics of any order may hold its memory.
  [[gnu::noinline]] static CachingAllocator& instance() {
    static CachingAllocator& allocator = *new CachingAllocator;
    return allocator;
  }

  /// Throws   std::bad_alloc if the system has no more memory, even after all that is held was given back.
  [[gnu::noinline]] void* allocate(std::size_t bytes) {
    const SizeClass c = size_class(bytes);
    if (void* block = c.number < OwnBlocks::classes ? own_blocks().take(c) : nullptr) return block;
    if (!pass_through_) {
      const std::lock_guard lock(mutex_);
      if (void* block = pop(free_[c.number])) return block;
    }
    void* memory = from_system(c.bytes);
    if (!memory) {
      release_cache();
      memory = from_system(c.bytes);
    }
    if (!memory) throw std::bad_alloc();
    return memory;
  }

  [[gnu::noinline]] void deallocate(void* memory, std::size_t bytes) noexcept {
    if (!memory) return;
    if (pass_through_) return std::free(memory);
    const SizeClass c = size_class(bytes);
    if (c.number < OwnBlocks::classes && own_blocks().keep(memory, c)) return;
    const std::lock_guard lock(mutex_);
    push(memory, free_[c.number]);
  }

  /// Gives every free block back to the system, but for those that other threads keep for themselves, at most 1 MiB each.
  void release_cache() {
    share(own_blocks());
    const std::lock_guard lock(mutex_);
    for (FreeBlock*& list : free_)
      while (list) {
        FreeBlock* next = list->next;
        std::free(list);
        list = next;
      }
  }

  /// How many bytes a request for `bytes` really takes.
  static std::size_t rounded(std::size_t bytes) { return size_class(bytes).bytes; }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  struct SizeClass {
    std::size_t number, bytes;
  };
  static void push(void* memory, FreeBlock*& list) { list = ::new (memory) FreeBlock{list}; }
  static void* pop(FreeBlock*& list) {
    FreeBlock* block = list;
    if (block) list = block->next;
    return block;
  }

  /// What a thread keeps for itself: blocks of up to 256 KiB, 1 MiB together.
  struct OwnBlocks {
    static constexpr std::size_t classes = 81, most = std::size_t{1} << 20;
    std::array<FreeBlock*, classes> free;
    std::size_t bytes;
    bool known, closed;  // whether they will be shared at the thread's end, and have been

    void* take(const SizeClass& c) {
      void* block = pop(free[c.number]);
      if (block) bytes -= c.bytes;
      return block;
    }
    bool keep(void* memory, const SizeClass& c) {
      if (closed || bytes + c.bytes > most) return false;
      if (!known) share_at_end();
      push(memory, free[c.number]);
      bytes += c.bytes;
      return true;
    }
    [[gnu::noinline]] void share_at_end() {
      struct End {
        OwnBlocks& blocks;
        ~End() {
          instance().share(blocks);
          blocks.closed = true;
        }
      };
      known = true;
      thread_local const End end{*this};
    }
  };
  /// Without a constructor and a destructor, so that what ends later than a thread's other variables may still use it.
  static OwnBlocks& own_blocks() {
    static thread_local constinit OwnBlocks blocks{};
    return blocks;
  }
  void share(OwnBlocks& own) {
    const std::lock_guard lock(mutex_);
    for (std::size_t number = 0; number < OwnBlocks::classes; ++number)
      while (void* block = pop(own.free[number])) push(block, free_[number]);
    own.bytes = 0;
  }

  static constexpr std::size_t alignment = 64, huge_page = std::size_t{2} << 20;

  /// Multiples of 64 up to 512; above, sizes (8 + i) * 2^e for i < 8.
  static SizeClass size_class(std::size_t bytes) {
    if (bytes > std::numeric_limits<std::size_t>::max() / 4) throw std::bad_alloc();
    const std::size_t lines = bytes == 0 ? 1 : (bytes + alignment - 1) / alignment;
    if (lines <= 8) return {lines, lines * alignment};
    const std::size_t exponent = static_cast<std::size_t>(std::bit_width(lines - 1)) - 4;
    const std::size_t eighths = ((lines - 1) >> exponent) + 1;  // 9 .. 16
    return {exponent * 8 + eighths, (eighths << exponent) * alignment};
  }

  static void* from_system(std::size_t bytes) {
#ifdef __linux__
    if (bytes >= huge_page) {  // fewer page faults, each of which is dear on a virtual machine
      void* memory = std::aligned_alloc(huge_page, (bytes + huge_page - 1) / huge_page * huge_page);
      if (memory) madvise(memory, bytes, MADV_HUGEPAGE);
      return memory;
    }
#endif
    return std::aligned_alloc(alignment, bytes);
  }

  std::mutex mutex_;
  std::array<FreeBlock*, 512> free_{};
  const bool pass_through_ = [] {
    const char* value = std::getenv("TAPESTRY_NO_CACHE");
    return value && value[0] == '1';
  }();
};

/// Bytes of Scratch. Out of line, for kernels have many of them.
class ScratchBytes {
 public:
  [[gnu::noinline]] explicit ScratchBytes(std::size_t bytes) : bytes_(bytes), memory_(CachingAllocator::instance().allocate(bytes)) {}
  [[gnu::noinline]] ~ScratchBytes() { CachingAllocator::instance().deallocate(memory_, bytes_); }
  ScratchBytes(const ScratchBytes&) = delete;
  ScratchBytes& operator=(const ScratchBytes&) = delete;

 protected:
  std::size_t bytes_;
  void* memory_;
};

/// Memory of a kernel's own, from the cache, given back at the end of the scope; not cleared.
template <class T>
class Scratch : ScratchBytes {
 public:
  explicit Scratch(std::int64_t count) : ScratchBytes(static_cast<std::size_t>(count) * sizeof(T)) {}
  T* data() const { return static_cast<T*>(memory_); }
  T& operator[](std::int64_t i) const { return data()[i]; }
};

/// The same for the standard library: `std::allocate_shared<Node>(CachedAllocator<Node>())`.
template <class U>
struct CachedAllocator {
  using value_type = U;
  CachedAllocator() = default;
  template <class V>
  CachedAllocator(const CachedAllocator<V>&) {}
  U* allocate(std::size_t count) {
    if (count > std::numeric_limits<std::size_t>::max() / sizeof(U)) throw std::bad_array_new_length();
    return static_cast<U*>(CachingAllocator::instance().allocate(count * sizeof(U)));
  }
  void deallocate(U* memory, std::size_t count) noexcept { CachingAllocator::instance().deallocate(memory, count * sizeof(U)); }
  template <class V>
  friend bool operator==(const CachedAllocator&, const CachedAllocator<V>&) {
    return true;
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI
