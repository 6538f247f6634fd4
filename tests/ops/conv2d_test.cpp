// SPDX-License-Identifier: MIT
#include "tapestry/ops/conv2d.hpp"

#include "check_op.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/permute.hpp"
#include "tapestry/ops/reduce.hpp"
#include "tapestry/ops/slice.hpp"

using namespace tapestry;
using namespace test;

namespace {

struct Drawn {
  Shape x, weight;
  Conv2dOptions options;
};

/// A convolution that fits, small enough for finite differences, and whose windows meet at least one pixel.
Drawn draw(RandomConfig& random) {
  for (;;) {
    Drawn d;
    d.options.groups = random.pick({1, 1, 2, 3});
    d.options.stride = {random.integer(1, 3), random.integer(1, 3)};
    d.options.dilation = {random.integer(1, 2), random.integer(1, 2)};
    d.options.padding_mode =
        random.pick({PaddingMode::zeros, PaddingMode::zeros, PaddingMode::reflect, PaddingMode::replicate, PaddingMode::circular});
    d.options.padding = {random.integer(0, 2), random.integer(0, 2)};
    if (random.integer(0, 4) == 0) {
      d.options.padding = Padding::same;
      d.options.stride = 1;
    }
    const Index in = random.integer(1, 2), out = random.integer(1, 2);
    d.x = {random.integer(1, 2), in * d.options.groups, random.integer(1, 5), random.integer(1, 5)};
    d.weight = {out * d.options.groups, in, random.integer(1, 3), random.integer(1, 3)};
    if (random.integer(0, 5) == 0) d.x.erase(0);
    try {
      if (sum(conv2d(ones<double>(d.x), ones<double>(d.weight), {}, d.options)).item() == 0) continue;
    } catch (const Error&) {
      continue;
    }
    return d;
  }
}

/// One output pixel, by the formula, for zero padding of a given size.
double by_formula(const Tensor<double>& x, const Tensor<double>& w, const Conv2dOptions& o, Index n, Index f, Index i, Index j) {
  double sum = 0;
  const Index group_out = w.dim(0) / o.groups;
  for (Index c = 0; c < w.dim(1); ++c)
    for (Index u = 0; u < w.dim(2); ++u)
      for (Index v = 0; v < w.dim(3); ++v) {
        const Index row = i * o.stride.height + u * o.dilation.height - o.padding.size.height;
        const Index column = j * o.stride.width + v * o.dilation.width - o.padding.size.width;
        if (row < 0 || row >= x.dim(2) || column < 0 || column >= x.dim(3)) continue;
        sum += w.at(f, c, u, v) * x.at(n, f / group_out * w.dim(1) + c, row, column);
      }
  return sum;
}

}  // namespace

TEST_CASE("conv2d: gradients, layouts and devices over random configurations") {
  RandomConfig random(101);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Drawn d = draw(random);
    INFO("x " << to_string(d.x) << ", weight " << to_string(d.weight) << ", stride " << to_string(d.options.stride) << ", padding "
              << to_string(d.options.padding) << " " << name_of(d.options.padding_mode) << ", dilation " << to_string(d.options.dilation)
              << ", groups " << d.options.groups);
    const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major); };
    Inputs inputs{values(d.x), values(d.weight)};
    if (random.coin()) inputs.push_back(values({d.weight[0]}));
    const auto f = [&](const Inputs& in) { return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor<double>(), d.options); };
    CHECK(f(inputs).shape() == conv2d_shape(d.x, d.weight, d.options));
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 5000);
}

