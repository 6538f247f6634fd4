// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// How plain layers are computed in one pass. Inside a module's call a convolution may return a tensor whose values are still owed. Batch
// norm, an addition or an activation that gets such a tensor does not read it: it returns another that owes the same and its own stage
// beside, so that `relu(bn(conv(x)) + x)` goes through memory once. Whoever reads an owed tensor has it computed there and then; so has
// whoever writes to what it depends on; and what is left is computed when the outermost call returns. A tensor between, which nobody holds
// any more by then, is never computed. Shapes are checked when an op is called. The tape records as ever. An activation keeps its result for
// backward; where a max pooling follows, backward does without, and then that is never computed, either.

namespace detail {
inline std::atomic<bool>& fusion_wanted() {
  static std::atomic<bool> on{true};
  return on;
}
inline int& module_depth() {
  thread_local int depth = 0;
  return depth;
}
}  // namespace detail

/// Whether layers may be computed together (on), for the whole program. It changes results by rounding only; off is for comparison.
inline void set_fusion(bool on) { detail::fusion_wanted() = on; }
inline bool fusion() { return detail::fusion_wanted(); }

namespace detail {

/// A module's call; at the end of the outermost one nothing is owed any more.
class ModuleCall {
 public:
  ModuleCall() { ++module_depth(); }
  ~ModuleCall() { --module_depth(); }
  ModuleCall(const ModuleCall&) = delete;
  ModuleCall& operator=(const ModuleCall&) = delete;
  void finish() const {
    if (module_depth() == 1 && !debts().empty()) settle_debts(true);
  }
};

/// The weights of a convolution in the form that the backend likes, made once for as long as nobody writes to them; null where they are best
/// as they are, or where a writer would go unseen.
template <Floating T>
[[gnu::noinline]] std::shared_ptr<const Derived> prepared_weight(const ConvGeometry& g, const Tensor<T>& weight) {
  Storage& storage = *weight.body().storage;
  const WeightForm form = backend_of(weight).weight_form(g);
  if (form.size == 0 || storage.exposed) return nullptr;
  auto derived = storage.derived.load();
  if (derived && derived->form == form && derived->version == storage.version) return derived;
  auto made = std::make_shared<Derived>(form, storage.version, weight.device(), static_cast<std::size_t>(form.size) * sizeof(T));
  backend_of(weight).prepare_weight(g, weight.data(), static_cast<T*>(made->data));
  storage.derived.store(made);
  return made;
}

/// A result as those keep it who may come to do without: its own backward function, or a convolution of it. If it is owed, and nobody else has it when
/// the module returns, it is not computed before they ask: a backward function does not where a max pooling follows, and a convolution
/// that can be computed together with it has it in a cache, a few rows at a time.
template <Floating T>
class Kept {
 public:
  Kept() = default;
  explicit Kept(const Tensor<T>& x) : storage_(x.body().storage) { ++storage_->kept; }
  Kept(const Kept& other) : storage_(other.storage_) {
    if (storage_) ++storage_->kept;
  }
  Kept(Kept&&) = default;
  Kept& operator=(Kept other) {
    std::swap(storage_, other.storage_);
    return *this;
  }
  ~Kept() {
    if (storage_) --storage_->kept;
  }
  bool defined() const { return storage_ != nullptr; }
  /// Whether nobody else has it.
  bool sole() const { return storage_.use_count() == 1; }
  const T* data() const { return static_cast<const T*>(storage_->elements()); }
  Storage* storage() const { return storage_.get(); }

