// SPDX-License-Identifier: MIT
// What the machine can do at most: multiply-adds in float32 on all threads, and memory bandwidth. Speeds elsewhere are shares of these.
//
// machine [--threads N]; prints {"peak": GF/s, "bandwidth": GB/s, "instructions": name}, the best of several tries
#include <tapestry/tapestry.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace tapestry;

namespace {

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

double peak() {
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

/// a = b + 3c over far more than the caches hold: two arrays read, one written.
double bandwidth() {
  constexpr Index count = Index{1} << 25, grain = Index{1} << 20;
  const Tensor<> a = zeros({count}), b = ones({count}), c = ones({count});
  float* const to = a.mutable_data();
  const float *const x = b.data(), *const y = c.data();
  const double seconds = best_seconds(6, [&] {
    parallel_for(count, grain, [&](Index begin, Index end) { cpu_kernels::dispatch<Triad>(x + begin, y + begin, to + begin, end - begin); });
  });
  return 3.0 * count * sizeof(float) / seconds;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 3 && argv[1] == std::string_view("--threads"))
    set_num_threads(std::atoi(argv[2]));
  else if (argc != 1)
    throw ValueError("machine: usage: machine [--threads N]");
  std::printf("{\"peak\": %.1f, \"bandwidth\": %.1f, \"instructions\": \"%s\"}\n", peak() * 1e-9, bandwidth() * 1e-9, name_of(instruction_set()).data());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
