// SPDX-License-Identifier: MIT
#include "tapestry/ops/conv1d.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

namespace {

struct Drawn {
  Shape x, weight;
  Conv1dOptions options;
};

/// A convolution that fits, small enough for finite differences, and whose windows meet at least one entry.
Drawn draw(RandomConfig& random) {
  for (;;) {
    Drawn d;
    d.options.groups = random.pick({1, 1, 2, 3});
    d.options.stride = random.integer(1, 3);
    d.options.dilation = random.integer(1, 2);
    d.options.padding_mode =
        random.pick({PaddingMode::zeros, PaddingMode::zeros, PaddingMode::reflect, PaddingMode::replicate, PaddingMode::circular});
    d.options.padding = random.integer(0, 2);
    if (random.integer(0, 4) == 0) {
      d.options.padding = Padding::same;
      d.options.stride = 1;
    }
    const Index in = random.integer(1, 2), out = random.integer(1, 2);
    d.x = {random.integer(1, 2), in * d.options.groups, random.integer(1, 7)};
    d.weight = {out * d.options.groups, in, random.integer(1, 4)};
    if (random.integer(0, 5) == 0) d.x.erase(0);
    try {
      double total = 0;
      for (const double value : conv1d(ones<double>(d.x), ones<double>(d.weight), {}, d.options).to_vector()) total += value;
      if (total == 0) continue;
    } catch (const Error&) {
      continue;
    }
    return d;
  }
}

}  // namespace

TEST_CASE("conv1d: gradients and devices over random configurations") {
  RandomConfig random(111);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Drawn d = draw(random);
    INFO("x " << to_string(d.x) << ", weight " << to_string(d.weight) << ", stride " << d.options.stride << ", padding "
              << to_string(d.options.padding) << " " << name_of(d.options.padding_mode) << ", dilation " << d.options.dilation << ", groups "
              << d.options.groups);
    const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major); };
    Inputs inputs{values(d.x), values(d.weight)};
    if (random.coin()) inputs.push_back(values({d.weight[0]}));
    const auto f = [&](const Inputs& in) { return conv1d(in[0], in[1], in.size() > 2 ? in[2] : Tensor<double>(), d.options); };
    const auto y = f(inputs);
    CHECK(y.shape() == conv1d_shape(d.x, d.weight, d.options));
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 3000);
}

TEST_CASE("conv1d is the sum that its formula says") {
  RandomConfig random(112);
  Index compared = 0;
  for (int round = 0; round < 100; ++round) {
    Drawn d = draw(random);
    d.options.padding_mode = PaddingMode::zeros;
    if (d.x.rank() == 2 || d.options.padding.keeps_size) continue;
    const auto x = random.tensor(d.x, cpu(), Layout::row_major), w = random.tensor(d.weight, cpu(), Layout::row_major);
    const auto y = conv1d(x, w, {}, d.options);
    const Index group_in = w.dim(1), group_out = w.dim(0) / d.options.groups;
    for (Index n = 0; n < y.dim(0); ++n)
      for (Index o = 0; o < y.dim(1); ++o)
        for (Index t = 0; t < y.dim(2); ++t) {
          double sum = 0;
          for (Index c = 0; c < group_in; ++c)
            for (Index u = 0; u < w.dim(2); ++u) {
              const Index at = t * d.options.stride + u * d.options.dilation - d.options.padding.size.width;
              if (at >= 0 && at < x.dim(2)) sum += w.at(o, c, u) * x.at(n, o / group_out * group_in + c, at);
            }
          CHECK(y.at(n, o, t) == Approx(sum).margin(1e-12));
          ++compared;
        }
  }
  CHECK(compared > 300);
}

TEST_CASE("conv1d: 'same' keeps the length and puts the extra position at the end; an empty batch") {
  const auto x = tensor<double>({1, 2, 3}, {1, 1, 3}), w = tensor<double>({1, 10}, {1, 1, 2});
  CHECK(conv1d(x, w, {}, {.padding = Padding::same}).to_vector() == std::vector<double>{21, 32, 3});
  CHECK(conv1d_shape({5, 3, 9}, {2, 3, 5}, {.padding = Padding::same, .dilation = 3}) == Shape{5, 2, 9});
  CHECK(conv1d(zeros<double>({0, 2, 5}), ones<double>({3, 2, 3})).shape() == Shape{0, 3, 3});
}

