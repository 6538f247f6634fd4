// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

namespace tapestry::examples {

// Tensors as pictures.

namespace detail {
inline std::uint8_t to_byte(double zero_to_one) { return static_cast<std::uint8_t>(std::lround(255 * std::clamp(zero_to_one, 0.0, 1.0))); }
}  // namespace detail

/// One channel of one image of a batch in grey, its smallest value black and its largest white; black if all are the same.
inline Image map_image(const Tensor<>& maps, Index image, Index channel) {
  Image picture{maps.dim(2), maps.dim(3), 1, {}};
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::vector<double> values;
  for (Index i = 0; i < picture.height; ++i)
    for (Index j = 0; j < picture.width; ++j) {
      values.push_back(static_cast<double>(maps.at(image, channel, i, j)));
      low = std::min(low, values.back());
      high = std::max(high, values.back());
    }
  for (double value : values) picture.pixels.push_back(high > low ? detail::to_byte((value - low) / (high - low)) : std::uint8_t{0});
  return picture;
}

/// A filter over three channels as a colour image: grey is weight 0, and the filter's largest weight by size is fully bright or fully dark.
/// With another number of channels, one slice: orange is positive, blue negative, white 0.
inline Image filter_image(const Tensor<>& weight, Index filter, Index slice = 0) {
  const Index channels = weight.dim(1), height = weight.dim(2), width = weight.dim(3);
  double largest = 1e-30;
  for (Index c = 0; c < channels; ++c)
    for (Index u = 0; u < height; ++u)
      for (Index v = 0; v < width; ++v) largest = std::max(largest, std::abs(static_cast<double>(weight.at(filter, c, u, v))));
  Image picture{height, width, 3, {}};
  for (Index u = 0; u < height; ++u)
    for (Index v = 0; v < width; ++v) {
      if (channels == 3) {
        for (Index c = 0; c < 3; ++c) picture.pixels.push_back(detail::to_byte(0.5 + 0.5 * static_cast<double>(weight.at(filter, c, u, v)) / largest));
      } else {
        const double size = static_cast<double>(weight.at(filter, slice, u, v)) / largest;
        const std::array<double, 3> full = size > 0 ? std::array{0.78, 0.31, 0.12} : std::array{0.16, 0.44, 0.73};
        for (double part : full) picture.pixels.push_back(detail::to_byte(1 - std::abs(size) * (1 - part)));
      }
    }
  return picture;
}

/// Images of one size side by side, `columns` a row, with white lines of a pixel around them.
inline Image contact_sheet(const std::vector<Image>& images, Index columns) {
  if (images.empty() || columns < 1) throw ValueError(message("contact_sheet: needs images and columns, got ", images.size(), " and ", columns));
  const Image& first = images.front();
  const Index count = static_cast<Index>(images.size()), rows = (count + columns - 1) / columns;
  Image sheet{rows * (first.height + 1) + 1, std::min(columns, count) * (first.width + 1) + 1, first.channels, {}};
  sheet.pixels.assign(static_cast<std::size_t>(sheet.height * sheet.width * sheet.channels), 255);
  for (Index n = 0; n < count; ++n) {
    const Image& image = images[static_cast<std::size_t>(n)];
    if (image.height != first.height || image.width != first.width || image.channels != first.channels)
      throw ShapeError(message("contact_sheet: images must have one size, got ", first, " and ", image));
    for (Index y = 0; y < image.height; ++y) {
      const auto row = image.pixels.begin() + y * image.width * image.channels;
      const Index top = n / columns * (first.height + 1) + 1 + y, left = n % columns * (first.width + 1) + 1;
      std::copy(row, row + image.width * image.channels, sheet.pixels.begin() + (top * sheet.width + left) * sheet.channels);
    }
  }
  return sheet;
}

/// Not larger than `side` in either direction: what is larger is averaged down.
inline Image fitted(const Image& image, Index side) {
  const Index larger = std::max(image.height, image.width);
  if (larger <= side) return image;
  return Resize(Size2(std::max<Index>(1, image.height * side / larger), std::max<Index>(1, image.width * side / larger)))(image);
}

}  // namespace tapestry::examples
