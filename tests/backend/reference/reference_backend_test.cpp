// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/reference_backend.hpp>

#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/device_array.hpp"
#include "support/random_values.hpp"

using namespace tapestry;

// The plain kernels have tests of their own; these show that the device runs them on its own memory, with arguments in the right places.

namespace {
template <Scalar T>
Kernels<T>& kernels_of(Device device) {
  return *static_cast<Kernels<T>*>(device.entry().kernels[static_cast<std::size_t>(dtype_of<T>())].load());
}
template <Floating T>
Backend<T>& backend_of(Device device) {
  return static_cast<Backend<T>&>(kernels_of<T>(device));
}

/// Random inputs and results that start as 7 and 8, both on the host and on the device.
template <class T>
struct Both {
  std::vector<T> on_host;
  DeviceArray<T> on_device;
  explicit Both(std::vector<T> values) : on_host(values), on_device(reference(), values) {}
  T* plain() { return on_host.data(); }
  T* device() { return on_device.data(); }
  void check() const { CHECK(on_device.get() == on_host); }
};
template <class T>
Both<T> random_both(Index count, std::uint64_t seed) {
  return Both<T>(random_values<T>(count, seed));
}
template <class T>
Both<T> positive_both(Index count, std::uint64_t seed) {
  std::vector<T> values = random_values<T>(count, seed);
  for (T& value : values) value = value * value + T(0.1);
  return Both<T>(values);
}
template <class T>
Both<T> sevens(Index count) {
  return Both<T>(std::vector<T>(static_cast<std::size_t>(count), T(7)));
}
}  // namespace

TEST_CASE("reference() is one device, whoever asks, with kernels for every scalar type") {
  const Device device = reference();
  CHECK(device == reference());
  CHECK(to_string(device) == "reference");
  std::vector<const void*> seen(4);
  std::vector<std::thread> threads;
  for (auto& mine : seen) threads.emplace_back([&mine] { mine = &reference().entry(); });
  for (auto& thread : threads) thread.join();
  for (const void* entry : seen) CHECK(entry == &device.entry());
  for (const auto& kernels : device.entry().kernels) CHECK(kernels.load() != nullptr);
  CHECK(&backend_of<float>(device).memory() == &device.memory());
}

TEMPLATE_TEST_CASE("reference kernels of every type run on device memory", "", float, double, Index, std::int32_t, std::uint8_t) {
  using T = TestType;
  Kernels<T>& kernels = kernels_of<T>(reference());
  Both<T> a({T(1), T(2), T(3), T(4), T(5), T(6)}), b({T(6), T(2), T(1), T(1), T(3), T(2)}), y = sevens<T>(6);
  const Broadcast walk{{2, 3}, {3, 1}, {0, 2}};

  kernels.unary(UnaryOp::affine, 6, a.device(), T(2), T(3), y.device());
  plain::unary(UnaryOp::affine, 6, a.plain(), T(2), T(3), y.plain());
  y.check();
  kernels.binary(BinaryOp::subtract, walk, a.device(), b.device(), y.device());
  plain::binary(BinaryOp::subtract, walk, a.plain(), b.plain(), y.plain());
  y.check();
  DeviceArray<bool> flags(reference(), 6);
  kernels.compare(CompareOp::less, walk, a.device(), b.device(), flags.data());
  CHECK(flags.get() == std::vector<bool>{true, false, false, true, false, false});
  kernels.where(6, flags.data(), a.device(), b.device(), y.device());
  CHECK(y.on_device.get() == std::vector<T>{T(1), T(2), T(1), T(4), T(3), T(2)});
  y.on_host = y.on_device.get();
  kernels.scale_add(6, T(2), a.device(), T(3), y.device());
  plain::scale_add(6, T(2), a.plain(), T(3), y.plain());
  y.check();
  kernels.arange(6, T(3), T(2), y.device());
  plain::arange(6, T(3), T(2), y.plain());
  y.check();

  Both<T> row = sevens<T>(3), pair = sevens<T>(4);
  Both<Index> at = sevens<Index>(3), at_pair = sevens<Index>(4);
  kernels.reduce(ReduceOp::sum, 1, 2, 3, a.device(), row.device());
  plain::reduce(ReduceOp::sum, 1, 2, 3, a.plain(), row.plain());
  row.check();
  kernels.arg_reduce(ReduceOp::minimum, 1, 2, 3, b.device(), row.device(), at.device());
  plain::arg_reduce(ReduceOp::minimum, 1, 2, 3, b.plain(), row.plain(), at.plain());
  row.check();
  at.check();
  kernels.arg_reduce(ReduceOp::maximum, 1, 2, 3, b.device(), nullptr, at.device());
  plain::arg_reduce<T>(ReduceOp::maximum, 1, 2, 3, b.plain(), nullptr, at.plain());
  at.check();
  kernels.topk(2, 3, 1, 2, false, b.device(), pair.device(), at_pair.device());
  plain::topk(2, 3, 1, 2, false, b.plain(), pair.plain(), at_pair.plain());
  pair.check();
  at_pair.check();
  Both<Index> indices({2, 0});
  kernels.index_add(1, 3, 2, indices.device(), 2, a.device(), y.device());
  plain::index_add(1, 3, 2, indices.plain(), 2, a.plain(), y.plain());
  y.check();
}

