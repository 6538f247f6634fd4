// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/reduce.hpp>
#include <tapestry/backend/cpu/topk.hpp>

#include <limits>
#include <vector>

#include "near.hpp"
#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;

namespace {
std::vector<float> few_values(Index count, std::uint64_t seed) {  // with equals and NaN
  const RandomStream random{seed};
  std::vector<float> x;
  for (Index i = 0; i < count; ++i) x.push_back(random.below(i, 40) == 0 ? std::numeric_limits<float>::quiet_NaN() : float(random.below(i + count, 9)));
  return x;
}
struct Lines {
  Index outer, size, inner;
  Index count() const { return outer * size * inner; }
};
const Lines shapes[] = {{1, 1, 1}, {3, 5, 1}, {2, 7, 3}, {1, 5000, 3}, {1, 4000, 30}, {20, 100, 7}, {1, 100003, 1}, {300, 70, 1}, {2, 0, 3}, {0, 4, 2}, {1, 64, 300}};
}  // namespace

TEMPLATE_TEST_CASE("cpu reduce is the plain one", "", float, double) {
  for (const Lines& s : shapes) {
    INFO(s.outer << " x " << s.size << " x " << s.inner);
    const std::vector<TestType> x = random_values<TestType>(s.count(), 3);
    std::vector<TestType> y(static_cast<std::size_t>(s.outer * s.inner), 9), expected = y;
    for (const ReduceOp op : {ReduceOp::sum, ReduceOp::maximum, ReduceOp::minimum}) {
      if (op != ReduceOp::sum && s.size == 0) continue;
      cpu_kernels::reduce(op, s.outer, s.size, s.inner, x.data(), y.data());
      plain::reduce(op, s.outer, s.size, s.inner, x.data(), expected.data());
      CHECK(relative_error(y, expected) < 1e-6);
    }
  }
}

TEST_CASE("cpu sum is accurate over ten million floats, by rows and by columns") {
  constexpr Index count = 10'000'000;
  std::vector<float> x(count, 0.1f);
  float y[5];
  cpu_kernels::reduce(ReduceOp::sum, 1, count, 1, x.data(), y);
  CHECK(y[0] == Approx(count * static_cast<double>(0.1f)).epsilon(1e-6));
  cpu_kernels::reduce(ReduceOp::sum, 1, count / 5, 5, x.data(), y);
  for (float sum : y) CHECK(sum == Approx(count / 5 * static_cast<double>(0.1f)).epsilon(1e-6));
}

TEST_CASE("cpu arg_reduce and topk are the plain ones, with equals and NaN") {
  for (const Lines& s : shapes) {
    if (s.size == 0) continue;
    INFO(s.outer << " x " << s.size << " x " << s.inner);
    const std::vector<float> x = few_values(s.count(), 5);
    const Index k = std::min<Index>(s.size, 6);
    const std::size_t lines = static_cast<std::size_t>(s.outer * s.inner), best = lines * static_cast<std::size_t>(k);
    for (const bool largest : {false, true}) {
      std::vector<float> values(lines), expected_values(lines);
      std::vector<Index> positions(lines), expected(lines);
      const ReduceOp op = largest ? ReduceOp::maximum : ReduceOp::minimum;
      cpu_kernels::arg_reduce(op, s.outer, s.size, s.inner, x.data(), values.data(), positions.data());
      plain::arg_reduce(op, s.outer, s.size, s.inner, x.data(), expected_values.data(), expected.data());
      CHECK(positions == expected);
      CHECK(relative_error(values, expected_values) == 0);
      values.resize(best), expected_values.resize(best), positions.resize(best), expected.resize(best);
      cpu_kernels::topk(s.outer, s.size, s.inner, k, largest, x.data(), values.data(), positions.data());
      plain::topk(s.outer, s.size, s.inner, k, largest, x.data(), expected_values.data(), expected.data());
      CHECK(positions == expected);
      CHECK(relative_error(values, expected_values) == 0);
    }
  }
}

TEST_CASE("cpu index_add adds equal indices in order, for any number of threads") {
  const RandomStream random{6};
  std::vector<Index> indices;
  for (Index i = 0; i < 200; ++i) indices.push_back(random.below(i, 11));
  const std::vector<float> x = random_values<float>(2 * 200 * 130, 1);
  std::vector<float> expected(2 * 11 * 130, 1);
  plain::index_add(2, 11, 130, indices.data(), 200, x.data(), expected.data());
  const int before = num_threads();
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    std::vector<float> y(2 * 11 * 130, 1);
    cpu_kernels::index_add(2, 11, 130, indices.data(), 200, x.data(), y.data());
    CHECK(y == expected);
  }
  set_num_threads(before);
}
