// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/pool.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;

namespace {
PoolGeometry pool(Index batch, Index channels, Size2 image, Size2 kernel, Size2 stride, Size2 padding, Size2 dilation = 1) {
  return {.batch = batch, .channels = channels, .height = image.height, .width = image.width, .kernel = kernel, .stride = stride,
          .dilation = dilation, .padding = padding,
          .out_height = window_positions(image.height, 2 * padding.height, kernel.height, stride.height, dilation.height),
          .out_width = window_positions(image.width, 2 * padding.width, kernel.width, stride.width, dilation.width)};
}
std::size_t in_count(const PoolGeometry& g) { return static_cast<std::size_t>(g.batch * g.in_pixels() * g.channels); }
std::size_t out_count(const PoolGeometry& g) { return static_cast<std::size_t>(g.batch * g.out_pixels() * g.channels); }
}  // namespace

TEST_CASE("plain max_pool2d finds the largest and its pixel, each channel for itself") {
  const PoolGeometry g = pool(1, 2, {2, 4}, 2, 2, 0);
  // channel 0:  1 2 | 8 7     channel 1:  5 0 | 1 1
  //             3 4 | 6 5                 0 0 | 1 2
  const Doubles x{1, 5, 2, 0, 8, 1, 7, 1, 3, 0, 4, 0, 6, 1, 5, 2};
  Doubles y(4);
  std::vector<std::int32_t> where(4);
  plain::max_pool2d(g, x.data(), y.data(), where.data());
  CHECK(y == Doubles{4, 5, 8, 2});
  CHECK(where == std::vector<std::int32_t>{5, 0, 2, 7});

  const Doubles dy{10, 20, 30, 40};
  Doubles dx(16, 99);
  plain::max_pool2d_backward(g, dy.data(), where.data(), dx.data());
  CHECK(dx == Doubles{0, 20, 0, 0, 30, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 40});
}

TEST_CASE("plain max_pool2d: padding never wins, the first among equals does, NaN beats all") {
  const PoolGeometry g = pool(1, 1, {1, 3}, {1, 3}, 1, {0, 1});
  Doubles y(3);
  std::vector<std::int32_t> where(3);
  plain::max_pool2d(g, Doubles{-5, -5, -7}.data(), y.data(), where.data());
  CHECK(y == Doubles{-5, -5, -5});
  CHECK(where == std::vector<std::int32_t>{0, 0, 1});
  const double infinity = std::numeric_limits<double>::infinity();
  plain::max_pool2d(g, Doubles{-infinity, -infinity, infinity}.data(), y.data(), where.data());
  CHECK(where == std::vector<std::int32_t>{0, 2, 2});
  plain::max_pool2d(g, Doubles{1, std::nan(""), 2}.data(), y.data(), where.data());
  for (double value : y) CHECK(std::isnan(value));
  CHECK(where == std::vector<std::int32_t>{1, 1, 1});
}

TEST_CASE("plain max_pool2d: overlapping windows add up in backward, and one of padding alone passes nothing") {
  const PoolGeometry overlap = pool(2, 1, {1, 3}, {1, 2}, 1, 0);
  const Doubles x{1, 9, 1, 2, 1, 2};
  Doubles y(4), dx(6, 99);
  std::vector<std::int32_t> where(4);
  plain::max_pool2d(overlap, x.data(), y.data(), where.data());
  plain::max_pool2d_backward(overlap, Doubles{1, 2, 3, 4}.data(), where.data(), dx.data());
  CHECK(dx == Doubles{0, 3, 0, 3, 0, 4});

  const PoolGeometry outside = pool(1, 1, {1, 2}, {1, 2}, 1, {0, 1}, {1, 3});  // its taps lie at -1 and 2
  Doubles pushed(2, 99);
  plain::max_pool2d(outside, Doubles{1, 2}.data(), y.data(), where.data());
  CHECK(y[0] == -std::numeric_limits<double>::infinity());
  plain::max_pool2d_backward(outside, Doubles{7}.data(), where.data(), pushed.data());
  CHECK(pushed == Doubles{0, 0});
}

