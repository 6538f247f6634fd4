// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/gemm.hpp>

#include <limits>
#include <vector>

#include "convolution_cases.hpp"
#include "near.hpp"
#include "support/catch.hpp"
#include "support/random_values.hpp"
#include "tapestry/backend/reference/gemm.hpp"

using namespace tapestry;

namespace {
struct Sizes {
  Index m, n, k;
};

/// The error of one product against the plain loops, over what rounding may do; rows lie further apart than they must.
template <class T>
double gemm_error(Transpose a_op, Transpose b_op, Sizes s, T beta, std::uint64_t seed) {
  const Index a_rows = a_op == Transpose::no ? s.m : s.k, lda = (a_op == Transpose::no ? s.k : s.m) + Index(seed % 3);
  const Index b_rows = b_op == Transpose::no ? s.k : s.n, ldb = (b_op == Transpose::no ? s.n : s.k) + Index(seed % 2), ldc = s.n + Index(seed % 4);
  const std::vector<T> a = random_values<T>(a_rows * lda, seed), b = random_values<T>(b_rows * ldb, seed + 1);
  std::vector<T> c = random_values<T>(s.m * ldc, seed + 2), expected = c;
  plain::gemm(a_op, b_op, s.m, s.n, s.k, a.data(), lda, b.data(), ldb, beta, expected.data(), ldc);
  if (beta == T{0})  // C must not be read: NaN would stay
    for (Index i = 0; i < s.m; ++i)
      for (Index j = 0; j < s.n; ++j) c[static_cast<std::size_t>(i * ldc + j)] = std::numeric_limits<T>::quiet_NaN();
  cpu_kernels::gemm<T>({a_op, b_op, s.m, s.n, s.k, a.data(), lda, b.data(), ldb, beta, c.data(), ldc});
  return relative_error(c, expected) / static_cast<double>(std::numeric_limits<T>::epsilon());
}

}  // namespace

TEMPLATE_TEST_CASE("gemm is the plain loops' product for every transposition, size and instruction set", "", float, double) {
  EachInstructionSet().run([] {
    const RandomStream random{4};
    Index draw = 0, cases = 0;
    const auto below = [&](Index bound) { return random.below(draw++, bound); };
    for (; cases < 200; ++cases) {
      const Sizes s{below(64), below(80), below(10) == 0 ? 4000 + below(1000) : below(500)};
      const Transpose a_op = below(2) ? Transpose::yes : Transpose::no, b_op = below(2) ? Transpose::yes : Transpose::no;
      const TestType beta = static_cast<TestType>(below(3)) / 2;
      INFO(s.m << " x " << s.n << " x " << s.k << ", transposed " << int(a_op) << int(b_op) << ", beta " << beta << ", case " << cases);
      CHECK(gemm_error(a_op, b_op, s, beta, static_cast<std::uint64_t>(cases)) < 30);
    }
    CHECK(cases == 200);
  });
}

TEST_CASE("gemm: the shapes of convolutions, which take other roads") {
  EachInstructionSet().run([] {
    CHECK(gemm_error<float>(Transpose::yes, Transpose::no, {30, 27, 9000}, 0, 1) < 30);   // dW: k in chunks, nothing packed
    CHECK(gemm_error<float>(Transpose::yes, Transpose::no, {30, 3, 5000}, 1, 2) < 30);    // rows far shorter than a tile is wide
    CHECK(gemm_error<float>(Transpose::no, Transpose::yes, {5000, 30, 27}, 0, 3) < 30);   // forward
    CHECK(gemm_error<float>(Transpose::no, Transpose::no, {3, 2100, 40}, 0, 4) < 30);     // several blocks of columns
    CHECK(gemm_error<float>(Transpose::no, Transpose::yes, {1, 1100, 800}, 0.5f, 5) < 30);
  });
}

TEST_CASE("gemm applies an epilogue whatever road it takes") {
  EachInstructionSet().run([] {
    for (const Index rows : {1, 2, 5, 9, 16, 17, 40})
      for (const Index columns : {3, 70}) {
        const ConvolutionCase c(convolution(1, 107, 1, rows, columns, 1), 7);  // a product of its pixels and filters
        const FullEpilogue full(c.g, Activation::relu, 8);
        std::vector<float> y = c.unwritten(c.dy);
        cpu_kernels::gemm<float>({Transpose::no, Transpose::yes, rows, columns, 107, c.x.data(), 107, c.w.data(), 107, 0, y.data(), columns,
                                  &full.epilogue});
        INFO(rows << " x " << columns);
        CHECK(error_over_rms(y, full.apply(c.y())) < 1e-5);
      }
  });
}

TEST_CASE("gemm gives the same bits for any number of threads") {
  const int before = num_threads();
  for (const Sizes s : {Sizes{100, 130, 900}, Sizes{30, 27, 20000}}) {
    const std::vector<float> a = random_values<float>(s.m * s.k, 1), b = random_values<float>(s.k * s.n, 2);
    std::vector<std::vector<float>> results;
    for (int threads : {1, 2, 3}) {
      set_num_threads(threads);
      std::vector<float>& c = results.emplace_back(static_cast<std::size_t>(s.m * s.n));
      cpu_kernels::gemm<float>({Transpose::yes, Transpose::no, s.m, s.n, s.k, a.data(), s.m, b.data(), s.n, 0, c.data(), s.n});
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
  set_num_threads(before);
}

TEST_CASE("set_instruction_set refuses what the processor lacks") {
  const InstructionSet before = instruction_set();
  if (best_instruction_set() < InstructionSet::avx512) {
    CHECK_THROWS_AS(set_instruction_set(InstructionSet::avx512), ValueError);
  } else {
    set_instruction_set(InstructionSet::baseline);
    CHECK(instruction_set() == InstructionSet::baseline);
    set_instruction_set(before);
  }
  CHECK(instruction_set() == before);
}
