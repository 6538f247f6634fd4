// SPDX-License-Identifier: MIT
#include "tapestry/ops/batch_norm.hpp"

#include "check_op.hpp"
#include "tapestry/ops/variance.hpp"

using namespace tapestry;
using namespace test;

namespace {

Shape draw_shape(RandomConfig& random) {
  Shape shape = random.shape(random.integer(2, 4), 1, 4);
  if (shape.numel() / shape[1] == 1) shape[0] = 2;  // one value a channel has no variance
  return shape;
}

}  // namespace

TEST_CASE("batch_norm: gradients, layouts and devices over random configurations") {
  RandomConfig random(401);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Shape shape = draw_shape(random), channels{shape[1]};
    const BatchNormOptions options{.training = random.coin(), .eps = random.pick({1e-5, 1e-2})};
    INFO("x " << to_string(shape) << ", training " << options.training);
    const auto values = [&](const Shape& s) { return random.tensor(s, cpu(), Layout::row_major); };
    Inputs inputs{values(shape)};
    if (random.integer(0, 3) > 0) inputs.insert(inputs.end(), {values(channels), values(channels)});
    const auto mean = values(channels), variance = random.tensor(channels, cpu(), Layout::row_major, 0.5, 2);
    const auto f = [&](const Inputs& in) {
      const Device device = in[0].device();
      const bool affine = in.size() > 1;
      return batch_norm(in[0], affine ? in[1] : Tensor<double>(), affine ? in[2] : Tensor<double>(),
                        options.training ? Tensor<double>() : to(mean, device), options.training ? Tensor<double>() : to(variance, device),
                        options);
    };
    const auto y = f(inputs);
    CHECK(y.shape() == shape);
    CHECK((y.rank() != 4 || y.layout() == Layout::channels_last));
    compared += check_op(random, f, inputs, {.eps = 1e-5});
  }
  CHECK(configurations == 200);
  CHECK(compared > 4000);
}

TEST_CASE("batch_norm in training: mean 0, variance 1, and no change by a shift or scale of the input") {
  RandomConfig random(402);
  for (const Device& device : devices())
    for (int round = 0; round < 20; ++round) {
      const Shape shape{random.integer(4, 6), random.integer(1, 3), random.integer(2, 4), random.integer(2, 4)};
      const auto x = random.tensor(shape, device, random.layout());
      const BatchNormOptions options{.training = true, .eps = 0};
      const auto y = batch_norm(x, {}, {}, {}, {}, options);
      CHECK(alike(mean(y, {0, 2, 3}), zeros<double>({shape[1]}, device)));
      CHECK(alike(variance(y, {0, 2, 3}, {.correction = 0}), ones<double>({shape[1]}, device)));
      CHECK(alike(batch_norm(5 * x - 3, {}, {}, {}, {}, options), y, 1e-9));
    }
}

TEST_CASE("batch_norm: running statistics follow with the unbiased variance, in training only") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({1, 10, 2, 20, 3, 30, 6, 60}, {4, 2}), device);
    const auto running_mean = zeros<double>({2}, device), running_var = ones<double>({2}, device);
    batch_norm(x, {}, {}, running_mean, running_var, {.training = true, .momentum = 0.25});
    CHECK(alike(running_mean, to(tensor<double>({0.75, 7.5}), device)));
    const double unbiased = (4.0 + 1 + 0 + 9) / 3;
    CHECK(alike(running_var, to(tensor<double>({0.75 + unbiased / 4, 0.75 + 100 * unbiased / 4}), device)));

    const auto before = running_mean.to_vector();
    const auto y = batch_norm(x, {}, {}, running_mean, running_var, {.eps = 0});
    CHECK(running_mean.to_vector() == before);
    CHECK(y.at(0, 0) == Approx((1 - 0.75) / std::sqrt(0.75 + unbiased / 4)));

    // An empty batch has no statistics to follow.
    CHECK(batch_norm(zeros<double>({0, 2}, device), {}, {}, running_mean, running_var, {.training = true}).shape() == Shape{0, 2});
    CHECK(running_mean.to_vector() == before);
  }
}

TEST_CASE("batch_norm: a NaN stays in its channel") {
  auto x = ones<double>({3, 2});
  x.set({1, 0}, std::nan(""));
  for (const Device& device : devices()) {
    const auto y = batch_norm(to(x, device), {}, {}, {}, {}, {.training = true}).to_vector();
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i % 2 == 0));
  }
}

TEST_CASE("batch_norm refuses what does not fit, says what, and changes nothing") {
  const auto x = ones<double>({4, 3, 2, 2}), three = ones<double>({3}), two = ones<double>({2});
  const Tensor<double> none;
  const auto says = [&](const Tensor<double>& in, const Tensor<double>& w, const Tensor<double>& b, const Tensor<double>& m,
                        const Tensor<double>& v, const BatchNormOptions& options, const std::string& text) {
    CHECK_THROWS_WITH(batch_norm(in, w, b, m, v, options), contains_text(text));
  };
  says(ones<double>({3}), none, none, three, three, {}, "batch_norm: input must be [N, C], [N, C, L] or [N, C, H, W], got [3]");
  says(x, two, none, three, three, {}, "batch_norm: weight must be [3] for input [4, 3, 2, 2], got [2]");
  says(x, none, two, three, three, {}, "batch_norm: bias must be [3]");
  says(x, none, none, two, three, {}, "batch_norm: running_mean must be [3]");
  says(x, none, none, three, two, {.training = true}, "batch_norm: running_var must be [3]");
  says(x, none, none, three, none, {}, "must both be given");
  says(x, none, none, none, none, {}, "must be given unless training");
  says(x, none, none, three, three, {.eps = -1}, "batch_norm: eps must be at least 0, got -1");
  says(x, none, none, three, three, {.momentum = 1.5}, "batch_norm: momentum must be from 0 to 1, got 1.5");
  says(ones<double>({1, 3}), none, none, three, three, {.training = true},
       "batch_norm: training needs more than one value per channel, got input [1, 3]");
  CHECK_THROWS_AS(batch_norm(x, ones<double>({3}, reference()), {}, three, three), TypeError);
  CHECK(three.to_vector() == std::vector<double>(3, 1));
}

TEST_CASE("batch_norm: running statistics that change before backward are noticed") {
  const auto x = ones<double>({4, 3}).requires_grad(true), mean = zeros<double>({3}), variance = ones<double>({3});
  Tape tape;
  const auto y = batch_norm(x, {}, {}, mean, variance);
  mean.fill(1);
  CHECK_THROWS_WITH(tape.backward(y, y.detach()), contains_text("batch_norm"));
}
