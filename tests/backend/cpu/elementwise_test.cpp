// SPDX-License-Identifier: MIT
#include <tapestry/backend/kernels.hpp>

#include <limits>
#include <memory>
#include <vector>

#include "near.hpp"
#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;

namespace {
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

/// Ordinary numbers and special ones, more than one unit of work of them.
std::vector<float> mixed_values(Index count, std::uint64_t seed) {
  std::vector<float> values = random_values<float>(count, seed);
  const float special[] = {0, -0.0f, not_a_number, infinity, -infinity, 1, -1, 30, -30};
  for (Index i = 0; i < count; i += 5) values[static_cast<std::size_t>(i)] = special[i / 5 % 9];
  return values;
}
std::vector<Index> labels(Index count, Index low, Index high, std::uint64_t seed) {
  const RandomStream random{seed};
  std::vector<Index> values;
  for (Index i = 0; i < count; ++i) values.push_back(low + random.below(i, high - low));
  return values;
}
constexpr UnaryOp unary_ops[] = {UnaryOp::negate, UnaryOp::absolute, UnaryOp::sign, UnaryOp::square_root, UnaryOp::exponential,
                                 UnaryOp::logarithm, UnaryOp::power, UnaryOp::affine, UnaryOp::clamp, UnaryOp::relu, UnaryOp::leaky_relu,
                                 UnaryOp::sigmoid, UnaryOp::tanh, UnaryOp::gelu, UnaryOp::gelu_tanh};
}  // namespace

TEST_CASE("cpu unary and its backward are the plain ones, special numbers included") {
  for (const Index count : {0, 1, 3, 7, 70001}) {
    const std::vector<float> x = mixed_values(count, 1), dy = random_values<float>(count, 2);
    for (const UnaryOp op : unary_ops) {
      INFO(plain::name_of(op) << " of " << count);
      std::vector<float> y(x.size()), expected(x.size());
      backend<float>(cpu()).unary(op, count, x.data(), 0.3f, 0.6f, y.data());
      plain::unary(op, count, x.data(), 0.3f, 0.6f, expected.data());
      CHECK(relative_error(y, expected) < 1e-6);
      std::vector<float> dx = dy, expected_dx(x.size());
      backend<float>(cpu()).unary_backward(op, count, x.data(), expected.data(), dx.data(), 0.3f, 0.6f, dx.data());
      plain::unary_backward(op, count, x.data(), expected.data(), dy.data(), 0.3f, 0.6f, expected_dx.data());
      CHECK(relative_error(dx, expected_dx) < 1e-6);
    }
  }
}

TEST_CASE("cpu unary on integers: what they know wraps, the rest is refused") {
  const std::vector<Index> x = labels(1000, -50, 50, 3);
  std::vector<Index> y(1000), expected(1000);
  for (const UnaryOp op : {UnaryOp::negate, UnaryOp::absolute, UnaryOp::sign, UnaryOp::power, UnaryOp::affine, UnaryOp::clamp, UnaryOp::relu}) {
    kernels<Index>(cpu()).unary(op, 1000, x.data(), 3, 7, y.data());
    plain::unary<Index>(op, 1000, x.data(), 3, 7, expected.data());
    CHECK(y == expected);
  }
  CHECK_THROWS_AS(kernels<Index>(cpu()).unary(UnaryOp::exponential, 1000, x.data(), 0, 0, y.data()), TypeError);
  CHECK(y == expected);
}

namespace {
/// Strides of an operand that has `rank` axes of `shape` and repeats the others; the last axes come first in memory if `transposed`.
Shape random_strides(const Shape& shape, const RandomStream& random, Index& draw, Index& size) {
  Shape strides = Shape::filled(shape.rank(), 0);
  const bool transposed = random.below(draw++, 3) == 0;
  size = 1;
  for (Index i = 0; i < shape.rank(); ++i) {
    const Index axis = transposed ? i : shape.rank() - 1 - i;
    if (random.below(draw++, 4) == 0) continue;
    strides[axis] = size;
    size *= shape[axis];
  }
  return strides;
}
}  // namespace

