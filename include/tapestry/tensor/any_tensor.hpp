// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "../backend/cpu/allocator.hpp"
#include "../backend/backend.hpp"
#include "../backend/device.hpp"
#include "layout.hpp"

namespace tapestry::inline TAPESTRY_ABI {

template <Scalar T>
class Tensor;

namespace detail {

/// What is owed: a result, or a gradient: of what was pooled, activated or normalised.
enum class DebtKind : std::uint8_t { result, pooled, activated, normalized };

/// Values that are still to be computed (autograd/owed.hpp). Its own memory comes from the cache, as a tensor's does.
struct Debt {
  virtual ~Debt() = default;
  virtual DebtKind kind() const { return DebtKind::result; }
  virtual void pay(void* values) = 0;
  static void* operator new(std::size_t bytes) { return CachingAllocator::instance().allocate(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { CachingAllocator::instance().deallocate(memory, bytes); }
};
inline void settle_debts(bool spare_kept = false);

/// How many bytes all that lives of the following takes.
inline std::atomic<std::size_t>& derived_bytes() {
  static std::atomic<std::size_t> bytes{0};
  return bytes;
}
/// Numbers made of a tensor's elements, as weights in the form that a kernel likes; good while the version is the same.
struct Derived {
  WeightForm form;
  std::uint64_t version;
  Device device;
  void* data;
  std::size_t bytes;

  Derived(const WeightForm& what, std::uint64_t of, Device on, std::size_t size)
      : form(what), version(of), device(on), data(on.memory().allocate(size)), bytes(size) {
    derived_bytes().fetch_add(bytes, std::memory_order_relaxed);
  }
  ~Derived() {
    derived_bytes().fetch_sub(bytes, std::memory_order_relaxed);
    device.memory().deallocate(data, bytes);
  }
  Derived(const Derived&) = delete;
  Derived& operator=(const Derived&) = delete;
};

/// Memory on one device, shared by the tensors that look at it. Every write raises the version, so that the tape and caches of derived
/// values can tell that what they remember has changed.
struct Storage {
  Device device;
  void* data;
  std::size_t bytes;
  std::shared_ptr<void> borrowed;  // memory of someone else's; without: the device's own
  std::uint64_t version = 0;
  bool exposed = false;  // somebody may hold a pointer to write by, and write unseen
  std::atomic<std::shared_ptr<const Derived>> derived;  // what was last made of the elements
  std::unique_ptr<Debt> debt;              // set: data is null until someone reads
  std::atomic<int> lent = 0;     // how many debts read these elements when they are paid
  std::atomic<int> kept = 0;     // how many of those that share this want the elements only if backward comes to need them

  Storage(Device on, std::size_t size) : device(on), data(on.memory().allocate(size)), bytes(size) {}
  Storage(Device on, std::shared_ptr<void> memory, std::size_t size) : device(on), data(memory.get()), bytes(size), borrowed(std::move(memory)), exposed(true) {}
  Storage(Device on, std::size_t size, std::unique_ptr<Debt> owed) : device(on), data(nullptr), bytes(size), debt(std::move(owed)) {}
  ~Storage() {
    if (!debt && borrowed.use_count() == 0) device.memory().deallocate(data, bytes);
  }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* elements() {
    if (debt) settle();
    return data;
  }
  void* elements_to_write() {
    if (lent.load(std::memory_order_relaxed) != 0) settle_debts();
    ++version;
    return elements();
  }
  [[gnu::noinline]] void settle() {
    void* values = device.memory().allocate(bytes);
    std::unique_ptr<Debt> due = std::move(debt);
    try {
      due->pay(values);
    } catch (...) {
      device.memory().deallocate(values, bytes);
      debt = std::move(due);
      throw;
    }
    data = values;
  }
};

/// What this thread owes, in the order in which it came to owe it.
inline std::vector<std::weak_ptr<Storage>>& debts() {
  thread_local std::vector<std::weak_ptr<Storage>> list;
  return list;
}
/// Computes what this thread still owes and somebody can still read; or, with spare_kept, somebody other than backward.
inline void settle_debts(bool spare_kept) {
  std::vector<std::weak_ptr<Storage>>& list = debts();
  std::size_t left = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto storage = list[i].lock();
    if (!storage || !storage->debt) continue;
    if (spare_kept && storage.use_count() - 1 == storage->kept)
      list[left++] = storage;
    else
      storage->elements();
  }
  list.resize(std::min(left, list.size()));
}

struct TensorBody;

/// Where a tensor's gradient gathers. It outlives the tensor's values: a backward function that needs only to pass the gradient on
/// keeps this, not the values.
struct GradSlot {
  bool requires_grad = false;
  bool retain = false;
  std::uint64_t tape = 0;  // the tape that computed the tensor; 0: a leaf
  Shape shape;
  Layout layout = Layout::row_major;
  std::shared_ptr<TensorBody> grad;
  bool spent = false;  // backward has freed the record of how the tensor was computed