TEST_CASE("conv2d is the sum that its formula says") {
  RandomConfig random(102);
  for (int round = 0; round < 60; ++round) {
    Drawn d = draw(random);
    d.options.padding_mode = PaddingMode::zeros;
    if (d.x.rank() == 3 || d.options.padding.keeps_size) continue;
    const auto x = random.tensor(d.x, cpu(), random.layout()), w = random.tensor(d.weight, cpu(), random.layout());
    const auto y = conv2d(x, w, {}, d.options);
    CHECK(y.layout() == Layout::channels_last);
    for (int sample = 0; sample < 5; ++sample) {
      const Index n = random.integer(0, y.dim(0) - 1), f = random.integer(0, y.dim(1) - 1), i = random.integer(0, y.dim(2) - 1),
                  j = random.integer(0, y.dim(3) - 1);
      CHECK(y.at(n, f, i, j) == Approx(by_formula(x, w, d.options, n, f, i, j)).margin(1e-12));
    }
  }
}

TEST_CASE("conv2d is linear, and its backward pass is its adjoint") {
  RandomConfig random(103);
  for (int round = 0; round < 50; ++round) {
    const Drawn d = draw(random);
    const auto a = random.tensor(d.x, cpu(), random.layout()), b = random.tensor(d.x, cpu(), random.layout());
    const auto w = random.tensor(d.weight, cpu(), random.layout());
    CHECK(alike(conv2d(2 * a - 3 * b, w, {}, d.options), 2 * conv2d(a, w, {}, d.options) - 3 * conv2d(b, w, {}, d.options)));

    // <conv(x), dy> = <x, conv^T(dy)> = <w, dw>, since the convolution is linear in either.
    const auto x = clone(a).requires_grad(true), weight = clone(w).requires_grad(true);
    Tape tape;
    const auto y = conv2d(x, weight, {}, d.options);
    const auto dy = random.tensor(y.shape(), cpu(), random.layout());
    tape.backward(y, dy);
    const double product = sum(y.detach() * dy).item();
    CHECK(sum(a * x.grad()).item() == Approx(product).margin(1e-10));
    CHECK(sum(w * weight.grad()).item() == Approx(product).margin(1e-10));
  }
}

TEST_CASE("conv2d moves with its input") {
  RandomConfig random(104);
  const auto x = random.tensor({2, 3, 9, 8}, cpu(), Layout::row_major), w = random.tensor({4, 3, 3, 2}, cpu(), Layout::channels_last);
  const auto y = conv2d(x, w);
  const auto of_moved = conv2d(slice(slice(x, 2, {.start = 2}), 3, {.start = 1}), w);
  CHECK(alike(of_moved, slice(slice(y, 2, {.start = 2}), 3, {.start = 1})));
  // With circular padding a shift around the edge only shifts the result around the edge.
  const auto turned = [](const Tensor<double>& t) { return pad(slice(t, 3, {.stop = 7}), {1, 0}, {.mode = PadMode::constant}); };
  const auto edge = [](const Tensor<double>& t) { return pad(slice(t, 3, {.start = 7}), {0, 7}, {.mode = PadMode::constant}); };
  const Conv2dOptions around{.padding = Padding::same, .padding_mode = PaddingMode::circular};
  CHECK(alike(conv2d(turned(x) + edge(x), w, {}, around), turned(conv2d(x, w, {}, around)) + edge(conv2d(x, w, {}, around))));
}

TEST_CASE("conv2d: 'same' keeps the size and puts the extra pixel below and to the right") {
  const auto x = tensor<double>({1, 2, 3}, {1, 1, 1, 3}), w = tensor<double>({1, 10}, {1, 1, 1, 2});
  CHECK(conv2d(x, w, {}, {.padding = Padding::same}).to_vector() == std::vector<double>{21, 32, 3});
  CHECK(conv2d_shape({5, 3, 7, 9}, {2, 3, 4, 5}, {.padding = Padding::same, .dilation = {3, 2}}) == Shape{5, 2, 7, 9});
  CHECK(Padding(2) == Padding(2, 2));
  CHECK(to_string(Padding::same) == "same");
}

