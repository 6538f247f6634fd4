// SPDX-License-Identifier: MIT
#include <tapestry/data/normalize.hpp>

#include <limits>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("ToTensor divides by 255", "[data]") {
  Image image{1, 256, 1, {}};
  for (int i = 0; i < 256; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i));
  const FloatImage result = ToTensor()(image);
  CHECK(result.width == 256);
  for (int i = 0; i < 256; ++i) CHECK(result.pixels[static_cast<std::size_t>(i)] == static_cast<float>(i) / 255.0f);
  CHECK_THROWS_AS(ToTensor()(Image{}), ShapeError);
}

TEST_CASE("Normalize works by channel", "[data]") {
  const FloatImage image{1, 2, 2, {0.5f, 1.0f, 0.0f, 0.25f}};
  CHECK(Normalize({0.5, 0.25}, {0.5, 0.25})(image).pixels == std::vector<float>{0, 3, -1, 0});
  CHECK(Normalize({0.5}, {0.25})(image).pixels == std::vector<float>{0, 2, -2, -1});
  CHECK(Normalize({0.5, 0.25}, {0.5, 1}).describe() == "Normalize(mean=[0.5, 0.25], std=[0.5, 1])");

  CHECK_THROWS_WITH(Normalize({0.5, 0.5}, {1}), "Normalize: mean and std must have one value a channel, got 2 and 1");
  CHECK_THROWS_WITH(Normalize({}, {}), "Normalize: mean and std must have one value a channel, got 0 and 0");
  CHECK_THROWS_WITH(Normalize({0.5}, {0}), "Normalize: std must be above 0 and finite, got 0");
  CHECK_THROWS_WITH(Normalize({std::numeric_limits<double>::infinity()}, {1}), "Normalize: mean must be finite, got inf");
  CHECK_THROWS_WITH(Normalize({1, 2, 3}, {1, 2, 3})(image), "Normalize: mean has 3 channels but the image of 1x2x2 has 2");
}
