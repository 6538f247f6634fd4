// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/gemm.hpp>

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;

TEST_CASE("plain gemm multiplies, transposes and adds beta C") {
  const Doubles a{1, 2, 3, 4, 5, 6}, a_transposed{1, 4, 2, 5, 3, 6};                    // 2 x 3
  const Doubles b{7, 8, 9, 10, 11, 12}, b_transposed{7, 9, 11, 8, 10, 12};              // 3 x 2
  const Doubles product{58, 64, 139, 154};
  Doubles c(4, std::nan(""));  // must not be read where beta is 0
  plain::gemm(Transpose::no, Transpose::no, 2, 2, 3, a.data(), 3, b.data(), 2, 0.0, c.data(), 2);
  CHECK(c == product);
  plain::gemm(Transpose::yes, Transpose::no, 2, 2, 3, a_transposed.data(), 2, b.data(), 2, 0.0, c.data(), 2);
  CHECK(c == product);
  plain::gemm(Transpose::no, Transpose::yes, 2, 2, 3, a.data(), 3, b_transposed.data(), 3, 0.0, c.data(), 2);
  CHECK(c == product);
  plain::gemm(Transpose::yes, Transpose::yes, 2, 2, 3, a_transposed.data(), 2, b_transposed.data(), 3, 0.0, c.data(), 2);
  CHECK(c == product);
  plain::gemm(Transpose::no, Transpose::no, 2, 2, 3, a.data(), 3, b.data(), 2, -1.0, c.data(), 2);
  CHECK(c == Doubles{0, 0, 0, 0});
  c = {1, 2, 3, 4};
  plain::gemm(Transpose::no, Transpose::no, 2, 2, 3, a.data(), 3, b.data(), 2, 10.0, c.data(), 2);
  CHECK(c == Doubles{68, 84, 169, 194});
}

TEST_CASE("plain gemm leaves what lies between rows alone") {
  const Doubles a{1, 2, 99, 3, 4, 99}, b{1, 0, 99, 99, 0, 1, 99, 99};
  Doubles c(10, -1);
  plain::gemm(Transpose::no, Transpose::no, 2, 2, 2, a.data(), 3, b.data(), 4, 0.0, c.data(), 5);
  CHECK(c == Doubles{1, 2, -1, -1, -1, 3, 4, -1, -1, -1});
}

TEST_CASE("plain gemm of nothing: an empty sum is 0, empty results are untouched") {
  Doubles c{5, 6};
  plain::gemm<double>(Transpose::no, Transpose::no, 1, 2, 0, nullptr, 0, nullptr, 2, 0.0, c.data(), 2);
  CHECK(c == Doubles{0, 0});
  c = {5, 6};
  plain::gemm<double>(Transpose::no, Transpose::no, 1, 2, 0, nullptr, 0, nullptr, 2, 1.0, c.data(), 2);
  CHECK(c == Doubles{5, 6});
  plain::gemm<double>(Transpose::no, Transpose::no, 0, 2, 3, nullptr, 3, nullptr, 2, 0.0, c.data(), 2);
  CHECK(c == Doubles{5, 6});
}

TEST_CASE("plain gemm is associative up to rounding") {
  const Doubles a = random_values<double>(12, 1), b = random_values<double>(20, 2), d = random_values<double>(10, 3);
  Doubles ab(15), ab_d(6), bd(8), a_bd(6);  // 3x4, 4x5, 5x2
  const auto product = [](Index m, Index n, Index k, const Doubles& p, const Doubles& q, Doubles& r) {
    plain::gemm(Transpose::no, Transpose::no, m, n, k, p.data(), k, q.data(), n, 0.0, r.data(), n);
  };
  product(3, 5, 4, a, b, ab);
  product(3, 2, 5, ab, d, ab_d);
  product(4, 2, 5, b, d, bd);
  product(3, 2, 4, a, bd, a_bd);
  for (std::size_t i = 0; i < 6; ++i) CHECK(ab_d[i] == Approx(a_bd[i]).margin(1e-14));
}
