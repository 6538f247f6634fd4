// SPDX-License-Identifier: MIT
// The CPU's product against Eigen's, over random sizes, transpositions, row distances and beta.
#include <tapestry/backend/cpu/gemm_eigen.hpp>

#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "support/device_array.hpp"
#include "support/random_config.hpp"

using namespace tapestry;

namespace {

constexpr int configurations = 200;

/// A matrix whose rows lie further apart than they are long; the gaps hold NaN, which must reach nothing.
template <class T>
std::vector<T> padded(test::RandomConfig& config, Index rows, Index columns, Index distance) {
  std::vector<T> values(static_cast<std::size_t>(rows * distance), std::numeric_limits<T>::quiet_NaN());
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) values[static_cast<std::size_t>(i * distance + j)] = static_cast<T>(config.real(-1, 1));
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("the CPU's product agrees with Eigen's", "", float, double) {
  using T = TestType;
  test::RandomConfig config(11);
  int checked = 0;
  for (int round = 0; round < configurations; ++round) {
    const Index largest = round % 20 == 0 ? 300 : 40;  // now and then beyond one block
    const Index m = config.integer(1, largest), n = config.integer(1, largest), k = config.integer(0, largest);
    const auto a_op = config.coin() ? Transpose::yes : Transpose::no, b_op = config.coin() ? Transpose::yes : Transpose::no;
    const Index a_rows = a_op == Transpose::yes ? k : m, a_columns = a_op == Transpose::yes ? m : k;
    const Index b_rows = b_op == Transpose::yes ? n : k, b_columns = b_op == Transpose::yes ? k : n;
    const Index lda = a_columns + config.integer(0, 3), ldb = b_columns + config.integer(0, 3), ldc = n + config.integer(0, 3);
    const T beta = config.pick({T{0}, T{1}, T(-0.5)});
    CAPTURE(m, n, k, lda, ldb, ldc, beta, a_op == Transpose::yes, b_op == Transpose::yes);

    const std::vector<T> a = padded<T>(config, a_rows, a_columns, std::max<Index>(lda, 1)), b = padded<T>(config, b_rows, b_columns, std::max<Index>(ldb, 1));
    std::vector<T> expected = padded<T>(config, m, n, ldc);
    const DeviceArray<T> ours_a(cpu(), a), ours_b(cpu(), b);
    DeviceArray<T> ours(cpu(), expected);
    gemm_eigen<T>(a_op, b_op, m, n, k, a.data(), lda, b.data(), ldb, beta, expected.data(), ldc);
    backend<T>(cpu()).gemm(a_op, b_op, m, n, k, ours_a.data(), lda, ours_b.data(), ldb, beta, ours.data(), ldc);

    const std::vector<T> got = ours.get();
    const double tolerance = static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(k + 4);
    double worst = 0;
    bool gaps_untouched = true;
    for (Index i = 0; i < m; ++i)
      for (Index j = 0; j < ldc; ++j) {
        const std::size_t at = static_cast<std::size_t>(i * ldc + j);
        if (j < n)
          worst = std::fmax(worst, std::isnan(got[at]) ? 1e30 : std::fabs(static_cast<double>(got[at] - expected[at])));
        else
          gaps_untouched = gaps_untouched && std::isnan(got[at]);
      }
    REQUIRE(worst <= tolerance);
    REQUIRE(gaps_untouched);
    ++checked;
  }
  CHECK(checked == configurations);
}

TEST_CASE("Eigen's product does not read C where beta is 0") {
  const std::vector<float> a{1, 2}, b{3, 4};
  std::vector<float> c{std::numeric_limits<float>::quiet_NaN()};
  gemm_eigen<float>(Transpose::no, Transpose::no, 1, 1, 2, a.data(), 2, b.data(), 1, 0.0f, c.data(), 1);
  CHECK(c[0] == 11.0f);
}
