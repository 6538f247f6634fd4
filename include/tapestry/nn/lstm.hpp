// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "../ops/concat.hpp"
#include "../ops/dropout.hpp"
#include "../ops/permute.hpp"
#include "describe.hpp"
#include "lstm_cell.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct LSTMOptions {
  Index num_layers = 1;  ///< each layer reads the outputs of the one before
  bool bias = true;
  bool batch_first = false;    ///< input and output are [N, L, *], not [L, N, *]; the states are [layers, N, H] all the same
  double dropout = 0;          ///< in training, how much of each layer's output but the last's is dropped
  bool bidirectional = false;  ///< a second set of weights reads from the end to the begin
};

template <Floating T = float>
struct LSTMOutput {
  Tensor<T> output;    ///< the last layer's hidden states at every step, forward and reverse side by side
  LSTMState<T> state;  ///< every layer's after its last step
};

/// Long short-term memory in layers; the formula stands in ops/lstm.hpp. A Module, not a Layer: it returns states, too.
///
///   auto [output, state] = lstm(x);          // from zeros
///   auto next = lstm(y, state.detach());     // goes on
///
/// Shapes   x [L, N, input_size] ([N, L, input_size] if batch_first) or [L, input_size]; output [L, N, directions * H]
///          weight_ih_l0 [4H, input_size], weight_hh_l0 [4H, H], bias_ih_l0 and bias_hh_l0 [4H], ..._reverse, ..._l1 and so on
/// Begins   everything uniform in +-1/sqrt(H)
/// Throws   ValueError for a size below 1 or a dropout outside [0, 1], ShapeError if x or the state does not fit.
template <Floating T = float>
class LSTM : public Module {
 public:
  LSTM(Index input_size, Index hidden_size, LSTMOptions options = {})
      : input_size_(input_size), hidden_size_(hidden_size), options_(options) {
    if (input_size < 1 || hidden_size < 1 || options.num_layers < 1)
      throw ValueError(message("LSTM: input_size, hidden_size and num_layers must be at least 1, got ", input_size, ", ", hidden_size, " and ",
                               options.num_layers));
    if (!(options.dropout >= 0 && options.dropout <= 1))
      throw ValueError(message("LSTM: dropout must be from 0 to 1, got ", options.dropout));
    for (Index layer = 0; layer < options.num_layers; ++layer)
      for (Index direction = 0; direction < directions(); ++direction)
        weights_.push_back(detail::lstm_weights<T>(layer == 0 ? input_size : directions() * hidden_size, hidden_size, options.bias));
  }

  LSTMOutput<T> forward(const Tensor<T>& x, const std::optional<LSTMState<T>>& state = {}) {
    const bool batched = x.rank() == 3;
    if ((x.rank() != 2 && !batched) || x.shape().back() != input_size_)
      throw ShapeError(message("LSTM: input must be ", options_.batch_first ? "[N, L, " : "[L, N, ", input_size_, "] or [L, ", input_size_,
                               "], got ", x.shape()));
    Tensor<T> y = !batched ? unsqueeze(x, 1) : options_.batch_first ? transpose(x, 0, 1) : x;
    const Shape one{y.dim(1), hidden_size_};
    if (state) check_state(*state, batched, one);
    std::vector<Tensor<T>> h, c;
    for (Index layer = 0; layer < options_.num_layers; ++layer) {
      std::vector<Tensor<T>> outputs;
      for (Index direction = 0; direction < directions(); ++direction) {
        const Index at = layer * directions() + direction;
        const auto initial = [&](const Tensor<T>& states) { return reshape(slice(states, 0, {at, at + 1}), one); };
        const Tensor<T> h0 = state ? initial(state->h) : zeros<T>(one, x.device()), c0 = state ? initial(state->c) : zeros<T>(one, x.device());
        LstmResult<T> result = lstm(y, h0, c0, weights_[static_cast<std::size_t>(at)], direction == 1);
        outputs.push_back(result.output);
        h.push_back(result.h);
        c.push_back(result.c);
      }
      y = outputs.size() == 1 ? outputs[0] : concat(outputs, 2);
      if (layer + 1 < options_.num_layers) y = dropout(y, options_.dropout, this->training());
    }
    if (!batched) return {squeeze(y, 1), {squeeze(stack(h), 1), squeeze(stack(c), 1)}};
    return {options_.batch_first ? transpose(y, 0, 1) : y, {stack(h), stack(c)}};
  }
  LSTMOutput<T> operator()(const Tensor<T>& x, const std::optional<LSTMState<T>>& state = {}) { return forward(x, state); }

  void members(const Members& visit) override {
    for (Index at = 0; at < static_cast<Index>(weights_.size()); ++at)
      detail::visit_lstm_weights(visit, weights_[static_cast<std::size_t>(at)],
                                 message("_l", at / directions(), at % directions() == 1 ? "_reverse" : ""));
  }
  std::string name() const override { return "LSTM"; }
  std::string description() const override {
    const auto& o = options_;
    return message(input_size_, ", ", hidden_size_, o.num_layers != 1 ? message(", num_layers=", o.num_layers) : "", o.bias ? "" : ", bias=False",
                   o.batch_first ? ", batch_first=True" : "", o.dropout != 0 ? ", dropout=" + detail::python_number(o.dropout) : "",
                   o.bidirectional ? ", bidirectional=True" : "");
  }
  const LSTMOptions& options() const { return options_; }

 private:
  Index directions() const { return options_.bidirectional ? 2 : 1; }
  void check_state(const LSTMState<T>& state, bool batched, const Shape& one) const {
    Shape expected{options_.num_layers * directions(), one[0], one[1]};
    if (!batched) expected.erase(1);
    for (const auto& [part, tensor] : {std::pair<const char*, const Tensor<T>&>{"h", state.h}, {"c", state.c}})
      if (tensor.shape() != expected) throw ShapeError(message("LSTM: state ", part, " must be ", expected, ", got ", tensor.shape()));
  }

  Index input_size_, hidden_size_;
  LSTMOptions options_;
  std::vector<LstmWeights<T>> weights_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
