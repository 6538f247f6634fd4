// SPDX-License-Identifier: MIT
#include <tapestry/data/resize.hpp>

#include "resize_golden.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

/// The bytes that make_resize_golden.py calls `noise` and `extreme`.
std::vector<std::uint8_t> image_bytes(bool extreme, Index count) {
  std::uint32_t state = 1;
  std::vector<std::uint8_t> bytes;
  for (Index i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    const std::uint32_t value = state >> 24;
    bytes.push_back(static_cast<std::uint8_t>(!extreme ? value : value % 2 != 0 ? 255 : 0));
  }
  return bytes;
}

std::uint64_t checksum(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (std::uint8_t byte : bytes) value = (value ^ byte) * 0x100000001B3u;
  return value;
}

}  // namespace

TEST_CASE("Resize gives Pillow's bytes", "[data]") {
  REQUIRE(resize_golden::cases.size() >= 15);
  for (const auto& c : resize_golden::cases) {
    CAPTURE(c.channels, c.extreme, c.height, c.width, c.new_height, c.new_width);
    const Image image{c.height, c.width, c.channels, image_bytes(c.extreme, Index{c.height} * c.width * c.channels)};
    const Image result = Resize(Size2(c.new_height, c.new_width))(image);
    CHECK(result.height == c.new_height);
    CHECK(result.width == c.new_width);
    CHECK(result.channels == c.channels);
    if (!c.pixels.empty()) CHECK(result.pixels == c.pixels);
    CHECK(checksum(result.pixels) == c.checksum);
  }
}

TEST_CASE("Resize of floats gives Pillow's values", "[data]") {
  for (const auto& c : resize_golden::float_cases) {
    CAPTURE(c.height, c.width, c.new_height, c.new_width);
    FloatImage image{c.height, c.width, 1, {}};
    for (std::uint8_t byte : image_bytes(false, Index{c.height} * c.width)) image.pixels.push_back(static_cast<float>(byte) / 256);
    const FloatImage result = Resize(Size2(c.new_height, c.new_width))(image);
    REQUIRE(result.pixels.size() == c.values.size());
    for (std::size_t i = 0; i < c.values.size(); ++i) CHECK(result.pixels[i] == Approx(c.values[i]).epsilon(1e-6));
  }
}

TEST_CASE("Resize treats every channel alike, however many there are", "[data]") {
  const Index channels = GENERATE(1, 2, 3, 4, 5);
  const Image image{9, 12, channels, image_bytes(false, 9 * 12 * channels)};
  const Image result = Resize({13, 7})(image);
  for (Index c = 0; c < channels; ++c) {
    Image plane{9, 12, 1, {}};
    for (Index i = c; i < 9 * 12 * channels; i += channels) plane.pixels.push_back(image.pixels[static_cast<std::size_t>(i)]);
    const Image expected = Resize({13, 7})(plane);
    for (Index i = 0; i < 13 * 7; ++i)
      REQUIRE(result.pixels[static_cast<std::size_t>(i * channels + c)] == expected.pixels[static_cast<std::size_t>(i)]);
  }
}

TEST_CASE("Resize by one number keeps the ratio as torchvision does", "[data]") {
  CHECK(Resize(44).output_size(32, 32) == Size2(44, 44));
  CHECK(Resize(256).output_size(375, 500) == Size2(256, 341));  // 341.33
  CHECK(Resize(256).output_size(500, 375) == Size2(341, 256));
  CHECK(Resize(224).output_size(480, 641) == Size2(224, 299));  // 299.13
  CHECK(Resize(5).output_size(1, 1) == Size2(5, 5));
  CHECK(Resize({20, 30}).output_size(7, 3) == Size2(20, 30));
  CHECK(Resize(44).describe() == "Resize(44)");
  CHECK(Resize({20, 30}).describe() == "Resize(20, 30)");
}

TEST_CASE("Resize refuses what has no pixels", "[data]") {
  CHECK_THROWS_WITH(Resize(0), "Resize: size must be at least 1, got 0");
  CHECK_THROWS_WITH(Resize({4, -1}), "Resize: size must be at least 1, got (4, -1)");
  CHECK_THROWS_AS(Resize(4)(Image{}), ShapeError);
  CHECK_THROWS_WITH(Resize(4)(Image{2, 2, 3, {1, 2, 3}}), "Resize: image of 2x2x3 holds 3 values instead of 12");
}
