// SPDX-License-Identifier: MIT
#include "tapestry/nn/lstm_cell.hpp"

#include "nn/layer_checks.hpp"
#include "tapestry/ops/reshape.hpp"

using namespace tapestry;

TEST_CASE("LSTMCell: names, shapes, a state of zeros by default, and the same without a batch") {
  manual_seed(12);
  LSTMCell<double> cell(3, 4);
  CHECK(test::names(cell) == std::vector<std::string>{"weight_ih", "weight_hh", "bias_ih", "bias_hh"});
  const NamedTensors weights = state_dict(cell);
  CHECK(find(weights, "weight_ih")->shape() == Shape{16, 3});
  const auto x = uniform<double>({1, 3}, -1, 1);
  const auto y = cell(x);
  CHECK(y.h.shape() == Shape{1, 4});
  CHECK(cell(x, LSTMState<double>{zeros<double>({1, 4}), zeros<double>({1, 4})}).c.to_vector() == y.c.to_vector());
  const auto next = cell(x, y);
  CHECK(next.h.to_vector() != y.h.to_vector());
  const auto alone = cell(squeeze(x, 0), LSTMState<double>{squeeze(y.h, 0), squeeze(y.c, 0)});
  CHECK(alone.h.shape() == Shape{4});
  CHECK(alone.h.to_vector() == next.h.to_vector());
}

TEST_CASE("LSTMCell: prints as PyTorch does, and refuses by name") {
  CHECK(test::printed(LSTMCell(3, 4)) == "LSTMCell(3, 4)");
  CHECK(test::printed(LSTMCell(3, 4, {.bias = false})) == "LSTMCell(3, 4, bias=False)");
  CHECK_THROWS_WITH(LSTMCell(3, 0), contains_text("LSTMCell: input_size and hidden_size must be at least 1, got 3 and 0"));
  LSTMCell cell(3, 4);
  CHECK_THROWS_WITH(cell(zeros({2, 4})), contains_text("LSTMCell: input must be [N, 3] or [3], got [2, 4]"));
  CHECK_THROWS_WITH(cell(zeros({2, 3}), LSTMState<>{zeros({2, 4}), zeros({1, 4})}), contains_text("lstm: c must be [2, 4]"));
}
