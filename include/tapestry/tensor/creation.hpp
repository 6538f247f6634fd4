// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <functional>
#include <initializer_list>
#include <numeric>

#include "tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {

// Everything here makes a row-major tensor of float unless told otherwise: `zeros({2, 3})`, `zeros<Index>({4}, device)`.

namespace detail {
/// An uninitialised tensor, whose refusals name the function that makes it.
template <Scalar T>
[[gnu::noinline]] Tensor<T> made(std::string_view op, const Shape& shape, Device device) {
  try {
    return Tensor<T>(checked_sizes(op, shape), Layout::row_major, device);
  } catch (const MemoryError& error) {
    throw MemoryError(message(op, ": ", error.what()));
  }
}
}  // namespace detail

/// Elements that hold whatever the memory held.
template <Scalar T = float>
Tensor<T> empty(const Shape& shape, Device device = cpu()) {
  return detail::made<T>("empty", shape, device);
}
/// Every element `value`.
template <Scalar T = float>
Tensor<T> full(const Shape& shape, std::type_identity_t<T> value, Device device = cpu()) {
  return detail::made<T>("full", shape, device).fill(value);
}
template <Scalar T = float>
Tensor<T> zeros(const Shape& shape, Device device = cpu()) {
  return detail::made<T>("zeros", shape, device).fill(T{0});
}
template <Scalar T = float>
Tensor<T> ones(const Shape& shape, Device device = cpu()) {
  return detail::made<T>("ones", shape, device).fill(T{1});
}

/// Shape, layout, device and scalar type of x.
template <Scalar T>
Tensor<T> empty_like(const Tensor<T>& x) {
  return Tensor<T>(x.shape(), x.layout(), x.device());
}
template <Scalar T>
Tensor<T> full_like(const Tensor<T>& x, std::type_identity_t<T> value) {
  return empty_like(x).fill(value);
}
template <Scalar T>
Tensor<T> zeros_like(const Tensor<T>& x) {
  return full_like(x, T{0});
}
template <Scalar T>
Tensor<T> ones_like(const Tensor<T>& x) {
  return full_like(x, T{1});
}

/// The given values in logical order under the given shape.
/// Throws   ValueError if their number is not the shape's.
template <Scalar T = float>
Tensor<T> tensor(const std::vector<std::type_identity_t<T>>& values, const Shape& shape, Device device = cpu()) {
  checked_sizes("tensor", shape);
  if (static_cast<Index>(values.size()) != shape.numel())
    throw ValueError(message("tensor: ", values.size(), " values do not fill shape ", shape, ", which holds ", shape.numel()));
  Tensor<T> x(shape, Layout::row_major, device);
  if constexpr (std::same_as<T, bool>) {  // vector<bool> has no array inside
    const auto bytes = std::make_unique<bool[]>(values.size());
    std::copy(values.begin(), values.end(), bytes.get());
    device.memory().copy_from_host(x.values_to_write(), bytes.get(), x.bytes());
  } else {
    device.memory().copy_from_host(x.values_to_write(), values.data(), x.bytes());
  }
  return x;
}

namespace detail {
template <Scalar T>  // a number of any type, converted without a warning of lost digits
struct Element {
  T value;
  template <class S>
    requires std::is_arithmetic_v<S>
  Element(S number) : value(static_cast<T>(number)) {}  // NOLINT: implicit, for lists of numbers
};
template <Scalar T, class Rows>  // appends the numbers of nested lists and notes their sizes; `axis` counts the depth
void read_nested(const Rows& rows, Index axis, std::vector<T>& values, Shape& shape) {
  const Index size = static_cast<Index>(rows.size());
  if (axis == shape.rank()) shape.push_back(size);
  if (shape[axis] != size)
    throw ValueError(message("tensor: lists of axis ", axis, " must have one length, got ", shape[axis], " and ", size));
  for (const auto& row : rows) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if constexpr (std::is_arithmetic_v<Row>)
      values.push_back(static_cast<T>(row));
    else if constexpr (std::same_as<Row, Element<T>>)
      values.push_back(row.value);
    else
      read_nested(row, axis + 1, values, shape);
  }
}
template <Scalar T, class Rows>
Tensor<T> tensor_of_nested(const Rows& rows, Device device) {
  std::vector<T> values;
  Shape shape;
  read_nested(rows, 0, values, shape);
  return tensor<T>(values, shape, device);
}
}  // namespace detail

/// A tensor of what is written: `tensor({1.5, 2})`, `tensor<Index>({{1, 2}, {3, 4}})`, `tensor(2.5)`; up to three axes.
/// Throws   ValueError if lists of one axis differ in length.
template <Scalar T = float, class S>
  requires std::is_arithmetic_v<S>
