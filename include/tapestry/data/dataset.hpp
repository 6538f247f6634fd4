// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "transform.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// One example: a picture and its class.
struct Sample {
  AnyImage image;
  Index label = 0;
};

/// Whatever has a size and gives sample i: `S sample(Index i) const`, or `S sample(Index i, SampleRandom& random) const` if the sample is to
/// differ from epoch to epoch. S is Sample for pictures, else whatever the loader can make batches of, see collate.hpp. Several threads
/// call it at once. Data sets are kept by value in subsets and loaders, so one that holds much shares it among its copies, as ImageDataset does.
template <class D>
concept Dataset = requires(const D& dataset, Index i, SampleRandom& random) {
  { dataset.size() } -> std::convertible_to<Index>;
  requires requires { dataset.sample(i); } || requires { dataset.sample(i, random); };
};

namespace detail {
template <Dataset D>
auto sample_of(const D& dataset, Index i, SampleRandom& random) {
  const auto sample = [&]() -> decltype(auto) {
    if constexpr (requires { dataset.sample(i, random); })
      return dataset.sample(i, random);
    else
      return dataset.sample(i);
  };
  if constexpr (std::convertible_to<decltype(sample()), Sample>)
    return Sample(sample());
  else
    return sample();
}
}  // namespace detail

/// The type of a data set's samples.
template <Dataset D>
using SampleOf = decltype(detail::sample_of(std::declval<const D&>(), Index{}, std::declval<SampleRandom&>()));

namespace detail {
/// Where sample i stands in the data that all subsets come from: what an error message should name.
template <Dataset D>
Index record_of(const D& dataset, Index i) {
  if constexpr (requires { { dataset.record(i) } -> std::convertible_to<Index>; })
    return dataset.record(i);
  else
    return i;
}

template <Dataset D>
void check_position(std::string_view op, const D& dataset, Index i) {
  const Index size = static_cast<Index>(dataset.size());
  if (i < 0 || i >= size) throw IndexError(message(op, ": index ", i, " must be from 0 to ", size - 1));
}
}  // namespace detail

struct ImageDatasetOptions {
  Index height = 32, width = 32, channels = 3;
  bool planar = false;  ///< whether an image's bytes come as [C, H, W], as in CIFAR's files, and not as [H, W, C]
};

/// Images of one size that lie in memory, byte after byte, with their labels. Copies share the bytes.
///
/// Throws   ValueError for sizes below 1, ShapeError if pixels.size() is not labels.size() * height * width * channels.
class ImageDataset {
 public:
  ImageDataset(std::vector<std::uint8_t> pixels, std::vector<Index> labels, ImageDatasetOptions options = {}) : options_(options) {
    if (options.height < 1 || options.width < 1 || options.channels < 1)
      throw ValueError(message("ImageDataset: height, width and channels must be at least 1, got ", options.height, ", ", options.width,
                               " and ", options.channels));
    if (static_cast<Index>(pixels.size()) != static_cast<Index>(labels.size()) * bytes())
      throw ShapeError(message("ImageDataset: pixels has ", pixels.size(), " bytes but ", labels.size(), " labels with images of ",
                               options.height, "x", options.width, "x", options.channels, " need ",
                               static_cast<Index>(labels.size()) * bytes()));
    if (options.planar) interleave(pixels);
    data_ = std::make_shared<const Data>(Data{std::move(pixels), std::move(labels)});
  }

  Index size() const { return static_cast<Index>(data_->labels.size()); }
  Index label(Index i) const {
    detail::check_position("ImageDataset", *this, i);
    return data_->labels[static_cast<std::size_t>(i)];
  }
  Sample sample(Index i) const {
    const Index of_image = label(i);
    const auto first = data_->pixels.begin() + i * bytes();
    return {Image{options_.height, options_.width, options_.channels, std::vector<std::uint8_t>(first, first + bytes())}, of_image};
  }

 private:
  struct Data {
    std::vector<std::uint8_t> pixels;
    std::vector<Index> labels;
  };

  Index bytes() const { return options_.height * options_.width * options_.channels; }
  void interleave(std::vector<std::uint8_t>& pixels) const {
    const Index plane = options_.height * options_.width;
    std::vector<std::uint8_t> image(static_cast<std::size_t>(bytes()));
    for (auto first = pixels.begin(); first != pixels.end(); first += bytes()) {
      for (Index c = 0; c < options_.channels; ++c)
        for (Index p = 0; p < plane; ++p) image[static_cast<std::size_t>(p * options_.channels + c)] = first[c * plane + p];
      std::copy(image.begin(), image.end(), first);
    }
  }

  ImageDatasetOptions options_;
  std::shared_ptr<const Data> data_;
};

