// SPDX-License-Identifier: MIT
// Convolutions whose results are activated and pooled, and all of a convolution's gradients at once.
#include <tapestry/backend/cpu/cpu_backend.hpp>
#include <tapestry/backend/reference/plain.hpp>

#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;
using Floats = std::vector<float>;

namespace {

Floats unwritten(Index size) { return Floats(static_cast<std::size_t>(size), std::nanf("")); }

PoolGeometry pooling(const ConvGeometry& g, Size2 kernel, Size2 stride, Size2 padding = 0) {
  return {g.batch, g.out_channels, g.out_height, g.out_width, kernel, stride, 1, padding,
          window_positions(g.out_height, 2 * padding.height, kernel.height, stride.height, 1),
          window_positions(g.out_width, 2 * padding.width, kernel.width, stride.width, 1)};
}

/// The gradients of g's x, w and bias, by the plain loops from dy.
struct PlainGradients {
  Floats dx, dw, dbias;
  PlainGradients(const ConvGeometry& g, const Floats& x, const Floats& w, const Floats& dy)
      : dx(x.size()), dw(w.size()), dbias(static_cast<std::size_t>(g.out_channels)) {
    std::vector<double> sums(dbias.size());
    for (std::size_t i = 0; i < dy.size(); ++i) sums[i % sums.size()] += static_cast<double>(dy[i]);
    for (std::size_t o = 0; o < sums.size(); ++o) dbias[o] = static_cast<float>(sums[o]);
    plain::conv2d_backward_data(g, dy.data(), w.data(), dx.data());
    plain::conv2d_backward_weight(g, x.data(), dy.data(), dw.data());
  }
};

struct Gradients {
  Floats dx, dw, dbias;
  explicit Gradients(const ConvGeometry& g)
      : dx(unwritten(g.batch * g.in_pixels() * g.in_channels)), dw(unwritten(g.out_channels * g.patch())), dbias(unwritten(g.out_channels)) {}
  void check(const PlainGradients& plain) const {
    CHECK(error_over_rms(dx, plain.dx) < 1e-4);
    CHECK(error_over_rms(dw, plain.dw) < 1e-4);
    CHECK(error_over_rms(dbias, plain.dbias) < 1e-5);
  }
};

void check(const ConvGeometry& g, const PoolGeometry& pool, Activation activation) {
  INFO(g << ", pooled by " << to_string(pool.kernel) << ", stride " << to_string(pool.stride) << ", activation " << static_cast<int>(activation));
  CpuBackend<float> backend;
  const Index whole_size = g.batch * g.out_pixels() * g.out_channels, size = g.batch * pool.out_pixels() * g.out_channels;
  const Floats x = random_values<float>(g.batch * g.in_pixels() * g.in_channels, 1), w = random_values<float>(g.out_channels * g.patch(), 2),
               bias = random_values<float>(g.out_channels, 3), dy = random_values<float>(size, 4);
  const Stages<float> stages{.bias = bias.data(), .activation = activation, .slope = 0.1f, .low = 0, .high = 0.7f};

  // Forward: to the last bit what one gets one after the other by the same algorithm.
  Floats whole = unwritten(whole_size), expected = unwritten(size), y = unwritten(size);
  std::vector<std::int32_t> where(static_cast<std::size_t>(size));
  std::vector<unsigned char> winners(static_cast<std::size_t>(backend.winner_bytes(pool)));
  backend.conv2d_staged(g, x.data(), w.data(), nullptr, stages, whole.data());
  plain::max_pool2d(pool, whole.data(), expected.data(), where.data());
  backend.conv2d_pooled(g, pool, x.data(), w.data(), nullptr, stages, y.data(), winners.data());
  CHECK(y == expected);
  Floats unnoted = unwritten(size);
  backend.conv2d_pooled(g, pool, x.data(), w.data(), nullptr, stages, unnoted.data(), nullptr);
  CHECK(unnoted == expected);

  // The pooling's gradient, from what forward noted, and through the activation.
  const PooledGradient<float> pooled{pool, dy.data(), y.data(), winners.data(), activation, 0.1f, 0.f, 0.7f};
  Floats masked = dy, plain_dy = unwritten(whole_size), own_dy = unwritten(whole_size);
  for (std::size_t i = 0; i < masked.size(); ++i) {
    if (activation == Activation::relu && y[i] <= 0) masked[i] = 0;
    if (activation == Activation::leaky_relu && y[i] <= 0) masked[i] *= 0.1f;
    if (activation == Activation::clamp && (y[i] <= 0 || y[i] >= 0.7f)) masked[i] = 0;
  }
  plain::max_pool2d_backward(pool, masked.data(), where.data(), plain_dy.data());
  backend.pooled_gradient(pooled, own_dy.data());
  CHECK(own_dy == plain_dy);

  // All gradients at once, from that of the pooling and from that of the convolution.
  const PlainGradients plain(g, x, w, plain_dy);
  Gradients together(g), direct(g), alone(g);
  backend.conv2d_pooled_backward(g, x.data(), w.data(), pooled, together.dx.data(), together.dw.data(), together.dbias.data());
  together.check(plain);
  backend.conv2d_backward(g, x.data(), w.data(), plain_dy.data(), direct.dx.data(), direct.dw.data(), direct.dbias.data());
  direct.check(plain);
  backend.conv2d_pooled_backward(g, x.data(), w.data(), pooled, alone.dx.data(), nullptr, nullptr);
  backend.conv2d_pooled_backward(g, x.data(), w.data(), pooled, nullptr, alone.dw.data(), nullptr);
  backend.conv2d_pooled_backward(g, x.data(), w.data(), pooled, nullptr, nullptr, alone.dbias.data());
  alone.check(plain);

  // Any number of threads gives the same.
  const int before = num_threads();
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    Gradients again(g);
    Floats y_again = unwritten(size);
    backend.conv2d_pooled(g, pool, x.data(), w.data(), nullptr, stages, y_again.data(), winners.data());
    backend.conv2d_pooled_backward(g, x.data(), w.data(), pooled, again.dx.data(), again.dw.data(), again.dbias.data());
    CHECK(y_again == y);
    CHECK(again.dx == together.dx);
    CHECK(again.dw == together.dw);
    CHECK(again.dbias == together.dbias);
  }
  set_num_threads(before);
}

}  // namespace

