// SPDX-License-Identifier: MIT
#include "../../examples/common/matrix_drawing.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {
bool has(const SvgDrawing& drawing, std::string_view text) { return drawing.str().find(text) != std::string::npos; }
}  // namespace

TEST_CASE("a drawing is white paper of its size, with a title for those who cannot see it") {
  const SvgDrawing drawing(120, 80, "cats & <dogs>");
  CHECK(drawing.str().starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  CHECK(has(drawing, "viewBox=\"0 0 120.0 80.0\""));
  CHECK(has(drawing, "<title>cats &amp; &lt;dogs&gt;</title>"));
  CHECK(has(drawing, "<rect x=\"0\" y=\"0\" width=\"120\" height=\"80\" fill=\"#ffffff\"/>"));
  CHECK(drawing.str().ends_with("</svg>\n"));
}

TEST_CASE("shapes stand where they are put") {
  SvgDrawing drawing(100, 100, "shapes");
  drawing.box(1, 2.25, 3, 4, {.fill = "red", .stroke = "blue", .width = 2, .dash = "2 2"});
  CHECK(has(drawing, "<rect x=\"1\" y=\"2.2\" width=\"3\" height=\"4\" fill=\"red\" stroke=\"blue\" stroke-width=\"2\" stroke-dasharray=\"2 2\"/>"));
  drawing.line(1, 2, 3, 4, {.stroke = "green", .width = 1});
  CHECK(has(drawing, "<line x1=\"1\" y1=\"2\" x2=\"3\" y2=\"4\" stroke=\"green\" stroke-width=\"1\"/>"));
  drawing.text(5, 6, "a < b", {.size = 12, .anchor = "end", .fill = "black", .bold = true});
  CHECK(has(drawing, "<text x=\"5\" y=\"6\" font-size=\"12\" text-anchor=\"end\" fill=\"black\" font-weight=\"bold\">a &lt; b</text>"));
  drawing.arrow(10, 30, 50);
  CHECK(has(drawing, "<path d=\"M30.0,50.0"));
}

TEST_CASE("an image inside a drawing holds its pixels, enlarged") {
  SvgDrawing drawing(100, 100, "image");
  const Image pixels{1, 2, 3, {255, 0, 0, 0, 0, 255}};
  drawing.image(10, 20, pixels, 4);
  CHECK(has(drawing, "<image x=\"10\" y=\"20\" width=\"8\" height=\"4\" xlink:href=\"data:image/png;base64,iVBORw0KGgo"));
  CHECK(has(drawing, base64(encode_png(enlarged(pixels, 4)))));
}

TEST_CASE("a matrix is drawn number by number") {
  SvgDrawing drawing(200, 100, "matrix");
  draw_matrix(drawing, "numbers", {10, 20, 30}, tensor({{1, -2}, {0.25, 0}}), [](Index i, Index j) { return i == 1 && j == 0 ? CellStyle{"yellow", "red", true} : CellStyle{}; });
  const std::string svg = drawing.str();
  const auto at = [&](std::string_view text) { return svg.find(text); };
  REQUIRE(at("<g id=\"numbers\">") != std::string::npos);
  CHECK(at(">1</text>") < at(">-2</text>"));
  CHECK(at(">-2</text>") < at(">0.25</text>"));
  CHECK(at(">0.25</text>") < at(">0</text>"));
  CHECK(has(drawing, "<rect x=\"10\" y=\"50\" width=\"30\" height=\"30\" fill=\"yellow\""));
  CHECK(has(drawing, "fill=\"red\" font-weight=\"bold\">0.25</text>"));
}

TEST_CASE("short numbers") {
  CHECK(short_number(3) == "3");
  CHECK(short_number(-1) == "-1");
  CHECK(short_number(-0.0) == "0");
  CHECK(short_number(0.125) == "0.12");
}

TEST_CASE("a drawing that cannot be written is refused") {
  const ::Scratch scratch;
  const SvgDrawing drawing(10, 10, "x");
  drawing.save(scratch / "x.svg");
  CHECK(read_text(scratch / "x.svg") == drawing.str());
  CHECK(error_of<FileError>([&] { drawing.save(scratch / "no folder" / "x.svg"); }).find("picture: cannot write") != std::string::npos);
}