TEST_CASE("conv2d: an empty batch, and one image without a batch") {
  for (const Device& device : devices()) {
    const auto x = zeros<double>({0, 2, 5, 5}, device).requires_grad(true), w = ones<double>({3, 2, 3, 3}, device).requires_grad(true);
    Tape tape;
    const auto y = conv2d(x, w, ones<double>({3}, device));
    CHECK(y.shape() == Shape{0, 3, 3, 3});
    tape.backward(y, y.detach());
    CHECK(x.grad().shape() == x.shape());
    CHECK(w.grad().to_vector() == std::vector<double>(54, 0.0));
  }
  RandomConfig random(105);
  const auto image = random.tensor({2, 4, 5}, cpu(), Layout::row_major), w = random.tensor({3, 2, 2, 2}, cpu(), Layout::row_major);
  const auto y = conv2d(image, w);
  CHECK(y.shape() == Shape{3, 3, 4});
  CHECK(y.to_vector() == conv2d(image.with_shape({1, 2, 4, 5}), w).to_vector());
}

TEST_CASE("conv2d: NaN spreads as far as its windows and no farther") {
  auto x = zeros<double>({1, 1, 5, 5});
  x.set({0, 0, 0, 0}, std::nan(""));
  for (const Device& device : devices()) {
    const auto y = conv2d(to(x, device), ones<double>({1, 1, 2, 2}, device)).to_vector();
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i == 0));
  }
}

TEST_CASE("conv2d refuses what does not fit, and says what") {
  const auto x = ones<double>({1, 4, 8, 8}), w = ones<double>({3, 4, 3, 3});
  const auto says = [&](const Tensor<double>& in, const Tensor<double>& weight, const Conv2dOptions& options, const std::string& text) {
    CHECK_THROWS_WITH(conv2d(in, weight, {}, options), contains_text(text));
  };
  CHECK_THROWS_WITH(conv2d(x, ones<double>({3, 3, 3, 3})),
                    "conv2d: input has 4 channels but weight expects 3 (input [1, 4, 8, 8], weight [3, 3, 3, 3])");
  says(ones<double>({4, 8}), w, {}, "conv2d: input must be [N, C, H, W] or [C, H, W]");
  says(ones<double>({1, 4, 0, 8}), w, {}, "got [1, 4, 0, 8]");
  says(x, ones<double>({3, 4, 3}), {}, "conv2d: weight must be");
  says(x, ones<double>({0, 4, 3, 3}), {}, "conv2d: weight must be");
  says(x, w, {.stride = 0}, "conv2d: stride must be from 1");
  says(x, w, {.stride = {1, -1}}, "got (1, -1)");
  says(x, w, {.padding = -1}, "conv2d: padding must be from 0");
  says(x, w, {.dilation = 0}, "conv2d: dilation must be from 1");
  says(x, w, {.groups = 0}, "conv2d: groups must be at least 1, got 0");
  says(x, w, {.groups = 2}, "conv2d: groups must divide the 3 filters");
  says(x, ones<double>({4, 4, 3, 3}), {.groups = 2}, "weight expects 8");
  says(x, w, {.stride = 2, .padding = Padding::same}, "same with stride (2, 2)");
  says(x, ones<double>({3, 4, 9, 3}), {}, "conv2d: kernel (9, 3) with dilation (1, 1) does not fit");
  says(x, w, {.dilation = 4}, "does not fit into the input");
  says(x, w, {.padding = 8, .padding_mode = PaddingMode::reflect}, "conv2d: padding must be at most (7, 7) in padding_mode reflect");
  says(x, w, {.padding = {1, 9}, .padding_mode = PaddingMode::circular}, "at most (8, 8) in padding_mode circular, got (1, 9)");
  says(x, w, {.padding = {Index{1} << 40, 0}}, "conv2d: padding must be from 0 to 2147483647");
  CHECK_THROWS_WITH(conv2d(x, w, ones<double>({4})), contains_text("conv2d: bias must be [3]"));
  CHECK_THROWS_AS(conv2d(x, ones<double>({3, 4, 3, 3}, reference())), TypeError);
  CHECK_THROWS_AS(conv2d(x, w, ones<double>({3}, reference())), TypeError);
  CHECK(x.to_vector() == std::vector<double>(256, 1.0));
}
