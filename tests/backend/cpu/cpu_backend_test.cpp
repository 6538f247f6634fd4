// SPDX-License-Identifier: MIT
#include <tapestry/backend/kernels.hpp>

#include <vector>

#include "near.hpp"
#include "support/catch.hpp"
#include "support/random_values.hpp"
#include "tapestry/backend/reference/plain.hpp"

using namespace tapestry;
using Floats = std::vector<float>;

TEST_CASE("a device without kernels is refused") {
  CHECK(&backend<float>(cpu()).memory() == &cpu().memory());
  static detail::DeviceEntry bare;
  bare.memory = &cpu().memory();
  CHECK_THROWS_WITH(kernels<Index>(Device(bare)), "kernels: device cpu has no kernels for int64");
}

TEST_CASE("cpu convolution is the plain one, forward and backward") {
  const RandomStream random{31};
  Index draw = 0, cases = 0;
  const auto pick = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  while (cases < 100) {
    const Index groups = pick(1, 2);
    ConvGeometry g{.batch = pick(1, 3), .in_channels = groups * pick(1, 4), .height = pick(1, 9), .width = pick(1, 9),
                   .out_channels = groups * pick(1, 5), .groups = groups, .kernel = {pick(1, 3), pick(1, 3)}, .stride = {pick(1, 2), pick(1, 2)},
                   .dilation = {pick(1, 2), pick(1, 2)}, .padding = {pick(0, 2), pick(0, 2)}, .out_height = 0, .out_width = 0};
    g.out_height = window_positions(g.height, 2 * g.padding.height, g.kernel.height, g.stride.height, g.dilation.height);
    g.out_width = window_positions(g.width, 2 * g.padding.width, g.kernel.width, g.stride.width, g.dilation.width);
    if (g.out_pixels() == 0) continue;
    ++cases;
    const Floats x = random_values<float>(g.batch * g.in_pixels() * g.in_channels, 1), w = random_values<float>(g.out_channels * g.patch(), 2);
    const Floats bias = random_values<float>(g.out_channels, 3), dy = random_values<float>(g.batch * g.out_pixels() * g.out_channels, 4);
    Floats y(dy.size()), expected_y(dy.size()), dx(x.size()), expected_dx(x.size()), dw(w.size()), expected_dw(w.size());
    const auto on_cpu = backend<float>(cpu());
    on_cpu.conv2d(g, x.data(), w.data(), cases % 2 ? bias.data() : nullptr, y.data());
    plain::conv2d(g, x.data(), w.data(), cases % 2 ? bias.data() : nullptr, expected_y.data());
    on_cpu.conv2d_backward_data(g, dy.data(), w.data(), dx.data());
    plain::conv2d_backward_data(g, dy.data(), w.data(), expected_dx.data());
    on_cpu.conv2d_backward_weight(g, x.data(), dy.data(), dw.data());
    plain::conv2d_backward_weight(g, x.data(), dy.data(), expected_dw.data());
    CHECK(relative_error(y, expected_y) < 1e-5);
    CHECK(relative_error(dx, expected_dx) < 1e-5);
    CHECK(relative_error(dw, expected_dw) < 1e-5);
  }
  CHECK(cases == 100);
}

