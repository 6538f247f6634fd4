// SPDX-License-Identifier: MIT
#pragma once

#include "../autograd/tape.hpp"
#include "../tensor/creation.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// Elements converted as by static_cast; recorded by no tape.
template <Scalar U, Scalar T>
Tensor<U> cast(const Tensor<T>& x) {
  Tensor<U> y(x.shape(), x.layout(), x.device());
  x.device().memory().cast(x.dtype(), x.data(), y.dtype(), y.mutable_data(), x.numel());
  return y;
}
/// A copy on another device; recorded by no tape.
template <Scalar T>
Tensor<T> moved(const Tensor<T>& x, Device device) {
  return Tensor<T>(x.shape(), x.layout(), device).copy_from(x);
}
}  // namespace detail

/// The elements as another scalar type, as static_cast would: `to<double>(x)`; to bool means whether they differ from 0.
/// x itself if it has that type. Differentiable between float and double.
template <Scalar U, Scalar T>
Tensor<U> to(const Tensor<T>& x) {
  if constexpr (std::same_as<U, T>) {
    return x;
  } else if constexpr (Floating<U> && Floating<T>) {
    return record("to", detail::cast<U>(x), {x}, [x_grad = grad_of(x)](const Tensor<U>& dy) { x_grad.add(detail::cast<T>(dy)); });
  } else {
    return detail::cast<U>(x);
  }
}

/// The same elements on another device; x itself if it lies there already.
template <Scalar T>
Tensor<T> to(const Tensor<T>& x, Device device) {
  if (x.device() == device) return x;
  return record("to", detail::moved(x, device), {x},
                [x_grad = grad_of(x), home = x.device()](const Tensor<T>& dy) { x_grad.add(detail::moved(dy, home)); });
}

/// A copy that shares nothing with x, in x's layout.
template <Scalar T>
Tensor<T> clone(const Tensor<T>& x) {
  return record("clone", copy_of(x, x.layout()).template as<T>(), {x}, [x_grad = grad_of(x)](const Tensor<T>& dy) { x_grad.add(dy); });
}

/// The same elements, stored in the given order; x itself if they are so already. Only a 4-D tensor has two layouts.
template <Scalar T>
Tensor<T> to_layout(const Tensor<T>& x, Layout layout) {
  if (x.layout() == layout || x.rank() != 4) return x;
  return record("to_layout", in_layout(x, layout), {x}, [x_grad = grad_of(x)](const Tensor<T>& dy) { x_grad.add(dy); });
}

}  // namespace tapestry::inline TAPESTRY_ABI
