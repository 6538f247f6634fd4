// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <memory>

#include "../tensor/tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {

class RecordedInput;
template <Scalar T, class Backward>
Tensor<T> record(const char* op, const Tensor<T>& y, std::initializer_list<RecordedInput> inputs, Backward&& backward);

/// An op's input as record() is told of it: looked at, not kept, so that naming it costs no count of references.
class RecordedInput {
 public:
  RecordedInput(const AnyTensor& tensor) : tensor_(&tensor) {}  // NOLINT: implicit, so that inputs are listed as `{x, weight}`
  const AnyTensor* operator->() const { return tensor_; }

 private:
  const AnyTensor* tensor_;
};

/// Reverse-mode differentiation. While a Tape is in scope, every op whose inputs ask for gradients writes down how to go back; backward
/// walks that list once from its end, so no graph is built and nothing is sorted. No tape in scope means inference.
///
///   Tape tape;
///   auto loss = cross_entropy(net(images), labels);
///   tape.backward(loss);                       // parameters now have grad()
///
/// A thread has one tape at a time. What it recorded dies with it; a tensor it computed is a constant afterwards.
/// Source   Baydin, Pearlmutter, Radul and Siskind, "Automatic differentiation in machine learning: a survey", 2018, section 3.2.
class Tape {
 public:
  /// Throws   AutogradError if the thread has a tape already.
  Tape() {
    if (detail::active_tape() != 0) throw AutogradError("tape: this thread records on a tape already; close it before opening another");
    static std::atomic<std::uint64_t> last{0};
    detail::active_tape() = number_ = ++last;
    current() = this;
  }
  ~Tape() {
    current() = nullptr;
    detail::active_tape() = 0;
    while (!entries_.empty()) entries_.pop_back();  // newest first, as backward would
  }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// Adds d loss / d leaf to the gradient of every leaf that asks for one, freeing activations on the way. Afterwards the tape is empty
  /// and records again.
  /// Throws   ShapeError if loss holds more than one number, AutogradError if this tape did not record it, has walked back from it
  ///          already, or a tensor that backward needs was written to since.
  template <Floating T>
  void backward(const Tensor<T>& loss) {
    if (loss.numel() != 1)
      throw ShapeError(message("backward: loss must hold one number, got shape ", loss.shape(), "; reduce it or pass a seed gradient"));
    Tensor<T> seed(loss.shape(), loss.layout(), loss.device());
    backward(loss, seed.fill(T{1}));
  }
  /// The same for a tensor y of any shape, from a given gradient dy.
  template <Floating T>
  void backward(const Tensor<T>& y, const Tensor<T>& dy) {
    if (y.shape() != dy.shape()) throw ShapeError(message("backward: gradient has shape ", dy.shape(), " but tensor has ", y.shape()));
    check_same_device("backward", y, dy);
    const auto& slot = y.body().slot;
    if (!slot || !slot->requires_grad || slot->tape != number_ || slot->spent)
      throw AutogradError(
          "backward: this tape holds no record of the tensor: it was computed before the tape was opened, nothing it depends on asks for "
          "gradients, or backward ran already");
    check_versions();
    check_reach(slot.get());
    slot->grad = copy_of(dy, y.layout()).handle();
    walk_back();
  }

  /// How many ops are recorded.
  std::size_t size() const { return entries_.size(); }

  /// Whether an op with these inputs would be recorded now.
  static bool records(std::initializer_list<RecordedInput> inputs) { return wanted(inputs.begin(), inputs.size()); }

  /// Whether the thread is in backward.
  static bool& walking() {
    thread_local bool on = false;
    return on;
  }
  static Tape*& current() {
    thread_local Tape* tape = nullptr;
    return tape;
  }

 private:
  friend class NoGrad;
  template <Scalar T, class Backward>
  friend Tensor<T> record(const char*, const Tensor<T>&, std::initializer_list<RecordedInput>, Backward&&);
  template <Scalar T, class Backward>
  friend Tensor<T> record(const char*, const Tensor<T>&, const std::vector<RecordedInput>&, Backward&&);

