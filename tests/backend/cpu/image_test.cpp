// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/im2col.hpp>
#include <tapestry/backend/cpu/normalize.hpp>
#include <tapestry/backend/cpu/pool.hpp>

#include <limits>
#include <vector>

#include "near.hpp"
#include "support/catch.hpp"
#include "support/random_values.hpp"
#include "tapestry/backend/reference/plain.hpp"

using namespace tapestry;
using Floats = std::vector<float>;

namespace {
struct Draw {
  RandomStream random;
  Index position = 0;
  Index operator()(Index low, Index high) { return low + random.below(position++, high - low + 1); }
};
}  // namespace

TEST_CASE("cpu im2col and col2im are the plain ones") {
  Draw draw{{21}};
  Index cases = 0;
  while (cases < 200) {
    const Index groups = draw(1, 3);
    ConvGeometry g{.batch = draw(0, 3), .in_channels = groups * draw(1, 5), .height = draw(1, 9), .width = draw(1, 9), .out_channels = groups,
                   .groups = groups, .kernel = {draw(1, 4), draw(1, 4)}, .stride = {draw(1, 3), draw(1, 3)}, .dilation = {draw(1, 2), draw(1, 2)},
                   .padding = {draw(0, 3), draw(0, 3)}, .out_height = 0, .out_width = 0};
    g.out_height = window_positions(g.height, 2 * g.padding.height, g.kernel.height, g.stride.height, g.dilation.height);
    g.out_width = window_positions(g.width, 2 * g.padding.width, g.kernel.width, g.stride.width, g.dilation.width);
    if (g.out_pixels() == 0) continue;
    ++cases;
    const Floats x = random_values<float>(g.batch * g.in_pixels() * g.in_channels, 1);
    Floats patches(static_cast<std::size_t>(g.batch * g.out_pixels() * g.patch()), 9), expected(patches.size(), 8), back = x, expected_back = x;
    for (Index group = 0; group < groups; ++group) {
      cpu_kernels::im2col(g, group, x.data(), patches.data());
      plain::im2col(g, group, x.data(), expected.data());
      CHECK(patches == expected);
      cpu_kernels::col2im(g, group, patches.data(), back.data());
      plain::col2im(g, group, patches.data(), expected_back.data());
    }
    CHECK(relative_error(back, expected_back) < 1e-6);
  }
  CHECK(cases == 200);
}

TEST_CASE("cpu pooling is the plain one, NaN and -infinity included") {
  Draw draw{{22}};
  Index cases = 0;
  while (cases < 200) {
    PoolGeometry g{.batch = draw(0, 3), .channels = draw(1, 9), .height = draw(1, 9), .width = draw(1, 9), .kernel = {draw(1, 3), draw(1, 3)},
                   .stride = {draw(1, 3), draw(1, 3)}, .dilation = {draw(1, 2), draw(1, 2)}, .padding = {}, .out_height = 0, .out_width = 0};
    g.padding = {draw(0, g.kernel.height / 2), draw(0, g.kernel.width / 2)};
    g.out_height = window_positions(g.height, 2 * g.padding.height, g.kernel.height, g.stride.height, g.dilation.height);
    g.out_width = window_positions(g.width, 2 * g.padding.width, g.kernel.width, g.stride.width, g.dilation.width);
    if (g.out_pixels() == 0) continue;
    if (draw(0, 4) == 0) ++g.out_height;  // as ceil_mode may
    ++cases;
    Floats x = random_values<float>(g.batch * g.in_pixels() * g.channels, static_cast<std::uint64_t>(cases));
    for (float& v : x) v = draw(0, 30) == 0 ? std::numeric_limits<float>::quiet_NaN() : draw(0, 9) == 0 ? -std::numeric_limits<float>::infinity() : v;
    const std::size_t size = static_cast<std::size_t>(g.batch * g.out_pixels() * g.channels);
    Floats y(size), expected(size), dx(x.size(), 9), expected_dx(x.size(), 8);
    std::vector<std::int32_t> where(size), expected_where(size);
    cpu_kernels::max_pool2d(g, x.data(), y.data(), where.data());
    plain::max_pool2d(g, x.data(), expected.data(), expected_where.data());
    CHECK(relative_error(y, expected) == 0);
    CHECK(where == expected_where);
    const Floats dy = random_values<float>(static_cast<Index>(size), 3);
    cpu_kernels::max_pool2d_backward(g, dy.data(), where.data(), dx.data());
    plain::max_pool2d_backward(g, dy.data(), where.data(), expected_dx.data());
    CHECK(dx == expected_dx);

    x = random_values<float>(static_cast<Index>(x.size()), 5);
    const bool count_padding = draw(0, 1) == 1;
    const Index divisor = draw(0, 1) * draw(1, 5);
    cpu_kernels::average(g, false, count_padding, divisor, x.data(), y.data());
    plain::avg_pool2d(g, count_padding, divisor, x.data(), expected.data());
    CHECK(relative_error(y, expected) < 1e-6);
    cpu_kernels::average_backward(g, false, count_padding, divisor, dy.data(), dx.data());
    plain::avg_pool2d_backward(g, count_padding, divisor, dy.data(), expected_dx.data());
    CHECK(relative_error(dx, expected_dx) < 1e-6);
    cpu_kernels::average(g, true, false, 0, x.data(), y.data());
    plain::adaptive_avg_pool2d(g, x.data(), expected.data());
    CHECK(relative_error(y, expected) < 1e-6);
    cpu_kernels::average_backward(g, true, false, 0, dy.data(), dx.data());
    plain::adaptive_avg_pool2d_backward(g, dy.data(), expected_dx.data());
    CHECK(relative_error(dx, expected_dx) < 1e-6);
  }
  CHECK(cases == 200);
}

