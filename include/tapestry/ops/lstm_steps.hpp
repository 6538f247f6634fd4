// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "../autograd/tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct LstmSizes {
  Index steps, batch, input, hidden;
  Index gates() const { return 4 * hidden; }
  Index state() const { return batch * hidden; }  // numbers in one state
};

/// The sizes of an LSTM, from shapes alone.
/// Throws   ShapeError if they do not fit.
inline LstmSizes lstm_sizes(const Shape& x, const Shape& h, const Shape& c, const Shape& weight_ih, const Shape& weight_hh) {
  if (weight_hh.rank() != 2 || weight_hh[1] < 1 || weight_hh[0] != 4 * weight_hh[1])
    throw ShapeError(message("lstm: weight_hh must be [4*hidden_size, hidden_size], got ", weight_hh));
  const Index hidden = weight_hh[1];
  if (weight_ih.rank() != 2 || weight_ih[0] != 4 * hidden)
    throw ShapeError(message("lstm: weight_ih must be [", 4 * hidden, ", input_size] for weight_hh ", weight_hh, ", got ", weight_ih));
  if (x.rank() != 3 || x[0] < 1) throw ShapeError(message("lstm: input must be [L, N, I] with at least one step, got ", x));
  if (x[2] != weight_ih[1])
    throw ShapeError(message("lstm: input has ", x[2], " features but weight_ih expects ", weight_ih[1], " (input ", x, ", weight_ih ",
                             weight_ih, ")"));
  const Shape state{x[1], hidden};
  if (h != state) throw ShapeError(message("lstm: h must be ", state, " for input ", x, ", got ", h));
  if (c != state) throw ShapeError(message("lstm: c must be ", state, " for input ", x, ", got ", c));
  return {x[0], x[1], x[2], hidden};
}

/// The steps of an LSTM forward and back, and what is kept between the two; the formula stands in lstm.hpp. All states lie in the order of
/// the sequence: before(t) and after(t) are what step t begins and ends with, and the place that no step ends with holds the initial state.
template <Floating T>
struct LstmSteps {
  LstmSizes size;
  bool reverse;
  Tensor<T> x, weight_ih, weight_hh;
  Tensor<T> gates;   // [L, 4, N, H], after sigmoid and tanh, each gate of a step in one piece
  Tensor<T> h;       // [L + 2, N, H], L + 1 hidden states and, last, the final cell state: the op's result
  Tensor<T> c;       // [L + 1, N, H]
  Tensor<T> tanh_c;  // [L, N, H]

  LstmSteps(const LstmSizes& sizes, bool backwards, const Tensor<T>& input, const Tensor<T>& ih, const Tensor<T>& hh)
      : size(sizes), reverse(backwards), x(input), weight_ih(ih), weight_hh(hh), gates(made({size.steps, 4, size.batch, size.hidden})),
        h(made({size.steps + 2, size.batch, size.hidden})), c(made({size.steps + 1, size.batch, size.hidden})),
        tanh_c(made({size.steps, size.batch, size.hidden})) {}

  Index first_output() const { return reverse ? 0 : 1; }  // where in h the output begins
  Index initial() const { return reverse ? size.steps : 0; }
  Index last() const { return size.steps - initial(); }

  void forward(const Tensor<T>& bias_ih, const Tensor<T>& bias_hh, const Tensor<T>& h0, const Tensor<T>& c0) {
    const auto backend = backend_of(x);
    const Index rows = size.steps * size.batch, four = size.gates(), n = size.state();
    const Tensor<T> sums = made({rows, four}), let_in = made({n});
    backend.gemm(Transpose::no, Transpose::yes, rows, four, size.input, x.data(), size.input, weight_ih.data(), size.input, T{0},
                 sums.mutable_data(), four);
    for (const Tensor<T>* bias : {&bias_ih, &bias_hh})
      if (bias->defined()) backend.add_rows(rows, four, bias->data(), sums.mutable_data());
    T *hidden = h.mutable_data(), *cell = c.mutable_data();
    copy(h0.data(), hidden + initial() * n);
    copy(c0.data(), cell + initial() * n);
    for (Index step = 0; step < size.steps; ++step) {
      const Index t = reverse ? size.steps - 1 - step : step;
      T* sum = sums.mutable_data() + t * 4 * n;
      backend.gemm(Transpose::no, Transpose::yes, size.batch, four, size.hidden, hidden + before(t) * n, size.hidden, weight_hh.data(),
                   size.hidden, T{1}, sum, four);
      T *i = gates.mutable_data() + t * 4 * n, *f = i + n, *g = f + n, *o = g + n, *squashed = tanh_c.mutable_data() + t * n;
      reorder({4, size.batch, size.hidden}, sum, {size.hidden, four, 1}, i, {n, size.hidden, 1});
      backend.unary(UnaryOp::sigmoid, 2 * n, i, T{0}, T{0}, i);  // i and f lie side by side
      backend.unary(UnaryOp::tanh, n, g, T{0}, T{0}, g);
      backend.unary(UnaryOp::sigmoid, n, o, T{0}, T{0}, o);
      multiply(f, cell + before(t) * n, cell + after(t) * n);
      multiply(i, g, let_in.mutable_data());
      backend.scale_add(n, T{1}, let_in.data(), T{1}, cell + after(t) * n);
      backend.unary(UnaryOp::tanh, n, cell + after(t) * n, T{0}, T{0}, squashed);
      multiply(o, squashed, hidden + after(t) * n);
    }
    copy(c.data() + last() * n, h.mutable_data() + (size.steps + 1) * n);
  }

