// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <cmath>
#include <string>

#include "../core/config.hpp"

namespace tapestry::inline TAPESTRY_ABI::detail {

// How Python writes values, for module descriptions that read like PyTorch's.

/// The shortest digits that read back as the same number, as Python's repr: 0.1, 1e-05, 2.0.
inline std::string python_number(double value) {
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-4 || size >= 1e16);
  char digits[400];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, scientific ? std::chars_format::scientific : std::chars_format::fixed).ptr;
  std::string text(digits, end);
  if (std::isfinite(value) && !scientific && text.find('.') == std::string::npos) text += ".0";
  return text;
}
inline std::string python_bool(bool value) { return value ? "True" : "False"; }

}  // namespace tapestry::inline TAPESTRY_ABI::detail