TEST_CASE("cpu binary and compare are the plain ones for any broadcast") {
  const RandomStream random{8};
  Index draw = 0, cases = 0;
  for (; cases < 200; ++cases) {
    Broadcast walk;
    for (Index axis = random.below(draw++, 5); axis > 0; --axis) walk.shape.push_back(random.below(draw++, cases % 10 == 0 ? 40 : 7));
    Index a_size, b_size;
    walk.a_stride = random_strides(walk.shape, random, draw, a_size);
    walk.b_stride = random_strides(walk.shape, random, draw, b_size);
    const std::vector<float> a = mixed_values(a_size, 1), b = mixed_values(b_size, 2);
    const std::vector<Index> i = labels(a_size, -9, 9, 5), j = labels(b_size, 1, 5, 6);
    const std::size_t count = static_cast<std::size_t>(walk.shape.numel());
    INFO("shape " << to_string(walk.shape) << ", strides " << to_string(walk.a_stride) << to_string(walk.b_stride));
    for (const BinaryOp op : {BinaryOp::add, BinaryOp::subtract, BinaryOp::multiply, BinaryOp::divide, BinaryOp::power, BinaryOp::maximum,
                              BinaryOp::minimum}) {
      std::vector<float> y(count), expected(count);
      backend<float>(cpu()).binary(op, walk, a.data(), b.data(), y.data());
      plain::binary(op, walk, a.data(), b.data(), expected.data());
      CHECK(relative_error(y, expected) == 0);
      std::vector<Index> k(count), expected_k(count);
      kernels<Index>(cpu()).binary(op, walk, i.data(), j.data(), k.data());
      plain::binary(op, walk, i.data(), j.data(), expected_k.data());
      CHECK(k == expected_k);
    }
    for (const CompareOp op : {CompareOp::equal, CompareOp::not_equal, CompareOp::less, CompareOp::less_equal, CompareOp::greater,
                               CompareOp::greater_equal}) {
      const auto y = std::make_unique<bool[]>(count + 1), expected = std::make_unique<bool[]>(count + 1);
      backend<float>(cpu()).compare(op, walk, a.data(), b.data(), y.get());
      plain::compare(op, walk, a.data(), b.data(), expected.get());
      CHECK(std::equal(y.get(), y.get() + count, expected.get()));
    }
  }
  CHECK(cases == 200);
}

TEST_CASE("cpu binary refuses to divide integers by zero before it writes") {
  const std::vector<Index> a{1, 2}, b{1, 0};
  std::vector<Index> y{5, 5};
  CHECK_THROWS_AS(kernels<Index>(cpu()).binary(BinaryOp::divide, Broadcast{{2}, {1}, {1}}, a.data(), b.data(), y.data()), ValueError);
  CHECK(y == std::vector<Index>{5, 5});
}

TEST_CASE("cpu where, mask_scale, scale_add and arange") {
  constexpr Index count = 40003;
  const std::vector<float> a = mixed_values(count, 1), b = mixed_values(count, 2);
  const auto keep = std::make_unique<bool[]>(count);
  cpu().memory().bernoulli({9}, 0.4, count, keep.get());
  std::vector<float> y(count), expected(count);
  backend<float>(cpu()).where(count, keep.get(), a.data(), b.data(), y.data());
  plain::where(count, keep.get(), a.data(), b.data(), expected.data());
  CHECK(relative_error(y, expected) == 0);
  backend<float>(cpu()).mask_scale(count, keep.get(), 1.25f, a.data(), y.data());
  plain::mask_scale(count, keep.get(), 1.25f, a.data(), expected.data());
  CHECK(relative_error(y, expected) == 0);
  for (const float beta : {0.0f, 0.5f}) {
    y.assign(count, beta == 0 ? not_a_number : 2.0f);
    expected = y;
    backend<float>(cpu()).scale_add(count, 3.0f, a.data(), beta, y.data());
    plain::scale_add(count, 3.0f, a.data(), beta, expected.data());
    CHECK(relative_error(y, expected) < 1e-6);
  }
  backend<float>(cpu()).arange(count, 0.5f, 0.1f, y.data());
  plain::arange(count, 0.5f, 0.1f, expected.data());
  CHECK(y == expected);
}
