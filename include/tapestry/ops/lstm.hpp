// SPDX-License-Identifier: MIT
#pragma once

#include "lstm_steps.hpp"
#include "slice.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What one direction of one layer of an LSTM learns; the rows of all are the gates i, f, g, o, H rows each.
template <Floating T>
struct LstmWeights {
  Tensor<T> weight_ih;  ///< [4H, I], from the input
  Tensor<T> weight_hh;  ///< [4H, H], from the hidden state before
  Tensor<T> bias_ih{};  ///< [4H], or both undefined
  Tensor<T> bias_hh{};
};

template <Floating T>
struct LstmResult {
  Tensor<T> output;  ///< the hidden state of every step
  Tensor<T> h, c;    ///< hidden and cell state after the last step
};

/// Long short-term memory: a cell c that gates let in, keep and let out, step by step.
///
///   i, f, o = sigmoid, g = tanh of  weight_ih x[t] + bias_ih + weight_hh h[t-1] + bias_hh, a quarter of the rows each, in the order i, f, g, o
///   c[t] = f * c[t-1] + i * g          h[t] = o * tanh(c[t])
///
/// In reverse t runs from the end to the begin, and output[t] is still the state at x[t].
///
/// Shapes   x [L, N, I], h and c [N, H], returns output [L, N, H], h and c [N, H]
/// Method   lstm_steps.hpp: one GEMM for the inputs of all steps, one for all gates of each step; backward through time likewise. Gradients
///          go to x, h, c and all weights. Kept: x, the gates, h, c and tanh(c) of every step, 7 numbers a unit and step.
/// Throws   ShapeError if sizes do not fit, TypeError if devices differ.
/// Source   Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers, Schmidhuber and Cummins, "Learning to forget", 2000.
template <Floating T>
LstmResult<T> lstm(const Tensor<T>& x, const Tensor<T>& h, const Tensor<T>& c, const LstmWeights<T>& w, bool reverse = false) {
  const LstmSizes size = lstm_sizes(x.shape(), h.shape(), c.shape(), w.weight_ih.shape(), w.weight_hh.shape());
  if (w.bias_ih.defined() != w.bias_hh.defined()) throw ValueError("lstm: bias_ih and bias_hh must both be given or both be left out");
  for (const Tensor<T>* other : {&h, &c, &w.weight_ih, &w.weight_hh, &w.bias_ih, &w.bias_hh})
    if (other->defined()) check_same_device("lstm", x, *other);
  for (const auto& [parameter, bias] : {std::pair<const char*, const Tensor<T>&>{"bias_ih", w.bias_ih}, {"bias_hh", w.bias_hh}})
    if (bias.defined() && bias.shape() != Shape{size.gates()})
      throw ShapeError(message("lstm: ", parameter, " must be ", Shape{size.gates()}, " for weight_hh ", w.weight_hh.shape(), ", got ", bias.shape()));

  const auto steps = std::make_shared<LstmSteps<T>>(size, reverse, x, w.weight_ih, w.weight_hh);
  steps->forward(w.bias_ih, w.bias_hh, h, c);

  // The tape records one result an op: all states in one tensor, of which output, h and c are parts.
  const Tensor<T> states = record("lstm", steps->h, {x, h, c, w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh},
                                  [steps, size, x_grad = grad_of(x), h_grad = grad_of(h), c_grad = grad_of(c), ih_grad = grad_of(w.weight_ih),
                                   hh_grad = grad_of(w.weight_hh), bias_ih_grad = grad_of(w.bias_ih),
                                   bias_hh_grad = grad_of(w.bias_hh)](const Tensor<T>& dstates) {
    const auto made = [&](const Shape& shape) { return Tensor<T>(shape, Layout::row_major, dstates.device()); };
    Tensor<T> dh = made({size.batch, size.hidden}), dc = made({size.batch, size.hidden});
    const Tensor<T> dgates = steps->backward(dstates, dh, dc);  // [L*N, 4H], before sigmoid and tanh
    h_grad.add(dh);
    c_grad.add(dc);
    const auto backend = backend_of(dgates);
    const Index rows = size.steps * size.batch;
    const auto weight_gradient = [&](const T* input, Index width) {  // dW = dG^T X
      Tensor<T> dw = made({size.gates(), width});
      backend.gemm(Transpose::yes, Transpose::no, size.gates(), width, rows, dgates.data(), size.gates(), input, width, T{0},
                   dw.mutable_data(), width);
      return dw;
    };
    if (ih_grad.wanted()) ih_grad.add(weight_gradient(steps->x.data(), size.input));
    if (hh_grad.wanted()) hh_grad.add(weight_gradient(steps->h_before(), size.hidden));
    if (bias_ih_grad.wanted() || bias_hh_grad.wanted()) {
      Tensor<T> dbias = made({size.gates()});
      backend.sum_rows(rows, size.gates(), dgates.data(), dbias.mutable_data());
      bias_ih_grad.add(dbias);
      bias_hh_grad.add(dbias);
    }
    if (x_grad.wanted()) {  // dX = dG W_ih
      Tensor<T> dx = made(x_grad.shape());
      backend.gemm(Transpose::no, Transpose::no, rows, size.input, size.gates(), dgates.data(), size.gates(), steps->weight_ih.data(),
                   size.input, T{0}, dx.mutable_data(), size.input);
      x_grad.add(dx);
    }
  });
  const Index begin = steps->first_output();
  return {slice(states, 0, {begin, begin + size.steps}), select(states, 0, steps->last()), select(states, 0, size.steps + 1)};
}

/// One step of it: x [N, I], h and c [N, H]; returns {h, c}, whose output is h.
/// Throws   as lstm does.
template <Floating T>
LstmResult<T> lstm_cell(const Tensor<T>& x, const Tensor<T>& h, const Tensor<T>& c, const LstmWeights<T>& weights) {
  if (x.rank() != 2) throw ShapeError(message("lstm_cell: input must be [N, I], got ", x.shape()));
  LstmResult<T> y = lstm(unsqueeze(x, 0), h, c, weights);
  return {y.h, y.h, y.c};
}

}  // namespace tapestry::inline TAPESTRY_ABI