TEST_CASE("cpu batch statistics and normalisation are the plain ones, however far the mean lies from 0") {
  for (const Index channels : {1, 3, 5, 30, 60, 300})
    for (const Index rows : {1, 7, 8, 64, 3001, 4096})
      for (const float mean_of_all : {0.0f, 1000.0f}) {
        INFO(rows << " rows, " << channels << " channels, mean " << mean_of_all);
        const std::size_t count = static_cast<std::size_t>(channels);
        Floats x = random_values<float>(rows * channels, 1), dy = random_values<float>(rows * channels, 2);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = x[i] * static_cast<float>(1 + i % count) + mean_of_all;
        const Floats gamma = random_values<float>(channels, 3), beta = random_values<float>(channels, 4);
        Floats mean(count), variance(count), expected_mean(count), expected_variance(count);
        cpu_kernels::batch_statistics(rows, channels, x.data(), mean.data(), variance.data());
        plain::batch_statistics(rows, channels, x.data(), expected_mean.data(), expected_variance.data());
        CHECK(relative_error(mean, expected_mean) < 1e-5);
        CHECK(relative_error(variance, expected_variance) < 1e-5);
        Floats y(x.size()), expected(x.size()), dx(x.size()), expected_dx(x.size()), dgamma(count), expected_dgamma(count), dbeta(count), expected_dbeta(count);
        for (const bool affine : {true, false}) {
          const float* scale = affine ? gamma.data() : nullptr;
          cpu_kernels::normalize(rows, channels, x.data(), mean.data(), variance.data(), 1e-5f, scale, affine ? beta.data() : nullptr, y.data());
          plain::normalize(rows, channels, x.data(), mean.data(), variance.data(), 1e-5f, scale, affine ? beta.data() : nullptr, expected.data());
          CHECK(relative_error(y, expected) < 1e-5);
          cpu_kernels::normalize_backward(rows, channels, x.data(), mean.data(), variance.data(), 1e-5f, scale, dy.data(), affine, dx.data(), dgamma.data(), dbeta.data());
          plain::normalize_backward(rows, channels, x.data(), mean.data(), variance.data(), 1e-5f, scale, dy.data(), affine, expected_dx.data(), expected_dgamma.data(), expected_dbeta.data());
          CHECK(relative_error(dgamma, expected_dgamma) < 1e-5);
          CHECK(relative_error(dbeta, expected_dbeta) < 1e-5);
          if (rows > 1) CHECK(relative_error(dx, expected_dx) < 1e-4);
        }
      }
}
