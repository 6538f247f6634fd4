// SPDX-License-Identifier: MIT
#pragma once

#include "owed.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// How plain layers go back in one pass. A backward function may return a gradient that is still owed, which the next one takes as it is:
//   a max pooling owes its gradient, which is mostly zeros; an activation before it adds its mask; a convolution before that spreads it out for a few
//   images at a time.
//   an activation behind a batch norm owes the gradient of the sum that it saw; batch norm computes the mask anew from its own input, and owes its
//   gradient in turn, of which it knows the sums; a convolution before that computes the gradients of its input and weights from a part of it at a time.
// Whoever else reads such a gradient has it computed there and then. What is owed belongs to the tensor that it is the gradient of: a mask is taken by
// the normalisation whose result was activated, and by no other that the gradient comes to.

namespace detail {

/// Whether a backward function may owe its gradient.
inline bool may_owe_gradient() { return Tape::walking() && fusion(); }

/// A result as its own backward function keeps it, which knows of x, of which it was made, whether that was normalised and owed.
template <Floating T>
class KeptResult : public Kept<T> {
 public:
  KeptResult(const Tensor<T>& y, const Tensor<T>& x) : Kept<T>(y) {
    const Staged<T>* before = owed(x);
    if (before && before->stages.mean.defined() && !before->weight.defined() && !before->stages.residual.defined()) normalized_ = x.body().storage;
  }
  /// x, if it was; to compare only.
  const std::weak_ptr<Storage>& normalized() const { return normalized_; }

 private:
  std::weak_ptr<Storage> normalized_;
};

/// Whether two pointers, one of which may have outlived what it pointed to, are of the same storage; and whether one never had any.
inline bool is_same(const std::weak_ptr<Storage>& a, const std::weak_ptr<Storage>& b) { return !a.owner_before(b) && !b.owner_before(a); }
inline bool is_nothing(const std::weak_ptr<Storage>& a) { return is_same(a, {}); }

inline const Storage* storage_of(const AnyTensor& tensor) { return tensor.defined() ? tensor.body().storage.get() : nullptr; }
/// Marks tensors as read by a debt, so that whoever writes to them lets it be paid first; or no longer.
inline void lend(std::initializer_list<const Storage*> read, int change) {
  for (const Storage* storage : read)
    if (storage) const_cast<Storage*>(storage)->lent.fetch_add(change, std::memory_order_relaxed);
}
template <Floating T>
const T* data_or_null(const Tensor<T>& tensor) {
  return tensor.defined() ? tensor.data() : nullptr;
}

/// A gradient that a convolution takes as it is owed.
template <Floating T>
struct GradientDebt : Debt {
  /// Backward of the convolution whose result's gradient this is. Virtual, so that a program compiles this for the ops that it has.
  virtual void conv2d_backward(const ConvGeometry& g, const T* x, const T* w, T* dx, T* dw, T* dbias) const = 0;
};
/// The debt of a gradient that a convolution may take; null if there is none.
template <Floating T>
const GradientDebt<T>* owed_gradient(const Tensor<T>& dy) {
  const Debt* debt = dy.body().storage->debt.get();
  return debt && (debt->kind() == DebtKind::pooled || debt->kind() == DebtKind::normalized) ? static_cast<const GradientDebt<T>*>(debt) : nullptr;
}

/// The gradient of a convolution's result, or of that after its activation, which was pooled.
template <Floating T>
struct PooledGradientTensors {
  PoolGeometry pool;
  Tensor<T> dy, y;  // of the pooling's result
  Tensor<std::uint8_t> winners;
  const Storage* pooled;  // to compare only
  Activation activation = Activation::none;
  T slope{}, low{}, high{};

  PooledGradient<T> arguments() const { return {pool, dy.data(), y.data(), winners.data(), activation, slope, low, high}; }
};

template <Floating T>
class PooledGradientDebt final : public GradientDebt<T> {
 public:
  const PooledGradientTensors<T> gradient;

  explicit PooledGradientDebt(PooledGradientTensors<T>&& tensors) : gradient(std::move(tensors)) { lend_all(1); }
  ~PooledGradientDebt() override { lend_all(-1); }
  DebtKind kind() const override { return DebtKind::pooled; }
  void pay(void* values) override { backend_of(gradient.dy).pooled_gradient(gradient.arguments(), static_cast<T*>(values)); }
  void conv2d_backward(const ConvGeometry& g, const T* x, const T* w, T* dx, T* dw, T* dbias) const override {
    backend_of(gradient.dy).conv2d_pooled_backward(g, x, w, gradient.arguments(), dx, dw, dbias);
  }

 private:
  void lend_all(int change) const { lend({storage_of(gradient.dy), storage_of(gradient.y), storage_of(gradient.winners)}, change); }
};

/// The gradient of what was pooled, owed if that may be.
template <Floating T>
Tensor<T> pooled_gradient(PooledGradientTensors<T>&& gradient) {
  const PoolGeometry& p = gradient.pool;
  const Shape shape{p.batch, p.channels, p.height, p.width};
  const Device device = gradient.dy.device();
  if (may_owe_gradient()) return owe_values<T>(shape, Layout::channels_last, device, std::unique_ptr<Debt>(new PooledGradientDebt<T>(std::move(gradient))));
  const Tensor<T> dx(shape, Layout::channels_last, device);
  backend_of(dx).pooled_gradient(gradient.arguments(), dx.values_to_write());
  return dx;
}

/// The gradient of what an activation saw, before its mask is laid over it.
template <Floating T>
class ActivatedGradientDebt final : public Debt {
 public:
  const Tensor<T> dy;                         // of the activation's result
  const std::shared_ptr<Storage> y;           // that result
  const std::weak_ptr<Storage> normalized;    // what was activated; to compare only
  const Activation activation;
  const T slope, low, high;

