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

/// Forward with a normalisation before the activation, and stages behind the pooling.
void check_stages(const ConvGeometry& g, const PoolGeometry& pool, Activation activation) {
  CpuBackend<float> backend;
  const Index size = g.batch * pool.out_pixels() * g.out_channels;
  const Floats x = random_values<float>(g.batch * g.in_pixels() * g.in_channels, 1), w = random_values<float>(g.out_channels * g.patch(), 2);
  const auto numbers = [&](std::uint64_t seed) { return random_values<float>(g.out_channels, seed); };
  const Floats bias = numbers(3), mean = numbers(5), gamma = numbers(6), beta = numbers(7), other_mean = numbers(9), other_gamma = numbers(10);
  Floats variance = numbers(8), whole = unwritten(g.batch * g.out_pixels() * g.out_channels), expected = unwritten(size);
  for (float& v : variance) v = v * v + 0.5f;
  const Stages<float> plain_stages{.bias = bias.data(), .activation = activation, .slope = 0.1f, .low = 0, .high = 0.7f};
  Stages<float> normalized = plain_stages;
  normalized.mean = mean.data(), normalized.variance = variance.data(), normalized.gamma = gamma.data(), normalized.beta = beta.data(), normalized.eps = 1e-3f;
  const Stages<float> after{.mean = other_mean.data(), .variance = variance.data(), .gamma = other_gamma.data(), .beta = beta.data(), .eps = 1e-5f,
                            .activation = Activation::leaky_relu, .slope = 0.3f};
  for (const Stages<float>& stages : {plain_stages, normalized}) {
    backend.conv2d_staged(g, x.data(), w.data(), nullptr, stages, whole.data());
    plain::max_pool2d(pool, whole.data(), expected.data(), nullptr);
    detail::finish_stages(backend, g.batch * pool.out_pixels(), g.out_channels, after, expected.data());
    Floats y = unwritten(size);
    backend.conv2d_pooled(g, pool, x.data(), w.data(), nullptr, stages, after, y.data(), nullptr);
    CHECK(error_over_rms(y, expected) < 1e-5);
  }
}

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
  backend.conv2d_pooled(g, pool, x.data(), w.data(), nullptr, stages, {}, y.data(), winners.data());
  CHECK(y == expected);
  Floats unnoted = unwritten(size), prepared(static_cast<std::size_t>(backend.weight_form(g).size));
  backend.prepare_weight(g, w.data(), prepared.data());
  backend.conv2d_pooled(g, pool, x.data(), w.data(), prepared.empty() ? nullptr : prepared.data(), stages, {}, unnoted.data(), nullptr);
  CHECK(unnoted == expected);

  check_stages(g, pool, activation);

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
    backend.conv2d_pooled(g, pool, x.data(), w.data(), nullptr, stages, {}, y_again.data(), winners.data());
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
    both(convolution(2, 3, 65, 64, 64, 3, 1, 1), 3, 2, Activation::relu, 1);              // large, windows overlap: in bands of rows
    both(convolution(1, 3, 150, 119, 30, 3, {1, 1}, {1, 0}), {4, 2}, {3, 1}, Activation::clamp, {2, 0});  // rows left over
    // Within Winograd's tiles: whole ones and not, rows and columns that no window sees, large tiles, more weights than a cache holds.
    both(convolution(2, 16, 17, 22, 20, 3, 1, 1), 2, 2, Activation::relu);
    both(convolution(1, 5, 13, 15, 6, 3), {1, 2}, {2, 4}, Activation::clamp);
    both(convolution(1, 32, 38, 31, 33, 3, 1, 1), 2, 2, Activation::leaky_relu);
    both(convolution(2, 32, 35, 40, 48, 3, 1, 1), 3, 3, Activation::relu);
    both(convolution(1, 200, 9, 10, 190, 3, 1, 1), 2, 2, Activation::relu);
    both(convolution(2, 16, 18, 22, 20, 3, 1, 1), 3, 3, Activation::relu);  // windows that do not lie within tiles
    both(convolution(1, 3, 32, 32, 30, 3), 2, 2, Activation::relu);                       // one image: by rows
    both(convolution(1, 30, 15, 15, 60, 3), 2, 2, Activation::relu);                      // by filters, Winograd
    both(convolution(1, 60, 6, 6, 120, 3), 2, 2, Activation::leaky_relu);                 // by filters, direct
    both(convolution(2, 5, 17, 13, 70, {5, 3}, 2, {3, 1}), 2, 2, Activation::clamp);      // by both, padded and strided
    both(convolution(1, 7, 20, 20, 33, 3, 1, 2, 1, 2), 3, 4, Activation::none);           // a last panel of one filter, gaps between windows
    both(convolution(3, 24, 11, 9, 100, 3, 1, 1), {3, 2}, {3, 2}, Activation::relu);      //
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
