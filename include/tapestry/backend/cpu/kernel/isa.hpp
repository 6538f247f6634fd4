// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdlib>
#include <string_view>

#include "../../../core/error.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What instructions the kernels may use. The choice is made at run time: a program built for any processor of its
/// kind runs at the full speed of the one at hand.
enum class InstructionSet : unsigned char { baseline, avx2, avx512 };

constexpr std::string_view name_of(InstructionSet set) {
  return set == InstructionSet::avx512 ? "avx512" : set == InstructionSet::avx2 ? "avx2" : "baseline";
}

/// The widest that this processor can do.
inline InstructionSet best_instruction_set() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq"))
    return InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

namespace detail {
inline std::atomic<InstructionSet>& chosen_instruction_set() {
  static std::atomic<InstructionSet> chosen = [] {  // TAPESTRY_ISA in the environment may ask for less than the processor can
    const InstructionSet best = best_instruction_set();
    const char* value = std::getenv("TAPESTRY_ISA");
    for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2})
      if (value && name_of(set) == value && set < best) return set;
    return best;
  }();
  return chosen;
}
}  // namespace detail

/// What the kernels use now.
inline InstructionSet instruction_set() { return detail::chosen_instruction_set().load(std::memory_order_relaxed); }

/// Makes the kernels use `set`; results may then differ in the last digits.
/// Throws   ValueError if the processor lacks it.
inline void set_instruction_set(InstructionSet set) {
  if (set > best_instruction_set())
    throw ValueError(message("set_instruction_set: this processor has no ", name_of(set), ", only ", name_of(best_instruction_set())));
  detail::chosen_instruction_set() = set;
}

namespace cpu_kernels {
// A kernel is a type with `template <int Bytes> [[gnu::always_inline]] static void run(...)`, written with vectors of that many bytes. It has
// no target of its own but takes that of the function it is inlined into, so everything it calls must be always_inline, too:
// lambdas and helpers that are not would be compiled for the baseline, and vectors would be passed in a way that the two sides disagree on.
#if defined(__x86_64__) && defined(__GNUC__)
template <class Kernel, class... Arguments>
[[gnu::target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]] void run_avx512(Arguments... arguments) noexcept {
  Kernel::template run<64>(arguments...);
}
template <class Kernel, class... Arguments>
[[gnu::target("avx2,fma")]] void run_avx2(Arguments... arguments) noexcept {
  Kernel::template run<32>(arguments...);
}
#endif
template <class Kernel, class... Arguments>
void run_baseline(Arguments... arguments) noexcept {
  Kernel::template run<16>(arguments...);
}

/// Runs a kernel with the instruction set in use.
template <class Kernel, class... Arguments>
void dispatch(Arguments... arguments) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  const InstructionSet set = instruction_set();
  if (set == InstructionSet::avx512) return run_avx512<Kernel>(arguments...);
  if (set == InstructionSet::avx2) return run_avx2<Kernel>(arguments...);
#endif
  run_baseline<Kernel>(arguments...);
}

// Each instruction set that a kernel is compiled for costs compile time in every program. So those that gain nothing by one do without.

/// Runs a kernel that waits for memory, for which vectors of AVX2 are wide enough.
template <class Kernel, class... Arguments>
void dispatch_memory_bound(Arguments... arguments) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  if (instruction_set() != InstructionSet::baseline) return run_avx2<Kernel>(arguments...);
#endif
  run_baseline<Kernel>(arguments...);
}

/// Whether kernels beside a plain way are worth it: not on x86 processors without AVX2, which are those from before 2013.
inline bool has_wide_vectors() {
#if defined(__x86_64__) && defined(__GNUC__)
  return instruction_set() != InstructionSet::baseline;
#else
  return true;
#endif
}
/// Runs such a kernel; has_wide_vectors() must hold.
template <class Kernel, class... Arguments>
void dispatch_wide(Arguments... arguments) noexcept {
#if defined(__x86_64__) && defined(__GNUC__)
  if (instruction_set() == InstructionSet::avx512) return run_avx512<Kernel>(arguments...);
  run_avx2<Kernel>(arguments...);
#else
  run_baseline<Kernel>(arguments...);
#endif
}
}  // namespace cpu_kernels

}  // namespace tapestry::inline TAPESTRY_ABI
