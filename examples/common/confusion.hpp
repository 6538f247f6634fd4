// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace tapestry::examples {

/// Counts how often an image of one class was taken for one of another: rows are the true classes, columns the predicted ones.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::vector<std::string> classes) : classes_(std::move(classes)), counts_(classes_.size() * classes_.size()) {
    if (classes_.empty()) throw ValueError("confusion: expects at least one class");
  }

  /// Throws   IndexError if there is no such class.
  void add(std::int64_t actual, std::int64_t predicted) { ++counts_[position(actual, predicted)]; }

  std::int64_t count(std::int64_t actual, std::int64_t predicted) const { return counts_[position(actual, predicted)]; }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (std::int64_t count : counts_) sum += count;
    return sum;
  }
  /// The images that were classified rightly: the diagonal.
  std::int64_t correct() const {
    std::int64_t sum = 0;
    for (std::size_t k = 0; k < classes_.size(); ++k) sum += cell(k, k);
    return sum;
  }
  const std::vector<std::string>& classes() const { return classes_; }

  /// A table for a terminal, with the share of each class that was found (recall), and of each column that was right (precision).
  std::string to_table() const {
    std::size_t name_width = std::string_view("precision").size();
    for (const auto& name : classes_) name_width = std::max(name_width, std::min<std::size_t>(name.size(), 16));
    std::size_t width = 5;
    for (std::int64_t count : counts_) width = std::max(width, std::to_string(count).size());

    std::string table = message("rows: true class, columns: predicted class\n", fit("", name_width, false));
    for (const auto& name : classes_) table += message(' ', fit(name, width, true));
    table += "  recall\n";
    for (std::size_t row = 0; row < classes_.size(); ++row) {
      table += fit(classes_[row], name_width, false);
      std::int64_t sum = 0;
      for (std::size_t column = 0; column < classes_.size(); ++column) {
        table += message(' ', fit(std::to_string(cell(row, column)), width, true));
        sum += cell(row, column);
      }
      table += message("  ", fit(share(cell(row, row), sum), 6, true), '\n');
    }
    table += fit("precision", name_width, false);
    for (std::size_t column = 0; column < classes_.size(); ++column) {
      std::int64_t sum = 0;
      for (std::size_t row = 0; row < classes_.size(); ++row) sum += cell(row, column);
      table += message(' ', fit(share(cell(column, column), sum), width, true));
    }
    return message(table, "  ", fit(share(correct(), total()), 6, true), '\n');
  }

  /// The counts with a header of predicted classes; each row starts with its true class.
  std::string to_csv() const {
    std::string csv = "true/predicted";
    for (const auto& name : classes_) csv += message(',', quoted(name));
    csv += "\n";
    for (std::size_t row = 0; row < classes_.size(); ++row) {
      csv += quoted(classes_[row]);
      for (std::size_t column = 0; column < classes_.size(); ++column) csv += message(',', cell(row, column));
      csv += "\n";
    }
    return csv;
  }

 private:
  std::int64_t cell(std::size_t row, std::size_t column) const { return counts_[row * classes_.size() + column]; }

  std::size_t position(std::int64_t actual, std::int64_t predicted) const {
    const auto size = static_cast<std::int64_t>(classes_.size());
    if (actual < 0 || actual >= size || predicted < 0 || predicted >= size)
      throw IndexError(message("confusion: classes must be from 0 to ", size - 1, ", got true ", actual, " and predicted ", predicted));
    return static_cast<std::size_t>(actual * size + predicted);
  }

  static std::string share(std::int64_t part, std::int64_t whole) {
    if (whole == 0) return "-";
    const double percent = 100 * static_cast<double>(part) / static_cast<double>(whole);
    char text[16];
    std::snprintf(text, sizeof text, percent < 99.95 ? "%.1f%%" : "%.0f%%", percent);  // five characters, a column's width
    return text;
  }

  static std::string fit(std::string_view text, std::size_t width, bool right) {
    std::string cut(text.substr(0, width));
    return right ? std::string(width - cut.size(), ' ') + cut : cut + std::string(width - cut.size(), ' ');
  }

  static std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string result = "\"";
    for (char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
    return result + "\"";
  }

  std::vector<std::string> classes_;
  std::vector<std::int64_t> counts_;
};

}  // namespace tapestry::examples
