// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "../core/error.hpp"
#include "../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// One picture in host memory, rows from the top, channels innermost: the value of channel c of pixel (y, x) is
/// pixels[(y*width + x)*channels + c]. That is how decoders give images and how a batch stores them.
template <class T>
struct BasicImage {
  Index height = 0, width = 0, channels = 0;
  std::vector<T> pixels;

  friend bool operator==(const BasicImage&, const BasicImage&) = default;
};
using Image = BasicImage<std::uint8_t>;  ///< values from 0 to 255, as in a file
using FloatImage = BasicImage<float>;    ///< what a network reads; from 0 to 1 unless it was normalised
using AnyImage = std::variant<Image, FloatImage>;

/// "height x width x channels", for messages.
template <class T>
std::string to_string(const BasicImage<T>& image) {
  return std::to_string(image.height) + "x" + std::to_string(image.width) + "x" + std::to_string(image.channels);
}

namespace detail {
template <class T>
const BasicImage<T>& checked_image(std::string_view op, const BasicImage<T>& image) {
  if (image.height < 1 || image.width < 1 || image.channels < 1)
    throw ShapeError(message(op, ": image must have height, width and channels of at least 1, got ", image));
  if (static_cast<Index>(image.pixels.size()) != image.height * image.width * image.channels)
    throw ShapeError(message(op, ": image of ", image, " holds ", image.pixels.size(), " values instead of ",
                             image.height * image.width * image.channels));
  return image;
}

/// A buffer that a transform fills and then swaps with its image's, so that a worker that runs the same transforms on every
/// image allocates only for the first ones. Sharing one among all transforms makes the buffers go round.
template <class T>
std::vector<T>& spare_pixels() {
  static thread_local std::vector<T> spare;
  return spare;
}
}  // namespace detail

}  // namespace tapestry::inline TAPESTRY_ABI