Tensor<T> tensor(S value, Device device = cpu()) {
  return full<T>({}, static_cast<T>(value), device);
}
template <Scalar T = float, class S>  // numbers of one type
Tensor<T> tensor(std::initializer_list<S> values, Device device = cpu()) {
  return detail::tensor_of_nested<T>(values, device);
}
template <Scalar T = float>  // numbers of several types
Tensor<T> tensor(std::initializer_list<detail::Element<std::type_identity_t<T>>> values, Device device = cpu()) {
  return detail::tensor_of_nested<T>(values, device);
}
template <Scalar T = float, class S>
Tensor<T> tensor(std::initializer_list<std::initializer_list<S>> rows, Device device = cpu()) {
  return detail::tensor_of_nested<T>(rows, device);
}
template <Scalar T = float>
Tensor<T> tensor(std::initializer_list<std::initializer_list<detail::Element<std::type_identity_t<T>>>> rows, Device device = cpu()) {
  return detail::tensor_of_nested<T>(rows, device);
}
template <Scalar T = float, class S>
Tensor<T> tensor(std::initializer_list<std::initializer_list<std::initializer_list<S>>> blocks, Device device = cpu()) {
  return detail::tensor_of_nested<T>(blocks, device);
}

namespace detail {
/// How many numbers arange(start, stop, step) has. Integers differ by up to 2^64 - 1: counted without a sign.
template <Scalar T>
[[gnu::noinline]] Index arange_count(T start, T stop, T step) {
  const auto text = [&] { return message("got start ", start, ", stop ", stop, ", step ", step); };
  if constexpr (Floating<T>)
    if (!std::isfinite(start) || !std::isfinite(stop) || !std::isfinite(step))
      throw ValueError(message("arange: start, stop and step must be finite, ", text()));
  if (step == T{0}) throw ValueError(message("arange: step must not be 0, ", text()));
  const bool up = step > T{0};
  if (up ? start > stop : start < stop) throw ValueError(message("arange: step must lead from start to stop, ", text()));
  constexpr std::uint64_t most = (std::uint64_t{1} << 63) / 8;
  std::uint64_t count = 0;
  if constexpr (Floating<T>) {
    const double steps = std::ceil((static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step));
    count = steps < static_cast<double>(most) ? static_cast<std::uint64_t>(steps) : most;
  } else if (start != stop) {
    const auto bits = [](T value) { return static_cast<std::uint64_t>(static_cast<Index>(value)); };
    count = ((up ? bits(stop) - bits(start) : bits(start) - bits(stop)) - 1) / (up ? bits(step) : 0 - bits(step)) + 1;
  }
  if (count >= most) throw ValueError(message("arange: more elements than memory can hold, ", text()));
  return static_cast<Index>(count);
}
}  // namespace detail

/// start, start + step, ... as long as it lies before stop (after, if step is negative).
/// Throws   ValueError if a number is not finite, step is 0 or leads away from stop, or the numbers are more than memory can hold.
template <Scalar T = float>
  requires(!std::same_as<T, bool>)
Tensor<T> arange(std::type_identity_t<T> start, std::type_identity_t<T> stop, std::type_identity_t<T> step = T{1}, Device device = cpu()) {
  const Index count = detail::arange_count<T>(start, stop, step);
  Tensor<T> x = detail::made<T>("arange", {count}, device);
  if (count > 0) kernels_of(x).arange(count, start, step, x.values_to_write());
  return x;
}
/// 0, 1, ... as long as it lies before stop.
template <Scalar T = float>
  requires(!std::same_as<T, bool>)
Tensor<T> arange(std::type_identity_t<T> stop, Device device = cpu()) {
  return arange<T>(T{0}, stop, T{1}, device);
}

/// Ones on the diagonal of a matrix, else zeros; columns < 0 means a square.
template <Scalar T = float>
Tensor<T> eye(Index rows, Index columns = -1, Device device = cpu()) {
  if (columns < 0) columns = rows;
  Tensor<T> x = zeros<T>({rows, columns}, device);
  const Tensor<T> one = ones<T>({1}, device);
  device.memory().strided_copy(sizeof(T), {std::min(rows, columns)}, one.data(), {0}, x.values_to_write(), {columns + 1});
  return x;
}

