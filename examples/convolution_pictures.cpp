// SPDX-License-Identifier: MIT
// Draws how convolution and pooling work, as SVG: the pictures of docs/convolution.md.
//
// Every number and every link in them is computed by the library: conv2d and max_pool2d give the values, the geometry of an op tells which pixels
// a window covers, and who is connected with whom is found by asking the op. A function here is a picture.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/matrix_drawing.hpp"

namespace tapestry::examples {

// The lecture's matrix and filter; the nine sums are 4 3 4, 2 4 3, 2 3 4.
Tensor<> lecture_matrix() { return tensor({{1, 1, 1, 0, 0}, {0, 1, 1, 1, 0}, {0, 0, 1, 1, 1}, {0, 0, 1, 1, 0}, {0, 1, 1, 0, 0}}); }
Tensor<> lecture_filter() { return tensor({{1, 0, 1}, {0, 1, 0}, {1, 0, 1}}); }

/// Larger matrices, of digits that are easily added.
Tensor<> large_matrix(Index size) {
  Tensor<> matrix({size, size});
  for (Index i = 0; i < size; ++i)
    for (Index j = 0; j < size; ++j) matrix.set({i, j}, static_cast<float>((3 * i * i + i * j * j + 2 * j + i / 2) % 5));
  return matrix;
}

/// One filter on one matrix: what is computed, and which pixels each window covers.
struct Sliding {
  Tensor<> matrix, filter;
  ConvGeometry geometry;
  Tensor<> result;

  Sliding(const Tensor<>& x, const Tensor<>& w, const Conv2dOptions& options)
      : matrix(x),
        filter(w),
        geometry(conv2d_geometry(as_image(x).shape(), as_image(w).shape(), options)),
        result(as_matrix(conv2d(as_image(x), as_image(w), {}, options))) {}