TEST_CASE("reference kernels refuse on integers what has no meaning there, and leave the result alone") {
  DeviceArray<Index> x(reference(), {4, 9}), y(reference(), {7, 7});
  CHECK_THROWS_AS(kernels_of<Index>(reference()).unary(UnaryOp::square_root, 2, x.data(), 0, 0, y.data()), TypeError);
  CHECK(y.get() == std::vector<Index>{7, 7});
}

TEST_CASE("reference kernels refuse pointers of the host") {
  std::vector<float> x(4, 1.0f), y(4, 7.0f);
  CHECK_THROWS_AS(kernels_of<float>(reference()).unary(UnaryOp::negate, 4, x.data(), 0, 0, y.data()), TypeError);
  CHECK(y == std::vector<float>(4, 7.0f));
}

TEST_CASE("reference memory primitives run on device memory") {
  DeviceMemory& memory = reference().memory();
  DeviceArray<Index> x(reference(), {1, 2, 3, 4, 5, 6}), y(reference(), 6), indices(reference(), {2, 0});
  const Index nine = 9;
  memory.fill(DType::int64, &nine, 6, y.data());
  CHECK(y.get() == std::vector<Index>(6, 9));
  memory.strided_copy(8, {3, 2}, x.data(), {1, 3}, y.data(), {2, 1});
  CHECK(y.get() == std::vector<Index>{1, 4, 2, 5, 3, 6});
  memory.gather(8, 1, 3, 2, indices.data(), 2, x.data(), y.data());
  CHECK(y.get() == std::vector<Index>{5, 6, 1, 2, 3, 6});
  CHECK(memory.first_outside(x.data(), 6, 1, 5, 5) == 5);
  DeviceArray<double> converted(reference(), 6);
  memory.cast(DType::int64, x.data(), DType::float64, converted.data(), 6);
  CHECK(converted.get() == std::vector<double>{1, 2, 3, 4, 5, 6});
  DeviceArray<bool> keep(reference(), 50);
  memory.bernoulli({3, 4}, 0.5, 50, keep.data());
  bool expected_keep[50];
  plain::bernoulli({3, 4}, 0.5, 50, expected_keep);
  CHECK(keep.get() == std::vector<bool>(expected_keep, expected_keep + 50));
  memory.random_integers({5, 6}, -3, 100, 6, y.data());
  std::vector<Index> expected(6);
  plain::random_integers({5, 6}, -3, 100, 6, expected.data());
  CHECK(y.get() == expected);
}

TEMPLATE_TEST_CASE("reference backend: elementwise, random, gemm", "", float, double) {
  using T = TestType;
  Backend<T>& backend = backend_of<T>(reference());
  auto x = random_both<T>(12, 1), y = random_both<T>(12, 2), dy = random_both<T>(12, 3), out = sevens<T>(12);
  backend.unary_backward(UnaryOp::gelu_tanh, 12, x.device(), y.device(), dy.device(), T(0.5), T(2), out.device());
  plain::unary_backward(UnaryOp::gelu_tanh, 12, x.plain(), y.plain(), dy.plain(), T(0.5), T(2), out.plain());
  out.check();
  backend.unary_backward(UnaryOp::sigmoid, 12, x.device(), y.device(), dy.device(), T(0), T(0), out.device());
  plain::unary_backward(UnaryOp::sigmoid, 12, x.plain(), y.plain(), dy.plain(), T(0), T(0), out.plain());
  out.check();
  backend.unary_backward(UnaryOp::clamp, 12, x.device(), y.device(), dy.device(), T(-0.5), T(0.25), out.device());
  plain::unary_backward(UnaryOp::clamp, 12, x.plain(), y.plain(), dy.plain(), T(-0.5), T(0.25), out.plain());
  out.check();
  backend.uniform({1, 2}, T(-2), T(3), 12, out.device());
  plain::uniform({1, 2}, T(-2), T(3), 12, out.plain());
  out.check();
  backend.normal({1, 2}, T(-2), T(3), 12, out.device());
  plain::normal({1, 2}, T(-2), T(3), 12, out.plain());
  out.check();
  // A is 2 x 3 in rows of 4, B is 3 x 2 stored 2 x 3 in rows of 5, C is 2 x 2 in rows of 6.
  backend.gemm(Transpose::no, Transpose::yes, 2, 2, 3, x.device(), 4, y.device(), 5, T(0.5), out.device(), 6);
  plain::gemm(Transpose::no, Transpose::yes, 2, 2, 3, x.plain(), 4, y.plain(), 5, T(0.5), out.plain(), 6);
  out.check();
  backend.add_rows(4, 3, x.device(), out.device());
  plain::add_rows(4, 3, x.plain(), out.plain());
  out.check();
  auto sums = sevens<T>(3);
  backend.sum_rows(4, 3, x.device(), sums.device());
  plain::reduce(ReduceOp::sum, 1, 4, 3, x.plain(), sums.plain());
  sums.check();
  Both<bool> keep({true, false, true});
  backend.mask_scale(3, keep.device(), T(2), x.device(), out.device());
  bool keep_on_host[] = {true, false, true};
  plain::mask_scale(3, keep_on_host, T(2), x.plain(), out.plain());
  out.check();
}

