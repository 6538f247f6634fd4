// SPDX-License-Identifier: MIT
#pragma once

#include "images.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a convolution finds outside its image: zeros, the mirror image about the border pixel, the border pixel itself, or the far side.
enum class PaddingMode : std::uint8_t { zeros, reflect, replicate, circular };

constexpr std::string_view name_of(PaddingMode mode) {
  switch (mode) {
    case PaddingMode::zeros: return "zeros";
    case PaddingMode::reflect: return "reflect";
    case PaddingMode::replicate: return "replicate";
    case PaddingMode::circular: return "circular";
  }
  return "?";
}

/// Pixels added on each side of an image.
struct PaddingSides {
  Index top = 0, bottom = 0, left = 0, right = 0;
};

/// How much a convolution adds around its input: `1` on all sides, `{1, 2}` above and below 1, left and right 2, or `Padding::same`, as
/// much as keeps height and width.
struct Padding {
  Size2 size = 0;
  bool keeps_size = false;

  constexpr Padding() = default;
  template <std::integral I>
  constexpr Padding(I all) : size(all) {}  // NOLINT: implicit, so that .padding = 1 works
  constexpr Padding(Index height, Index width) : size(height, width) {}
  constexpr Padding(Size2 both) : size(both) {}  // NOLINT
  static const Padding same;
  static const Padding valid;

  /// The pixels on each side. Where `same` needs an odd number, the extra one goes below or to the right, as in PyTorch.
  constexpr PaddingSides sides(Size2 kernel, Size2 dilation) const {
    if (!keeps_size) return {size.height, size.height, size.width, size.width};
    const Index rows = dilation.height * (kernel.height - 1), columns = dilation.width * (kernel.width - 1);
    return {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2};
  }
  friend constexpr bool operator==(const Padding&, const Padding&) = default;
};
inline constexpr Padding Padding::same = [] {
  Padding padding;
  padding.keeps_size = true;
  return padding;
}();
inline constexpr Padding Padding::valid{};

inline std::string to_string(const Padding& padding) { return padding.keeps_size ? "same" : to_string(padding.size); }

}  // namespace tapestry::inline TAPESTRY_ABI