/// A tensor over memory that someone else owns, in storage order of the given layout; `give_back` is called when the last tensor over it
/// dies.
template <Scalar T>
Tensor<T> from_blob(T* data, const Shape& shape, std::function<void(void*)> give_back = {}, Layout layout = Layout::row_major,
                    Device device = cpu()) {
  checked_sizes("from_blob", shape);
  if (!data && shape.numel() > 0) throw ValueError(message("from_blob: data must not be null for shape ", shape));
  if (!give_back) give_back = [](void*) {};
  if (shape.rank() != 4) layout = Layout::row_major;
  std::shared_ptr<void> memory(data, std::move(give_back));
  auto storage = std::make_shared<detail::Storage>(device, std::move(memory), static_cast<std::size_t>(shape.numel()) * sizeof(T));
  return Tensor<T>(detail::make_body(std::move(storage), shape, dtype_of<T>(), layout));
}

// Random numbers. Element i in logical order takes the i-th number that the generator reserves, whatever the layout, device or threads.

/// Uniform in [low, high).
/// Throws   ValueError if high < low.
template <Floating T = float>
Tensor<T> uniform(const Shape& shape, double low, double high, Generator& generator = default_generator(), Device device = cpu()) {
  if (!(low <= high)) throw ValueError(message("uniform: high must be at least low, got low ", low, ", high ", high));
  Tensor<T> x = detail::made<T>("uniform", shape, device);
  backend_of(x).uniform(generator.reserve(x.numel()), static_cast<T>(low), static_cast<T>(high), x.numel(), x.values_to_write());
  return x;
}
/// Normally distributed with the given mean and standard deviation.
/// Throws   ValueError if deviation < 0.
template <Floating T = float>
Tensor<T> normal(const Shape& shape, double mean, double deviation, Generator& generator = default_generator(), Device device = cpu()) {
  if (!(deviation >= 0)) throw ValueError(message("normal: deviation must be at least 0, got ", deviation));
  Tensor<T> x = detail::made<T>("normal", shape, device);
  backend_of(x).normal(generator.reserve(x.numel()), static_cast<T>(mean), static_cast<T>(deviation), x.numel(), x.values_to_write());
  return x;
}
/// Uniform in [0, 1).
template <Floating T = float>
Tensor<T> rand(const Shape& shape, Generator& generator = default_generator(), Device device = cpu()) {
  return uniform<T>(shape, 0, 1, generator, device);
}
template <Floating T = float>
Tensor<T> rand(const Shape& shape, Device device) {
  return rand<T>(shape, default_generator(), device);
}
/// Standard normal.
template <Floating T = float>
Tensor<T> randn(const Shape& shape, Generator& generator = default_generator(), Device device = cpu()) {
  return normal<T>(shape, 0, 1, generator, device);
}
template <Floating T = float>
Tensor<T> randn(const Shape& shape, Device device) {
  return randn<T>(shape, default_generator(), device);
}
/// The same with shape, layout, device and scalar type of x.
template <Floating T>
Tensor<T> rand_like(const Tensor<T>& x, Generator& generator = default_generator()) {
  return in_layout(rand<T>(x.shape(), generator, x.device()), x.layout());
}
template <Floating T>
Tensor<T> randn_like(const Tensor<T>& x, Generator& generator = default_generator()) {
  return in_layout(randn<T>(x.shape(), generator, x.device()), x.layout());
}

/// Integers, uniform in [low, high).
/// Throws   ValueError unless low < high.
inline Tensor<Index> randint(Index low, Index high, const Shape& shape, Generator& generator = default_generator(), Device device = cpu()) {
  if (low >= high) throw ValueError(message("randint: high must be above low, got low ", low, ", high ", high));
  Tensor<Index> x = detail::made<Index>("randint", shape, device);
  device.memory().random_integers(generator.reserve(x.numel()), low, high, x.numel(), x.values_to_write());
  return x;
}
/// True with the given probability.
/// Throws   ValueError unless 0 <= probability <= 1.
inline Tensor<bool> bernoulli(const Shape& shape, double probability, Generator& generator = default_generator(), Device device = cpu()) {
  if (!(probability >= 0 && probability <= 1)) throw ValueError(message("bernoulli: probability must be from 0 to 1, got ", probability));
  Tensor<bool> x = detail::made<bool>("bernoulli", shape, device);
  device.memory().bernoulli(generator.reserve(x.numel()), probability, x.numel(), x.values_to_write());
  return x;
}
/// 0 to count - 1 in random order, every order equally likely.
/// Throws   ValueError if count < 0.
/// Source   Durstenfeld, "Algorithm 235: random permutation", 1964.
inline Tensor<Index> randperm(Index count, Generator& generator = default_generator(), Device device = cpu()) {
  if (count < 0) throw ValueError(message("randperm: count must be at least 0, got ", count));
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  const RandomStream random = generator.reserve(count);
  for (Index i = count - 1; i > 0; --i)
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i, i + 1))]);
  return tensor<Index>(order, {count}, device);
}

}  // namespace tapestry::inline TAPESTRY_ABI
