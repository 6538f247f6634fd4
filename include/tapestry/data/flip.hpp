// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <string>

#include "image.hpp"
#include "sample_random.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Mirrors an image left to right with probability p.
///
/// Draws    one number, whether it flips or not
/// Throws   ValueError if p is outside [0, 1], ShapeError for an empty image.
/// Source   torchvision.transforms.RandomHorizontalFlip.
class RandomHorizontalFlip {
 public:
  explicit RandomHorizontalFlip(double p = 0.5) : p_(p) {
    if (!(p >= 0 && p <= 1)) throw ValueError(message("RandomHorizontalFlip: p must be from 0 to 1, got ", p));
  }

  template <class T>
  BasicImage<T> operator()(BasicImage<T> image, SampleRandom& random) const {
    detail::checked_image("RandomHorizontalFlip", image);
    if (!(random.uniform() < p_)) return image;
    const Index channels = image.channels;
    for (Index y = 0; y < image.height; ++y) {
      T* left = image.pixels.data() + y * image.width * channels;
      T* right = left + (image.width - 1) * channels;
      for (; left < right; left += channels, right -= channels) std::swap_ranges(left, left + channels, right);
    }
    return image;
  }

  std::string describe() const { return message("RandomHorizontalFlip(p=", p_, ")"); }

 private:
  double p_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
