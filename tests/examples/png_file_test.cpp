// SPDX-License-Identifier: MIT
#include "../../examples/common/png_file.hpp"

#include "../../examples/common/image_file.hpp"
#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {
Image numbered(Index height, Index width, Index channels) {
  Image image{height, width, channels, {}};
  for (Index i = 0; i < height * width * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  return image;
}
}  // namespace

TEST_CASE("what is written as PNG is read as it was") {
  const Scratch scratch;
  const Image colours = numbered(5, 7, 3);
  write_png(scratch / "colours.png", colours);
  CHECK(read_image(scratch / "colours.png") == colours);

  const Image grey = numbered(3, 4, 1);
  write_png(scratch / "grey.png", grey);
  const Image read = read_image(scratch / "grey.png");
  REQUIRE(read.channels == 3);
  for (std::size_t p = 0; p < 12; ++p)
    for (std::size_t c = 0; c < 3; ++c) CHECK(read.pixels[3 * p + c] == grey.pixels[p]);
}

TEST_CASE("a PNG that cannot be is refused") {
  CHECK(error_of<ShapeError>([] { encode_png(numbered(2, 2, 4)); }) == "png: image must have 1 or 3 channels, got 2x2x4");
  CHECK(error_of<ShapeError>([] { encode_png(Image{2, 2, 3, {1, 2, 3}}); }).find("holds 3 values instead of 12") != std::string::npos);
  CHECK(error_of<ShapeError>([] { encode_png(Image{}); }) != "");
  CHECK(error_of<FileError>([] { write_png("/nowhere/at/all.png", numbered(1, 1, 3)); }).find("/nowhere/at/all.png") != std::string::npos);
}

TEST_CASE("enlarged makes a square of each pixel") {
  const Image image{1, 2, 3, {1, 2, 3, 4, 5, 6}};
  CHECK(enlarged(image, 2) == Image{2, 4, 3, {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}});
  CHECK(enlarged(image, 1) == image);
  CHECK_THROWS_AS(enlarged(image, 0), ValueError);
}

TEST_CASE("base64 is that of RFC 4648") {
  // The RFC's own examples, section 10, and bytes beyond ASCII.
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfb") == "//77");
}
