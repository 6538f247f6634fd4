// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "../../core/error.hpp"
#include "../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
inline std::atomic<int>& chosen_threads() {
  static std::atomic<int> count{0};  // 0: as many as OpenMP thinks right
  return count;
}
}  // namespace detail

/// How many threads the kernels may use.
inline int num_threads() {
#ifdef _OPENMP
  const int chosen = detail::chosen_threads();
  return chosen > 0 ? chosen : std::max(1, omp_get_max_threads());
#else
  return 1;
#endif
}

/// Sets how many threads the kernels may use, for the whole program; results do not depend on it.
/// Throws   ValueError if count < 1.
inline void set_num_threads(int count) {
  if (count < 1) throw ValueError(message("set_num_threads: count must be at least 1, got ", count));
  detail::chosen_threads() = count;
}

namespace detail {
/// A task of parallel_for without its type, so that the parallel region is compiled once.
struct UnitTask {
  void (*run)(const void* function, Index begin, Index end);
  const void* function;
  Index count, grain;

  template <class F>
  static void call(const void* f, Index begin, Index end) {
    (*static_cast<const F*>(f))(begin, end);
  }
  void run_unit(Index unit) const { run(function, unit * grain, std::min(count, (unit + 1) * grain)); }
#ifdef _OPENMP
  /// Each thread begins with a share of neighbouring units, so that it finds in its cache what it wrote in the pass before; then it helps others.
  void run_shared(Index units, int threads) const {
    struct alignas(64) Share {
      std::atomic<Index> next;
      Index end;
    };
    constexpr int most = 64;
    std::array<Share, most> shares;
    const int count_of_shares = std::min(threads, most);
    for (int i = 0; i < count_of_shares; ++i) {
      Share& share = shares[static_cast<std::size_t>(i)];
      share.next.store(units * i / count_of_shares, std::memory_order_relaxed);
      share.end = units * (i + 1) / count_of_shares;
    }
    std::atomic<bool> failed = false;
    std::exception_ptr error;
#pragma omp parallel num_threads(threads)
    {
      const int own = omp_get_thread_num();
      try {
        for (int i = 0; i < count_of_shares; ++i) {
          Share& share = shares[static_cast<std::size_t>((own + i) % count_of_shares)];
          for (Index unit; !failed.load(std::memory_order_relaxed) && (unit = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;)
            run_unit(unit);
        }
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
    if (error) std::rethrow_exception(error);
  }
#endif
  [[gnu::noinline]] void run_all() const {
    if (count <= 0) return;
    const Index units = (count + grain - 1) / grain;
#ifdef _OPENMP
    const int threads = static_cast<int>(std::min<Index>(num_threads(), units));
    if (threads > 1 && !omp_in_parallel()) return run_shared(units, threads);
#endif
    for (Index unit = 0; unit < units; ++unit) run_unit(unit);
  }
};
}  // namespace detail

/// Runs f(begin, end) over the units [0, grain), [grain, 2*grain), ... of [0, count), on several threads if there is more than one unit.
/// Where units begin and end depends on count and grain alone, so f may keep a partial result a unit. An exception in f reaches the
/// caller; units that had not begun are then left out. Inside another parallel_for it runs on the calling thread.
template <class F>
void parallel_for(Index count, Index grain, const F& f) {
  detail::UnitTask{detail::UnitTask::call<F>, &f, count, grain}.run_all();
}

}  // namespace tapestry::inline TAPESTRY_ABI
