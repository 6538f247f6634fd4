// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include "tape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// How plain layers are computed in one pass. Inside a module's call a convolution may return a tensor whose values are still owed. Batch
// norm, an addition or an activation that gets such a tensor does not read it: it returns another that owes the same and its own stage
// beside, so that `relu(bn(conv(x)) + x)` goes through memory once. Whoever reads an owed tensor has it computed there and then; so has
// whoever writes to what it depends on; and what is left is computed when the outermost call returns. A tensor between, which nobody holds
// any more by then, is never computed; that may be a convolution's input, where it is best computed together with that convolution.
// A max pooling may join in, and in evaluation what follows it. Shapes are checked when an op is called. The tape records as ever. An
// activation keeps its result for backward; where a max pooling follows, backward does without, and then that is never computed, either.

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

/// How many bytes, beside the weights themselves, are kept of convolutions' weights in the form that their algorithms like: those of Winograd's are 4 to
/// 7 times as large. They are made when a network first computes with weights that are not learning, and go when these change or are no more.
inline std::size_t prepared_weight_bytes() { return detail::derived_bytes().load(std::memory_order_relaxed); }

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

/// Stages with tensors for pointers.
template <Floating T>
struct StageTensors {
  Tensor<T> bias{}, mean{}, variance{}, gamma{}, beta{}, residual{};
  T eps{};
  Activation activation = Activation::none;
  T slope{}, low{}, high{};

  Stages<T> arguments() const {
    const auto data = [](const Tensor<T>& tensor) -> const T* { return tensor.defined() ? tensor.data() : nullptr; };
    return {data(bias), data(mean), data(variance), data(gamma), data(beta), eps, data(residual), activation, slope, low, high};
  }
  template <class F>
  void for_each_tensor(const F& f) const {
    for (const Tensor<T>* tensor : {&bias, &mean, &variance, &gamma, &beta, &residual}) f(*tensor);
  }
};

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
  const std::shared_ptr<Storage>& storage() const { return storage_; }

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
  Tensor<T> x{}, weight{};
  Kept<T> link{};  // a convolution's input instead of x, if it is owed by another that may be computed together with this one
  StageTensors<T> stages{};
  ConvGeometry g{};                         // of a convolution
  bool keeps_weight = false;                // which is not learning, so that its weights are worth preparing
  Index rows = 0, channels = 0, depth = 0;  // of the result, and of what linear sums over
  PoolGeometry pool{};                // a convolution's stages may end in a max pooling,
  StageTensors<T> after{};            // and more may follow that
  Tensor<std::uint8_t> winners{};     // where its winners are noted, if backward may want them
  std::weak_ptr<Storage> unpooled{};  // what it pools, which is owed on its own

  void compute(T* y) const { source(*this, stages.arguments(), y); }

  bool is_pooled() const { return source == pooled_convolution; }
  /// Where the next stage belongs.
  StageTensors<T>& last() { return is_pooled() ? after : stages; }
  /// Whether an activation may be added: it is the last stage. What is pooled is kept by itself for backward, if there is one.
  bool is_open() const { return (is_pooled() ? after : stages).activation == Activation::none && !winners.defined(); }
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
      links[first - 1] = {at->g, at->weight.data(), numbers(prepared[first - 1] = at->prepared()), at->stages.arguments()};
    }
    const ConvLink<T>& last = links.back();
    const T* x = at->link.defined() ? at->link.data() : at->x.data();
    if (at == &s) return backend_of(s.weight).conv2d_staged(last.g, x, last.w, last.prepared, stages, y);
    backend_of(s.weight).conv2d_chain(&links[first], longest_chain - static_cast<Index>(first), x, y);
  }
  static void pooled_convolution(const Staged& s, const Stages<T>& stages, T* y) {
    void* noted = s.winners.defined() ? s.winners.values_to_write() : nullptr;
    const auto whole = s.unpooled.lock();
    if (whole && (!whole->debt || whole.use_count() - 1 > whole->kept)) {  // it is there, or will be, for somebody else has it
      const auto backend = backend_of(s.x);
      backend.max_pool2d_kept(s.pool, static_cast<const T*>(whole->elements()), y, noted);
      return finish_stages(backend, s.pool.batch * s.pool.out_pixels(), s.pool.channels, s.after.arguments(), y);
    }
    ConvGeometry g = s.g;
    PoolGeometry pool = s.pool;
    if (!noted && !stages.residual) {  // winners are told by their places in the whole, and a residual has all of them
      g = cropped_to_windows(g, pool);
      pool.height = g.out_height, pool.width = g.out_width;
    }
    const auto prepared = s.keeps_weight ? prepared_weight(g, s.weight) : nullptr;
    const T* form = prepared ? static_cast<const T*>(prepared->data) : nullptr;
    backend_of(s.x).conv2d_pooled(g, pool, s.x.data(), s.weight.data(), form, stages, s.after.arguments(), y, noted);
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
    const auto one = [change](const Tensor<T>& tensor) {
      if (tensor.defined()) tensor.body().storage->lent.fetch_add(change, std::memory_order_relaxed);
    };
    one(staged.x), one(staged.weight);
    staged.stages.for_each_tensor(one), staged.after.for_each_tensor(one);
    if (staged.link.defined()) staged.link.storage()->lent.fetch_add(change, std::memory_order_relaxed);
  }
};

