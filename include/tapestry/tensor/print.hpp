// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdio>
#include <ostream>

#include "tensor.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {

// The rules are those of PyTorch's torch/_tensor_str.py with its default options. Cold, that is compiled for size, which takes less time.
inline constexpr Index print_width = 80, print_edge = 3, print_threshold = 1000;

/// The elements that are shown, as text, and the width that each is padded to.
struct PrintedElements {
  std::vector<std::string> texts;
  std::size_t width = 1;
};

[[gnu::cold]] inline std::string print_number(const char* format, int digits, double value) {
  if (std::isnan(value)) return "nan";
  char text[400];
  const int length = std::snprintf(text, sizeof text, format, digits, value);
  return std::string(text, static_cast<std::size_t>(length));
}

/// Whole numbers as `1.`, others with four digits, and all in scientific notation where the sizes differ by more than 1000 or one is very
/// large or small.
[[gnu::cold]] inline PrintedElements print_floats(const std::vector<double>& values) {
  double smallest = 0, largest = 0;
  bool whole = true;
  for (double value : values) {
    if (!std::isfinite(value) || value == 0) continue;
    const double size = std::abs(value);
    smallest = largest == 0 ? size : std::min(smallest, size);
    largest = std::max(largest, size);
    whole = whole && value == std::ceil(value);
  }
  const bool scientific = largest != 0 && (largest / smallest > 1000.0 || largest > 1.0e8 || smallest < 1.0e-4);
  PrintedElements printed;
  for (double value : values) {
    const bool is_whole_text = whole && !scientific;
    std::string text = print_number(scientific ? "%.*e" : "%.*f", is_whole_text ? 0 : 4, value);
    if (is_whole_text && std::isfinite(value)) text += '.';
    if (std::isfinite(value) && value != 0) printed.width = std::max(printed.width, text.size());
    printed.texts.push_back(std::move(text));
  }
  return printed;
}

/// Integers and truth values.
[[gnu::cold]] inline PrintedElements print_texts(std::vector<std::string> texts) {
  PrintedElements printed{std::move(texts), 1};
  for (const std::string& text : printed.texts) printed.width = std::max(printed.width, text.size());
  return printed;
}

/// Logical positions of the elements that are shown: of a summarised axis the first and last three.
[[gnu::cold]] inline void shown_positions(const Shape& shape, bool summarise, Index axis, Index start, std::vector<Index>& positions) {
  if (axis == shape.rank()) {
    positions.push_back(start);
    return;
  }
  Index step = 1;
  for (Index i = axis + 1; i < shape.rank(); ++i) step *= shape[i];
  for (Index i = 0; i < shape[axis]; ++i) {
    if (summarise && shape[axis] > 2 * print_edge && i == print_edge) i = shape[axis] - print_edge;
    shown_positions(shape, summarise, axis + 1, start + i * step, positions);
  }
}

/// The nested brackets from `axis` on; `next` counts the elements written so far.
[[gnu::cold]] inline std::string print_axis(const PrintedElements& printed, const Shape& shape, bool summarise, Index axis, Index indent,
                              std::size_t& next) {
  const auto element = [&] {
    const std::string& text = printed.texts[next++];
    return std::string(text.size() < printed.width ? printed.width - text.size() : 0, ' ') + text;
  };
  if (axis == shape.rank()) return element();
  const bool innermost = axis == shape.rank() - 1, cut = summarise && shape[axis] > 2 * print_edge;
  const Index per_line = innermost ? std::max<Index>(1, (print_width - indent) / (static_cast<Index>(printed.width) + 2)) : 1;
  const std::size_t blank_lines = innermost ? 1 : static_cast<std::size_t>(shape.rank() - axis - 1);
  const std::string line_break = message(',', std::string(blank_lines, '\n'), std::string(static_cast<std::size_t>(indent + 1), ' '));
  std::string text = "[";
  const Index count = cut ? 2 * print_edge + 1 : shape[axis];  // the dots are an item
  for (Index i = 0; i < count; ++i) {
    if (i > 0) text += i % per_line == 0 ? line_break : ", ";
    if (cut && i == print_edge)
      text += innermost ? " ..." : "...";
    else
      text += innermost ? element() : print_axis(printed, shape, summarise, axis + 1, indent + 1, next);
  }
  return text + "]";
}

/// Appends what follows the brackets, on a new line where the last one is full.
[[gnu::cold]] inline std::string print_suffixes(std::string text, const std::vector<std::string>& suffixes, Index indent) {
  const std::size_t newline = text.rfind('\n');
  Index line = static_cast<Index>(text.size()) - (newline == std::string::npos ? -1 : static_cast<Index>(newline)) + 1;
  for (const std::string& suffix : suffixes) {
    const Index length = static_cast<Index>(suffix.size());
    if (line + length + 2 > print_width) {
      text += message(",\n", std::string(static_cast<std::size_t>(indent), ' '), suffix);
      line = indent + length;
    } else {
      text += ", " + suffix;
      line += length + 2;
    }
  }
  return text + ")";
}

}  // namespace detail

/// The tensor as PyTorch prints it: `tensor([[1., 2.],\n        [3., 4.]])`. Of more than 1000 elements the edges are shown.
template <Scalar T>
[[gnu::cold]] std::string to_string(const Tensor<T>& x) {
  if (!x.defined()) return "tensor(undefined)";
  const Index indent = 7;  // of "tensor("
  std::string text = "tensor(";
  std::vector<std::string> suffixes;
  if (!(x.device() == cpu())) suffixes.push_back(message("device='", x.device(), "'"));
  if (x.numel() == 0) {
    text += "[]";
    std::string size = to_string(x.shape());
    size.front() = '(';
    size.back() = ')';
    if (x.rank() != 1) suffixes.push_back("size=" + size);
    if constexpr (!std::same_as<T, float>) suffixes.push_back(message("dtype=torch.", name_of(x.dtype())));
  } else {
    if constexpr (!std::same_as<T, float> && !std::same_as<T, Index> && !std::same_as<T, bool>)
      suffixes.push_back(message("dtype=torch.", name_of(x.dtype())));
    const bool summarise = x.numel() > detail::print_threshold;
    std::vector<Index> positions;
    detail::shown_positions(x.shape(), summarise, 0, 0, positions);
    const std::vector<T> all = x.to_vector();
    std::vector<std::conditional_t<Floating<T>, double, std::string>> shown;
    for (Index position : positions) {
      const T value = all[static_cast<std::size_t>(position)];
      if constexpr (Floating<T>)
        shown.push_back(static_cast<double>(value));
      else if constexpr (std::same_as<T, bool>)
        shown.push_back(value ? "True" : "False");
      else
        shown.push_back(message(value));
    }
    detail::PrintedElements printed;
    if constexpr (Floating<T>)
      printed = detail::print_floats(shown);
    else
      printed = detail::print_texts(std::move(shown));
    std::size_t next = 0;
    text += detail::print_axis(printed, x.shape(), summarise, 0, indent, next);
  }
  if (x.requires_grad()) suffixes.push_back("requires_grad=True");
  return detail::print_suffixes(std::move(text), suffixes, indent);
}

template <Scalar T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& x) {
  return out << to_string(x);
}

}  // namespace tapestry::inline TAPESTRY_ABI