 private:
  std::shared_ptr<Storage> storage_;
};

template <Floating T>
class StagedDebt;

/// How many convolutions may be computed together.
inline constexpr Index longest_chain = 3;

/// stages(source(x)): how an owed tensor is computed. The source is a function, given by the op that owes, so that a program compiles those
/// of its own ops only.
template <Floating T>
struct Staged {
  using Source = void (*)(const Staged&, const Stages<T>& stages, T* y);
  Source source;
  Tensor<T> x{}, weight{}, bias{};
  Kept<T> link{};  // a convolution's input instead of x, if it is owed by another that may be computed together with this one
  ConvGeometry g{};                        // of a convolution
  bool keeps_weight = false;                // which is not learning, so that its weights are worth preparing
  Index rows = 0, channels = 0, depth = 0;  // of the result, and of what linear sums over
  Tensor<T> mean{}, variance{}, gamma{}, beta{}, residual{};
  T eps{};
  Activation activation = Activation::none;
  T slope{}, low{}, high{};
  PoolGeometry pool{};                // a convolution's stages may end in a max pooling
  Tensor<std::uint8_t> winners{};     // where its winners are noted, if backward may want them
  std::weak_ptr<Storage> unpooled{};  // what it pools, which is owed on its own

  void compute(T* y) const { source(*this, stages(), y); }
  Stages<T> stages() const {
    const auto data = [](const Tensor<T>& tensor) -> const T* { return tensor.defined() ? tensor.data() : nullptr; };
    return {data(bias), data(mean), data(variance), data(gamma), data(beta), eps, data(residual), activation, slope, low, high};
  }

  bool is_pooled() const { return source == pooled_convolution; }
  Device device() const { return (link.defined() ? weight : x).device(); }
  std::shared_ptr<const Derived> prepared() const { return keeps_weight ? prepared_weight(g, weight) : nullptr; }
  static const T* numbers(const std::shared_ptr<const Derived>& derived) { return derived ? static_cast<const T*>(derived->data) : nullptr; }
  /// How the input will be computed, if it is still owed; else null.
  const Staged* before() const {
    const Debt* debt = link.defined() ? link.storage()->debt.get() : nullptr;
    return debt ? &static_cast<const StagedDebt<T>*>(debt)->staged : nullptr;
  }

  static void convolution(const Staged& s, const Stages<T>& stages, T* y) {
    std::array<std::shared_ptr<const Derived>, longest_chain> prepared;
    std::array<ConvLink<T>, longest_chain> links;
    std::size_t first = longest_chain - 1;
    const Staged* at = &s;
    links[first] = {s.g, s.weight.data(), numbers(prepared[first] = s.prepared()), stages};
    for (; at->before() && at->link.sole(); --first) {
      at = at->before();
      links[first - 1] = {at->g, at->weight.data(), numbers(prepared[first - 1] = at->prepared()), at->stages()};
    }
    const ConvLink<T>& last = links.back();
    const T* x = at->link.defined() ? at->link.data() : at->x.data();
    if (at == &s) return backend_of(s.weight).conv2d_staged(last.g, x, last.w, last.prepared, stages, y);
    backend_of(s.weight).conv2d_chain(&links[first], longest_chain - static_cast<Index>(first), x, y);
  }
  static void pooled_convolution(const Staged& s, const Stages<T>& stages, T* y) {
    void* noted = s.winners.defined() ? s.winners.values_to_write() : nullptr;
    const auto whole = s.unpooled.lock();
    if (whole && (!whole->debt || whole.use_count() - 1 > whole->kept))  // it is there, or will be, for somebody else has it
      return backend_of(s.x).max_pool2d_kept(s.pool, static_cast<const T*>(whole->elements()), y, noted);
    const auto prepared = s.prepared();
    backend_of(s.x).conv2d_pooled(s.g, s.pool, s.x.data(), s.weight.data(), numbers(prepared), stages, y, noted);
  }
  static void linear(const Staged& s, const Stages<T>& stages, T* y) {
    backend_of(s.x).linear_staged(s.rows, s.channels, s.depth, s.x.data(), s.weight.data(), stages, y);
  }
  static void normalization(const Staged& s, const Stages<T>& stages, T* y) {
    backend_of(s.x).normalize_staged(s.rows, s.channels, s.x.data(), stages, y);
  }
};

template <Floating T>
class StagedDebt final : public Debt {
 public:
  const Staged<T> staged;

