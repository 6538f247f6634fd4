// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Items first, first + 1, ..., last - 1 in that order, made ahead of time by threads: next() hands them out one by one. With 0
/// workers each item is made when it is asked for. Item i is make(i) whoever makes it, so the items do not depend on the number of threads.
///
/// Method   Workers take the next number as long as it is less than `ahead` items beyond the last one handed out, and
///          put what they made, or the exception, into a ring.
template <class T>
class Prefetcher {
 public:
  Prefetcher(std::function<T(Index)> make, Index first, Index last, Index workers, Index ahead)
      : make_(std::move(make)), next_(first), taken_(first), last_(last) {
    if (workers == 0) return;
    ring_.resize(static_cast<std::size_t>(ahead));
    workers = std::min(workers, std::max<Index>(last - first, 0));
    threads_.reserve(static_cast<std::size_t>(workers));
    try {
      for (Index i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
    } catch (...) {  // no more threads to be had: those that run must end before the members go
      stop();
      throw;
    }
  }
  ~Prefetcher() { stop(); }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// The next item; nothing after the last.
  /// Throws   what make(i) threw, in that item's turn.
  std::optional<T> next() {
    if (next_ >= last_) return std::nullopt;
    if (ring_.empty()) return make_(next_++);
    std::unique_lock lock(mutex_);
    Slot& slot = slot_of(next_);
    made_.wait(lock, [&] { return slot.item || slot.error; });
    if (slot.error) std::rethrow_exception(slot.error);
    std::optional<T> item = std::exchange(slot.item, std::nullopt);
    ++next_;
    room_.notify_one();
    return item;
  }

 private:
  struct Slot {
    std::optional<T> item;
    std::exception_ptr error;
  };

  Slot& slot_of(Index i) { return ring_[static_cast<std::size_t>(i) % ring_.size()]; }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [&] { return stopping_ || taken_ >= last_ || taken_ - next_ < static_cast<Index>(ring_.size()); });
      if (stopping_ || taken_ >= last_) return;
      const Index i = taken_++;
      lock.unlock();
      Slot made;
      try {
        made.item.emplace(make_(i));
      } catch (...) {
        made.error = std::current_exception();
      }
      lock.lock();
      slot_of(i) = std::move(made);
      made_.notify_one();
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    room_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  std::function<T(Index)> make_;
  std::mutex mutex_;
  std::condition_variable made_, room_;
  std::vector<Slot> ring_;
  Index next_;   // the next item to hand out
  Index taken_;  // the next item to make
  Index last_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