  /// What an op captured to go back with. Not a std::function: that would compile a copy of every capture.
  struct Step {
    virtual ~Step() = default;
    virtual void run(std::shared_ptr<detail::TensorBody> dy) = 0;
  };
  template <Scalar T, class Backward>
  struct TypedStep final : Step {
    Backward backward;
    template <class Function>
    explicit TypedStep(Function&& function) : backward(std::forward<Function>(function)) {}
    void run(std::shared_ptr<detail::TensorBody> dy) override { backward(Tensor<T>(std::move(dy))); }
  };
  template <Scalar T, class Backward>
  static std::unique_ptr<Step> step(Backward&& backward) {
    return std::unique_ptr<Step>(new TypedStep<T, std::decay_t<Backward>>(std::forward<Backward>(backward)));
  }
  /// A tensor that an op read or returned.
  struct Seen {
    std::weak_ptr<detail::Storage> storage;
    std::uint64_t version;
    const detail::GradSlot* input;  // where it asks for a gradient, as an input; to compare only
  };
  struct Entry {
    const char* op;
    std::shared_ptr<detail::GradSlot> y;
    std::unique_ptr<Step> backward;
    std::vector<Seen> seen;
    bool reads_spent;
  };

  /// Whether the thread records and one of the inputs asks for a gradient.
  [[gnu::noinline]] static bool wanted(const RecordedInput* inputs, std::size_t count) {
    if (!current() || suspended() != 0) return false;
    for (std::size_t i = 0; i < count; ++i)
      if (inputs[i]->requires_grad()) return true;
    return false;
  }
  [[gnu::noinline]] void write_down(const char* op, const AnyTensor& y, const RecordedInput* inputs, std::size_t count, std::unique_ptr<Step> backward) {
    detail::GradSlot& slot = y.slot();
    slot.requires_grad = true;
    slot.tape = number_;
    Entry& entry = entries_.emplace_back(Entry{op, y.body().slot, std::move(backward), {}, false});
    entry.seen.reserve(count + 1);
    entry.seen.push_back({y.body().storage, y.body().storage->version, nullptr});
    for (std::size_t i = 0; i < count; ++i) {
      const RecordedInput x = inputs[i];
      if (!x->defined()) continue;
      const bool asks = x->requires_grad();
      const detail::GradSlot* input = asks ? x->body().slot.get() : nullptr;
      entry.seen.push_back({x->body().storage, x->body().storage->version, input});
      if (asks && input->spent && input->tape != 0) entry.reads_spent = true;
    }
  }

  void check_versions() const {
    for (const Entry& entry : entries_)
      for (const Seen& seen : entry.seen)
        if (const auto storage = seen.storage.lock(); storage && storage->version != seen.version)
          throw AutogradError(message("backward: a tensor that ", entry.op, " read or returned was written to after it was recorded"));
  }
  /// Refuses a gradient that would end at a tensor whose own record an earlier backward has freed: what lies behind it would get none.
  void check_reach(const detail::GradSlot* y) const {
    bool risk = false;
    for (const Entry& entry : entries_) risk = risk || entry.reads_spent;
    if (!risk) return;
    std::vector<const detail::GradSlot*> reached{y};
    for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
      if (std::find(reached.begin(), reached.end(), entry->y.get()) == reached.end()) continue;
      if (entry->reads_spent)
        throw AutogradError(
            message("backward: ", entry->op, " read a tensor computed before an earlier backward, which freed its record; use detach()"));
      for (const Seen& seen : entry->seen)
        if (seen.input) reached.push_back(seen.input);
    }
  }
  void walk_back() {
    struct Walk {
      Tape& tape;
      explicit Walk(Tape& of) : tape(of) {
        suspended() += 1;
        walking() = true;
      }
      ~Walk() {
        for (const Entry& entry : tape.entries_) entry.y->spent = true;
        tape.entries_.clear();
        suspended() -= 1;
        walking() = false;
      }
    };
    const Walk walk(*this);
    while (!entries_.empty()) {
      Entry entry = std::move(entries_.back());
      entries_.pop_back();
      entry.y->spent = true;
      if (!entry.y->grad) continue;  // the loss does not depend on it
      auto dy = entry.y->retain ? entry.y->grad : std::exchange(entry.y->grad, nullptr);
      entry.y.reset();
      entry.backward->run(std::move(dy));
    }
    detail::settle_debts(true);
  }
  static int& suspended() {
    thread_local int depth = 0;
    return depth;
  }

  std::uint64_t number_;
  std::vector<Entry> entries_;
};