  ActivatedGradientDebt(const Tensor<T>& of, const KeptResult<T>& result, Activation kind, T s, T a, T b)
      : dy(of), y(result.storage()), normalized(result.normalized()), activation(kind), slope(s), low(a), high(b) {
    lend({storage_of(dy), y.get()}, 1);
  }
  ~ActivatedGradientDebt() override { lend({storage_of(dy), y.get()}, -1); }
  DebtKind kind() const override { return DebtKind::activated; }
  void pay(void* values) override {
    const T* seen = static_cast<const T*>(y->elements());
    const UnaryOp op = activation == Activation::relu ? UnaryOp::relu : activation == Activation::clamp ? UnaryOp::clamp : UnaryOp::leaky_relu;
    const bool clamps = activation == Activation::clamp;
    backend_of(dy).unary_backward(op, dy.numel(), seen, seen, dy.data(), clamps ? low : slope, high, static_cast<T*>(values));
  }
};

/// The gradient of an activation's input, owed if that of its result y is and y was pooled, or if what it saw was normalised; else an undefined tensor.
/// y must tell the activation's derivative.
template <Floating T>
Tensor<T> owe_activation_gradient(const Tensor<T>& dy, const KeptResult<T>& y, Activation activation, T slope = {}, T low = {}, T high = {}) {
  const Debt* before = dy.body().storage->debt.get();
  if (before && before->kind() == DebtKind::pooled) {
    PooledGradientTensors<T> gradient = static_cast<const PooledGradientDebt<T>*>(before)->gradient;
    if (gradient.pooled == y.storage().get() && gradient.activation == Activation::none) {
      gradient.activation = activation;
      gradient.slope = slope, gradient.low = low, gradient.high = high;
      return pooled_gradient(std::move(gradient));
    }
  }
  if (!may_owe_gradient() || is_nothing(y.normalized())) return {};
  return owe_values<T>(dy.shape(), dy.layout(), dy.device(), std::unique_ptr<Debt>(new ActivatedGradientDebt<T>(dy, y, activation, slope, low, high)));
}
/// The mask that lies over the gradient of this normalisation's result, if it is owed; else null.
template <Floating T>
const ActivatedGradientDebt<T>* owed_activation_gradient(const Tensor<T>& dy, const std::weak_ptr<Storage>& result) {
  const Debt* debt = dy.body().storage->debt.get();
  if (!debt || debt->kind() != DebtKind::activated) return nullptr;
  const auto* gradient = static_cast<const ActivatedGradientDebt<T>*>(debt);
  return is_same(gradient->normalized, result) ? gradient : nullptr;
}

/// The gradient of a normalisation's input, whose sums dgamma and dbeta are known.
template <Floating T>
struct NormalizedGradientTensors {
  Tensor<T> x, mean, variance, gamma, beta;
  T eps;
  bool of_batch;
  Tensor<T> dy;
  Activation activation = Activation::none;
  T slope{}, low{}, high{};
  Tensor<T> dgamma{}, dbeta{};

  NormalizedGradient<T> arguments() const {
    const Index channels = mean.numel();
    return {channels == 0 ? 0 : x.numel() / channels, channels, x.data(), mean.data(), variance.data(), data_or_null(gamma), data_or_null(beta), eps, of_batch,
            dy.data(), activation, slope, low, high, data_or_null(dgamma), data_or_null(dbeta)};
  }
};

template <Floating T>
class NormalizedGradientDebt final : public GradientDebt<T> {
 public:
  const NormalizedGradientTensors<T> gradient;

  explicit NormalizedGradientDebt(NormalizedGradientTensors<T>&& tensors) : gradient(std::move(tensors)) { lend_all(1); }
  ~NormalizedGradientDebt() override { lend_all(-1); }
  DebtKind kind() const override { return DebtKind::normalized; }
  void pay(void* values) override { backend_of(gradient.dy).normalization_gradient(gradient.arguments(), static_cast<T*>(values)); }
  void conv2d_backward(const ConvGeometry& g, const T* x, const T* w, T* dx, T* dw, T* dbias) const override {
    backend_of(gradient.dy).conv2d_normalized_backward(g, x, w, gradient.arguments(), dx, dw, dbias);
  }

 private:
  void lend_all(int change) const {
    const NormalizedGradientTensors<T>& t = gradient;
    lend({storage_of(t.x), storage_of(t.mean), storage_of(t.variance), storage_of(t.gamma), storage_of(t.beta), storage_of(t.dy), storage_of(t.dgamma),
          storage_of(t.dbeta)}, change);
  }
};

/// The gradient of what was normalised, owed if that may be.
template <Floating T>
Tensor<T> normalized_gradient(NormalizedGradientTensors<T>&& gradient) {
  const Shape shape = gradient.x.shape();
  const Layout layout = gradient.x.layout();
  const Device device = gradient.dy.device();
  if (may_owe_gradient()) return owe_values<T>(shape, layout, device, std::unique_ptr<Debt>(new NormalizedGradientDebt<T>(std::move(gradient))));
  const Tensor<T> dx(shape, layout, device);
  backend_of(dx).normalization_gradient(gradient.arguments(), dx.values_to_write());
  return dx;
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
