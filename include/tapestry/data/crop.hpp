// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

#include "../backend/geometry.hpp"
#include "image.hpp"
#include "sample_random.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The part of an image whose upper left pixel is (top, left). What lies outside the image, above or left of 0 too, has the value `fill`.
///
/// Shapes   returns size.height x size.width, channels as in the image
/// Throws   ShapeError for an empty image, ValueError for a size below 1.
template <class T>
BasicImage<T> crop(BasicImage<T> image, Index top, Index left, Size2 size, T fill = T{0}) {
  detail::checked_image("crop", image);
  if (size.height < 1 || size.width < 1) throw ValueError(message("crop: size must be at least 1, got ", size));
  const Index channels = image.channels, row = size.width * channels;
  // Columns [begin, end) of the result lie inside the image.
  const Index begin = std::clamp<Index>(-left, 0, size.width), end = std::clamp<Index>(image.width - left, begin, size.width);
  std::vector<T>& result = detail::spare_pixels<T>();
  result.resize(static_cast<std::size_t>(size.height * row));
  for (Index y = 0; y < size.height; ++y) {
    T* to = result.data() + y * row;
    if (top + y < 0 || top + y >= image.height || begin == end) {
      std::fill(to, to + row, fill);
      continue;
    }
    const T* from = image.pixels.data() + ((top + y) * image.width + left + begin) * channels;
    std::fill(to, to + begin * channels, fill);
    std::copy(from, from + (end - begin) * channels, to + begin * channels);
    std::fill(to + end * channels, to + row, fill);
  }
  image.pixels.swap(result);
  image.height = size.height;
  image.width = size.width;
  return image;
}

namespace detail {
/// "32" for a square, else "(32, 40)".
inline std::string short_text(Size2 size) { return size.height == size.width ? std::to_string(size.height) : to_string(size); }
}  // namespace detail

/// Cuts the middle out; an image that is smaller is padded with 0 on both sides first, the odd pixel going below and to the right.
///
/// Shapes   returns size; CenterCrop(s) is square. The margin (image - size) / 2 is rounded to the even number when it ends in .5.
/// Throws   ValueError for a size below 1.
/// Source   torchvision.transforms.CenterCrop.
class CenterCrop {
 public:
  explicit CenterCrop(Size2 size) : size_(size) {
    if (size.height < 1 || size.width < 1) throw ValueError(message("CenterCrop: size must be at least 1, got ", size));
  }

  template <class T>
  BasicImage<T> operator()(BasicImage<T> image) const {
    const Index top = margin(image.height - size_.height), left = margin(image.width - size_.width);
    return crop(std::move(image), top, left, size_);
  }

  std::string describe() const { return message("CenterCrop(", detail::short_text(size_), ')'); }

 private:
  static Index margin(Index surplus) {
    if (surplus < 0) return -(-surplus / 2);
    return surplus / 2 + (surplus % 4 == 3 ? 1 : 0);  // 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, as Python rounds
  }

  Size2 size_;
};

struct RandomCropOptions {
  Size2 padding = 0;           ///< pixels added above and below, left and right, before cropping
  bool pad_if_needed = false;  ///< pads an image that is too small instead of refusing it
  double fill = 0;             ///< value of the padding, in the image's own units (0 to 255 for bytes)
};

/// Cuts a part out at a random place, every place being equally likely.
///
/// Shapes   returns size; RandomCrop(s) is square.
/// Draws    row, then column; none if only one place fits.
/// Throws   ValueError for a size below 1, a negative padding, or a fill that a byte cannot hold; ShapeError if the padded image is
///          smaller than size.
/// Source   torchvision.transforms.RandomCrop with padding_mode 'constant'.
class RandomCrop {
 public:
  explicit RandomCrop(Size2 size, RandomCropOptions options = {}) : size_(size), options_(options) {
    if (size.height < 1 || size.width < 1) throw ValueError(message("RandomCrop: size must be at least 1, got ", size));
    if (options.padding.height < 0 || options.padding.width < 0)
      throw ValueError(message("RandomCrop: padding must be at least 0, got ", options.padding));
  }

  template <class T>
  BasicImage<T> operator()(BasicImage<T> image, SampleRandom& random) const {
    Size2 padding = options_.padding;
    if (options_.pad_if_needed) {  // as torchvision: the whole shortage on each side
      padding.height += std::max<Index>(0, size_.height - image.height - 2 * padding.height);
      padding.width += std::max<Index>(0, size_.width - image.width - 2 * padding.width);
    }
    const Index rows = image.height + 2 * padding.height - size_.height, columns = image.width + 2 * padding.width - size_.width;
    if (rows < 0 || columns < 0)
      throw ShapeError(message("RandomCrop: size ", size_, " is larger than the image of ", image, " with padding ", options_.padding));
    if (std::is_integral_v<T> && !(options_.fill >= 0 && options_.fill <= 255))
      throw ValueError(message("RandomCrop: fill must be from 0 to 255 for bytes, got ", options_.fill));
    const bool one_place = rows == 0 && columns == 0;
    const Index top = one_place ? 0 : random.below(rows + 1);
    const Index left = one_place ? 0 : random.below(columns + 1);
    return crop(std::move(image), top - padding.height, left - padding.width, size_, static_cast<T>(options_.fill));
  }

  std::string describe() const {
    std::string text = message("RandomCrop(", detail::short_text(size_));
    if (options_.padding != Size2(0)) text += message(", padding=", detail::short_text(options_.padding));
    if (options_.pad_if_needed) text += ", pad_if_needed=true";
    if (options_.fill != 0) text += message(", fill=", options_.fill);
    return text + ")";
  }

 private:
  Size2 size_;
  RandomCropOptions options_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
