// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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

  void run_unit(Index unit) const { run(function, unit * grain, std::min(count, (unit + 1) * grain)); }
  [[gnu::noinline]] void run_all() const {
    if (count <= 0) return;
    const Index units = (count + grain - 1) / grain;
#ifdef _OPENMP
    const int threads = static_cast<int>(std::min<Index>(num_threads(), units));
    if (threads > 1 && !omp_in_parallel()) {
      std::atomic<bool> failed = false;
      std::exception_ptr error;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
      for (Index unit = 0; unit < units; ++unit) {
        if (failed.load(std::memory_order_relaxed)) continue;
        try {
          run_unit(unit);
        } catch (...) {
          if (!failed.exchange(true)) error = std::current_exception();
        }
      }
      if (error) std::rethrow_exception(error);
      return;
    }
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
  const auto run = [](const void* function, Index begin, Index end) { (*static_cast<const F*>(function))(begin, end); };
  detail::UnitTask{run, &f, count, grain}.run_all();
}

}  // namespace tapestry::inline TAPESTRY_ABI