  float weight(Index u, Index v) const { return filter.at(u, v); }
  /// How matrix cell (i, j) looks while the window of output (a, b) is worked on.
  CellStyle look(Index a, Index b, Index i, Index j) const {
    for (Index u = 0; u < filter.dim(0); ++u)
      for (Index v = 0; v < filter.dim(1); ++v)
        if (geometry.in_row(a, u) == i && geometry.in_column(b, v) == j)
          return weight(u, v) != 0 ? CellStyle{colour::pale_blue, colour::ink, true} : CellStyle{colour::shade, colour::soft, false};
    return {};
  }
  /// "1·1 + 1·0 + ... = 4": a product for each tap whose weight is not 0; outside the matrix lies 0.
  std::string sum_text(Index a, Index b) const {
    std::string text;
    for (Index u = 0; u < filter.dim(0); ++u)
      for (Index v = 0; v < filter.dim(1); ++v) {
        if (weight(u, v) == 0) continue;
        const Index i = geometry.in_row(a, u), j = geometry.in_column(b, v);
        const bool inside = i >= 0 && i < matrix.dim(0) && j >= 0 && j < matrix.dim(1);
        text += message(text.empty() ? "" : " + ", short_number(static_cast<double>(weight(u, v))), "·",
                        short_number(inside ? static_cast<double>(matrix.at(i, j)) : 0.0));
      }
    return message(text, " = ", short_number(static_cast<double>(result.at(a, b))));
  }
  Index reach() const { return geometry.dilation.height * (geometry.kernel.height - 1) + 1; }
};

std::string by(Index side) { return message(side, " × ", side); }

SvgDrawing sliding_picture() {
  const Sliding s(lecture_matrix(), lecture_filter(), {});
  SvgDrawing drawing(860, 748, "A 3 x 3 filter slides over a 5 x 5 matrix, step by step");
  drawing.text(20, 28, "A 3 × 3 filter slides over a 5 × 5 matrix", {.size = 17, .anchor = "start", .bold = true});
  draw_matrix(drawing, "filter", {20, 44, 28}, s.filter,
              [&](Index u, Index v) { return s.weight(u, v) != 0 ? CellStyle{colour::pale_blue, colour::ink, true} : CellStyle{colour::shade, colour::soft, false}; });
  outline(drawing, {20, 44, 28}, 0, 0, 3, 3, colour::blue);
  const TextStyle note{.size = 14, .anchor = "start"};
  drawing.text(128, 62, "The filter. At each step it lies on nine numbers of the matrix;", note);
  drawing.text(128, 84, "number times weight, summed up, is one number of the result.", note);
  drawing.text(128, 106, "Blue: weight 1. Grey: weight 0, whose products are left out of the sums.", note);
  for (Index step = 0; step < 9; ++step) {
    const Index a = step / 3, b = step % 3;
    const double x = 20 + 282 * static_cast<double>(b), y = 150 + 200 * static_cast<double>(a);
    const MatrixPlace in{x, y + 14, 28}, out{x + 172, y + 42, 28};
    drawing.text(x, y + 4, message("step ", step + 1), {.anchor = "start", .fill = colour::soft, .bold = true});
    draw_matrix(drawing, message("step ", step + 1, " matrix"), in, s.matrix, [&](Index i, Index j) { return s.look(a, b, i, j); });
    outline(drawing, in, s.geometry.in_row(a, 0), s.geometry.in_column(b, 0), 3, 3, colour::blue);
    drawing.arrow(x + 146, x + 168, y + 84);
    // What is not computed yet stays empty.
    drawing.begin_group(message("step ", step + 1, " result"));
    for (Index n = 0; n < 9; ++n) {
      const double cx = out.column(n % 3), cy = out.row(n / 3);
      drawing.box(cx, cy, out.cell, out.cell, {.fill = n == step ? colour::pale_orange : colour::paper, .stroke = colour::line});
      if (n <= step) drawing.text(cx + 14, cy + 18.5, short_number(static_cast<double>(s.result.at(n / 3, n % 3))), {.bold = n == step});
    }
    drawing.end_group();
    outline(drawing, out, a, b, 1, 1, colour::orange);
    drawing.text(x, y + 174, s.sum_text(a, b), {.size = 14, .anchor = "start"});
  }
  return drawing;
}

SvgDrawing stride_picture() {
  SvgDrawing drawing(860, 476, "Stride 1, 2 and 3");
  for (Index k = 0; k < 3; ++k) {
    const Sliding s(large_matrix(7), lecture_filter(), {.stride = k + 1});
    const double x = 30 + 285 * static_cast<double>(k);
    const MatrixPlace in{x, 66, 27};
    const Index outputs = s.geometry.out_height;
    drawing.text(x, 26, message("stride ", k + 1), {.size = 17, .anchor = "start", .bold = true});
    drawing.text(x, 48, message("floor((7 - 3) / ", k + 1, ") + 1 = ", outputs), {.anchor = "start", .fill = colour::soft});
    // The middle of each window is filled; a pixel that no window reaches is grey.
    draw_matrix(drawing, message("stride ", k + 1, " matrix"), in, s.matrix, [&](Index i, Index j) {
      bool middle = false, seen = false;
      for (Index a = 0; a < outputs; ++a)
        for (Index b = 0; b < outputs; ++b) {
          middle = middle || (s.geometry.in_row(a, 1) == i && s.geometry.in_column(b, 1) == j);
          seen = seen || (std::abs(s.geometry.in_row(a, 1) - i) <= 1 && std::abs(s.geometry.in_column(b, 1) - j) <= 1);
        }
      return middle ? CellStyle{colour::pale_blue, colour::ink, true} : seen ? CellStyle{} : CellStyle{colour::shade, colour::soft, false};
    });
    outline(drawing, in, 0, 0, 3, 3, colour::blue);
    outline(drawing, in, s.geometry.in_row(0, 0), s.geometry.in_column(1, 0), 3, 3, colour::orange);
    const MatrixPlace out{x, 300, 27};
    drawing.text(x, 288, message("result, ", by(outputs)), {.anchor = "start", .fill = colour::soft});
    draw_matrix(drawing, message("stride ", k + 1, " result"), out, s.result, [](Index i, Index j) {
      return i > 0 || j > 1 ? CellStyle{} : CellStyle{j == 0 ? colour::pale_blue : colour::pale_orange, colour::ink, true};
    });
  }
  drawing.text(30, 464, "Filled: the middles of the windows. Framed: the first window and the second. Grey: seen by no window.", {.anchor = "start"});
  return drawing;
}

SvgDrawing padding_picture() {
  SvgDrawing drawing(860, 548, "Padding 0, 1 and 2");
  const char* effects[] = {"it shrinks", "it keeps its size", "it grows"};
  const double left[] = {30, 276, 566}, cell = 26, top = 70;
  for (Index k = 0; k < 3; ++k) {
    const Sliding s(lecture_matrix(), lecture_filter(), {.padding = k});
    const double x = left[k], border = cell * static_cast<double>(k);
    const Index padded = 5 + 2 * k, outputs = s.geometry.out_height;
    drawing.text(x, 28, message("padding ", k), {.size = 17, .anchor = "start", .bold = true});
    drawing.text(x, 52, message("5 + 2·", k, " - 3 + 1 = ", outputs, ": ", effects[k]), {.anchor = "start", .fill = colour::soft});
    const MatrixPlace around{x, top, cell}, out{x, 346, cell};
    drawing.begin_group(message("padding ", k, " zeros"));
    for (Index i = 0; i < padded; ++i)
      for (Index j = 0; j < padded; ++j)
        if (i < k || j < k || i >= 5 + k || j >= 5 + k) {
          drawing.box(around.column(j), around.row(i), cell, cell, {.fill = colour::shade, .stroke = colour::line, .dash = "2 2"});
          drawing.text(around.column(j) + cell / 2, around.row(i) + cell / 2 + 4.5, "0", {.fill = colour::soft});
        }
    drawing.end_group();
    draw_matrix(drawing, message("padding ", k, " matrix"), {x + border, top + border, cell}, s.matrix);
    outline(drawing, around, s.geometry.in_row(0, 0) + k, s.geometry.in_column(0, 0) + k, 3, 3, colour::blue);
    drawing.text(x, 334, message("result, ", by(outputs)), {.anchor = "start", .fill = colour::soft});
    draw_matrix(drawing, message("padding ", k, " result"), out, s.result,
                [](Index i, Index j) { return i == 0 && j == 0 ? CellStyle{colour::pale_orange, colour::ink, true} : CellStyle{}; });
    outline(drawing, out, 0, 0, 1, 1, colour::orange);
  }
  return drawing;
}

SvgDrawing dilation_picture() {
  SvgDrawing drawing(860, 556, "Dilation 1, 2 and 3");
  for (Index k = 0; k < 3; ++k) {
    const Sliding s(large_matrix(9), lecture_filter(), {.dilation = k + 1});
    const double x = 24 + 280 * static_cast<double>(k);
    const MatrixPlace in{x, 66, 27};
    const Index outputs = s.geometry.out_height, middle = outputs / 2, reach = s.reach();
    drawing.text(x, 26, message("dilation ", k + 1), {.size = 17, .anchor = "start", .bold = true});
    drawing.text(x, 48, message("receptive field ", k + 1, "·(3 - 1) + 1 = ", reach, ": ", by(reach)), {.anchor = "start", .fill = colour::soft});
    const Index first = s.geometry.in_row(middle, 0), last = s.geometry.in_row(middle, 2);
    draw_matrix(drawing, message("dilation ", k + 1, " matrix"), in, s.matrix, [&](Index i, Index j) {
      for (Index u = 0; u < 3; ++u)
        for (Index v = 0; v < 3; ++v)
          if (s.geometry.in_row(middle, u) == i && s.geometry.in_column(middle, v) == j)
            return s.weight(u, v) != 0 ? CellStyle{colour::blue, colour::paper, true} : CellStyle{"#8fb4dc", colour::ink, true};
      const bool under = i >= first && i <= last && j >= first && j <= last;
      return under ? CellStyle{colour::shade, colour::soft, false} : CellStyle{};
    });
    outline(drawing, in, first, first, reach, reach, colour::blue);
    drawing.text(x, 332, s.sum_text(middle, middle), {.size = 14, .anchor = "start"});
    drawing.text(x, 354, message("result, ", by(outputs)), {.anchor = "start", .fill = colour::soft});
    draw_matrix(drawing, message("dilation ", k + 1, " result"), {x, 366, 22}, s.result, [&](Index i, Index j) {
      return i == middle && j == middle ? CellStyle{colour::pale_orange, colour::ink, true} : CellStyle{};
    });
  }
  drawing.text(24, 544, "Dark: the taps of weight 1. Lighter: those of weight 0. The frame: all that this one number of the result can depend on.",
               {.anchor = "start"});
  return drawing;
}

SvgDrawing pooling_picture() {
  const Tensor<> matrix = tensor({{1, 3, 2, 0, 5, 4}, {4, 2, 1, 1, 3, 2}, {0, 1, 7, 3, 0, 1}, {2, 6, 4, 5, 2, 2}, {3, 3, 1, 0, 4, 8}, {1, 2, 0, 2, 6, 1}});
  const Tensor<> x = as_image(matrix).requires_grad(true);
  Tensor<Index> winners;
  const Tensor<> dy_matrix = tensor({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
  Tape tape;
  const Tensor<> y = max_pool2d(x, 2, {}, &winners);
  tape.backward(y, as_image(dy_matrix));

  const auto is_winner = [&](Index i, Index j) { return winners.at(0, 0, i / 2, j / 2) == i * 6 + j; };
  const auto tint = [](Index i, Index j) { return (i + j) % 2 ? colour::paper : colour::shade; };
  SvgDrawing drawing(860, 300, "2 × 2 max pooling");
  const auto windows = [&](const MatrixPlace& place) {
    for (Index i = 0; i < 3; ++i)
      for (Index j = 0; j < 3; ++j) outline(drawing, place, 2 * i, 2 * j, 2, 2, colour::soft, 1.5);
  };
  drawing.text(24, 28, "Forward: the largest of each window", {.size = 15, .anchor = "start", .bold = true});
  const MatrixPlace in{24, 72, 30}, out{254, 117, 30};
  drawing.text(24, 60, "x, winners marked", {.anchor = "start", .fill = colour::soft});
  draw_matrix(drawing, "max x", in, matrix, [&](Index i, Index j) {
    return is_winner(i, j) ? CellStyle{colour::blue, colour::paper, true} : CellStyle{tint(i / 2, j / 2), colour::soft, false};
  });
  windows(in);
  drawing.arrow(212, 246, 162);
  drawing.text(254, 105, "y", {.anchor = "start", .fill = colour::soft});
  draw_matrix(drawing, "max y", out, as_matrix(y), [&](Index i, Index j) { return CellStyle{tint(i, j), colour::ink, true}; });

  drawing.text(474, 28, "Backward: the gradient goes to the winner", {.size = 15, .anchor = "start", .bold = true});
  const MatrixPlace dy{474, 117, 30}, dx{612, 72, 30};
  drawing.text(474, 105, "dy", {.anchor = "start", .fill = colour::soft});
  draw_matrix(drawing, "max dy", dy, dy_matrix, [&](Index i, Index j) { return CellStyle{tint(i, j), colour::ink, true}; });
  drawing.arrow(570, 604, 162);
  drawing.text(612, 60, "dx", {.anchor = "start", .fill = colour::soft});
  draw_matrix(drawing, "max dx", dx, as_matrix(x.grad()), [&](Index i, Index j) {
    return is_winner(i, j) ? CellStyle{colour::pale_orange, colour::ink, true} : CellStyle{tint(i / 2, j / 2), colour::soft, false};
  });
  windows(dx);
  drawing.text(24, 284, "Among equals the first wins. There is nothing to learn: a pooling layer has no parameters.", {.anchor = "start"});
  return drawing;
}

SvgDrawing channels_picture() {
  const Tensor<> planes[] = {tensor({{1, 2, 0, 1}, {0, 1, 3, 1}, {2, 0, 1, 0}, {1, 1, 0, 2}}), tensor({{0, 1, 1, 0}, {2, 0, 1, 1}, {1, 3, 0, 2}, {0, 1, 2, 0}}),
                             tensor({{2, 0, 1, 1}, {1, 1, 0, 2}, {0, 2, 1, 0}, {3, 0, 1, 1}})};
  const Tensor<> slices[] = {tensor({{1, 0}, {0, 1}}), tensor({{0, 1}, {-1, 0}}), tensor({{1, 1}, {0, 0}})};
  const char* names[] = {"red", "green", "blue"};
  const std::string_view inks[] = {"#b3261e", colour::green, colour::blue}, pales[] = {"#f9dcd9", colour::pale_green, colour::pale_blue};
  const Tensor<> x = concat({as_image(planes[0]), as_image(planes[1]), as_image(planes[2])}, 1);
  const Tensor<> weight = concat({as_image(slices[0]), as_image(slices[1]), as_image(slices[2])}, 1);
  const Tensor<> bias = tensor({2});
  const Tensor<> y = as_matrix(conv2d(x, weight, bias));

  SvgDrawing drawing(860, 500, "One filter over three channels");
  drawing.text(24, 28, "One filter over three channels: a slice for each, one sum", {.size = 17, .anchor = "start", .bold = true});
  const TextStyle heading{.anchor = "start", .fill = colour::soft};
  drawing.text(24, 58, "image [3, 4, 4]", heading);
  drawing.text(236, 58, "filter [3, 2, 2]", heading);
  drawing.text(384, 58, "slice by slice", heading);
  for (Index c = 0; c < 3; ++c) {
    const double top = 72 + 140 * static_cast<double>(c), middle = top + 56;
    const MatrixPlace in{24, top, 28}, slice{236, middle - 28, 28}, part{384, middle - 42, 28};
    draw_matrix(drawing, message("channel ", c, " matrix"), in, planes[c],
                [&](Index i, Index j) { return i < 2 && j < 2 ? CellStyle{pales[c], colour::ink, true} : CellStyle{}; });
    outline(drawing, in, 0, 0, 2, 2, inks[c]);
    drawing.text(146, middle + 4.5, names[c], {.anchor = "start", .fill = inks[c], .bold = true});
    drawing.text(216, middle + 6, "*", {.size = 20});
    draw_matrix(drawing, message("channel ", c, " filter"), slice, slices[c], [&](Index, Index) { return CellStyle{pales[c], colour::ink, true}; });
    outline(drawing, slice, 0, 0, 2, 2, inks[c]);
    drawing.text(340, middle + 5, "=", {.size = 18});
    draw_matrix(drawing, message("channel ", c, " part"), part, as_matrix(conv2d(as_image(planes[c]), as_image(slices[c]))),
                [&](Index i, Index j) { return i + j == 0 ? CellStyle{pales[c], colour::ink, true} : CellStyle{}; });
    drawing.line(476, middle, 540, 268, {.stroke = inks[c]});
  }
  drawing.dot(552, 268, 14, colour::soft);
  drawing.text(552, 274, "+", {.size = 18, .fill = colour::paper, .bold = true});
  drawing.line(552, 200, 552, 254);
  drawing.text(552, 192, message("bias ", short_number(static_cast<double>(bias.item()))));
  drawing.arrow(568, 602, 268);
  const MatrixPlace out{610, 226, 28};
  drawing.text(610, 214, "result [1, 3, 3]", heading);
  draw_matrix(drawing, "channels result", out, y, [](Index i, Index j) { return i + j == 0 ? CellStyle{colour::pale_orange, colour::ink, true} : CellStyle{}; });
  outline(drawing, out, 0, 0, 1, 1, colour::orange);
  std::string sum;
  for (Index c = 0; c < 3; ++c) {
    const double part = static_cast<double>(conv2d(as_image(planes[c]), as_image(slices[c])).at(0, 0, 0, 0));
    sum += message(c == 0 ? "" : part < 0 ? " - " : " + ", short_number(c == 0 ? part : std::abs(part)));
  }
  drawing.text(610, 336, message(sum, " + ", short_number(static_cast<double>(bias.item())), " = ", short_number(static_cast<double>(y.at(0, 0)))),
               {.size = 14, .anchor = "start"});
  drawing.text(610, 366, "A second filter would give", heading);
  drawing.text(610, 384, "a second channel of the result.", heading);
  return drawing;
}

/// Whether the filter's output changes when something changes in the channel: found by trying.
bool linked(Conv2d<>& layer, Index channels, Index channel, Index filter) {
  Tensor<> x = zeros({1, channels, 3, 3});
  const float before = layer(x).at(0, filter, 0, 0);
  x.set({0, channel, 1, 1}, 1);
  return layer(x).at(0, filter, 0, 0) != before;
}

SvgDrawing groups_picture() {
  SvgDrawing drawing(860, 300, "Groups: 1, 2 and 4");
  const std::string_view inks[] = {colour::blue, colour::orange, colour::green, "#7a4aa0"};
  for (Index k = 0; k < 3; ++k) {
    const Index groups = Index{1} << k;
    Conv2d<> layer(4, 4, {.kernel = 3, .groups = groups, .bias = false});
    layer.weight.fill(1);
    const double x = 30 + 285 * static_cast<double>(k);
    drawing.text(x, 28, message("groups ", groups, groups == 1 ? ": all to all" : groups == 4 ? ": depthwise" : ": two halves"), {.size = 17, .anchor = "start", .bold = true});
    drawing.text(x, 50, message("weight ", layer.weight.shape()), {.anchor = "start", .fill = colour::soft});
    drawing.text(x + 14, 76, "channels");
    drawing.text(x + 194, 76, "filters");
    drawing.begin_group(message("groups ", groups));
    for (Index c = 0; c < 4; ++c)
      for (Index o = 0; o < 4; ++o)
        if (linked(layer, 4, c, o))
          drawing.line(x + 30, 102 + 44 * static_cast<double>(c), x + 178, 102 + 44 * static_cast<double>(o), {.stroke = inks[c * groups / 4], .width = 2});
    drawing.end_group();
    for (Index n = 0; n < 4; ++n) {
      const double y = 86 + 44 * static_cast<double>(n);
      for (double side : {x - 2, x + 178}) {
        drawing.box(side, y, 32, 32, {.fill = colour::paper, .stroke = inks[n * groups / 4], .width = 2.5});
        drawing.text(side + 16, y + 21, message(n), {.size = 14, .bold = true});
      }
    }
    drawing.text(x, 284, message(layer.weight.numel(), " weights"), {.size = 14, .anchor = "start", .bold = true});
  }
  return drawing;
}

SvgDrawing im2col_picture() {
  const Tensor<> matrix = tensor({{1, 2, 0, 3}, {0, 1, 3, 1}, {2, 0, 1, 0}, {1, 4, 0, 2}}), filter = tensor({{1, 2}, {3, 4}});
  const Sliding s(matrix, filter, {});
  Tensor<> patches({s.geometry.out_pixels(), s.geometry.patch()});
  backend<float>(cpu()).im2col(s.geometry, 0, as_image(matrix).data(), patches.mutable_data());
  const Tensor<> column = reshape(filter, {4, 1}), product = matmul(patches, column);

  SvgDrawing drawing(860, 338, "im2col: a convolution as one matrix product");
  drawing.text(24, 28, "im2col: each window becomes a row; then it is one matrix product", {.size = 17, .anchor = "start", .bold = true});
  const auto pick = [](bool first, bool second) {
    return first ? CellStyle{colour::pale_blue, colour::ink, true} : second ? CellStyle{colour::pale_orange, colour::ink, true} : CellStyle{};
  };
  const TextStyle heading{.anchor = "start", .fill = colour::soft};
  const MatrixPlace in{24, 126, 28}, rows{216, 76, 27}, weights{404, 144, 27}, sums{520, 76, 27}, back{672, 140, 28};
  drawing.text(24, 114, "matrix 4 × 4", heading);
  draw_matrix(drawing, "im2col matrix", in, matrix, [&](Index i, Index j) { return pick(i < 2 && j < 2, false); });
  outline(drawing, in, 0, 0, 2, 2, colour::blue);
  outline(drawing, in, 2, 2, 2, 2, colour::orange);
  drawing.arrow(146, 206, 182);
  drawing.text(176, 172, "im2col");
  drawing.text(216, 64, "patches 9 × 4", heading);
  draw_matrix(drawing, "im2col patches", rows, patches, [&](Index i, Index) { return pick(i == 0, i == 8); });
  outline(drawing, rows, 0, 0, 1, 4, colour::blue);
  outline(drawing, rows, 8, 0, 1, 4, colour::orange);
  drawing.text(364, 205, "×", {.size = 18});
  drawing.text(382, 132, "filter 4 × 1", heading);
  draw_matrix(drawing, "im2col filter", weights, column);
  drawing.text(476, 204, "=", {.size = 18});
  drawing.text(500, 64, "sums 9 × 1", heading);
  draw_matrix(drawing, "im2col sums", sums, product, [&](Index i, Index) { return pick(i == 0, i == 8); });
  drawing.arrow(558, 662, 182);
  drawing.text(608, 172, "read as 3 × 3");
  drawing.text(672, 128, "result", heading);
  draw_matrix(drawing, "im2col result", back, s.result, [&](Index i, Index j) { return pick(i + j == 0, i + j == 4); });
  return drawing;
}

/// A cut through layers: one row of neurons a layer, and which of them one neuron at the top depends on, told by its gradient.
SvgDrawing receptive_field_picture() {
  constexpr Index size = 20;
  struct Stage {
    std::string name;
    Tensor<> y;
  };
  std::vector<Stage> stages{{"input", zeros({1, 1, 1, size}).requires_grad(true)}};
  // Ones as weights: then every path counts, and an average stands for the maximum, whose gradient would show the winner alone.
  const Tensor<> w = ones({1, 1, 1, 3});
  Tape tape;
  stages.push_back({"3-wide convolution", conv2d(stages.back().y, w)});
  stages.push_back({"3-wide convolution", conv2d(stages.back().y, w)});
  stages.push_back({"pooling by 2", avg_pool2d(stages.back().y, Size2(1, 2))});
  stages.push_back({"3-wide convolution", conv2d(stages.back().y, w)});
  for (const Stage& stage : stages) stage.y.retain_grad();
  const Index chosen = stages.back().y.dim(3) / 2;
  Tensor<> seed = zeros(stages.back().y.shape());
  seed.set({0, 0, 0, chosen}, 1);
  tape.backward(stages.back().y, seed);

  SvgDrawing drawing(860, 390, "The receptive field grows from layer to layer");
  drawing.text(24, 28, "What one number of the last layer has seen", {.size = 17, .anchor = "start", .bold = true});
  const double cell = 25, left = 40;
  std::vector<double> starts, steps;  // where a layer's numbers lie: in the middle of what they see
  starts.push_back(left);
  steps.push_back(cell);
  for (std::size_t n = 1; n < stages.size(); ++n) {
    const bool pool = n == 3;
    starts.push_back(starts.back() + steps.back() * (pool ? 0.5 : 1.0));
    steps.push_back(steps.back() * (pool ? 2 : 1));
  }
  const auto middle = [&](std::size_t n, Index i) { return starts[n] + steps[n] * static_cast<double>(i) + cell / 2; };
  const auto top = [](std::size_t n) { return 330 - 68 * static_cast<double>(n); };
  const auto seen = [&](std::size_t n, Index i) { return stages[n].y.grad().at(0, 0, 0, i) != 0; };
  for (std::size_t n = 1; n < stages.size(); ++n) {
    const Index taps = n == 3 ? 2 : 3, stride = n == 3 ? 2 : 1;
    for (Index i = 0; i < stages[n].y.dim(3); ++i)
      for (Index t = 0; t < taps; ++t) {
        const bool path = seen(n, i);
        drawing.line(middle(n, i), top(n) + cell, middle(n - 1, i * stride + t), top(n - 1),
                     {.stroke = path ? colour::blue : std::string_view("#dde1e6"), .width = path ? 1.6 : 1.0});
      }
  }
  for (std::size_t n = 0; n < stages.size(); ++n) {
    drawing.begin_group(message("layer ", n));
    Index count = 0;
    for (Index i = 0; i < stages[n].y.dim(3); ++i) {
      const bool part = n + 1 == stages.size() ? i == chosen : seen(n, i);
      count += part;
      drawing.box(middle(n, i) - cell / 2 + 1.5, top(n), cell - 3, cell, {.fill = !part ? colour::paper : n == 0 ? colour::pale_orange : colour::pale_blue,
                                                                           .stroke = !part ? colour::line : n == 0 ? colour::orange : colour::blue, .width = part ? 2.0 : 1.0});
    }
    drawing.end_group();
    drawing.text(560, top(n) + 11, stages[n].name, {.size = 14, .anchor = "start", .bold = true});
    drawing.text(560, top(n) + 28, n + 1 == stages.size() ? "one number" : message("it depends on ", count, n == 0 ? " pixels" : " of these"), {.anchor = "start", .fill = colour::soft});
  }
  return drawing;
}

int main(int argc, char** argv) {
  CLI::App app("Draws how convolution and pooling work: the pictures of docs/convolution.md, as SVG.", "convolution_pictures");
  std::string out;
  app.add_option("--out", out, "folder that the pictures are written to")->required();
  CLI11_PARSE(app, argc, argv);

  const std::pair<const char*, SvgDrawing (*)()> pictures[] = {
      {"sliding", sliding_picture}, {"stride", stride_picture},     {"padding", padding_picture}, {"dilation", dilation_picture},
      {"groups", groups_picture},   {"channels", channels_picture}, {"pooling", pooling_picture}, {"im2col", im2col_picture},
      {"receptive_field", receptive_field_picture}};
  std::filesystem::create_directories(out);
  for (const auto& [name, draw] : pictures) {
    const auto path = std::filesystem::path(out) / message(name, ".svg");
    draw().save(path);
    std::printf("%s\n", path.c_str());
  }
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "convolution_pictures: %s\n", error.what());
  return 1;
}