TEST_CASE("a convolution that is pooled, and its gradients, are those of its parts") {
  EachInstructionSet().run([] {
    const auto both = [](const ConvGeometry& g, Size2 kernel, Size2 stride, Activation activation, Size2 padding = 0) {
      check(g, pooling(g, kernel, stride, padding), activation);
    };
    both(convolution(16, 3, 12, 12, 30, 3), 2, 2, Activation::relu);                      // few channels, small
    both(convolution(40, 3, 24, 26, 20, 3), 2, 2, Activation::relu);                      // several images a thread
    both(convolution(17, 1, 23, 24, 33, 5, 1, 2), 3, 3, Activation::clamp);               // padded, a last window's rows are left over
    both(convolution(18, 2, 9, 11, 64, {3, 2}, 1, {1, 0}), {2, 3}, {3, 3}, Activation::leaky_relu);  // gaps between windows
    both(convolution(48, 12, 15, 15, 68, 3), 2, 2, Activation::relu);                     // Winograd in parts, rows that no window sees
    both(convolution(9, 8, 34, 30, 24, 3, 1, 1), 2, 2, Activation::leaky_relu);           // parts of unequal size
    both(convolution(24, 20, 6, 6, 50, 3), 2, 2, Activation::leaky_relu);                 // Winograd by planes
    both(convolution(3, 16, 10, 9, 16, 3, 1, 1), 2, 2, Activation::none);                 //
    both(convolution(16, 6, 14, 14, 10, 3, 2, 1), 2, 2, Activation::relu);                // a strided one
    both(convolution(16, 3, 16, 16, 16, 3), 3, 2, Activation::relu);                      // windows overlap
    both(convolution(16, 3, 16, 16, 16, 3), 3, 2, Activation::relu, 1);                   // and are padded
    both(convolution(16, 8, 12, 12, 8, 3, 1, 1, 2), 2, 2, Activation::relu);              // groups
  });
}

TEST_CASE("a gradient of no image at all is zero") {
  CpuBackend<float> backend;
  const ConvGeometry g = convolution(0, 8, 6, 6, 8, 3);
  Gradients all(g);
  backend.conv2d_backward(g, nullptr, nullptr, nullptr, nullptr, all.dw.data(), all.dbias.data());
  CHECK(all.dw == Floats(all.dw.size(), 0.f));
  CHECK(all.dbias == Floats(all.dbias.size(), 0.f));
}