TEST_CASE("conv1d: an embedding's rows are an image already, and give the same") {
  RandomConfig random(113);
  for (const Device& device : devices()) {
    const auto text = random.tensor({2, 7, 3}, device, Layout::row_major), w = random.tensor({4, 3, 2}, device, Layout::row_major);
    const auto image = channels_from_last(text);
    CHECK(image.layout() == Layout::channels_last);
    CHECK(image.raw_data() == text.raw_data());
    std::vector<double> turned;
    const std::vector<double> rows = text.to_vector();
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t t = 0; t < 7; ++t) turned.push_back(rows[(n * 7 + t) * 3 + c]);
    const auto x = tensor<double>(turned, {2, 3, 7}, device);
    CHECK(alike(squeeze(conv2d(image, as_row_image(w)), -2), conv1d(x, w)));
  }
  Index compared = 0;
  for (int round = 0; round < 20; ++round)
    compared += check_op(random, [](const Inputs& in) { return conv2d(channels_from_last(in[0]), as_row_image(in[1])); },
                         {random.tensor({2, 4, 2}, cpu(), Layout::row_major), random.tensor({2, 2, 3}, cpu(), Layout::row_major)});
  CHECK(compared == 20 * (16 + 12));
  CHECK_THROWS_WITH(channels_from_last(ones<double>({2, 3})), contains_text("channels_from_last: x must be [N, L, C], got [2, 3]"));
  CHECK_THROWS_WITH(as_row_image(ones<double>({3})), contains_text("as_row_image: x must be [N, C, L] or [C, L], got [3]"));
}

TEST_CASE("conv1d refuses what does not fit, and says what") {
  const auto x = ones<double>({1, 4, 8}), w = ones<double>({3, 4, 3});
  const auto says = [&](const Tensor<double>& in, const Tensor<double>& weight, const Conv1dOptions& options, const std::string& text) {
    CHECK_THROWS_WITH(conv1d(in, weight, {}, options), contains_text(text));
  };
  CHECK_THROWS_WITH(conv1d(x, ones<double>({3, 3, 3})),
                    "conv1d: input has 4 channels but weight expects 3 (input [1, 4, 8], weight [3, 3, 3])");
  says(ones<double>({8}), w, {}, "conv1d: input must be [N, C, L] or [C, L]");
  says(ones<double>({1, 4, 0}), w, {}, "got [1, 4, 0]");
  says(x, ones<double>({3, 4}), {}, "conv1d: weight must be");
  says(x, w, {.stride = 0}, "conv1d: stride must be from 1");
  says(x, w, {.padding = -1}, "conv1d: padding must be from 0");
  says(x, w, {.padding = {1, 2}}, "conv1d: padding must be one number");
  says(x, w, {.dilation = 0}, "conv1d: dilation must be from 1");
  says(x, w, {.groups = 0}, "conv1d: groups must be at least 1, got 0");
  says(x, w, {.groups = 2}, "conv1d: groups must divide the 3 filters");
  says(x, ones<double>({4, 4, 3}), {.groups = 2}, "weight expects 8");
  says(x, w, {.stride = 2, .padding = Padding::same}, "same with stride 2");
  says(x, ones<double>({3, 4, 9}), {}, "conv1d: kernel 9 with dilation 1 does not fit");
  says(x, w, {.padding = 8, .padding_mode = PaddingMode::reflect}, "conv1d: padding must be at most 7 in padding_mode reflect, got 8");
  CHECK_THROWS_WITH(conv1d(x, w, ones<double>({4})), contains_text("conv1d: bias must be [3]"));
  CHECK_THROWS_AS(conv1d(x, ones<double>({3, 4, 3}, reference())), TypeError);
}
