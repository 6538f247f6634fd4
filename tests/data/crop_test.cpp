// SPDX-License-Identifier: MIT
#include <tapestry/data/crop.hpp>

#include <set>

#include "support/catch.hpp"

using namespace tapestry;

namespace {
/// The values 1, 2, 3... row by row.
Image counted(Index height, Index width, Index channels = 1) {
  Image image{height, width, channels, {}};
  for (Index i = 1; i <= height * width * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i));
  return image;
}
using Bytes = std::vector<std::uint8_t>;
}  // namespace

TEST_CASE("crop takes the part asked for and fills what lies outside", "[data]") {
  CHECK(crop(counted(3, 4), 1, 1, {2, 2}).pixels == Bytes{6, 7, 10, 11});
  CHECK(crop(counted(2, 2), -1, -1, {4, 4}, std::uint8_t{9}).pixels == Bytes{9, 9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9, 9, 9, 9, 9});
  CHECK(crop(counted(2, 2, 2), 0, 1, {2, 2}).pixels == Bytes{3, 4, 0, 0, 7, 8, 0, 0});
  CHECK(crop(counted(2, 2), 5, 0, {1, 2}).pixels == Bytes{0, 0});
  CHECK(crop(counted(2, 2), 0, -7, {1, 2}).pixels == Bytes{0, 0});
  CHECK(crop(counted(2, 2), 0, 7, {1, 2}).pixels == Bytes{0, 0});
  CHECK_THROWS_WITH(crop(counted(2, 2), 0, 0, {0, 2}), "crop: size must be at least 1, got (0, 2)");
}

TEST_CASE("CenterCrop rounds its margin as torchvision does", "[data]") {
  CHECK(CenterCrop(1)(counted(1, 2)).pixels == Bytes{1});           // margin 0.5 -> 0
  CHECK(CenterCrop({1, 1})(counted(1, 4)).pixels == Bytes{3});      // 1.5 -> 2
  CHECK(CenterCrop({1, 1})(counted(1, 6)).pixels == Bytes{3});      // 2.5 -> 2
  CHECK(CenterCrop({1, 2})(counted(1, 9)).pixels == Bytes{5, 6});   // 3.5 -> 4
  CHECK(CenterCrop(2)(counted(4, 4)).pixels == Bytes{6, 7, 10, 11});
  CHECK(CenterCrop({1, 5})(counted(1, 2)).pixels == Bytes{0, 1, 2, 0, 0});  // smaller: the odd pixel goes right
  CHECK(CenterCrop({3, 1})(counted(2, 3)).pixels == Bytes{2, 5, 0});
  CHECK(CenterCrop(7).describe() == "CenterCrop(7)");
  CHECK(CenterCrop({7, 8}).describe() == "CenterCrop((7, 8))");
  CHECK_THROWS_WITH(CenterCrop(0), "CenterCrop: size must be at least 1, got (0, 0)");
}

TEST_CASE("RandomCrop reaches every place, each as often, and draws the same for the same sample", "[data]") {
  const RandomCrop transform(2, {.padding = 1});
  const Image image = counted(3, 3);
  std::vector<int> count(16);  // 4 x 4 places of a 2 x 2 window in 5 x 5 pixels
  for (Index sample = 0; sample < 3200; ++sample) {
    SampleRandom random({1, 0, static_cast<std::uint64_t>(sample)}), again = random;
    const Image part = transform(image, random);
    REQUIRE(transform(image, again) == part);
    int place = 0;
    while (place < 16 && crop(image, place / 4 - 1, place % 4 - 1, 2) != part) ++place;
    REQUIRE(place < 16);
    ++count[static_cast<std::size_t>(place)];
  }
  for (int times : count) CHECK((times > 130 && times < 270));  // 200 expected, deviation 14
}

TEST_CASE("RandomCrop's options", "[data]") {
  SampleRandom random;
  CHECK(RandomCrop(3)(counted(3, 3), random) == counted(3, 3));
  CHECK(random.uniform() == SampleRandom().uniform());  // one place only: nothing was drawn
  const Image filled = RandomCrop({1, 5}, {.pad_if_needed = true, .fill = 7})(counted(1, 1), random);
  CHECK(std::multiset<std::uint8_t>(filled.pixels.begin(), filled.pixels.end()) == std::multiset<std::uint8_t>{1, 7, 7, 7, 7});
  CHECK(RandomCrop(32, {.padding = 4}).describe() == "RandomCrop(32, padding=4)");
  CHECK(RandomCrop({8, 9}, {.padding = {0, 1}, .pad_if_needed = true, .fill = 0.5}).describe() ==
        "RandomCrop((8, 9), padding=(0, 1), pad_if_needed=true, fill=0.5)");

  CHECK_THROWS_WITH(RandomCrop(0), "RandomCrop: size must be at least 1, got (0, 0)");
  CHECK_THROWS_WITH(RandomCrop(2, {.padding = -1}), "RandomCrop: padding must be at least 0, got (-1, -1)");
  CHECK_THROWS_WITH(RandomCrop(6, {.padding = 1})(counted(3, 3), random),
                    "RandomCrop: size (6, 6) is larger than the image of 3x3x1 with padding (1, 1)");
  CHECK_THROWS_WITH(RandomCrop(2, {.fill = 256})(counted(3, 3), random), "RandomCrop: fill must be from 0 to 255 for bytes, got 256");
}
