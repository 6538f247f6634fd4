// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <string>
#include <vector>

#include "../backend/geometry.hpp"
#include "image.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {

/// Which input pixels make one output pixel along an axis, and with what weights.
///
///   center = (i + 0.5) * in/out        weight of pixel j  ~  max(0, 1 - |j + 0.5 - center| / max(1, in/out))
///
/// When an image shrinks, the triangle widens with it: every input pixel counts, which is what 'antialiased' means.
/// All windows have the same number of taps, so that loops over them unroll; what a window does not need weighs 0.
/// Weight is double, or int32 in units of 2^-22.
template <class Weight>
struct ResizeTable {
  Index in = 0, out = 0, taps = 0;
  std::vector<Index> first;     // by output pixel: where its window begins; the window lies inside the image
  std::vector<Weight> weights;  // [out][taps]

  ResizeTable() = default;
  ResizeTable(Index in_size, Index out_size) : in(in_size), out(out_size) {
    const double scale = static_cast<double>(in) / static_cast<double>(out);
    const double support = std::max(scale, 1.0);
    const auto low = [&](double center) { return std::max<Index>(0, static_cast<Index>(center - support + 0.5)); };
    const auto high = [&](double center) { return std::min(in, static_cast<Index>(center + support + 0.5)); };
    const auto center_of = [&](Index i) { return (static_cast<double>(i) + 0.5) * scale; };
    for (Index i = 0; i < out; ++i) taps = std::max(taps, high(center_of(i)) - low(center_of(i)));
    first.assign(static_cast<std::size_t>(out), 0);
    weights.assign(static_cast<std::size_t>(out * taps), Weight{0});
    std::vector<double> triangle(static_cast<std::size_t>(taps));
    for (Index i = 0; i < out; ++i) {
      const double center = center_of(i);
      const Index begin = low(center), count = high(center) - begin, window = std::min(begin, in - taps);
      double sum = 0;
      for (Index j = 0; j < count; ++j)
        sum += triangle[static_cast<std::size_t>(j)] =
            std::max(0.0, 1 - std::abs((static_cast<double>(begin + j) - center + 0.5) * (1 / support)));
      first[static_cast<std::size_t>(i)] = window;
      for (Index j = 0; j < count; ++j) {
        const double weight = triangle[static_cast<std::size_t>(j)] / sum;
        weights[static_cast<std::size_t>(i * taps + begin - window + j)] =
            std::same_as<Weight, double> ? static_cast<Weight>(weight) : static_cast<Weight>(0.5 + weight * (1 << 22));
      }
    }
  }

  /// The table of the last sizes that this thread asked for along this axis: a data set's images mostly have one size.
  static const ResizeTable& get(int axis, Index in_size, Index out_size) {
    static thread_local ResizeTable tables[2];
    ResizeTable& table = tables[axis];
    if (table.in != in_size || table.out != out_size) table = ResizeTable(in_size, out_size);
    return table;
  }
};

/// How values of a type are weighed: bytes in fixed point with 22 bits after the point, floats in double.
template <class T>
struct ResizeSum {
  using Weight = double;
  static constexpr double start = 0;
  static T result(double sum) { return static_cast<T>(sum); }
};
template <>
struct ResizeSum<std::uint8_t> {
  using Weight = std::int32_t;
  static constexpr std::int32_t start = 1 << 21;  // one half, so that the shift rounds
  static std::uint8_t result(std::int32_t sum) { return static_cast<std::uint8_t>(std::min(sum >> 22, 255)); }
};

/// to[y][x][c] = sum over j of weight[x][j] * from[y][first[x] + j][c]. Channels and taps known at compile time unroll; 0 stands
/// for any number.
template <Index Channels, Index Taps, class T>
void resize_rows(const ResizeTable<typename ResizeSum<T>::Weight>& table, Index height, Index channels, const T* from, T* to) {
  if constexpr (Channels != 0) channels = Channels;
  const Index taps = Taps != 0 ? Taps : table.taps;
  for (Index y = 0; y < height; ++y, from += table.in * channels) {
    const auto* weights = table.weights.data();
    for (Index x = 0; x < table.out; ++x, weights += taps) {
      const T* source = from + table.first[static_cast<std::size_t>(x)] * channels;
      for (Index c = 0; c < channels; ++c, ++source) {
        auto sum = ResizeSum<T>::start;
        for (Index j = 0; j < taps; ++j) sum += weights[j] * source[j * channels];
        *to++ = ResizeSum<T>::result(sum);
      }
    }
  }
}

