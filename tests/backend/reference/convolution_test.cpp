// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/convolution.hpp>

#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;

namespace {
ConvGeometry conv(Index batch, Index in_channels, Size2 image, Index out_channels, Index groups, Size2 kernel, Size2 stride, Size2 dilation,
                  Size2 padding) {
  return {.batch = batch, .in_channels = in_channels, .height = image.height, .width = image.width, .out_channels = out_channels,
          .groups = groups, .kernel = kernel, .stride = stride, .dilation = dilation, .padding = padding,
          .out_height = window_positions(image.height, 2 * padding.height, kernel.height, stride.height, dilation.height),
          .out_width = window_positions(image.width, 2 * padding.width, kernel.width, stride.width, dilation.width)};
}
Index x_count(const ConvGeometry& g) { return g.batch * g.in_pixels() * g.in_channels; }
Index w_count(const ConvGeometry& g) { return g.out_channels * g.patch(); }
Index y_count(const ConvGeometry& g) { return g.batch * g.out_pixels() * g.out_channels; }
Doubles zeros(Index count) { return Doubles(static_cast<std::size_t>(count)); }

Doubles forward(const ConvGeometry& g, const Doubles& x, const Doubles& w) {
  Doubles y = zeros(y_count(g));
  plain::conv2d<double>(g, x.data(), w.data(), nullptr, y.data());
  return y;
}

/// Calls f(geometry, seed) for 200 random convolutions.
template <class F>
void for_random_geometries(F&& f) {
  const RandomStream random{7};
  Index draw = 0, cases = 0;
  const auto pick = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  while (cases < 200) {
    const Index groups = pick(1, 3);
    ConvGeometry g = conv(pick(1, 3), groups * pick(1, 3), {pick(1, 7), pick(1, 7)}, groups * pick(1, 3), groups, {pick(1, 3), pick(1, 3)},
                          {pick(1, 3), pick(1, 3)}, {pick(1, 2), pick(1, 2)}, {pick(0, 2), pick(0, 2)});
    if (g.out_pixels() == 0) continue;
    if (g.stride == Size2(1) && pick(0, 1) == 1) ++g.out_width;  // 'same' padding may add a column at the right alone
    f(g, static_cast<std::uint64_t>(++cases));
  }
  CHECK(cases == 200);
}
}  // namespace

TEST_CASE("plain conv2d: a difference filter over a small image") {
  const ConvGeometry g = conv(1, 1, {3, 3}, 1, 1, 2, 1, 1, 0);
  const Doubles x{1, 2, 4, 7, 11, 16, 22, 29, 37}, w{1, 0, 0, -1}, bias{100};
  Doubles y(4);
  plain::conv2d(g, x.data(), w.data(), bias.data(), y.data());
  CHECK(y == Doubles{90, 86, 78, 74});  // not flipped: a cross-correlation
}

TEST_CASE("plain conv2d: stride, padding and dilation choose the pixels") {
  const Doubles x{1, 2, 3, 4, 5}, w{1, 10, 100};
  CHECK(forward(conv(1, 1, {1, 5}, 1, 1, {1, 3}, 1, 1, {0, 1}), x, w) == Doubles{210, 321, 432, 543, 54});
  CHECK(forward(conv(1, 1, {1, 5}, 1, 1, {1, 3}, {1, 2}, 1, {0, 1}), x, w) == Doubles{210, 432, 54});
  CHECK(forward(conv(1, 1, {1, 5}, 1, 1, {1, 3}, 1, {1, 2}, 0), x, w) == Doubles{531});
  CHECK(forward(conv(1, 1, {5, 1}, 1, 1, {3, 1}, {2, 1}, 1, {1, 0}), x, w) == Doubles{210, 432, 54});
}