/// Suspends recording in a scope, as for evaluation inside a training step or for writing to parameters.
class NoGrad {
 public:
  NoGrad() { Tape::suspended() += 1; }
  ~NoGrad() { Tape::suspended() -= 1; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  static bool active() { return Tape::suspended() > 0; }
};

/// Where the gradient of an op's input goes. Backward functions capture it by name next to the values they need, so that the capture
/// list tells what is kept: `[x_grad = grad_of(x), y](const Tensor<T>& dy) { ... }`.
template <Scalar T>
class Grad {
 public:
  [[gnu::noinline]] explicit Grad(const Tensor<T>& x) : slot_(x.defined() ? x.body().slot : nullptr) {}

  /// Whether anyone asks for this gradient; if not, do not compute it.
  [[gnu::noinline]] bool wanted() const { return slot_ && slot_->wanted(); }
  const Shape& shape() const { return slot_->shape; }
  Layout layout() const { return slot_->layout; }

  /// Adds dx to what has gathered.
  [[gnu::noinline]] void add(const Tensor<T>& dx) const {
    if (!wanted()) return;
    if (dx.shape() != slot_->shape)
      throw ShapeError(message("backward: gradient has shape ", dx.shape(), " but tensor has ", slot_->shape));
    const auto sole = [](const std::shared_ptr<detail::TensorBody>& body) {
      return body.use_count() == 1 && body->storage.use_count() == 1;
    };
    if (dx.layout() != slot_->layout && dx.rank() == 4) return add(in_layout(dx, slot_->layout));
    if (!slot_->grad) {
      // A gradient may pass through several ops as one piece of memory, but a leaf's is its owner's to write to.
      const bool keeps = slot_->tape == 0 || slot_->retain;
      slot_->grad = keeps && !sole(dx.handle()) ? copy_of(dx, dx.layout()).handle() : dx.handle();
      return;
    }
    Tensor<T> sum(slot_->grad);
    slot_->grad.reset();
    if (!sole(sum.handle())) sum = copy_of(sum, sum.layout()).template as<T>();
    if constexpr (Floating<T>)  // integers never come here, and need no kernels for it
      backend_of(dx).scale_add(dx.numel(), T{1}, dx.data(), T{1}, sum.values_to_write());
    slot_->grad = sum.handle();
  }

 private:
  std::shared_ptr<detail::GradSlot> slot_;
};

template <Scalar T>
Grad<T> grad_of(const Tensor<T>& x) {
  return Grad<T>(x);
}

/// Ends a differentiable op: returns y, and if a tape is open and an input asks for gradients, writes down `backward(dy)`, which must add
/// to the gradients of the inputs. `op` names the operation in messages. Undefined inputs are allowed. Tensors of integers never ask.
///
///   return record("relu", y, {x}, [x_grad = grad_of(x), y](const Tensor<T>& dy) { ... x_grad.add(dx); });
template <Scalar T, class Backward>
Tensor<T> record(const char* op, const Tensor<T>& y, std::initializer_list<RecordedInput> inputs, Backward&& backward) {
  if (Tape::wanted(inputs.begin(), inputs.size()))
    Tape::current()->write_down(op, y, inputs.begin(), inputs.size(), Tape::step<T>(std::forward<Backward>(backward)));
  return y;
}
/// The same for an op with any number of inputs.
template <Scalar T, class Backward>
Tensor<T> record(const char* op, const Tensor<T>& y, const std::vector<RecordedInput>& inputs, Backward&& backward) {
  if (Tape::wanted(inputs.data(), inputs.size()))
    Tape::current()->write_down(op, y, inputs.data(), inputs.size(), Tape::step<T>(std::forward<Backward>(backward)));
  return y;
}

}  // namespace tapestry::inline TAPESTRY_ABI
