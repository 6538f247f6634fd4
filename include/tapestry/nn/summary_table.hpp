// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <vector>

#include "../core/shape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a model is made of and what one forward pass takes.
struct Summary {
  struct Row {
    std::string name, type;  ///< full name within the model, and the layer's class
    Index depth = 0;         ///< 0: the model itself
    Shape output;
    Index parameters = 0, trainable = 0;  ///< of the layer and all below it
    std::uint64_t flops = 0;              ///< likewise; a multiply-add counts as 2
    bool leaf = true;                     ///< calls no other layer
  };
  std::vector<Row> rows;
  Shape input;
  Index parameters = 0, trainable = 0;
  std::uint64_t flops = 0;            ///< of all convolutions and matrix products; element-wise work is not counted
  std::uint64_t parameter_bytes = 0;
  std::uint64_t activation_bytes = 0;  ///< of the results of all leaves: what training keeps, about
};

/// The summary as a table.
inline std::string to_string(const Summary& summary) {
  const auto grouped = [](std::uint64_t value) {
    std::string text = std::to_string(value);
    for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, 1, ',');
    return text;
  };
  const auto count = [&](Index value) { return grouped(static_cast<std::uint64_t>(value)); };
  std::vector<std::array<std::string, 4>> cells{{"Layer", "Output shape", "Parameters", "FLOPs"}};
  for (const auto& row : summary.rows) {
    const std::string indent(static_cast<std::size_t>(2 * row.depth), ' ');
    cells.push_back({indent + (row.name.empty() ? row.type : row.type + " (" + row.name + ")"), to_string(row.output),
                     row.parameters > 0 ? count(row.parameters) : "-", row.flops > 0 ? grouped(row.flops) : "-"});
  }
  std::array<std::size_t, 4> width{};
  for (const auto& line : cells)
    for (std::size_t i = 0; i < 4; ++i) width[i] = std::max(width[i], line[i].size());
  const std::string rule = std::string(width[0] + width[1] + width[2] + width[3] + 6, '-') + "\n";
  std::string text = rule;
  for (std::size_t n = 0; n < cells.size(); ++n) {
    const auto& line = cells[n];
    text += line[0] + std::string(width[0] - line[0].size() + 2, ' ') + line[1] + std::string(width[1] - line[1].size(), ' ');
    for (std::size_t i = 2; i < 4; ++i) text += std::string(width[i] - line[i].size() + 2, ' ') + line[i];
    text += "\n" + (n == 0 ? rule : "");
  }
  const auto megabytes = [](std::uint64_t bytes) {
    const std::uint64_t hundredths = (bytes * 100 + (1u << 19)) >> 20;
    return message(hundredths / 100, '.', hundredths % 100 < 10 ? "0" : "", hundredths % 100, " MiB");
  };
  text += rule;
  text += message("Input ", summary.input, "\nParameters ", count(summary.parameters), ", trainable ", count(summary.trainable), " (",
                  megabytes(summary.parameter_bytes), ")\nForward pass ", grouped(summary.flops), " FLOPs, activations ", megabytes(summary.activation_bytes), "\n");
  return text + rule;
}
inline std::ostream& operator<<(std::ostream& out, const Summary& summary) { return out << to_string(summary); }

}  // namespace tapestry::inline TAPESTRY_ABI
