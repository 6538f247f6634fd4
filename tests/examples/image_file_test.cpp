// SPDX-License-Identifier: MIT
#include "../../examples/common/image_file.hpp"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

std::vector<std::uint8_t> gradient(int width, int height, int channels) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<std::uint8_t>(c == 3 ? 100 + x : 20 + 5 * x + 3 * y + 40 * c));
  return pixels;
}

std::string error_of_image(const std::filesystem::path& path) {
  return error_of<FileError>([&] { read_image(path); });
}

}  // namespace

TEST_CASE("a PNG is read byte for byte, rows first, channels last") {
  const Scratch scratch;
  const auto path = scratch / "a.png";
  const auto pixels = gradient(7, 5, 3);
  REQUIRE(stbi_write_png(path.c_str(), 7, 5, 3, pixels.data(), 21));
  const auto image = read_image(path);
  CHECK(image.height == 5);
  CHECK(image.width == 7);
  CHECK(image.channels == 3);
  CHECK(image.pixels == pixels);
}

TEST_CASE("grey becomes three channels, transparency is dropped") {
  const Scratch scratch;
  const auto grey = gradient(4, 3, 1);
  REQUIRE(stbi_write_png((scratch / "grey.png").c_str(), 4, 3, 1, grey.data(), 4));
  const auto from_grey = read_image(scratch / "grey.png");
  REQUIRE(from_grey.pixels.size() == 36);
  for (std::size_t p = 0; p < 12; ++p)
    for (std::size_t c = 0; c < 3; ++c) CHECK(from_grey.pixels[3 * p + c] == grey[p]);

  const auto clear = gradient(4, 3, 4);
  REQUIRE(stbi_write_png((scratch / "clear.png").c_str(), 4, 3, 4, clear.data(), 16));
  const auto from_clear = read_image(scratch / "clear.png");
  REQUIRE(from_clear.pixels.size() == 36);
  for (std::size_t p = 0; p < 12; ++p)
    for (std::size_t c = 0; c < 3; ++c) CHECK(from_clear.pixels[3 * p + c] == clear[4 * p + c]);
}

TEST_CASE("a JPEG is read, nearly as it was written") {
  const Scratch scratch;
  const auto pixels = gradient(24, 16, 3);
  REQUIRE(stbi_write_jpg((scratch / "a.jpg").c_str(), 24, 16, 3, pixels.data(), 100));
  const auto image = read_image(scratch / "a.jpg");
  CHECK(image.height == 16);
  CHECK(image.width == 24);
  REQUIRE(image.pixels.size() == pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) REQUIRE(std::abs(int{image.pixels[i]} - int{pixels[i]}) < 8);
}

TEST_CASE("a JPEG's pixels are those that torchvision gets, within 4 grey levels") {
  const std::filesystem::path folder = std::filesystem::path(TAPESTRY_TEST_DATA) / "examples/data/jpeg";
  for (const char* name : {"grey", "quality_95_444", "quality_75_422", "quality_90_420", "progressive_420"}) {
    INFO(name);
    const auto image = read_image(folder / message(name, ".jpg")), expected = read_image(folder / message(name, ".png"));
    CHECK(image.height == 61);
    CHECK(image.width == 83);
    REQUIRE(image.pixels.size() == expected.pixels.size());
    int worst = 0;
    for (std::size_t i = 0; i < image.pixels.size(); ++i) worst = std::max(worst, std::abs(int{image.pixels[i]} - int{expected.pixels[i]}));
    CHECK(worst <= 4);
  }
}

TEST_CASE("what is no whole PNG or JPEG is refused") {
  const Scratch scratch;
  const auto pixels = gradient(64, 48, 3);
  const auto png = scratch / "a.png", jpeg = scratch / "a.jpg", bad = scratch / "bad";
  REQUIRE(stbi_write_png(png.c_str(), 64, 48, 3, pixels.data(), 192));
  REQUIRE(stbi_write_jpg(jpeg.c_str(), 64, 48, 3, pixels.data(), 90));
  const std::string png_bytes = read_text(png), jpeg_bytes = read_text(jpeg);

  CHECK_THAT(error_of_image(scratch / "none.png"), contains_text("cannot open"));
  CHECK_THAT(error_of_image(scratch.path()), contains_text("is a directory"));
  write_text(bad, "");
  CHECK_THAT(error_of_image(bad), contains_text("is empty"));
  for (const std::string start : {"GIF89a.............", "BM..................", "some text"}) {
    write_text(bad, start);
    CHECK_THAT(error_of_image(bad), contains_text("is neither PNG nor JPEG"));
  }
  for (const std::size_t part : {8u, 20u, 60u}) {
    write_text(bad, png_bytes.substr(0, part));
    CHECK_THAT(error_of_image(bad), contains_text("is a damaged PNG: "));
  }
  for (const std::size_t cut : {1u, 2u, 100u, 400u}) {
    write_text(bad, jpeg_bytes.substr(0, jpeg_bytes.size() - cut));
    CHECK_THAT(error_of_image(bad), contains_text("is cut short"));
  }
  write_text(bad, jpeg_bytes.substr(0, 4) + "\xff\xd9");
  CHECK_THAT(error_of_image(bad), contains_text("is a damaged JPEG: "));
}
