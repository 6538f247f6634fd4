// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "metrics_csv.hpp"
#include "svg_text.hpp"
#include "whole_file.hpp"

namespace tapestry::examples {

/// One line of a panel: a value an epoch; what is not finite leaves a gap.
struct Curve {
  std::string name;
  std::string colour;
  std::vector<double> values;
};

/// One diagram: its curves share the epochs, which count from `first_epoch`.
struct Panel {
  std::string title;
  std::vector<Curve> curves;
  double lowest = -std::numeric_limits<double>::infinity();  ///< the axis never goes beyond these
  double highest = std::numeric_limits<double>::infinity();
};

namespace detail {

/// The ends of an axis and the distance of its ticks, which is 1, 2 or 5 times a power of ten.
struct Axis {
  double low, high, step;

  double ticks() const { return std::round((high - low) / step); }
  double tick(int i) const { return low + i * step; }
};

/// About `wanted` ticks, the ends being ticks, around all of low to high.
inline Axis nice_axis(double low, double high, double lowest, double highest, int wanted) {
  if (!(low <= high)) low = 0, high = 1;  // there was no finite value
  if (high - low < 1e-9 * std::max({std::abs(low), std::abs(high), 1e-6})) {  // one value, or many of the same
    const double margin = std::max(std::abs(low) * 0.1, 1e-3);
    low -= margin;
    high += margin;
  }
  const double raw = (high - low) / wanted;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double step = raw <= power * 1.0001 ? power : raw <= 2.0001 * power ? 2 * power : raw <= 5.0001 * power ? 5 * power : 10 * power;
  Axis axis{std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
  while (axis.low < lowest && axis.low + step < axis.high) axis.low += step;
  while (axis.high > highest && axis.high - step > axis.low) axis.high -= step;
  return axis;
}

/// A tick's number with the digits that its step needs: 0.35 for a step of 0.05, 2.0 for one of 0.5.
inline std::string tick_text(double value, double step) {
  char text[64];
  if (std::abs(value) < step * 1e-6) value = 0;
  const int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  if (std::abs(value) >= 1e5 || decimals > 4)
    std::snprintf(text, sizeof text, "%.3g", value);
  else
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
  std::string shortened = text;  // 1e+05 to 1e5, 1e-09 to 1e-9
  if (const auto e = shortened.find('e'); e != std::string::npos) {
    const std::size_t sign = shortened[e + 1] == '-' ? e + 2 : e + 1;
    while (shortened[sign] == '+' || (shortened[sign] == '0' && sign + 1 < shortened.size())) shortened.erase(sign, 1);
  }
  return shortened;
}

/// Where a panel's curves are drawn, in the picture's units, and what they mean there.
struct PlotArea {
  double left, top, width, height;
  Axis y;
  std::int64_t first_epoch, epochs;

  /// A single epoch lies in the middle.
  double x_of(double epoch) const {
    return epochs > 1 ? left + width * (epoch - static_cast<double>(first_epoch)) / static_cast<double>(epochs - 1) : left + width / 2;
  }
  double y_of(double value) const { return top + height * (1 - (std::clamp(value, y.low, y.high) - y.low) / (y.high - y.low)); }
};

inline std::string svg_text(double x, double y, std::string_view anchor, std::string_view kind, std::string_view text) {
  return message("<text x=\"", number(x), "\" y=\"", number(y), "\" text-anchor=\"", anchor, "\" class=\"", kind, "\">", escape_xml(text), "</text>\n");
}

inline std::string svg_line(double x1, double y1, double x2, double y2, std::string_view kind) {
  return message("<line x1=\"", number(x1), "\" y1=\"", number(y1), "\" x2=\"", number(x2), "\" y2=\"", number(y2), "\" class=\"", kind, "\"/>\n");
}

inline std::string svg_axes(const PlotArea& area) {
  std::string svg;
  for (int i = 0; i <= static_cast<int>(area.y.ticks()); ++i) {
    const double y = area.y_of(area.y.tick(i));
    svg += svg_line(area.left, y, area.left + area.width, y, i == 0 ? "axis" : "grid");
    svg += svg_text(area.left - 8, y + 4, "end", "tick", tick_text(area.y.tick(i), area.y.step));
  }
  // Epochs are whole: at most a dozen numbers, at multiples of a nice step, and the first one always.
  const double step = std::max(1.0, nice_axis(0, static_cast<double>(area.epochs), 0, 1e18, 12).step);
  const auto last = area.first_epoch + area.epochs - 1;
  for (std::int64_t epoch = area.first_epoch; epoch <= last; ++epoch) {
    const double whole = std::round(static_cast<double>(epoch) / step) * step;
    const bool multiple = std::abs(static_cast<double>(epoch) - whole) < 0.5;
    if (!multiple && epoch != area.first_epoch) continue;
    // The first number needs its room: a multiple that comes right after it is left out.
    if (epoch != area.first_epoch && static_cast<double>(epoch - area.first_epoch) < 0.6 * step) continue;
    const double x = area.x_of(static_cast<double>(epoch));
    svg += svg_line(x, area.top + area.height, x, area.top + area.height + 5, "axis");
    svg += svg_text(x, area.top + area.height + 20, "middle", "tick", std::to_string(epoch));
  }
  return svg + svg_text(area.left + area.width / 2, area.top + area.height + 40, "middle", "label", "epoch");
}

inline std::string svg_curve(const PlotArea& area, const Curve& curve) {
  std::string line, dots;
  bool drawing = false;
  const bool dotted = curve.values.size() <= 30;
  for (std::size_t i = 0; i < curve.values.size(); ++i) {
    const auto known = [&](std::size_t k) { return k < curve.values.size() && std::isfinite(curve.values[k]); };
    if (!known(i)) {
      drawing = false;
      continue;
    }
    const std::string x = number(area.x_of(static_cast<double>(area.first_epoch) + static_cast<double>(i))), y = number(area.y_of(curve.values[i]));
    line += message(drawing ? std::string_view(" L") : std::string_view(line.empty() ? "M" : " M"), x, ",", y);
    drawing = true;
    const bool alone = !known(i + 1) && (i == 0 || !known(i - 1));  // a line of one point would be invisible
    if (dotted || alone) dots += message("<circle cx=\"", x, "\" cy=\"", y, "\" r=\"3\" fill=\"", escape_xml(curve.colour), "\"/>\n");
  }
  if (line.empty()) return "";
  return message("<path d=\"", line, "\" fill=\"none\" stroke=\"", escape_xml(curve.colour), "\" stroke-width=\"2\" stroke-linejoin=\"round\"/>\n", dots);
}

inline std::string svg_panel(const Panel& panel, std::int64_t first_epoch, double left, double top, double width, double height) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  std::int64_t epochs = 1;
  for (const Curve& curve : panel.curves) {
    epochs = std::max(epochs, static_cast<std::int64_t>(curve.values.size()));
    for (double value : curve.values)
      if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  }
  const PlotArea area{left + 64, top + 56, width - 84, height - 108, nice_axis(low, high, panel.lowest, panel.highest, 5), first_epoch, epochs};

  // Title and legend lie above the axes, where no curve comes.
  std::string svg = svg_text(area.left, top + 18, "start", "heading", panel.title);
  double x = area.left;
  for (const Curve& curve : panel.curves) {
    svg += message("<line x1=\"", number(x), "\" y1=\"", number(top + 36), "\" x2=\"", number(x + 20), "\" y2=\"", number(top + 36), "\" stroke=\"",
                   escape_xml(curve.colour), "\" stroke-width=\"3\"/>\n");
    svg += svg_text(x + 26, top + 40, "start", "label", curve.name);
    x += 46 + 6.6 * static_cast<double>(curve.name.size());
  }
  svg += svg_axes(area);
  for (const Curve& curve : panel.curves) svg += svg_curve(area, curve);
  return svg;
}

}  // namespace detail

/// Two panels side by side as an SVG picture of 900 x 400.
inline std::string svg_plot(std::string_view title, const std::array<Panel, 2>& panels, std::int64_t first_epoch = 1) {
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" height=\"400\" viewBox=\"0 0 900 400\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
      "<style>.title{font-size:16px;font-weight:bold;fill:#222}.heading{font-size:14px;font-weight:bold;fill:#222}.label{font-size:12px;fill:#444}"
      ".tick{font-size:12px;fill:#444}.grid{stroke:#e4e4e4}.axis{stroke:#666}</style>\n"
      "<rect width=\"900\" height=\"400\" fill=\"#ffffff\"/>\n";
  svg += message("<title>", detail::escape_xml(title), "</title>\n");
  svg += detail::svg_text(450, 26, "middle", "title", title);
  for (std::size_t i = 0; i < 2; ++i) svg += detail::svg_panel(panels[i], first_epoch, 450 * static_cast<double>(i), 40, 450, 355);
  return svg + "</svg>\n";
}

/// The curves of a training run: losses at the left, accuracy at the right, its best value named in the legend.
inline std::string curves_svg(std::string_view title, const std::vector<MetricsRow>& rows) {
  // Rows stand at their epochs, so that one that is missing leaves a gap instead of moving the others.
  std::int64_t first = 1, last = 1;
  if (!rows.empty()) {
    first = rows.front().epoch;
    last = first;
    for (const auto& row : rows) first = std::min(first, row.epoch), last = std::max(last, row.epoch);
    if (last - first > 1'000'000) throw ValueError(message("curves: expects epochs within a million of each other, got ", first, " to ", last));
  }
  const auto column = [&](double MetricsRow::* value) {
    std::vector<double> values(static_cast<std::size_t>(last - first + 1), std::numeric_limits<double>::quiet_NaN());
    for (const auto& row : rows) values[static_cast<std::size_t>(row.epoch - first)] = row.*value;
    return values;
  };
  std::string accuracy_name = "validation";
  const MetricsRow* best = nullptr;
  for (const auto& row : rows)
    if (std::isfinite(row.valid_accuracy) && (!best || row.valid_accuracy > best->valid_accuracy)) best = &row;
  if (best) {
    char text[64];
    std::snprintf(text, sizeof text, " (best %.3f, epoch %lld)", best->valid_accuracy, static_cast<long long>(best->epoch));
    accuracy_name += text;
  }
  const std::array<Panel, 2> panels = {
      Panel{"loss", {{"train", "#2a6fbb", column(&MetricsRow::train_loss)}, {"validation", "#d9622b", column(&MetricsRow::valid_loss)}}, 0},
      Panel{"accuracy", {{accuracy_name, "#d9622b", column(&MetricsRow::valid_accuracy)}}, 0, 1}};
  return svg_plot(title, panels, first);
}

/// Writes curves.svg.
///
/// Throws   FileError if it cannot be written.
inline void write_curves(const std::filesystem::path& path, std::string_view title, const std::vector<MetricsRow>& rows) {
  write_whole_file(path, "curves", curves_svg(title, rows));
}

}  // namespace tapestry::examples