/// Some samples of a data set, in the given order; an index may occur twice. Copies share the list.
///
/// Throws   IndexError if an index lies outside the data set.
template <Dataset D>
class Subset {
 public:
  Subset(D dataset, std::vector<Index> indices) : dataset_(std::move(dataset)) {
    for (Index i : indices) detail::check_position("Subset", dataset_, i);
    indices_ = std::make_shared<const std::vector<Index>>(std::move(indices));
  }

  Index size() const { return static_cast<Index>(indices_->size()); }
  SampleOf<D> sample(Index i, SampleRandom& random) const { return detail::sample_of(dataset_, at(i), random); }
  Index record(Index i) const { return detail::record_of(dataset_, at(i)); }
  const std::vector<Index>& indices() const { return *indices_; }

 private:
  Index at(Index i) const {
    detail::check_position("Subset", *this, i);
    return (*indices_)[static_cast<std::size_t>(i)];
  }

  D dataset_;
  std::shared_ptr<const std::vector<Index>> indices_;
};

/// A data set whose images go through a transform each time they are asked for:
/// `TransformedDataset(train, Compose(Resize(44), RandomCrop(32, {.padding = 4})))`.
template <Dataset D>
  requires std::same_as<SampleOf<D>, Sample>
class TransformedDataset {
 public:
  TransformedDataset(D dataset, Transform transform) : dataset_(std::move(dataset)), transform_(std::move(transform)) {}

  Index size() const { return static_cast<Index>(dataset_.size()); }
  Sample sample(Index i, SampleRandom& random) const {
    Sample sample = detail::sample_of(dataset_, i, random);
    sample.image = transform_(std::move(sample.image), random);
    return sample;
  }
  Index record(Index i) const { return detail::record_of(dataset_, i); }
  const Transform& transform() const { return transform_; }

 private:
  D dataset_;
  Transform transform_;
};

namespace detail {
/// How many samples each part of a split gets, from counts or from fractions of the whole.
template <class Number>
std::vector<Index> split_counts(Index size, const std::vector<Number>& lengths) {
  double sum = 0;
  for (Number length : lengths) {
    if (!(length >= 0)) throw ValueError(message("random_split: lengths must be at least 0, got ", length));
    sum += static_cast<double>(length);
  }
  std::vector<Index> counts;
  if constexpr (std::integral<Number>) {
    if (sum != static_cast<double>(size))
      throw ValueError(message("random_split: lengths must add up to the dataset's ", size, " samples, got ", static_cast<Index>(sum)));
    for (Number length : lengths) counts.push_back(static_cast<Index>(length));
  } else {
    if (std::abs(sum - 1) > 1e-9) throw ValueError(message("random_split: lengths given as fractions must add up to 1, got ", sum));
    Index left = size;
    for (Number length : lengths) {
      counts.push_back(static_cast<Index>(std::floor(static_cast<double>(size) * static_cast<double>(length))));
      left -= counts.back();
    }
    for (std::size_t i = 0; left > 0; --left, i = (i + 1) % counts.size()) ++counts[i];
  }
  return counts;
}
}  // namespace detail

/// Splits a data set at random into parts that have nothing in common and together are the whole. The same seed gives the same parts.
///
/// Lengths  counts that add up to the size, or fractions that add up to 1: part i gets floor(size * fraction), and what remains
///          goes one by one to the first parts.
/// Throws   ValueError if the lengths do not add up.
/// Source   torch.utils.data.random_split; its permutation is another.
template <Dataset D, class Number>
std::vector<Subset<D>> random_split(const D& dataset, const std::vector<Number>& lengths, std::uint64_t seed) {
  const Index size = static_cast<Index>(dataset.size());
  const std::vector<Index> counts = detail::split_counts(size, lengths);
  const std::vector<Index> order = detail::random_order(size, detail::data_stream(detail::DataDraw::split, seed, 0));
  std::vector<Subset<D>> parts;
  auto first = order.begin();
  for (Index count : counts) {
    parts.emplace_back(dataset, std::vector<Index>(first, first + count));
    first += count;
  }
  return parts;
}

/// The same for a list that is written out: `auto [train, valid] = random_split(dataset, {0.95, 0.05}, seed);`
template <Dataset D, class Number, std::size_t Count>
std::array<Subset<D>, Count> random_split(const D& dataset, const Number (&lengths)[Count], std::uint64_t seed) {
  const auto parts = random_split(dataset, std::vector<Number>(lengths, lengths + Count), seed);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Subset<D>, Count>{parts[I]...};
  }(std::make_index_sequence<Count>{});
}

}  // namespace tapestry::inline TAPESTRY_ABI