TEMPLATE_TEST_CASE("reference backend: convolution is the plain one, and agrees with the contract's im2col + gemm", "", float, double) {
  using T = TestType;
  Backend<T>& backend = backend_of<T>(reference());
  const double margin = sizeof(T) == 4 ? 1e-5 : 1e-13;
  const RandomStream random{3};
  Index draw = 0, cases = 0;
  const auto pick = [&](Index low, Index high) { return low + random.below(draw++, high - low + 1); };
  const auto check_close = [&](const std::vector<T>& a, const std::vector<T>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Approx(b[i]).margin(margin).epsilon(0));
  };
  while (cases < 100) {
    const Index groups = pick(1, 3);
    ConvGeometry g{.batch = pick(0, 3), .in_channels = groups * pick(1, 3), .height = pick(1, 6), .width = pick(1, 6),
                   .out_channels = groups * pick(1, 3), .groups = groups, .kernel = {pick(1, 3), pick(1, 3)},
                   .stride = {pick(1, 2), pick(1, 2)}, .dilation = {pick(1, 2), pick(1, 2)}, .padding = {pick(0, 2), pick(0, 2)},
                   .out_height = 0, .out_width = 0};
    g.out_height = window_positions(g.height, 2 * g.padding.height, g.kernel.height, g.stride.height, g.dilation.height);
    g.out_width = window_positions(g.width, 2 * g.padding.width, g.kernel.width, g.stride.width, g.dilation.width);
    if (g.out_pixels() == 0) continue;
    const auto seed = static_cast<std::uint64_t>(++cases);
    CAPTURE(seed);
    auto x = random_both<T>(g.batch * g.in_pixels() * g.in_channels, seed), w = random_both<T>(g.out_channels * g.patch(), seed + 1000);
    auto y = random_both<T>(g.batch * g.out_pixels() * g.out_channels, seed + 2000), bias = random_both<T>(g.out_channels, seed + 3000);
    auto dx = random_both<T>(g.batch * g.in_pixels() * g.in_channels, seed), dw = random_both<T>(g.out_channels * g.patch(), seed);
    const auto dy = y.on_host;

    backend.conv2d_backward_data(g, y.device(), w.device(), dx.device());
    plain::conv2d_backward_data(g, y.plain(), w.plain(), dx.plain());
    dx.check();
    backend.Backend<T>::conv2d_backward_data(g, y.device(), w.device(), dx.device());
    check_close(dx.on_device.get(), dx.on_host);

    backend.conv2d_backward_weight(g, x.device(), y.device(), dw.device());
    plain::conv2d_backward_weight(g, x.plain(), y.plain(), dw.plain());
    dw.check();
    backend.Backend<T>::conv2d_backward_weight(g, x.device(), y.device(), dw.device());
    check_close(dw.on_device.get(), dw.on_host);

    for (bool with_bias : {true, false}) {
      backend.conv2d(g, x.device(), w.device(), with_bias ? bias.device() : nullptr, y.device());
      plain::conv2d<T>(g, x.plain(), w.plain(), with_bias ? bias.plain() : nullptr, y.plain());
      y.check();
      backend.Backend<T>::conv2d(g, x.device(), w.device(), with_bias ? bias.device() : nullptr, y.device());
      check_close(y.on_device.get(), y.on_host);
    }

    auto patches = sevens<T>(g.batch * g.out_pixels() * g.patch());
    backend.im2col(g, groups - 1, x.device(), patches.device());
    plain::im2col(g, groups - 1, x.plain(), patches.plain());
    patches.check();
    backend.col2im(g, groups - 1, patches.device(), x.device());
    plain::col2im(g, groups - 1, patches.plain(), x.plain());
    x.check();
  }
  CHECK(cases == 100);
}