TEST_CASE("plain conv2d: channels add up within a group and never across groups") {
  const Doubles x{1, 2, 3, 4};  // one pixel, four channels
  CHECK(forward(conv(1, 4, 1, 2, 1, 1, 1, 1, 0), x, {1, 10, 100, 1000, 0, 0, 0, 1}) == Doubles{4321, 4});
  CHECK(forward(conv(1, 4, 1, 2, 2, 1, 1, 1, 0), x, {1, 10, 1, 10}) == Doubles{21, 43});
  CHECK(forward(conv(1, 4, 1, 4, 4, 1, 1, 1, 0), x, {1, 10, 100, 1000}) == Doubles{1, 20, 300, 4000});
}

TEST_CASE("plain conv2d_backward_data and _weight are the adjoints of conv2d: <y, dy> = <x, dx> = <w, dw>") {
  for_random_geometries([](const ConvGeometry& g, std::uint64_t seed) {
    const Doubles x = random_values<double>(x_count(g), seed), w = random_values<double>(w_count(g), seed + 1000),
                  dy = random_values<double>(y_count(g), seed + 2000);
    Doubles dx(x.size(), 99), dw(w.size(), 99);
    plain::conv2d_backward_data(g, dy.data(), w.data(), dx.data());
    plain::conv2d_backward_weight(g, x.data(), dy.data(), dw.data());
    const double product = dot(forward(g, x, w), dy);
    CHECK(dot(x, dx) == Approx(product).margin(1e-11));
    CHECK(dot(w, dw) == Approx(product).margin(1e-11));
  });
}

TEST_CASE("plain conv2d is linear in x and in w") {
  for_random_geometries([](const ConvGeometry& g, std::uint64_t seed) {
    if (seed % 4 != 0) return;
    const Doubles p = random_values<double>(x_count(g), seed), q = random_values<double>(x_count(g), seed + 1000),
                  w = random_values<double>(w_count(g), seed + 2000), v = random_values<double>(w_count(g), seed + 3000);
    Doubles p_2q = p, w_3v = w;
    for (std::size_t i = 0; i < p.size(); ++i) p_2q[i] += 2 * q[i];
    for (std::size_t i = 0; i < w.size(); ++i) w_3v[i] += 3 * v[i];
    const Doubles pw = forward(g, p, w), qw = forward(g, q, w), pv = forward(g, p, v);
    const Doubles in_x = forward(g, p_2q, w), in_w = forward(g, p, w_3v);
    for (std::size_t i = 0; i < pw.size(); ++i) {
      REQUIRE(in_x[i] == Approx(pw[i] + 2 * qw[i]).margin(1e-12));
      REQUIRE(in_w[i] == Approx(pw[i] + 3 * pv[i]).margin(1e-12));
    }
  });
}

TEST_CASE("plain im2col lays out what one group's filters see, a row an output pixel") {
  const ConvGeometry g = conv(1, 2, {1, 3}, 2, 2, {1, 2}, 1, 1, {0, 1});
  const Doubles x{1, 10, 2, 20, 3, 30};
  Doubles patches(8, 99);
  plain::im2col(g, 0, x.data(), patches.data());
  CHECK(patches == Doubles{0, 1, 1, 2, 2, 3, 3, 0});
  plain::im2col(g, 1, x.data(), patches.data());
  CHECK(patches == Doubles{0, 10, 10, 20, 20, 30, 30, 0});
  Doubles sum(6, 100);  // col2im adds to what is there
  plain::col2im(g, 1, Doubles{1, 2, 4, 8, 16, 32, 64, 128}.data(), sum.data());
  CHECK(sum == Doubles{100, 106, 100, 124, 100, 196});
}

TEST_CASE("plain col2im is the adjoint of im2col: <im2col(x), p> = <x, col2im(p)>") {
  for_random_geometries([](const ConvGeometry& g, std::uint64_t seed) {
    const Index group = static_cast<Index>(seed) % g.groups, entries = g.batch * g.out_pixels() * g.patch();
    const Doubles x = random_values<double>(x_count(g), seed), p = random_values<double>(entries, seed + 1000);
    Doubles patches = zeros(entries), folded = zeros(x_count(g));
    plain::im2col(g, group, x.data(), patches.data());
    plain::col2im(g, group, p.data(), folded.data());
    CHECK(dot(patches, p) == Approx(dot(x, folded)).margin(1e-11));
  });
}
