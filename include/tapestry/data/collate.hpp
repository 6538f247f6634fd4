// SPDX-License-Identifier: MIT
#pragma once

#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "../tensor/tensor.hpp"
#include "dataset.hpp"
#include "normalize.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What one training step on pictures reads.
struct Batch {
  Tensor<float> images;   ///< [N, C, H, W], channels-last, on the CPU
  Tensor<Index> labels;   ///< [N]
};

/// How samples of one type become a batch: made for a number of samples, given each in turn, asked for the batch in the end. A user's own
/// type gets a specialisation, or its loader a function of a vector of samples.
///
///   Sample            Batch: images stacked, bytes as floats from 0 to 1, as by ToTensor
///   Tensor [*]        Tensor [N, *], channels-last where that has four axes
///   number            Tensor [N], of Index for integers
///   pair, tuple       pair, tuple of the batches of their parts
///
/// Throws   ShapeError for a sample whose shape is not the first one's.
template <class S>
class Collator {
  static_assert(!std::is_same_v<S, S>, "DataLoader: samples of this type need a function that makes a batch of them: DataLoader(dataset, collate, options)");
};

template <>
class Collator<Sample> {
 public:
  explicit Collator(Index count) : count_(count) { batch_.labels = Tensor<Index>({count}); }
  void add(Sample sample) {
    std::visit([this](const auto& image) { append(image); }, sample.image);
    batch_.labels.mutable_data()[done_++] = sample.label;
  }
  Batch batch() { return std::move(batch_); }

 private:
  /// The first image settles the size of all.
  template <class T>
  void append(const BasicImage<T>& image) {
    detail::checked_image("collate", image);
    const Shape shape{count_, image.channels, image.height, image.width};
    if (done_ == 0)
      batch_.images = Tensor<float>(shape, Layout::channels_last);
    else if (batch_.images.shape() != shape)
      throw ShapeError(message("collate: image of ", image, " in a batch whose first image gave it shape ", batch_.images.shape()));
    detail::write_floats(image, batch_.images.mutable_data() + done_ * static_cast<Index>(image.pixels.size()));
  }

  Index count_, done_ = 0;
  Batch batch_;
};

template <Scalar T>
class Collator<Tensor<T>> {
 public:
  explicit Collator(Index count) : count_(count) {}
  void add(const Tensor<T>& sample) {
    Shape shape = sample.shape();
    shape.insert(0, count_);
    if (done_ == 0)
      batch_ = Tensor<T>(shape);
    else if (batch_.shape() != shape)
      throw ShapeError(message("collate: tensor of shape ", sample.shape(), " in a batch whose first sample gave it shape ", batch_.shape()));
    const Tensor<T> x = in_layout(sample, Layout::row_major);
    x.device().memory().copy_to_host(batch_.mutable_data() + done_++ * x.numel(), x.data(), x.bytes());
  }
  Tensor<T> batch() { return in_layout(batch_, Layout::channels_last); }

 private:
  Index count_, done_ = 0;
  Tensor<T> batch_;
};

template <class N>
  requires std::is_arithmetic_v<N>
class Collator<N> {
 public:
  using Element = std::conditional_t<std::is_integral_v<N> && !std::is_same_v<N, bool>, Index, N>;
  explicit Collator(Index count) : batch_({count}) {}
  void add(N sample) { batch_.mutable_data()[done_++] = static_cast<Element>(sample); }
  Tensor<Element> batch() { return batch_; }

 private:
  Index done_ = 0;
  Tensor<Element> batch_;
};

template <class... S>
class Collator<std::tuple<S...>> {
 public:
  explicit Collator(Index count) : parts_(Collator<S>(count)...) {}
  void add(std::tuple<S...> sample) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (std::get<I>(parts_).add(std::move(std::get<I>(sample))), ...); }(std::index_sequence_for<S...>());
  }
  auto batch() {
    return std::apply([](auto&... part) { return std::tuple(part.batch()...); }, parts_);
  }

 private:
  std::tuple<Collator<S>...> parts_;
};

template <class A, class B>
class Collator<std::pair<A, B>> {
 public:
  explicit Collator(Index count) : first_(count), second_(count) {}
  void add(std::pair<A, B> sample) {
    first_.add(std::move(sample.first));
    second_.add(std::move(sample.second));
  }
  auto batch() { return std::pair(first_.batch(), second_.batch()); }

 private:
  Collator<A> first_;
  Collator<B> second_;
};

/// A loader's default: Collator<S>.
struct DefaultCollate {};

namespace detail {
/// A Collator by a function of all samples.
template <class S, class Function>
class GatheringCollator {
 public:
  GatheringCollator(Index count, const Function& function) : function_(function) { samples_.reserve(static_cast<std::size_t>(count)); }
  void add(S sample) { samples_.push_back(std::move(sample)); }
  auto batch() { return function_(std::move(samples_)); }

 private:
  const Function& function_;
  std::vector<S> samples_;
};
template <class S, class Collate>
auto collator(Index count, const Collate& collate) {
  if constexpr (std::is_same_v<Collate, DefaultCollate>)
    return Collator<S>(count);
  else
    return GatheringCollator<S, Collate>(count, collate);
}
}  // namespace detail

}  // namespace tapestry::inline TAPESTRY_ABI
