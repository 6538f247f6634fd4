// SPDX-License-Identifier: MIT
#include "tapestry/nn/lstm.hpp"

#include "nn/layer_checks.hpp"
#include "support/random_config.hpp"
#include "tapestry/autograd/gradcheck.hpp"
#include "tapestry/optim/sgd.hpp"

using namespace tapestry;

TEST_CASE("LSTM: names, shapes and beginning are PyTorch's") {
  manual_seed(8);
  LSTM lstm(10, 6, {.num_layers = 2, .bidirectional = true});
  CHECK(test::names(lstm) == std::vector<std::string>{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
                                                      "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1",
                                                      "weight_hh_l1", "bias_ih_l1", "bias_hh_l1", "weight_ih_l1_reverse",
                                                      "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse"});
  const NamedTensors state = state_dict(lstm);
  CHECK(find(state, "weight_ih_l0")->shape() == Shape{24, 10});
  CHECK(find(state, "weight_ih_l1_reverse")->shape() == Shape{24, 12});
  CHECK(find(state, "weight_hh_l1")->shape() == Shape{24, 6});
  test::check_uniform(find(state, "weight_ih_l0")->as<float>(), 1 / std::sqrt(6.0));
  for (const auto& [name, tensor] : state) CHECK(tensor.requires_grad());

  const auto [output, last] = lstm(zeros({5, 3, 10}));
  CHECK(output.shape() == Shape{5, 3, 12});
  CHECK(last.h.shape() == Shape{4, 3, 6});
  CHECK(last.c.shape() == Shape{4, 3, 6});
  LSTM first(10, 6, {.bias = false, .batch_first = true});
  CHECK(test::names(first) == std::vector<std::string>{"weight_ih_l0", "weight_hh_l0"});
  CHECK(first(zeros({3, 5, 10})).output.shape() == Shape{3, 5, 6});
}

TEST_CASE("LSTM: the same without a batch and with the batch first; the states are the output's ends") {
  manual_seed(9);
  LSTM<double> lstm(3, 4, {.num_layers = 2, .bidirectional = true});
  LSTM<double> turned(3, 4, {.num_layers = 2, .batch_first = true, .bidirectional = true});
  load_state_dict(turned, state_dict(lstm));
  const auto x = uniform<double>({5, 1, 3}, -1, 1);
  const auto y = lstm(x);
  CHECK(lstm(squeeze(x, 1)).output.to_vector() == y.output.to_vector());
  CHECK(lstm(squeeze(x, 1)).output.shape() == Shape{5, 8});
  CHECK(lstm(squeeze(x, 1)).state.h.shape() == Shape{4, 4});
  CHECK(turned(transpose(x, 0, 1)).output.to_vector() == y.output.to_vector());
  for (Index j = 0; j < 4; ++j) {
    CHECK(y.state.h.at(2, 0, j) == y.output.at(4, 0, j));      // the last layer's forward direction ends at the end
    CHECK(y.state.h.at(3, 0, j) == y.output.at(0, 0, 4 + j));  // its reverse at the begin
  }
  const auto half = lstm(slice(x, 0, {.stop = 3}));
  CHECK_THROWS_WITH(lstm(x, LSTMState<double>{half.state.h, ones<double>({4, 2, 4})}), "LSTM: state c must be [4, 1, 4], got [4, 2, 4]");
}

TEST_CASE("LSTM: dropout lies between layers, in training only") {
  manual_seed(10);
  LSTM<double> lstm(3, 4, {.num_layers = 2, .dropout = 0.5}), one(3, 4, {.dropout = 0.5});
  const auto x = uniform<double>({5, 2, 3}, -1, 1);
  CHECK(lstm(x).output.to_vector() != lstm(x).output.to_vector());
  CHECK(one(x).output.to_vector() == one(x).output.to_vector());
  lstm.eval();
  CHECK(lstm(x).output.to_vector() == lstm(x).output.to_vector());
}

TEST_CASE("LSTM: carried state, detached, lets a new tape begin") {
  manual_seed(11);
  LSTM<double> lstm(2, 3);
  SGD<double> optimizer(parameters<double>(lstm), {.lr = 0.1});
  std::optional<LSTMState<double>> state;
  for (int piece = 0; piece < 3; ++piece) {
    Tape tape;
    const auto y = lstm(ones<double>({4, 1, 2}), state);
    optimizer.zero_grad();
    tape.backward(y.output, ones<double>({4, 1, 3}));
    for (const auto& parameter : parameters<double>(lstm)) CHECK(parameter.has_grad());
    optimizer.step();
    state = y.state.detach();
    CHECK_FALSE(state->h.requires_grad());
  }
}

TEST_CASE("LSTM: prints as PyTorch does, and refuses by name") {
  CHECK(test::printed(LSTM(3, 4, {.num_layers = 2, .batch_first = true, .dropout = 0.5, .bidirectional = true})) ==
        "LSTM(3, 4, num_layers=2, batch_first=True, dropout=0.5, bidirectional=True)");
  CHECK(test::printed(LSTM(3, 4, {.bias = false})) == "LSTM(3, 4, bias=False)");
  CHECK_THROWS_WITH(LSTM(0, 4), contains_text("LSTM: input_size, hidden_size and num_layers must be at least 1, got 0, 4 and 1"));
  CHECK_THROWS_WITH(LSTM(3, 4, {.dropout = 1.5}), contains_text("LSTM: dropout must be from 0 to 1, got 1.5"));
  LSTM lstm(3, 4);
  CHECK_THROWS_WITH(lstm(zeros({5, 2, 4})), contains_text("LSTM: input must be [L, N, 3] or [L, 3], got [5, 2, 4]"));
}

TEST_CASE("LSTM: gradients of input and states through layers and directions over random configurations") {
  test::RandomConfig random(319);
  Index compared = 0;
  for (int configuration = 0; configuration < 40; ++configuration) {
    const Index steps = random.integer(1, 4), batch = random.integer(1, 2), input = random.integer(1, 3), hidden = random.integer(1, 3);
    const LSTMOptions options{.num_layers = random.integer(1, 3), .bias = random.coin(), .batch_first = random.coin(), .bidirectional = random.coin()};
    INFO("steps " << steps << ", batch " << batch << ", input " << input << ", hidden " << hidden << ", layers " << options.num_layers << ", batch_first "
                  << options.batch_first << ", bidirectional " << options.bidirectional);
    LSTM<double> lstm(input, hidden, options);
    const Index rows = options.num_layers * (options.bidirectional ? 2 : 1);
    const auto values = [&](const Shape& shape) { return random.tensor(shape, cpu(), Layout::row_major, -1, 1); };
    const auto f = [&](const std::vector<Tensor<double>>& in) {
      const auto y = lstm(in[0], LSTMState<double>{in[1], in[2]});
      return concat({reshape(y.output, {y.output.numel()}), reshape(y.state.h, {y.state.h.numel()}), reshape(y.state.c, {y.state.c.numel()})}, 0);
    };
    compared += gradcheck(f, std::vector<Tensor<double>>{values(options.batch_first ? Shape{batch, steps, input} : Shape{steps, batch, input}),
                                                         values({rows, batch, hidden}), values({rows, batch, hidden})});
  }
  CHECK(compared > 500);
}
