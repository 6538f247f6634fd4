// SPDX-License-Identifier: MIT
#pragma once

#include "../backend/cpu/cpu_backend.hpp"
#include "../backend/kernels.hpp"
#include "any_tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// An array of T with a shape, on one device: a handle of shared, contiguous storage. Copying the handle shares the elements, `clone(x)`
/// copies them. All mathematics on tensors are free functions (ops/).
template <Scalar T = float>
class Tensor : public AnyTensor {
 public:
  using value_type = T;

  /// No tensor at all, as for a layer without bias; `defined()` tells.
  Tensor() = default;
  /// Uninitialised elements; see zeros(), full(), tensor(), randn() in creation.hpp.
  /// Throws   ShapeError if a size is negative or the product overflows.
  explicit Tensor(const Shape& shape, Layout layout = Layout::row_major, Device device = cpu())
      : AnyTensor(dtype_of<T>(), shape, layout, device) {}

  /// The elements in storage order (see layout()), on the device. Reading them changes nothing.
  const T* data() const { return static_cast<const T*>(raw_data()); }
  /// The elements for writing. Call it anew for each write, so that backward can tell that saved values changed. Whoever has had it may
  /// write at any time, so nothing derived from the elements is remembered from then on.
  T* mutable_data() const {
    body().storage->exposed = true;
    return values_to_write();
  }
  /// The same for those who write at once and keep no pointer, as initialisers and optimisers do.
  T* values_to_write() const { return static_cast<T*>(raw_mutable_data()); }

  /// The only element.
  /// Throws   ShapeError unless there is exactly one.
  T item() const {
    if (numel() != 1) throw ShapeError(message("item: tensor must hold one element, got shape ", shape()));
    return read(0);
  }
  /// The element at these coordinates, negative ones counted from the end: x.at(n, c, i, j).
  /// Throws   IndexError if there is none.
  template <std::integral... I>
  T at(I... coordinates) const {
    return read(offset({static_cast<Index>(coordinates)...}));
  }
  T at(const Shape& coordinates) const { return read(offset(coordinates)); }
  /// Writes one element.
  /// Throws   IndexError if there is none at these coordinates.
  void set(const Shape& coordinates, T value) const {
    const Index position = offset(coordinates);  // refused before the version rises
    device().memory().copy_from_host(values_to_write() + position, &value, sizeof(T));
  }

  /// All elements in logical order, whatever the layout, on the host.
  std::vector<T> to_vector() const {
    const AnyTensor x = in_layout(*this, Layout::row_major);
    const std::size_t count = static_cast<std::size_t>(numel());
    if constexpr (std::same_as<T, bool>) {  // vector<bool> has no array inside
      const auto bytes = std::make_unique<bool[]>(count);
      device().memory().copy_to_host(bytes.get(), x.raw_data(), count);
      return std::vector<bool>(bytes.get(), bytes.get() + count);
    } else {
      std::vector<T> values(count);
      device().memory().copy_to_host(values.data(), x.raw_data(), x.bytes());
      return values;
    }
  }

  /// Sets every element.
  const Tensor& fill(T value) const {
    device().memory().fill(dtype(), &value, numel(), values_to_write());
    return *this;
  }
  /// Overwrites the elements with those of a tensor of the same shape, from any device and in any layout.
  /// Throws   ShapeError if the shapes differ.
  const Tensor& copy_from(const Tensor& source) const {
    assign(*this, source);
    return *this;
  }
  /// The same elements, a constant for every tape.
  Tensor detach() const {
    const auto& b = body();
    return Tensor(detail::make_body(b.storage, b.shape, b.dtype, b.layout));
  }
  /// The same elements in the order in which they are stored under another shape, without recording; reshape() is the op.
  /// Throws   ShapeError if the number of elements differs.
  Tensor with_shape(const Shape& shape) const {
    const auto& b = body();
    if (checked_sizes("with_shape", shape).numel() != b.shape.numel())
      throw ShapeError(message("with_shape: shape ", shape, " does not hold the ", b.shape.numel(), " elements of shape ", b.shape));
    return Tensor(detail::make_body(b.storage, shape, b.dtype, Layout::row_major));
  }

  using AnyTensor::requires_grad;
  /// Makes the tensor a leaf that gathers gradients, or stops it. Returns the tensor: `auto w = randn({3, 4}).requires_grad(true);`
  const Tensor& requires_grad(bool on) const
    requires Floating<T>
  {
    set_requires_grad(on);
    return *this;
  }
  /// The gathered gradient, of the tensor's shape, layout and device; undefined if backward brought none since zero_grad.
  Tensor grad() const { return has_grad() ? Tensor(body().slot->grad) : Tensor(); }
  /// Replaces the gradient; an undefined tensor removes it.
  /// Throws   ShapeError if the shapes differ, TypeError if the devices do.
  void set_grad(const Tensor& gradient) const {
    if (gradient.defined() && gradient.shape() != shape())
      throw ShapeError(message("set_grad: gradient has shape ", gradient.shape(), " but tensor has ", shape()));
    if (gradient.defined()) check_same_device("set_grad", *this, gradient);
    slot().grad = gradient.defined() ? in_layout(gradient, layout()).handle() : nullptr;
  }
  /// Keeps the gradient of a result after backward; leaves keep theirs anyway.
  void retain_grad() const { slot().retain = true; }

  /// For ops: wraps a body of this scalar type.
  explicit Tensor(std::shared_ptr<detail::TensorBody> body) : AnyTensor(std::move(body)) {}

 private:
  T read(Index position) const {
    T value;
    device().memory().copy_to_host(&value, data() + position, sizeof(T));
    return value;
  }
  Index offset(const Shape& coordinates) const {
    if (coordinates.rank() != rank())
      throw IndexError(message("at: ", coordinates.rank(), " coordinates for a tensor with ", rank(), " axes (shape ", shape(), ")"));
    Index position = 0;
    const Shape stride = strides();
    for (Index axis = 0; axis < rank(); ++axis) {
      const Index i = coordinates[axis], size = shape()[axis];
      if (i < -size || i >= size)
        throw IndexError(message("at: coordinate ", i, " of axis ", axis, " must be from ", -size, " to ", size - 1, " (shape ", shape(), ")"));
      position += (i < 0 ? i + size : i) * stride[axis];
    }
    return position;
  }
};

/// The primitives of the device that x lies on.
template <Floating T>
Primitives<T> backend_of(const Tensor<T>& x) {
  return backend<T>(x.device());
}
template <Scalar T>
Primitives<T> kernels_of(const Tensor<T>& x) {
  return kernels<T>(x.device());
}

/// Refuses operands on different devices.
inline void check_same_device(std::string_view op, const AnyTensor& a, const AnyTensor& b) {
  if (!(a.device() == b.device()))
    throw TypeError(message(op, ": tensors lie on different devices, ", a.device(), " and ", b.device(), "; move one with to(x, device)"));
}

/// x itself in the given layout, or a copy; recorded by no tape.
template <Scalar T>
Tensor<T> in_layout(const Tensor<T>& x, Layout layout) {
  return in_layout(static_cast<const AnyTensor&>(x), layout).template as<T>();
}

}  // namespace tapestry::inline TAPESTRY_ABI