/// to[i] = sum over j of weights[j] * from[j*row + i] for i < Count, side by side in vector registers.
template <Index Count, class T>
void resize_block(const typename ResizeSum<T>::Weight* weights, Index taps, Index row, const T* from, T* to) {
  typename ResizeSum<T>::Weight sums[static_cast<std::size_t>(Count)];
  for (Index i = 0; i < Count; ++i) sums[i] = ResizeSum<T>::start;
  for (Index j = 0; j < taps; ++j, from += row) {
    const auto weight = weights[j];
    for (Index i = 0; i < Count; ++i) sums[i] += weight * from[i];
  }
  for (Index i = 0; i < Count; ++i) to[i] = ResizeSum<T>::result(sums[i]);
}

/// to[y][i] = sum over j of weight[y][j] * from[first[y] + j][i], i over the `row` values of a row.
template <class T>
void resize_columns(const ResizeTable<typename ResizeSum<T>::Weight>& table, Index row, const T* from, T* to) {
  constexpr Index block = 16;
  for (Index y = 0; y < table.out; ++y, to += row) {
    const auto* weights = table.weights.data() + y * table.taps;
    const T* source = from + table.first[static_cast<std::size_t>(y)] * row;
    Index i = 0;
    for (; i + block <= row; i += block) resize_block<block>(weights, table.taps, row, source + i, to + i);
    for (; i < row; ++i) resize_block<1>(weights, table.taps, row, source + i, to + i);
  }
}

}  // namespace detail

/// Scales an image by antialiased bilinear interpolation. On bytes the result equals Pillow's `Image.resize(size, BILINEAR)`, and so
/// torchvision's Resize on a PIL image, to the last bit.
///
/// Shapes   Resize(s): the smaller edge becomes s, the larger floor(s * larger / smaller). Resize({h, w}): [h, w], whatever the ratio.
/// Method   Weights by a triangle (see ResizeTable), first along rows, then along columns, or the reverse if the height loses more than
///          twice as many pixels as the width; bytes are rounded in between. An axis that keeps its size is not touched.
/// Throws   ValueError for sizes below 1, ShapeError for an empty image.
/// Source   Pillow 13, Resample.c; torchvision.transforms.Resize.
class Resize {
 public:
  explicit Resize(Index smaller_edge) : size_(smaller_edge), keeps_ratio_(true) { check(); }
  explicit Resize(Size2 size) : size_(size), keeps_ratio_(false) { check(); }

  /// The size that an image of height x width gets.
  Size2 output_size(Index height, Index width) const {
    if (!keeps_ratio_) return size_;
    const Index edge = size_.height;
    return height <= width ? Size2(edge, edge * width / height) : Size2(edge * height / width, edge);
  }

  template <class T>
  BasicImage<T> operator()(BasicImage<T> image) const {
    using Table = detail::ResizeTable<typename detail::ResizeSum<T>::Weight>;
    detail::checked_image("Resize", image);
    const Size2 size = output_size(image.height, image.width);
    const Index channels = image.channels;
    std::vector<T>& spare = detail::spare_pixels<T>();
    const auto rows = [&] {
      if (size.width == image.width) return;
      const Table& table = Table::get(0, image.width, size.width);
      spare.resize(static_cast<std::size_t>(image.height * size.width * channels));
      const auto pass = channels != 3     ? detail::resize_rows<0, 0, T>
                        : table.taps == 2 ? detail::resize_rows<3, 2, T>  // enlarging
                                          : detail::resize_rows<3, 0, T>;
      pass(table, image.height, channels, image.pixels.data(), spare.data());
      image.pixels.swap(spare);
      image.width = size.width;
    };
    const auto columns = [&] {
      if (size.height == image.height) return;
      spare.resize(static_cast<std::size_t>(size.height * image.width * channels));
      detail::resize_columns<T>(Table::get(1, image.height, size.height), image.width * channels, image.pixels.data(), spare.data());
      image.pixels.swap(spare);
      image.height = size.height;
    };
    // Pillow 13's rule; earlier versions always begin with the rows. It changes bytes because they are rounded in between.
    const bool columns_first = size.height < image.height && image.height - size.height > 2 * (image.width - size.width);
    if (columns_first) columns();
    rows();
    columns();
    return image;
  }

  std::string describe() const {
    return keeps_ratio_ ? message("Resize(", size_.height, ")") : message("Resize(", size_.height, ", ", size_.width, ")");
  }

 private:
  void check() const {
    if (size_.height < 1 || size_.width < 1)
      throw ValueError(message("Resize: size must be at least 1, got ", keeps_ratio_ ? message(size_.height) : to_string(size_)));
  }

  Size2 size_;
  bool keeps_ratio_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
