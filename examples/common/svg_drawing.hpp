// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "png_file.hpp"
#include "svg_text.hpp"

namespace tapestry::examples {

/// The colours that all pictures share; they differ in lightness too, so that they can be told apart without seeing colours.
namespace colour {
inline constexpr std::string_view ink = "#222222", soft = "#555555", line = "#aab2bb", paper = "#ffffff", shade = "#eef1f4";
inline constexpr std::string_view blue = "#2a6fbb", pale_blue = "#d6e5f5", orange = "#c8501e", pale_orange = "#fbdcc8", green = "#1f7a4d", pale_green = "#d3ecdf";
}  // namespace colour

struct BoxStyle {
  std::string_view fill = "none", stroke = "none";
  double width = 1;
  std::string_view dash{};
};
struct LineStyle {
  std::string_view stroke = colour::soft;
  double width = 1.5;
  std::string_view dash{};
};
struct TextStyle {
  double size = 13;
  std::string_view anchor = "middle";  ///< which point of the text lies at x: start, middle or end
  std::string_view fill = colour::ink;
  bool bold = false;
};

/// An SVG picture in the making: white paper of a fixed size, lengths in pixels, y downwards.
class SvgDrawing {
 public:
  /// `title` is what a screen reader says.
  SvgDrawing(double width, double height, std::string_view title) {
    const std::string w = detail::number(width), h = detail::number(height);
    svg_ = message("<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"", w, "\" height=\"", h,
                   "\" viewBox=\"0 0 ", w, " ", h, "\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n<title>", detail::escape_xml(title),
                   "</title>\n");
    box(0, 0, width, height, {.fill = colour::paper});
  }

  void box(double x, double y, double width, double height, const BoxStyle& style) {
    svg_ += message("<rect", at("x", x), at("y", y), at("width", width), at("height", height), " fill=\"", style.fill, "\"");
    if (style.stroke != "none") svg_ += stroke({style.stroke, style.width, style.dash});
    svg_ += "/>\n";
  }
  void line(double x1, double y1, double x2, double y2, const LineStyle& style = {}) {
    svg_ += message("<line", at("x1", x1), at("y1", y1), at("x2", x2), at("y2", y2), stroke(style), "/>\n");
  }
  /// A level arrow, its tip at x2.
  void arrow(double x1, double x2, double y, const LineStyle& style = {}) {
    line(x1, y, x2 - 5, y, style);
    svg_ += message("<path d=\"M", detail::number(x2), ",", detail::number(y), " l-8,-4.5 v9 z\" fill=\"", style.stroke, "\"/>\n");
  }
  void dot(double x, double y, double radius, std::string_view fill) {
    svg_ += message("<circle", at("cx", x), at("cy", y), at("r", radius), " fill=\"", fill, "\"/>\n");
  }
  /// y is the line that the letters stand on.
  void text(double x, double y, std::string_view words, const TextStyle& style = {}) {
    svg_ += message("<text", at("x", x), at("y", y), at("font-size", style.size), " text-anchor=\"", style.anchor, "\" fill=\"", style.fill, "\"",
                    style.bold ? " font-weight=\"bold\"" : "", ">", detail::escape_xml(words), "</text>\n");
  }
  /// Pixels as squares of `zoom`; nothing is smoothed, since each of them is a number.
  void image(double x, double y, const Image& pixels, Index zoom) {
    const Image large = enlarged(pixels, zoom);
    svg_ += message("<image", at("x", x), at("y", y), at("width", static_cast<double>(large.width)), at("height", static_cast<double>(large.height)),
                    " xlink:href=\"data:image/png;base64,", base64(encode_png(large)), "\"/>\n");
  }

  /// What is drawn between these belongs together, under a name.
  void begin_group(std::string_view name) { svg_ += message("<g id=\"", detail::escape_xml(name), "\">\n"); }
  void end_group() { svg_ += "</g>\n"; }

  std::string str() const { return svg_ + "</svg>\n"; }
  /// Throws   FileError if it cannot be written.
  void save(const std::filesystem::path& path) const {
    std::ofstream file(path, std::ios::binary);
    file << str();
    file.close();
    if (!file) throw FileError(message("picture: cannot write ", path.string(), ": ", std::strerror(errno)));
  }

 private:
  static std::string at(std::string_view name, double value) {
    std::string digits = detail::number(value);
    if (digits.ends_with(".0")) digits.resize(digits.size() - 2);
    return message(" ", name, "=\"", digits, "\"");
  }
  static std::string stroke(const LineStyle& style) {
    return message(" stroke=\"", style.stroke, "\"", at("stroke-width", style.width), style.dash.empty() ? "" : message(" stroke-dasharray=\"", style.dash, "\""));
  }
  std::string svg_;
};

}  // namespace tapestry::examples
