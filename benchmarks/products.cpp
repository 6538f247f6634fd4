// SPDX-License-Identifier: MIT
// How fast are the matrix products of the networks beside OpenBLAS and Eigen? C = op(A) op(B) in float32; each library takes its samples in turn, and all
// results are compared with sums in double.
//
// products [OPENBLAS] [--threads 2] [--rounds 5] [--seconds 0.1]
//   OPENBLAS is a library that exports cblas_sgemm, or scipy_cblas_sgemm64_ as NumPy's does; without it that column is left out.
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "machine.hpp"
#include "products.hpp"

using namespace tapestry;
using benchmarks::ProductShape;

namespace {

constexpr ProductShape shapes[] = {
    {"square", false, false, 256, 256, 256},
    {"square", false, false, 512, 512, 512},
    {"square", false, false, 1024, 1024, 1024},
    {"square", false, false, 2048, 2048, 2048},
    {"lecture net fc1, batch 128", false, true, 128, 200, 480},
    {"lecture net fc1, backward-data", false, false, 128, 480, 200},
    {"lecture net fc1, backward-weight", true, false, 200, 480, 128},
    {"resnet50 layer1 1x1 64 to 256", false, true, 25088, 256, 64},
    {"resnet50 layer2 1x1 512 to 128", false, true, 6272, 128, 512},
    {"resnet50 layer3 1x1 1024 to 256", false, true, 1568, 256, 1024},
    {"resnet50 layer4 1x1 512 to 2048", false, true, 392, 2048, 512},
    {"resnet50 layer3 1x1, backward-weight", true, false, 256, 1024, 1568},
    {"mobilenet_v2 1x1 96 to 24", false, true, 25088, 24, 96},
    {"mobilenet_v2 1x1 320 to 1280", false, true, 392, 1280, 320},
    {"resnet18 fc, batch 8", false, true, 8, 1000, 512},
    {"vgg16 fc1, batch 4", false, true, 4, 4096, 25088},
    {"vgg16 fc2, batch 4", false, true, 4, 4096, 4096},
    {"vgg16 fc1, batch 1", false, true, 1, 4096, 25088},
    {"vgg16 fc1, backward-data, batch 4", false, false, 4, 25088, 4096},
    {"alexnet fc2, batch 16", false, true, 16, 4096, 4096},
};

/// How a library's product is called.
using Multiply = std::function<void(const ProductShape&, const float* a, const float* b, float* c)>;
struct Library {
  std::string name;
  Multiply multiply;
  std::vector<double> samples{};
};

void multiply_here(const ProductShape& s, const float* a, const float* b, float* c) {
  const auto op = [](bool transposed) { return transposed ? Transpose::yes : Transpose::no; };
  backend<float>(cpu()).gemm(op(s.transpose_a), op(s.transpose_b), s.m, s.n, s.k, a, s.a_columns(), b, s.b_columns(), 0.0f, c, s.n);
}

template <class Int>
Multiply cblas(void* function) {
  constexpr int row_major = 101, plain = 111, transposed = 112;
  using Function = void (*)(int, int, int, Int, Int, Int, float, const float*, Int, const float*, Int, float, float*, Int);
  return [gemm = reinterpret_cast<Function>(function)](const ProductShape& s, const float* a, const float* b, float* c) {
    gemm(row_major, s.transpose_a ? transposed : plain, s.transpose_b ? transposed : plain, static_cast<Int>(s.m), static_cast<Int>(s.n),
         static_cast<Int>(s.k), 1, a, static_cast<Int>(s.a_columns()), b, static_cast<Int>(s.b_columns()), 0, c, static_cast<Int>(s.n));
  };
}
Multiply openblas(const char* path, int threads) {
  void* library = dlopen(path, RTLD_NOW);
  if (!library) throw ValueError(message("products: ", dlerror()));
  for (const bool wide : {true, false}) {
    void* multiply = dlsym(library, wide ? "scipy_cblas_sgemm64_" : "cblas_sgemm");
    void* set_threads = dlsym(library, wide ? "scipy_openblas_set_num_threads64_" : "openblas_set_num_threads");
    if (!multiply || !set_threads) continue;
    reinterpret_cast<void (*)(int)>(set_threads)(threads);
    return wide ? cblas<std::int64_t>(multiply) : cblas<int>(multiply);
  }
  throw ValueError(message("products: ", path, " has no cblas_sgemm"));
}

/// The largest error of some entries of C, over what rounding of sums of k numbers between -1 and 1 makes likely.
void check(const Library& library, const ProductShape& s, const std::vector<float>& a, const std::vector<float>& b, const std::vector<float>& c) {
  const auto at = [](const std::vector<float>& x, Index i) { return static_cast<double>(x[static_cast<std::size_t>(i)]); };
  for (Index number = 0; number < 200; ++number) {
    const Index entry = number * 7919 % (s.m * s.n), i = entry / s.n, j = entry % s.n;
    double sum = 0;
    for (Index p = 0; p < s.k; ++p)
      sum += at(a, s.transpose_a ? p * s.m + i : i * s.k + p) * at(b, s.transpose_b ? j * s.k + p : p * s.n + j);
    const double error = std::abs(sum - at(c, entry));
    if (!(error < 1e-6 * static_cast<double>(s.k)))
      throw ValueError(message("products: ", library.name, " is off by ", error, " at ", i, ", ", j, " of ", s.name));
  }
}

void compare(const ProductShape& s, std::vector<Library>& libraries, int rounds, double seconds, double peak, double bandwidth) {
  const auto random = [](Index count) { return uniform({count}, -1, 1).to_vector(); };
  const std::vector<float> a = random(s.m * s.k), b = random(s.k * s.n);
  std::vector<float> c(static_cast<std::size_t>(s.m * s.n));
  for (Library& library : libraries) {
    library.samples.clear();
    std::fill(c.begin(), c.end(), 0.f);
    library.multiply(s, a.data(), b.data(), c.data());
    check(library, s, a, b, c);
  }
  for (int round = 0; round < rounds; ++round)
    for (Library& library : libraries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));  // until the threads of the one before no longer spin
      library.multiply(s, a.data(), b.data(), c.data());
      int calls = 0;
      library.samples.push_back(benchmarks::best_seconds(1, [&] {
        const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
        while (calls < 3 || std::chrono::steady_clock::now() < end) library.multiply(s, a.data(), b.data(), c.data()), ++calls;
      }) / calls);
    }
  // With few rows each weight that is read is used so little that memory is the limit.
  const bool by_memory = s.m < 32;
  const double operations = 2.0 * static_cast<double>(s.m * s.n * s.k), bytes = 4.0 * static_cast<double>(s.m * s.k + s.k * s.n + s.m * s.n);
  std::printf("%-38s %5d x %5d x %5d ", s.name, static_cast<int>(s.m), static_cast<int>(s.n), static_cast<int>(s.k));
  for (Library& library : libraries) {
    std::sort(library.samples.begin(), library.samples.end());
    const double time = library.samples[library.samples.size() / 2];
    std::printf("  %6.0f %3.0f%%%s", operations / time * 1e-9, 100 * (by_memory ? bytes / time / bandwidth : operations / time / peak), by_memory ? "m" : " ");
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  const char* openblas_path = nullptr;
  int threads = 2, rounds = 5;
  double seconds = 0.1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--"))
      openblas_path = argv[i];
    else if (i + 1 == argc)
      throw ValueError(message("products: ", word, " wants a value"));
    else if (word == "--threads")
      threads = std::atoi(argv[++i]);
    else if (word == "--rounds")
      rounds = std::atoi(argv[++i]);
    else if (word == "--seconds")
      seconds = std::atof(argv[++i]);
    else
      throw ValueError(message("products: unknown option ", word, "; known are --threads, --rounds, --seconds"));
  }
  set_num_threads(threads);
  std::vector<Library> libraries{{"tapestry", multiply_here}};
  if (openblas_path) libraries.push_back({"OpenBLAS", openblas(openblas_path, threads)});
  libraries.push_back({"Eigen", [threads](const ProductShape& s, const float* a, const float* b, float* c) { benchmarks::eigen_product(s, threads, a, b, c); }});

  const double peak = benchmarks::peak(), bandwidth = benchmarks::bandwidth();
  std::printf("%d threads, peak %.0f GF/s, bandwidth %.0f GB/s; GF/s, medians, and share of the peak or, with m, of the bandwidth\n%-64s", threads, peak * 1e-9,
              bandwidth * 1e-9, "");
  for (const Library& library : libraries) std::printf("  %-12s", library.name.c_str());
  std::printf("\n");
  for (const ProductShape& shape : shapes) compare(shape, libraries, rounds, seconds, peak, bandwidth);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