  bool wanted() const;
};

struct TensorBody {
  std::shared_ptr<Storage> storage;
  Shape shape;
  DType dtype;
  Layout layout;
  std::shared_ptr<GradSlot> slot;  // made when first needed

  TensorBody(std::shared_ptr<Storage> elements, const Shape& sizes, DType type, Layout order, std::shared_ptr<GradSlot> gradient)
      : storage(std::move(elements)), shape(sizes), dtype(type), layout(order), slot(std::move(gradient)) {}
};

/// A tensor's body, without gradient. It comes from the cache as its elements do, so that inference asks the system for nothing once it is warm.
inline std::shared_ptr<TensorBody> make_body(std::shared_ptr<Storage> storage, const Shape& shape, DType dtype, Layout layout) {
  return std::allocate_shared<TensorBody>(CachedAllocator<TensorBody>(), std::move(storage), shape, dtype, layout, nullptr);
}

/// The number of the tape open on this thread, 0 if there is none. It lives here because a tensor that a closed tape computed is a constant.
inline std::uint64_t& active_tape() {
  thread_local std::uint64_t number = 0;
  return number;
}
inline bool GradSlot::wanted() const { return requires_grad && (tape == 0 || tape == active_tape()); }

}  // namespace detail

/// A tensor whose scalar type is known at run time only: what files, state dicts and code that merely moves elements handle. Copying it
/// copies the handle; the elements are shared.
class AnyTensor {
 public:
  AnyTensor() = default;
  explicit AnyTensor(std::shared_ptr<detail::TensorBody> body) : body_(std::move(body)) {}
  /// Uninitialised elements; see empty_any.
  AnyTensor(DType dtype, const Shape& shape, Layout layout, Device device);
  // Out of line, here and below: ops copy, ask and drop handles everywhere, and what is inlined there is compiled each time.
  [[gnu::noinline]] AnyTensor(const AnyTensor& other) : body_(other.body_) {}
  [[gnu::noinline]] AnyTensor& operator=(const AnyTensor& other) {
    body_ = other.body_;
    return *this;
  }
  AnyTensor(AnyTensor&&) noexcept = default;
  [[gnu::noinline]] AnyTensor& operator=(AnyTensor&& other) noexcept {
    body_ = std::move(other.body_);
    return *this;
  }
  [[gnu::noinline]] ~AnyTensor() {}

  bool defined() const { return body_ != nullptr; }
  const Shape& shape() const { return body().shape; }
  Index rank() const { return shape().rank(); }
  /// The size of one axis, counted from either end.
  Index dim(Index axis) const { return shape()[checked_axis("dim", axis, rank())]; }
  [[gnu::noinline]] Index numel() const { return shape().numel(); }
  DType dtype() const { return body().dtype; }
  Layout layout() const { return body().layout; }
  Device device() const { return body().storage->device; }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype()); }
  /// Elements between neighbours along each axis of the shape.
  [[gnu::noinline]] Shape strides() const { return strides_of(shape(), layout()); }

  /// The elements in storage order, on the device.
  [[gnu::noinline]] const void* raw_data() const { return body().storage->elements(); }
  /// The same for writing: tells everyone who remembers the values that they are about to change.
  [[gnu::noinline]] void* raw_mutable_data() const { return body().storage->elements_to_write(); }

  /// Whether backward will reach this tensor: a leaf that asks for it, or a result that the open tape computed from one.
  [[gnu::noinline]] bool requires_grad() const { return body_ && body_->slot && body_->slot->wanted(); }
  /// Makes the tensor a leaf that gathers gradients, or stops it.
  /// Throws   TypeError if it holds integers, AutogradError if the open tape computed it.
  void set_requires_grad(bool on) const {
    if (on && dtype() != DType::float32 && dtype() != DType::float64)
      throw TypeError(message("requires_grad: only floating point has gradients, tensor holds ", name_of(dtype())));
    detail::GradSlot& s = slot();
    if (s.tape != 0 && s.tape == detail::active_tape()) {
      if (on) return;
      throw AutogradError("requires_grad: a result of the open tape cannot be switched off; use detach()");
    }
    s.tape = 0;
    s.requires_grad = on;
  }
  bool has_grad() const { return body_ && body_->slot && body_->slot->grad; }

  /// The same tensor under its scalar type.
  /// Throws   TypeError if it has another.
  template <Scalar T>
  Tensor<T> as() const {
    if (dtype() != dtype_of<T>()) throw TypeError(message("as: tensor holds ", name_of(dtype()), " but was asked for ", name_of(dtype_of<T>())));
    return Tensor<T>(body_);
  }

