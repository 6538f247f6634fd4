// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <optional>

#include "../ops/lstm.hpp"
#include "init.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Hidden and cell states: of a cell [N, H]; of an LSTM [num_layers * directions, N, H], of each layer first the forward direction, then
/// the reverse; or either without N.
template <Floating T = float>
struct LSTMState {
  Tensor<T> h, c;
  /// The same values as constants: what truncated backpropagation carries on from one piece of text to the next.
  LSTMState detach() const { return {h.detach(), c.detach()}; }
};

namespace detail {
/// New weights of one direction of one layer, all uniform in +-1/sqrt(hidden_size).
template <Floating T>
LstmWeights<T> lstm_weights(Index input_size, Index hidden_size, bool bias) {
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  const auto made = [bound](const Shape& shape) {
    const Tensor<T> weight(shape);
    init::uniform(weight, -bound, bound);
    return Tensor<T>(weight.requires_grad(true));
  };
  LstmWeights<T> w{made({4 * hidden_size, input_size}), made({4 * hidden_size, hidden_size})};
  if (bias) w.bias_ih = made({4 * hidden_size});
  if (bias) w.bias_hh = made({4 * hidden_size});
  return w;
}
template <Floating T>
void visit_lstm_weights(const Members& visit, LstmWeights<T>& w, const std::string& suffix) {
  visit.parameter("weight_ih" + suffix, w.weight_ih);
  visit.parameter("weight_hh" + suffix, w.weight_hh);
  visit.parameter("bias_ih" + suffix, w.bias_ih);
  visit.parameter("bias_hh" + suffix, w.bias_hh);
}
}  // namespace detail

struct LSTMCellOptions {
  bool bias = true;
};

/// One step of long short-term memory: `state = cell(x, state)`. The formula stands in ops/lstm.hpp.
///
/// Shapes   x [N, input_size], state h and c [N, H], zeros unless given; or all without N
///          weight_ih [4H, input_size], weight_hh [4H, H], bias_ih and bias_hh [4H]
/// Begins   everything uniform in +-1/sqrt(H)
/// Throws   ValueError for a size below 1, ShapeError if x or the state does not fit.
template <Floating T = float>
class LSTMCell : public Module {
 public:
  LSTMCell(Index input_size, Index hidden_size, LSTMCellOptions options = {}) : input_size_(input_size), hidden_size_(hidden_size) {
    if (input_size < 1 || hidden_size < 1)
      throw ValueError(message("LSTMCell: input_size and hidden_size must be at least 1, got ", input_size, " and ", hidden_size));
    weights_ = detail::lstm_weights<T>(input_size, hidden_size, options.bias);
  }
  LSTMState<T> forward(const Tensor<T>& x, const std::optional<LSTMState<T>>& state = {}) {
    if ((x.rank() != 1 && x.rank() != 2) || x.shape().back() != input_size_)
      throw ShapeError(message("LSTMCell: input must be [N, ", input_size_, "] or [", input_size_, "], got ", x.shape()));
    if (x.rank() == 1) {
      std::optional<LSTMState<T>> batch;
      if (state) batch = LSTMState<T>{unsqueeze(state->h, 0), unsqueeze(state->c, 0)};
      const LSTMState<T> y = forward(unsqueeze(x, 0), batch);
      return {squeeze(y.h, 0), squeeze(y.c, 0)};
    }
    const Shape shape{x.dim(0), hidden_size_};
    const Tensor<T> h = state ? state->h : zeros<T>(shape, x.device()), c = state ? state->c : zeros<T>(shape, x.device());
    const LstmResult<T> y = lstm_cell(x, h, c, weights_);
    return {y.h, y.c};
  }
  LSTMState<T> operator()(const Tensor<T>& x, const std::optional<LSTMState<T>>& state = {}) { return forward(x, state); }
  void members(const Members& visit) override { detail::visit_lstm_weights(visit, weights_, ""); }
  std::string name() const override { return "LSTMCell"; }
  std::string description() const override {
    return message(input_size_, ", ", hidden_size_, weights_.bias_ih.defined() ? "" : ", bias=False");
  }

 private:
  Index input_size_, hidden_size_;
  LstmWeights<T> weights_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