  explicit StagedDebt(Staged<T>&& result) : staged(std::move(result)) { lend(1); }
  ~StagedDebt() override { lend(-1); }
  void pay(void* values) override { staged.compute(static_cast<T*>(values)); }

 private:
  /// Whoever writes to what will be read must let it be read first.
  void lend(int change) const {
    for (const Tensor<T>* tensor :
         {&staged.x, &staged.weight, &staged.bias, &staged.mean, &staged.variance, &staged.gamma, &staged.beta, &staged.residual})
      if (tensor->defined()) tensor->body().storage->lent.fetch_add(change, std::memory_order_relaxed);
    if (staged.link.defined()) staged.link.storage()->lent.fetch_add(change, std::memory_order_relaxed);
  }
};

/// Whether an op may owe its result now.
inline bool may_owe() { return module_depth() > 0 && fusion(); }

/// Whether a backward function may owe its gradient.
inline bool may_owe_gradient() { return Tape::walking() && fusion(); }

/// A tensor that owes its values.
template <Floating T>
[[gnu::noinline]] Tensor<T> owe_values(const Shape& shape, Layout layout, Device device, std::unique_ptr<Debt> debt) {
  auto storage = std::allocate_shared<Storage>(CachedAllocator<Storage>(), device, static_cast<std::size_t>(shape.numel()) * sizeof(T), std::move(debt));
  debts().emplace_back(storage);
  return Tensor<T>(make_body(std::move(storage), shape, dtype_of<T>(), layout));
}

template <Floating T>
Tensor<T> owe(const Shape& shape, Layout layout, Staged<T>&& staged) {
  const Device device = staged.device();
  return owe_values<T>(shape, layout, device, std::unique_ptr<Debt>(new StagedDebt<T>(std::move(staged))));
}

/// How x will be computed, if it is owed; else null.
template <Floating T>
const Staged<T>* owed(const Tensor<T>& x) {
  const Debt* debt = x.body().storage->debt.get();
  return debt && may_owe() && !debt->is_gradient() ? &static_cast<const StagedDebt<T>*>(debt)->staged : nullptr;  // never in another type
}

/// The result of a convolution of x. Unless x is owed by a convolution that is best computed together with this one, it is computed by now.
template <Floating T>
Tensor<T> owe_convolution(const Shape& shape, const Tensor<T>& x, bool recorded, Staged<T>&& staged) {
  const Staged<T>* before = recorded || x.layout() != Layout::channels_last ? nullptr : owed(x);
  std::array<ConvGeometry, longest_chain> links;
  std::size_t first = longest_chain - 1;
  links[first] = staged.g;
  for (; before && first > 0; before = before->before()) {
    const ConvGeometry &from = before->g, &to = links[first];
    const bool joins = before->source == Staged<T>::convolution && !before->residual.defined() && from.out_channels == to.in_channels &&
                       from.out_height == to.height && from.out_width == to.width;
    if (!joins) break;
    links[--first] = from;
  }
  const Index count = longest_chain - static_cast<Index>(first);
  if (!before && count > 1 && backend_of(staged.weight).chains(&links[first], count)) {
    staged.link = Kept<T>(x);
  } else {
    x.data();
    staged.x = x;
  }
  return owe<T>(shape, Layout::channels_last, std::move(staged));
}

// Each of these gives x with one more stage if x is owed and has room for it, else an undefined tensor.

template <Floating T>
Tensor<T> owe_activation(const Tensor<T>& x, Activation activation, T slope = {}, T low = {}, T high = {}) {
  const Staged<T>* before = owed(x);
  if (!before || before->activation != Activation::none || before->is_pooled()) return {};
  Staged<T> staged = *before;
  staged.activation = activation;
  staged.slope = slope, staged.low = low, staged.high = high;
  return owe(x.shape(), x.layout(), std::move(staged));
}
template <Floating T>
Tensor<T> owe_sum(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.shape() != b.shape() || a.layout() != b.layout() || !(a.device() == b.device())) return {};
  for (const auto& [x, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const Staged<T>* before = owed(*x);
    if (!before || before->activation != Activation::none || before->is_pooled() || before->residual.defined() || x->body().storage == other->body().storage) continue;
    Staged<T> staged = *before;
    staged.residual = *other;
    return owe(x->shape(), x->layout(), std::move(staged));
  }
  return {};
}
template <Floating T>
Tensor<T> owe_normalization(const Tensor<T>& x, const Tensor<T>& mean, const Tensor<T>& variance, T eps, const Tensor<T>& gamma,
                            const Tensor<T>& beta) {
  const Staged<T>* before = owed(x);
  if (!before || before->source != Staged<T>::convolution || x.layout() != Layout::channels_last) return {};
  if (before->mean.defined() || before->residual.defined() || before->activation != Activation::none) return {};
  Staged<T> staged = *before;
  staged.mean = mean, staged.variance = variance, staged.gamma = gamma, staged.beta = beta;
  staged.eps = eps;
  return owe(x.shape(), x.layout(), std::move(staged));
}
/// `winners` may be undefined; else it notes the winners when the result is computed.
template <Floating T>
Tensor<T> owe_pool(const Tensor<T>& x, const PoolGeometry& pool, const Tensor<std::uint8_t>& winners) {
  const Staged<T>* before = owed(x);
  if (!before || before->source != Staged<T>::convolution || before->link.defined() || x.layout() != Layout::channels_last || x.rank() != 4) return {};
  Staged<T> staged = *before;
  staged.source = Staged<T>::pooled_convolution;
  staged.pool = pool, staged.winners = winners, staged.unpooled = x.body().storage;
  return owe({pool.batch, pool.channels, pool.out_height, pool.out_width}, Layout::channels_last, std::move(staged));
}

// On the way back a max pooling owes its gradient, which is mostly zeros, and an activation before it adds itself; a convolution before
// that takes the gradient of its result as it is owed.

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
class PooledGradientDebt final : public Debt {
 public:
  const PooledGradientTensors<T> gradient;