TEST_CASE("cpu softmax and losses are the plain ones") {
  for (const Index rows : {1, 130})
    for (const Index columns : {1, 10, 37}) {
      const Index count = rows * columns;
      Floats x = random_values<float>(count, 1), dy = random_values<float>(count, 2);
      for (float& v : x) v *= 50;
      Floats y(x.size()), expected(x.size()), dx(x.size()), expected_dx(x.size());
      for (const bool logarithm : {false, true}) {
        backend<float>(cpu()).softmax(rows, columns, logarithm, x.data(), y.data());
        plain::softmax(rows, columns, logarithm, x.data(), expected.data());
        CHECK(relative_error(y, expected) < 1e-6);
        backend<float>(cpu()).softmax_backward(rows, columns, logarithm, y.data(), dy.data(), dx.data());
        plain::softmax_backward(rows, columns, logarithm, y.data(), dy.data(), expected_dx.data());
        CHECK(relative_error(dx, expected_dx) < 1e-5);
      }
      std::vector<Index> target;
      for (Index r = 0; r < rows; ++r) target.push_back(r % 3 == 0 ? -100 : r % columns);
      const Floats weight = random_values<float>(columns, 3), dloss = random_values<float>(rows, 4);
      const std::size_t n = static_cast<std::size_t>(rows);
      Floats loss(n), scale(n), expected_loss(n), expected_scale(n);
      for (const float* w : {static_cast<const float*>(nullptr), weight.data()}) {
        backend<float>(cpu()).nll_loss(rows, columns, y.data(), target.data(), w, -100, loss.data(), scale.data());
        plain::nll_loss(rows, columns, y.data(), target.data(), w, Index{-100}, expected_loss.data(), expected_scale.data());
        CHECK(loss == expected_loss);
        CHECK(scale == expected_scale);
        backend<float>(cpu()).nll_loss_backward(rows, columns, target.data(), scale.data(), dloss.data(), dx.data());
        plain::nll_loss_backward(rows, columns, target.data(), scale.data(), dloss.data(), expected_dx.data());
        CHECK(dx == expected_dx);
      }
    }
}

TEST_CASE("cpu optimiser steps are the plain ones") {
  constexpr Index count = 40001;
  const Floats dw = random_values<float>(count, 1), start = random_values<float>(count, 2);
  for (int options = 0; options < 16; ++options) {
    const bool a = options & 1, b = options & 2, c = options & 4, d = options & 8;
    Floats w = start, expected = start, m(count, 0.1f), v(count, 0.2f), l(count, 0.15f), m2 = m, v2 = v, l2 = l;
    for (Index step = 1; step <= 3; ++step) {
      const SgdStep sgd{0.1, 0.9, a ? 0.0 : 0.2, b ? 0.01 : 0.0, a, c, step == 1};
      backend<float>(cpu()).sgd_step(sgd, count, dw.data(), d ? m.data() : nullptr, w.data());
      plain::sgd_step(sgd, count, dw.data(), d ? m2.data() : nullptr, expected.data());
      CHECK(relative_error(w, expected) < 1e-6);
      const AdamStep adam{0.01, 0.9, 0.999, 1e-8, b ? 0.01 : 0.0, step, c, d, a};
      backend<float>(cpu()).adam_step(adam, count, dw.data(), m.data(), v.data(), d ? l.data() : nullptr, w.data());
      plain::adam_step(adam, count, dw.data(), m2.data(), v2.data(), d ? l2.data() : nullptr, expected.data());
      CHECK(relative_error(w, expected) < 1e-6);
      CHECK(relative_error(l, l2) < 1e-6);
      const RmsPropStep rms{0.01, 0.99, 1e-8, b ? 0.01 : 0.0, 0.9, c, a};
      Floats g(count), g2(count);
      backend<float>(cpu()).rmsprop_step(rms, count, dw.data(), v.data(), c ? g.data() : nullptr, d ? m.data() : nullptr, w.data());
      plain::rmsprop_step(rms, count, dw.data(), v2.data(), c ? g2.data() : nullptr, d ? m2.data() : nullptr, expected.data());
      CHECK(relative_error(w, expected) < 1e-6);
      CHECK(relative_error(v, v2) < 1e-6);
      CHECK(relative_error(m, m2) < 1e-5);
    }
  }
}

TEST_CASE("cpu random fills are the sequence, element by element") {
  constexpr Index count = 9001;
  const RandomStream random{5, 17, 2};
  Floats y(count), expected(count);
  backend<float>(cpu()).uniform(random, -2.0f, 3.0f, count, y.data());
  plain::uniform(random, -2.0f, 3.0f, count, expected.data());
  CHECK(y == expected);
  backend<float>(cpu()).normal(random, 1.0f, 2.0f, count, y.data());
  plain::normal(random, 1.0f, 2.0f, count, expected.data());
  CHECK(y == expected);
}
