// SPDX-License-Identifier: MIT
#include "tapestry/ops/lstm.hpp"

#include "check_op.hpp"
#include "tapestry/ops/concat.hpp"

using namespace tapestry;
using namespace test;

namespace {

/// Everything that an LSTM returns, in one tensor: [L + 2, N, H].
Tensor<double> all_of(const LstmResult<double>& y) { return concat({y.output, unsqueeze(y.h, 0), unsqueeze(y.c, 0)}, 0); }

LstmWeights<double> weights_of(const Inputs& in) {
  return {in[3], in[4], in.size() > 5 ? in[5] : Tensor<double>(), in.size() > 5 ? in[6] : Tensor<double>()};
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("lstm: gradients of output and both states, layouts and devices over random configurations") {
  RandomConfig random(317);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Index steps = random.integer(1, 4), batch = random.integer(1, 3), input = random.integer(1, 3), hidden = random.integer(1, 3);
    const bool reverse = random.coin();
    INFO("steps " << steps << ", batch " << batch << ", input " << input << ", hidden " << hidden << ", reverse " << reverse);
    const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major, -1, 1); };
    Inputs inputs{values({steps, batch, input}), values({batch, hidden}), values({batch, hidden}), values({4 * hidden, input}),
                  values({4 * hidden, hidden})};
    if (random.coin())
      for (int i = 0; i < 2; ++i) inputs.push_back(values({4 * hidden}));
    compared += check_op(random, [&](const Inputs& in) { return all_of(lstm(in[0], in[1], in[2], weights_of(in), reverse)); }, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 10000);
}

TEST_CASE("lstm is the recurrence that its formula says, in both directions") {
  RandomConfig random(318);
  for (const bool reverse : {false, true}) {
    const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major); };
    const Index steps = 5, batch = 2, hidden = 3;
    const auto x = values({steps, batch, 4}), h0 = values({batch, hidden}), c0 = values({batch, hidden});
    const LstmWeights<double> w{values({12, 4}), values({12, hidden}), values({12}), values({12})};
    const auto y = lstm(x, h0, c0, w, reverse);
    for (Index n = 0; n < batch; ++n) {
      std::vector<double> h, c;
      for (Index j = 0; j < hidden; ++j) {
        h.push_back(h0.at(n, j));
        c.push_back(c0.at(n, j));
      }
      for (Index step = 0; step < steps; ++step) {
        const Index t = reverse ? steps - 1 - step : step;
        const auto sum = [&](Index row) {
          double s = w.bias_ih.at(row) + w.bias_hh.at(row);
          for (Index k = 0; k < 4; ++k) s += w.weight_ih.at(row, k) * x.at(t, n, k);
          for (Index k = 0; k < hidden; ++k) s += w.weight_hh.at(row, k) * h[static_cast<std::size_t>(k)];
          return s;
        };
        std::vector<double> next_h;
        for (Index j = 0; j < hidden; ++j) {
          double& cell = c[static_cast<std::size_t>(j)];
          cell = logistic(sum(hidden + j)) * cell + logistic(sum(j)) * std::tanh(sum(2 * hidden + j));
          next_h.push_back(logistic(sum(3 * hidden + j)) * std::tanh(cell));
          CHECK(y.output.at(t, n, j) == Approx(next_h.back()).margin(1e-12));
        }
        h = next_h;
      }
      for (Index j = 0; j < hidden; ++j) {
        CHECK(y.h.at(n, j) == Approx(h[static_cast<std::size_t>(j)]).margin(1e-12));
        CHECK(y.c.at(n, j) == Approx(c[static_cast<std::size_t>(j)]).margin(1e-12));
      }
    }
  }
}

TEST_CASE("lstm: a text in two pieces, the state carried over, is the text in one; lstm_cell is one step") {
  RandomConfig random(319);
  const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major); };
  const LstmWeights<double> w{values({8, 3}), values({8, 2}), values({8}), values({8})};
  const auto x = values({5, 2, 3}), zero = zeros<double>({2, 2});
  const auto whole = lstm(x, zero, zero, w);
  const auto first = lstm(slice(x, 0, {.stop = 2}), zero, zero, w), second = lstm(slice(x, 0, {.start = 2}), first.h, first.c, w);
  CHECK(alike(concat({first.output, second.output}), whole.output));
  CHECK(alike(second.h, whole.h));
  CHECK(alike(second.c, whole.c));
  auto state = lstm_cell(select(x, 0, 0), zero, zero, w);
  for (Index t = 1; t < 5; ++t) state = lstm_cell(select(x, 0, t), state.h, state.c, w);
  CHECK(alike(state.h, whole.h));
  CHECK(alike(state.c, whole.c));
  CHECK(lstm(zeros<double>({3, 0, 3}), zeros<double>({0, 2}), zeros<double>({0, 2}), w).output.shape() == Shape{3, 0, 2});
}

TEST_CASE("lstm refuses what does not fit, and says what") {
  const auto x = ones<double>({5, 2, 3}), state = ones<double>({2, 4}), ih = ones<double>({16, 3}), hh = ones<double>({16, 4});
  const auto says = [&](const Tensor<double>& in, const Tensor<double>& h, const Tensor<double>& c, const LstmWeights<double>& w,
                        const std::string& text) { CHECK_THROWS_WITH(lstm(in, h, c, w), contains_text(text)); };
  says(ones<double>({2, 3}), state, state, {ih, hh}, "lstm: input must be [L, N, I] with at least one step, got [2, 3]");
  says(ones<double>({0, 2, 3}), state, state, {ih, hh}, "got [0, 2, 3]");
  says(ones<double>({5, 2, 4}), state, state, {ih, hh}, "lstm: input has 4 features but weight_ih expects 3");
  says(x, ones<double>({2, 3}), state, {ih, hh}, "lstm: h must be [2, 4]");
  says(x, state, ones<double>({4}), {ih, hh}, "lstm: c must be [2, 4]");
  says(x, state, state, {ih, ones<double>({12, 4})}, "lstm: weight_hh must be [4*hidden_size, hidden_size], got [12, 4]");
  says(x, state, state, {ones<double>({12, 3}), hh}, "lstm: weight_ih must be [16, input_size]");
  says(x, state, state, {ih, hh, ones<double>({16})}, "lstm: bias_ih and bias_hh must both be given");
  says(x, state, state, {ih, hh, ones<double>({16}), ones<double>({4})}, "lstm: bias_hh must be [16]");
  CHECK_THROWS_AS(lstm(x, state, ones<double>({2, 4}, reference()), {ih, hh}), TypeError);
  CHECK_THROWS_WITH(lstm_cell(x, state, state, {ih, hh}), contains_text("lstm_cell: input must be [N, I], got [5, 2, 3]"));
}