  /// Forgets the gradient; the next backward starts anew.
  [[gnu::noinline]] void drop_grad() const {
    if (has_grad()) body_->slot->grad.reset();
  }

  /// For the tape and for ops that share storage.
  const std::shared_ptr<detail::TensorBody>& handle() const { return body_; }
  detail::TensorBody& body() const {
    if (!body_) refuse_undefined();
    return *body_;
  }

  [[gnu::noinline]] detail::GradSlot& slot() const {
    detail::TensorBody& b = body();
    if (!b.slot) b.slot = std::make_shared<detail::GradSlot>(detail::GradSlot{false, false, 0, b.shape, b.layout, nullptr});
    return *b.slot;
  }

 protected:
  std::shared_ptr<detail::TensorBody> body_;

 private:
  [[noreturn, gnu::cold, gnu::noinline]] static void refuse_undefined() { throw ValueError("tensor: used before it was given a value"); }
};

/// Tensors by name, in order: what modules, optimisers, schedules, generators and loaders give to io/ as their state.
using NamedTensors = std::vector<std::pair<std::string, AnyTensor>>;

/// The entry of that name, or null.
inline const AnyTensor* find(const NamedTensors& tensors, std::string_view name) {
  for (const auto& [key, tensor] : tensors)
    if (key == name) return &tensor;
  return nullptr;
}

[[gnu::noinline]] inline AnyTensor::AnyTensor(DType dtype, const Shape& shape, Layout layout, Device device) {
  checked_sizes("empty", shape);
  if (shape.rank() != 4) layout = Layout::row_major;
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  try {
    auto storage = std::allocate_shared<detail::Storage>(CachedAllocator<detail::Storage>(), device, bytes);
    body_ = detail::make_body(std::move(storage), shape, dtype, layout);
  } catch (const std::bad_alloc&) {
    throw MemoryError(message("cannot allocate ", bytes, " bytes on ", device, " for a tensor of ", name_of(dtype), " of shape ", shape));
  }
}

/// An uninitialised tensor of a type known at run time.
/// Throws   ShapeError for a negative size, MemoryError if the device has no room.
inline AnyTensor empty_any(DType dtype, const Shape& shape, Layout layout, Device device) { return AnyTensor(dtype, shape, layout, device); }

namespace detail {
/// Copies elements into other storage with another layout, walking in the order in which y stores them.
inline void copy_to_layout(const AnyTensor& x, const AnyTensor& y) {
  x.device().memory().strided_copy(size_of(x.dtype()), storage_order(y.shape(), y.layout()), x.raw_data(), storage_order(x.strides(), y.layout()),
                                   y.raw_mutable_data(), storage_order(y.strides(), y.layout()));
}
}  // namespace detail

/// A new tensor with the same elements in the given layout; recorded by no tape.
inline AnyTensor copy_of(const AnyTensor& x, Layout layout) {
  AnyTensor y = empty_any(x.dtype(), x.shape(), layout, x.device());
  if (y.layout() == x.layout())
    x.device().memory().copy(y.raw_mutable_data(), x.raw_data(), x.bytes());
  else
    detail::copy_to_layout(x, y);
  return y;
}

/// x itself if it has that layout already, else a copy; recorded by no tape.
inline AnyTensor in_layout(const AnyTensor& x, Layout layout) {
  return x.layout() == layout || x.rank() != 4 ? x : copy_of(x, layout);
}

/// The same elements on another device; recorded by no tape. x itself if it lies there already.
inline AnyTensor on_device(const AnyTensor& x, Device device) {
  if (x.device() == device) return x;
  const auto host = std::make_unique<unsigned char[]>(x.bytes());
  x.device().memory().copy_to_host(host.get(), x.raw_data(), x.bytes());
  AnyTensor y = empty_any(x.dtype(), x.shape(), x.layout(), device);
  device.memory().copy_from_host(y.raw_mutable_data(), host.get(), x.bytes());
  return y;
}

/// Overwrites the elements of `to` with those of a tensor of the same shape, converting device, layout and scalar type.
/// Throws   ShapeError if the shapes differ.
inline void assign(const AnyTensor& to, const AnyTensor& from) {
  if (to.shape() != from.shape()) throw ShapeError(message("copy: source has shape ", from.shape(), " but tensor has ", to.shape()));
  if (to.layout() != from.layout() && to.dtype() == from.dtype() && to.device() == from.device() && to.raw_data() != from.raw_data())
    return detail::copy_to_layout(from, to);  // as below, without a copy in between
  const AnyTensor x = on_device(in_layout(from, to.layout()), to.device());
  to.device().memory().cast(x.dtype(), x.raw_data(), to.dtype(), to.raw_mutable_data(), to.numel());
}

}  // namespace tapestry::inline TAPESTRY_ABI
