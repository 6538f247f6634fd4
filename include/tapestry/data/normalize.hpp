// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "image.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// b / 255 for every byte b, rounded as the division is.
inline constexpr std::array<float, 256> unit_values = [] {
  std::array<float, 256> values{};
  for (std::size_t b = 0; b < 256; ++b) values[b] = static_cast<float>(b) / 255.0f;
  return values;
}();

/// The values of an image as a network reads them, written channels-last.
inline void write_floats(const Image& image, float* to) {
  for (std::uint8_t value : image.pixels) *to++ = unit_values[value];
}
inline void write_floats(const FloatImage& image, float* to) { std::copy(image.pixels.begin(), image.pixels.end(), to); }
}  // namespace detail

/// Bytes from 0 to 255 become floats from 0 to 1: y = x / 255. The loader then stacks images into a tensor; it does the same to
/// bytes that come without this transform, which only Normalize and other float transforms need.
///
/// Throws   ShapeError for an empty image.
/// Source   torchvision.transforms.ToTensor.
class ToTensor {
 public:
  FloatImage operator()(const Image& image) const {
    detail::checked_image("ToTensor", image);
    FloatImage result{image.height, image.width, image.channels, std::vector<float>(image.pixels.size())};
    detail::write_floats(image, result.pixels.data());
    return result;
  }

  std::string describe() const { return "ToTensor()"; }
};

/// y[c] = (x[c] - mean[c]) / std[c], by channel c of a float image.
///
/// Throws   ValueError if mean and std differ in length or an std is not above 0; ShapeError if the image has another number of
///          channels (one value serves any number).
/// Source   torchvision.transforms.Normalize.
class Normalize {
 public:
  Normalize(std::vector<double> mean, std::vector<double> std) : mean_(std::move(mean)), std_(std::move(std)) {
    if (mean_.empty() || mean_.size() != std_.size())
      throw ValueError(message("Normalize: mean and std must have one value a channel, got ", mean_.size(), " and ", std_.size()));
    for (double value : mean_)
      if (!std::isfinite(value)) throw ValueError(message("Normalize: mean must be finite, got ", value));
    for (double value : std_)
      if (!(value > 0) || !std::isfinite(value)) throw ValueError(message("Normalize: std must be above 0 and finite, got ", value));
  }

  FloatImage operator()(FloatImage image) const {
    detail::checked_image("Normalize", image);
    const std::size_t channels = mean_.size();
    if (channels != 1 && static_cast<Index>(channels) != image.channels)
      throw ShapeError(message("Normalize: mean has ", channels, " channels but the image of ", image, " has ", image.channels));
    for (std::size_t c = 0; c < channels; ++c) {
      const float mean = static_cast<float>(mean_[c]), deviation = static_cast<float>(std_[c]);
      for (std::size_t i = c; i < image.pixels.size(); i += channels) image.pixels[i] = (image.pixels[i] - mean) / deviation;
    }
    return image;
  }

  std::string describe() const { return message("Normalize(mean=", text(mean_), ", std=", text(std_), ')'); }

 private:
  static std::string text(const std::vector<double>& values) {
    std::string joined;
    for (double value : values) joined.append(joined.empty() ? "" : ", ").append(message(value));
    return "[" + joined + "]";
  }

  std::vector<double> mean_, std_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