  explicit PooledGradientDebt(PooledGradientTensors<T>&& tensors) : gradient(std::move(tensors)) { lend(1); }
  ~PooledGradientDebt() override { lend(-1); }
  bool is_gradient() const override { return true; }
  void pay(void* values) override { backend_of(gradient.dy).pooled_gradient(gradient.arguments(), static_cast<T*>(values)); }

 private:
  void lend(int change) const {
    for (const AnyTensor& tensor : {AnyTensor(gradient.dy), AnyTensor(gradient.y), AnyTensor(gradient.winners)})
      tensor.body().storage->lent.fetch_add(change, std::memory_order_relaxed);
  }
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
/// How a gradient will be computed, if it is owed; else null.
template <Floating T>
const PooledGradientTensors<T>* owed_gradient(const Tensor<T>& dy) {
  const Debt* debt = dy.body().storage->debt.get();
  return debt && debt->is_gradient() ? &static_cast<const PooledGradientDebt<T>*>(debt)->gradient : nullptr;
}
/// The gradient of an activation's input, if that of its result y is owed and y was pooled; else an undefined tensor.
template <Floating T>
Tensor<T> owe_activation_gradient(const Tensor<T>& dy, const Kept<T>& y, Activation activation, T slope = {}, T low = {}, T high = {}) {
  const PooledGradientTensors<T>* before = owed_gradient(dy);
  if (!before || before->pooled != y.storage() || before->activation != Activation::none) return {};
  PooledGradientTensors<T> gradient = *before;
  gradient.activation = activation;
  gradient.slope = slope, gradient.low = low, gradient.high = high;
  return pooled_gradient(std::move(gradient));
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