TEST_CASE("plain avg_pool2d divides by what the options say") {
  const PoolGeometry g = pool(1, 1, {2, 2}, 2, 2, 1);  // every window holds one pixel and three of padding
  const Doubles x{4, 8, 12, 16};
  Doubles y(4);
  plain::avg_pool2d(g, true, 0, x.data(), y.data());
  CHECK(y == Doubles{1, 2, 3, 4});
  plain::avg_pool2d(g, false, 0, x.data(), y.data());
  CHECK(y == Doubles{4, 8, 12, 16});
  plain::avg_pool2d(g, true, 2, x.data(), y.data());
  CHECK(y == Doubles{2, 4, 6, 8});
}

TEST_CASE("plain avg_pool2d clips a window that ceil_mode lets hang over the padded image") {
  PoolGeometry g = pool(1, 1, {1, 3}, {1, 2}, 2, 0);
  g.out_width = 2;  // ceil((3 - 2) / 2) + 1
  const Doubles x{2, 4, 10};
  Doubles y(2), dx(3);
  plain::avg_pool2d(g, true, 0, x.data(), y.data());
  CHECK(y == Doubles{3, 10});
  plain::avg_pool2d_backward(g, true, 0, Doubles{6, 7}.data(), dx.data());
  CHECK(dx == Doubles{3, 3, 7});
}

TEST_CASE("plain adaptive_avg_pool2d averages floor(i*H/H') to ceil((i+1)*H/H')") {
  PoolGeometry g = pool(1, 1, {1, 5}, 1, 1, 0);
  g.out_width = 3;  // columns 0-1, 1-3, 3-4
  const Doubles x{1, 3, 5, 7, 9};
  Doubles y(3), dx(5);
  plain::adaptive_avg_pool2d(g, x.data(), y.data());
  CHECK(y == Doubles{2, 5, 8});
  plain::adaptive_avg_pool2d_backward(g, Doubles{2, 3, 4}.data(), dx.data());
  CHECK(dx == Doubles{1, 2, 1, 3, 2});
}

TEST_CASE("plain pooling that averages is linear, and its backward is its adjoint: <pool(x), dy> = <x, backward(dy)>") {
  const RandomStream random{11};
  Index draw = 0, cases = 0;
  const auto pick = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  while (cases < 200) {
    const Size2 image(pick(1, 7), pick(1, 7)), kernel(pick(1, 3), pick(1, 3));
    const Size2 padding(pick(0, kernel.height / 2), pick(0, kernel.width / 2));
    const Size2 stride(pick(1, 3), pick(1, 3)), dilation(pick(1, 2), pick(1, 2));
    PoolGeometry g = pool(pick(1, 2), pick(1, 3), image, kernel, stride, padding, dilation);
    if (g.out_pixels() == 0) continue;
    ++cases;
    const bool count_padding = pick(0, 1) == 1;
    const Index divisor = pick(0, 1) * pick(1, 5);
    const auto seed = static_cast<std::uint64_t>(cases);
    Doubles x = random_values<double>(static_cast<Index>(in_count(g)), seed), dx(x.size());
    Doubles dy = random_values<double>(static_cast<Index>(out_count(g)), seed + 1000), y(dy.size());
    plain::avg_pool2d(g, count_padding, divisor, x.data(), y.data());
    plain::avg_pool2d_backward(g, count_padding, divisor, dy.data(), dx.data());
    CHECK(dot(y, dy) == Approx(dot(x, dx)).margin(1e-12));

    g.out_height = pick(1, 8);
    g.out_width = pick(1, 8);
    dy = random_values<double>(static_cast<Index>(out_count(g)), seed + 2000);
    y.assign(dy.size(), 0);
    plain::adaptive_avg_pool2d(g, x.data(), y.data());
    plain::adaptive_avg_pool2d_backward(g, dy.data(), dx.data());
    CHECK(dot(y, dy) == Approx(dot(x, dx)).margin(1e-12));
  }
  CHECK(cases == 200);
}
