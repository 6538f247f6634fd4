// SPDX-License-Identifier: MIT
#include "tapestry/ops/max_over_time.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("max_over_time: gradients, layouts and devices over random configurations") {
  RandomConfig random(314);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Index batch = random.integer(1, 4), channels = random.integer(1, 4), length = random.integer(1, 6);
    std::vector<Index> lengths;
    for (Index n = 0; n < batch; ++n) lengths.push_back(n > 0 && random.coin() ? lengths.back() : random.integer(1, length));
    const Shape shape = random.coin() ? Shape{batch, channels, length} : Shape{batch, channels, 1, length};
    INFO("x " << to_string(shape) << ", first length " << lengths[0]);
    const Inputs inputs{random.distinct(shape, cpu(), Layout::row_major)};
    Tensor<Index> winners;
    const auto y = max_over_time(inputs[0], lengths, &winners);
    const std::vector<double> x = inputs[0].to_vector();
    for (Index n = 0; n < batch; ++n)
      for (Index c = 0; c < channels; ++c) {  // by the formula
        const auto begin = x.begin() + (n * channels + c) * length;
        const auto best = std::max_element(begin, begin + lengths[static_cast<std::size_t>(n)]);
        CHECK(y.at(n, c) == *best);
        CHECK(winners.at(n, c) == best - begin);
      }
    compared += check_op(random, [&](const Inputs& in) { return max_over_time(in[0], lengths); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 2000);
}

TEST_CASE("max_over_time never sees what lies behind a sequence") {
  for (const Device& device : devices()) {
    const auto x = tensor<double>({1, 3, 9, 9, 2, 2, 2, std::nan("")}, {2, 1, 4}, device).requires_grad(true);
    Tensor<Index> winners;
    Tape tape;
    const auto y = max_over_time(x, {2, 3}, &winners);
    CHECK(y.to_vector() == std::vector<double>{3, 2});
    CHECK(winners.to_vector() == std::vector<Index>{1, 0});  // the first among equals
    tape.backward(y, tensor<double>({{5}, {7}}, device));
    CHECK(x.grad().to_vector() == std::vector<double>{0, 5, 0, 0, 7, 0, 0, 0});
    CHECK(std::isnan(max_over_time(x, {2, 4}).at(1, 0)));
  }
  CHECK(max_over_time(zeros({0, 3, 4}), {}).shape() == Shape{0, 3});
}

TEST_CASE("max_over_time refuses what does not fit, and says what") {
  const auto x = ones<double>({2, 3, 4});
  CHECK_THROWS_WITH(max_over_time(ones<double>({3, 4}), {4}), contains_text("max_over_time: input must be [N, C, L] or [N, C, 1, L]"));
  CHECK_THROWS_WITH(max_over_time(ones<double>({2, 3, 2, 4}), {4, 4}), contains_text("got [2, 3, 2, 4]"));
  CHECK_THROWS_WITH(max_over_time(x, {4}), contains_text("max_over_time: lengths must hold 2 numbers"));
  CHECK_THROWS_WITH(max_over_time(x, {4, 0}), contains_text("max_over_time: length 0 at position 1 must be from 1 to 4"));
  CHECK_THROWS_WITH(max_over_time(x, {5, 1}), contains_text("max_over_time: length 5 at position 0 must be from 1 to 4"));
}