/// Whether an op may owe its result now.
inline bool may_owe() { return module_depth() > 0 && fusion(); }

/// A tensor that owes its values.
template <Floating T>
[[gnu::noinline]] Tensor<T> owe_values(const Shape& shape, Layout layout, Device device, std::unique_ptr<Debt> debt) {
  auto storage = std::allocate_shared<Storage>(CachedAllocator<Storage>(), device, static_cast<std::size_t>(shape.numel()) * sizeof(T), std::move(debt));
  debts().emplace_back(storage);
  return Tensor<T>(make_body(std::move(storage), shape, dtype_of<T>(), layout));
}

template <Floating T>
[[gnu::noinline]] Tensor<T> owe(const Shape& shape, Layout layout, Staged<T>&& staged) {
  const Device device = staged.device();
  return owe_values<T>(shape, layout, device, std::unique_ptr<Debt>(new StagedDebt<T>(std::move(staged))));
}

/// How x will be computed, if it is owed; else null.
template <Floating T>
const Staged<T>* owed(const Tensor<T>& x) {
  const Debt* debt = x.body().storage->debt.get();
  return debt && may_owe() && debt->kind() == DebtKind::result ? &static_cast<const StagedDebt<T>*>(debt)->staged : nullptr;  // never in another type
}

/// What is owed, copied to get one more stage. Out of line, for it has many handles, whose copies would be compiled each time.
template <Floating T>
[[gnu::noinline]] Staged<T> extended(const Staged<T>& staged) {
  return staged;
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
    const bool joins = before->source == Staged<T>::convolution && !before->stages.residual.defined() && from.out_channels == to.in_channels &&
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
[[gnu::noinline]] Tensor<T> owe_activation(const Tensor<T>& x, Activation activation, T slope = {}, T low = {}, T high = {}) {
  const Staged<T>* before = owed(x);
  if (!before || !before->is_open()) return {};
  Staged<T> staged = extended(*before);
  StageTensors<T>& stage = staged.last();
  stage.activation = activation;
  stage.slope = slope, stage.low = low, stage.high = high;
  return owe(x.shape(), x.layout(), std::move(staged));
}
template <Floating T>
[[gnu::noinline]] Tensor<T> owe_sum(const Tensor<T>& a, const Tensor<T>& b) {
  if (a.shape() != b.shape() || a.layout() != b.layout() || !(a.device() == b.device())) return {};
  for (const auto& [x, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const Staged<T>* before = owed(*x);
    if (!before || !before->is_open() || before->is_pooled() || before->stages.residual.defined() || x->body().storage == other->body().storage) continue;
    Staged<T> staged = extended(*before);
    staged.stages.residual = *other;
    return owe(x->shape(), x->layout(), std::move(staged));
  }
  return {};
}
template <Floating T>
[[gnu::noinline]] Tensor<T> owe_normalization(const Tensor<T>& x, const Tensor<T>& mean, const Tensor<T>& variance, T eps, const Tensor<T>& gamma,
                            const Tensor<T>& beta) {
  const Staged<T>* before = owed(x);
  if (!before || !before->is_open() || x.layout() != Layout::channels_last) return {};
  if (before->source != Staged<T>::convolution && !before->is_pooled()) return {};
  Staged<T> staged = extended(*before);
  StageTensors<T>& stage = staged.last();
  if (stage.mean.defined() || stage.residual.defined()) return {};
  stage.mean = mean, stage.variance = variance, stage.gamma = gamma, stage.beta = beta;
  stage.eps = eps;
  return owe(x.shape(), x.layout(), std::move(staged));
}
/// `winners` may be undefined; else it notes the winners when the result is computed.
template <Floating T>
[[gnu::noinline]] Tensor<T> owe_pool(const Tensor<T>& x, const PoolGeometry& pool, const Tensor<std::uint8_t>& winners) {
  const Staged<T>* before = owed(x);
  if (!before || before->source != Staged<T>::convolution || before->link.defined() || x.layout() != Layout::channels_last || x.rank() != 4) return {};
  Staged<T> staged = extended(*before);
  staged.source = Staged<T>::pooled_convolution;
  staged.pool = pool, staged.winners = winners, staged.unpooled = x.body().storage;
  return owe({pool.batch, pool.channels, pool.out_height, pool.out_width}, Layout::channels_last, std::move(staged));
}

}  // namespace detail
}  // namespace tapestry::inline TAPESTRY_ABI
