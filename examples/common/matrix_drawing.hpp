// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include "svg_drawing.hpp"

namespace tapestry::examples {

/// How one number of a matrix is shown.
struct CellStyle {
  std::string_view fill = colour::paper;
  std::string_view ink = colour::ink;
  bool bold = false;
};

/// Where a matrix lies in a picture.
struct MatrixPlace {
  double x, y, cell;  ///< the upper left corner, and the side of the square that each number stands in
  double column(Index j) const { return x + cell * static_cast<double>(j); }
  double row(Index i) const { return y + cell * static_cast<double>(i); }
};

/// A number as people write it: 3, -1, 0.25.
inline std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, std::round(value) == value ? "%.0f" : "%.2f", value == 0 ? 0.0 : value);
  return text;
}

/// Draws a matrix [H, W] as a group `name`; `style(i, j)` tells how each number looks.
template <class Style>
void draw_matrix(SvgDrawing& drawing, std::string_view name, const MatrixPlace& place, const Tensor<>& values, Style style) {
  const Index height = values.dim(0), width = values.dim(1);
  drawing.begin_group(name);
  for (Index i = 0; i < height; ++i)
    for (Index j = 0; j < width; ++j) {
      const CellStyle look = style(i, j);
      drawing.box(place.column(j), place.row(i), place.cell, place.cell, {.fill = look.fill, .stroke = colour::line});
      drawing.text(place.column(j) + place.cell / 2, place.row(i) + place.cell / 2 + 4.5, short_number(static_cast<double>(values.at(i, j))),
                   {.size = 13, .fill = look.ink, .bold = look.bold});
    }
  drawing.end_group();
}
inline void draw_matrix(SvgDrawing& drawing, std::string_view name, const MatrixPlace& place, const Tensor<>& values) {
  draw_matrix(drawing, name, place, values, [](Index, Index) { return CellStyle{}; });
}

/// The outline of `height` x `width` numbers from row i and column j on.
inline void outline(SvgDrawing& drawing, const MatrixPlace& place, Index i, Index j, Index height, Index width, std::string_view stroke, double thickness = 2.5) {
  drawing.box(place.column(j), place.row(i), place.cell * static_cast<double>(width), place.cell * static_cast<double>(height),
              {.stroke = stroke, .width = thickness});
}

/// The matrix [H, W] as one image of one channel, which is what the ops on images take, and back.
inline Tensor<> as_image(const Tensor<>& matrix) { return reshape(matrix, {1, 1, matrix.dim(0), matrix.dim(1)}); }
inline Tensor<> as_matrix(const Tensor<>& image, Index channel = 0) {
  Tensor<> matrix({image.dim(2), image.dim(3)});
  for (Index i = 0; i < image.dim(2); ++i)
    for (Index j = 0; j < image.dim(3); ++j) matrix.set({i, j}, image.at(0, channel, i, j));
  return matrix;
}

}  // namespace tapestry::examples