TEMPLATE_TEST_CASE("reference backend: the contract's convolution joins its chunks of images", "", float, double) {
  using T = TestType;
  // Patches of one image take 5 MiB in float and 10 in double of the 16 a chunk may hold: four images make two chunks or more.
  const ConvGeometry g{.batch = 4, .in_channels = 64, .height = 48, .width = 48, .out_channels = 1, .groups = 1, .kernel = 3, .stride = 1,
                       .dilation = 1, .padding = 1, .out_height = 48, .out_width = 48};
  CHECK(detail::images_per_chunk(g, sizeof(T)) < 4);
  Backend<T>& backend = backend_of<T>(reference());
  DeviceArray<T> x(reference(), random_values<T>(4 * 48 * 48 * 64, 1)), w(reference(), random_values<T>(9 * 64, 2));
  DeviceArray<T> dy(reference(), random_values<T>(4 * 48 * 48, 3)), y(reference(), 4 * 48 * 48), dw(reference(), 9 * 64);
  const auto close = [](const std::vector<T>& a, const std::vector<T>& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, static_cast<double>(std::abs(a[i] - b[i])));
    return worst;
  };
  backend.conv2d(g, x.data(), w.data(), nullptr, y.data());
  const auto y_plain = y.get();
  backend.Backend<T>::conv2d(g, x.data(), w.data(), nullptr, y.data());
  CHECK(close(y.get(), y_plain) < (sizeof(T) == 4 ? 1e-4 : 1e-12));
  backend.conv2d_backward_weight(g, x.data(), dy.data(), dw.data());
  const auto dw_plain = dw.get();
  backend.Backend<T>::conv2d_backward_weight(g, x.data(), dy.data(), dw.data());
  CHECK(close(dw.get(), dw_plain) < (sizeof(T) == 4 ? 1e-3 : 1e-11));
}

TEMPLATE_TEST_CASE("reference backend: pooling, normalisation, softmax, loss", "", float, double) {
  using T = TestType;
  Backend<T>& backend = backend_of<T>(reference());
  const PoolGeometry g{.batch = 2, .channels = 3, .height = 5, .width = 4, .kernel = {3, 2}, .stride = {2, 1}, .dilation = 1,
                       .padding = {1, 0}, .out_height = 3, .out_width = 3};
  auto x = random_both<T>(120, 1), dx = sevens<T>(120), y = sevens<T>(54), dy = random_both<T>(54, 2);
  auto where = sevens<std::int32_t>(54);
  backend.max_pool2d(g, x.device(), y.device(), where.device());
  plain::max_pool2d(g, x.plain(), y.plain(), where.plain());
  y.check();
  where.check();
  backend.max_pool2d_backward(g, dy.device(), where.device(), dx.device());
  plain::max_pool2d_backward(g, dy.plain(), where.plain(), dx.plain());
  dx.check();
  for (bool count_padding : {true, false}) {
    backend.avg_pool2d(g, count_padding, 0, x.device(), y.device());
    plain::avg_pool2d(g, count_padding, 0, x.plain(), y.plain());
    y.check();
    backend.avg_pool2d_backward(g, count_padding, 0, dy.device(), dx.device());
    plain::avg_pool2d_backward(g, count_padding, 0, dy.plain(), dx.plain());
    dx.check();
  }
  backend.avg_pool2d(g, true, 5, x.device(), y.device());
  plain::avg_pool2d(g, true, 5, x.plain(), y.plain());
  y.check();
  backend.avg_pool2d_backward(g, true, 5, dy.device(), dx.device());
  plain::avg_pool2d_backward(g, true, 5, dy.plain(), dx.plain());
  dx.check();
  backend.adaptive_avg_pool2d(g, x.device(), y.device());
  plain::adaptive_avg_pool2d(g, x.plain(), y.plain());
  y.check();
  backend.adaptive_avg_pool2d_backward(g, dy.device(), dx.device());
  plain::adaptive_avg_pool2d_backward(g, dy.plain(), dx.plain());
  dx.check();

  const Index rows = 30, channels = 4;
  auto mean = random_both<T>(4, 3), variance = positive_both<T>(4, 4), gamma = random_both<T>(4, 5), beta = random_both<T>(4, 6);
  auto dz = random_both<T>(120, 7), z = sevens<T>(120), dgamma = sevens<T>(4), dbeta = sevens<T>(4);
  backend.normalize(rows, channels, x.device(), mean.device(), variance.device(), T(0.1), gamma.device(), beta.device(), z.device());
  plain::normalize(rows, channels, x.plain(), mean.plain(), variance.plain(), T(0.1), gamma.plain(), beta.plain(), z.plain());
  z.check();
  for (bool of_batch : {true, false}) {
    backend.normalize_backward(rows, channels, x.device(), mean.device(), variance.device(), T(0.1), gamma.device(), dz.device(), of_batch,
                               dx.device(), dgamma.device(), dbeta.device());
    plain::normalize_backward(rows, channels, x.plain(), mean.plain(), variance.plain(), T(0.1), gamma.plain(), dz.plain(), of_batch,
                              dx.plain(), dgamma.plain(), dbeta.plain());
    dx.check();
    dgamma.check();
    dbeta.check();
  }
  backend.batch_statistics(rows, channels, x.device(), mean.device(), variance.device());
  plain::batch_statistics(rows, channels, x.plain(), mean.plain(), variance.plain());
  mean.check();
  variance.check();

  for (bool logarithm : {false, true}) {
    backend.softmax(rows, channels, logarithm, x.device(), z.device());
    plain::softmax(rows, channels, logarithm, x.plain(), z.plain());
    z.check();
    backend.softmax_backward(rows, channels, logarithm, z.device(), dz.device(), dx.device());
    plain::softmax_backward(rows, channels, logarithm, z.plain(), dz.plain(), dx.plain());
    dx.check();
  }
  Both<Index> target({3, 0, 2});
  auto loss = sevens<T>(3), scale = sevens<T>(3), dloss = random_both<T>(3, 8), dlog_p = sevens<T>(12);
  backend.nll_loss(3, 4, z.device(), target.device(), gamma.device(), 2, loss.device(), scale.device());
  plain::nll_loss(3, 4, z.plain(), target.plain(), gamma.plain(), 2, loss.plain(), scale.plain());
  loss.check();
  scale.check();
  backend.nll_loss_backward(3, 4, target.device(), scale.device(), dloss.device(), dlog_p.device());
  plain::nll_loss_backward(3, 4, target.plain(), scale.plain(), dloss.plain(), dlog_p.plain());
  dlog_p.check();
}