  /// Takes the gradient of h, returns that of the gates before sigmoid and tanh, [L*N, 4H], and fills those of the initial states, [N, H].
  Tensor<T> backward(const Tensor<T>& dstates, const Tensor<T>& dh0, const Tensor<T>& dc0) const {
    const auto backend = backend_of(x);
    const Index four = size.gates(), n = size.state();
    const Tensor<T> dsums = made({size.steps * size.batch, four}), dgates = made({4, n}), through_tanh = made({n});
    Tensor<T> dc = made({n}), dc_before = made({n});
    T* dh = dh0.fill(T{0}).mutable_data();
    copy(dstates.data() + (size.steps + 1) * n, dc.mutable_data());
    for (Index step = size.steps - 1; step >= 0; --step) {
      const Index t = reverse ? size.steps - 1 - step : step;
      const T *i = gates.data() + t * 4 * n, *f = i + n, *g = f + n, *o = g + n, *squashed = tanh_c.data() + t * n;
      T *di = dgates.mutable_data(), *df = di + n, *dg = df + n, *d_o = dg + n;
      backend.scale_add(n, T{1}, dstates.data() + after(t) * n, T{1}, dh);
      multiply(dh, squashed, d_o);                                        // h = o * tanh(c)
      multiply(dh, o, through_tanh.mutable_data());
      derive(UnaryOp::tanh, n, squashed, through_tanh.mutable_data());
      backend.scale_add(n, T{1}, through_tanh.data(), T{1}, dc.mutable_data());
      multiply(dc.data(), g, di);                                         // c = f * c_before + i * g
      multiply(dc.data(), c.data() + before(t) * n, df);
      multiply(dc.data(), i, dg);
      multiply(dc.data(), f, dc_before.mutable_data());
      std::swap(dc, dc_before);
      derive(UnaryOp::sigmoid, 2 * n, i, di);
      derive(UnaryOp::tanh, n, g, dg);
      derive(UnaryOp::sigmoid, n, o, d_o);
      T* dsum = dsums.mutable_data() + t * 4 * n;
      reorder({4, size.batch, size.hidden}, di, {n, size.hidden, 1}, dsum, {size.hidden, four, 1});
      backend.gemm(Transpose::no, Transpose::no, size.batch, size.hidden, four, dsum, four, weight_hh.data(), size.hidden, T{0}, dh,
                   size.hidden);
    }
    copy(dc.data(), dc0.mutable_data());
    return dsums;
  }

  /// The hidden states that the steps began with, [L*N, H], in the order of the sequence.
  const T* h_before() const { return h.data() + before(0) * size.state(); }

 private:
  Index before(Index t) const { return reverse ? t + 1 : t; }
  Index after(Index t) const { return reverse ? t : t + 1; }
  Tensor<T> made(const Shape& shape) const { return Tensor<T>(shape, Layout::row_major, x.device()); }
  void copy(const T* from, T* to) const { x.device().memory().copy(to, from, static_cast<std::size_t>(size.state()) * sizeof(T)); }
  void reorder(const Shape& shape, const T* from, const Shape& from_stride, T* to, const Shape& to_stride) const {
    if (size.batch > 0) x.device().memory().strided_copy(sizeof(T), shape, from, from_stride, to, to_stride);
  }
  void multiply(const T* a, const T* b, T* y) const {
    if (size.batch > 0) backend_of(x).binary(BinaryOp::multiply, Broadcast{{size.state()}, {1}, {1}}, a, b, y);
  }
  /// dy becomes dx, by what y = op(x) was.
  void derive(UnaryOp op, Index count, const T* y, T* dy) const { backend_of(x).unary_backward(op, count, y, y, dy, T{0}, T{0}, dy); }
};

}  // namespace tapestry::inline TAPESTRY_ABI
