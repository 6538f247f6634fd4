// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <chrono>
#include <cstdlib>

namespace benchmarks {

using namespace tapestry;

/// The shortest time of a few tries.
template <class F>
double best_seconds(int tries, const F& f) {
  using Clock = std::chrono::steady_clock;
  double best = 1e30;
  for (int i = 0; i < tries; ++i) {
    const auto start = Clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

/// Sums that do not wait for one another, all in registers.
struct MultiplyAdds {
  static constexpr Index turns = 2'000'000;
  static constexpr int sums = 12;

  template <int Bytes>
  [[gnu::always_inline]] static void run(float* numbers) {
    using V = cpu_kernels::Vector<float, Bytes>;
    V sum[sums];
    const V factor = V{} + numbers[0], term = V{} + numbers[1];
    for (int i = 0; i < sums; ++i) sum[i] = term * static_cast<float>(i);
    for (Index turn = 0; turn < turns; ++turn) {
      TAPESTRY_UNROLL
      for (int i = 0; i < sums; ++i) sum[i] = sum[i] * factor + term;
    }
    for (int i = 0; i < sums; ++i) numbers[2] += sum[i][0];
  }
};

/// to = x + 3y
struct Triad {
  template <int Bytes>
  [[gnu::always_inline]] static void run(const float* x, const float* y, float* to, Index count) {
    using V = cpu_kernels::Vector<float, Bytes>;
    for (Index i = 0; i < count; i += Bytes / 4) {
      V a, b;
      cpu_kernels::load(a, x + i);
      cpu_kernels::load(b, y + i);
      cpu_kernels::store(V(a + 3 * b), to + i);
    }
  }
};

/// Floating-point operations a second, two a multiply-add.
inline double peak() {
  const Index bytes = instruction_set() == InstructionSet::avx512 ? 64 : instruction_set() == InstructionSet::avx2 ? 32 : 16;
  const Index operations = 2 * MultiplyAdds::turns * (bytes / 4) * MultiplyAdds::sums * num_threads();
  const double seconds = best_seconds(20, [] {
    parallel_for(num_threads(), 1, [](Index, Index) {
      float numbers[3] = {0.5f, 0.25f, 0};
      cpu_kernels::dispatch<MultiplyAdds>(&numbers[0]);
      if (numbers[2] == 0) std::abort();  // so that someone wants the result
    });
  });
  return static_cast<double>(operations) / seconds;
}

/// Bytes a second of a sum of two arrays, far larger than the caches, into a third.
inline double bandwidth() {
  constexpr Index count = Index{1} << 25, grain = Index{1} << 20;
  const Tensor<> a = zeros({count}), b = ones({count}), c = ones({count});
  float* const to = a.mutable_data();
  const float *const x = b.data(), *const y = c.data();
  const double seconds = best_seconds(6, [&] {
    parallel_for(count, grain, [&](Index begin, Index end) { cpu_kernels::dispatch<Triad>(x + begin, y + begin, to + begin, end - begin); });
  });
  return 3.0 * count * sizeof(float) / seconds;
}

}  // namespace benchmarks