TEMPLATE_TEST_CASE("reference backend: optimiser steps", "", float, double) {
  using T = TestType;
  Backend<T>& backend = backend_of<T>(reference());
  auto dw = random_both<T>(5, 1), w = random_both<T>(5, 2), first = random_both<T>(5, 3), second = positive_both<T>(5, 4),
       third = positive_both<T>(5, 5);
  const auto check = [&] {
    w.check();
    first.check();
    second.check();
    third.check();
  };
  const SgdStep sgd{.lr = 0.1, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.2, .nesterov = false, .maximize = false,
                    .first = false};
  backend.sgd_step(sgd, 5, dw.device(), first.device(), w.device());
  plain::sgd_step(sgd, 5, dw.plain(), first.plain(), w.plain());
  check();
  backend.sgd_step(sgd, 5, dw.device(), nullptr, w.device());
  plain::sgd_step<T>(sgd, 5, dw.plain(), nullptr, w.plain());
  check();
  const AdamStep adam{.lr = 0.1, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.2, .step = 4, .decoupled = true,
                      .amsgrad = true, .maximize = false};
  backend.adam_step(adam, 5, dw.device(), first.device(), second.device(), third.device(), w.device());
  plain::adam_step(adam, 5, dw.plain(), first.plain(), second.plain(), third.plain(), w.plain());
  check();
  const RmsPropStep rmsprop{.lr = 0.1, .alpha = 0.9, .eps = 1, .weight_decay = 0.2, .momentum = 0.5, .centered = false, .maximize = false};
  backend.rmsprop_step(rmsprop, 5, dw.device(), second.device(), nullptr, third.device(), w.device());
  plain::rmsprop_step<T>(rmsprop, 5, dw.plain(), second.plain(), nullptr, third.plain(), w.plain());
  check();
  auto mean = sevens<T>(5), square = Both<T>(std::vector<T>(5, T(60)));
  RmsPropStep centered = rmsprop;
  centered.centered = true;
  backend.rmsprop_step(centered, 5, dw.device(), square.device(), mean.device(), nullptr, w.device());
  plain::rmsprop_step<T>(centered, 5, dw.plain(), square.plain(), mean.plain(), nullptr, w.plain());
  check();
  mean.check();
  square.check();
}
