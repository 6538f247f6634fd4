// SPDX-License-Identifier: MIT
#include <tapestry/data/transform.hpp>

#include <tapestry/data/crop.hpp>
#include <tapestry/data/flip.hpp>
#include <tapestry/data/normalize.hpp>
#include <tapestry/data/resize.hpp>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("Compose runs transforms in order and names them", "[data]") {
  const Compose compose(Resize(2), CenterCrop(1), ToTensor(), Normalize({0.5}, {0.5}));
  CHECK(compose.describe() == "Compose(Resize(2), CenterCrop(1), ToTensor(), Normalize(mean=[0.5], std=[0.5]))");
  SampleRandom random;
  const AnyImage result = compose(Image{4, 4, 1, std::vector<std::uint8_t>(16, 255)}, random);
  REQUIRE(std::holds_alternative<FloatImage>(result));
  CHECK(std::get<FloatImage>(result) == FloatImage{1, 1, 1, {1.0f}});

  const AnyImage same = Compose()(Image{1, 1, 1, {3}}, random);
  CHECK(std::get<Image>(same).pixels == std::vector<std::uint8_t>{3});
  const Compose nested(Compose(Resize(2)), Compose(std::vector<Transform>{CenterCrop(1)}));
  CHECK(nested.describe() == "Compose(Compose(Resize(2)), Compose(CenterCrop(1)))");
}

TEST_CASE("The draws of one sample follow each other through a Compose", "[data]") {
  const Transform draw("Draw()", [](Image image, SampleRandom& random) {
    image.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
    return image;
  });
  SampleRandom random({5, 0, 7}), expected({5, 0, 7});
  const Image result = std::get<Image>(Compose(draw, draw, draw)(Image{}, random));
  for (std::uint8_t value : result.pixels) CHECK(value == expected.below(256));
  CHECK(result.pixels.size() == 3);
}

TEST_CASE("A transform refuses the other kind of image and says what to do", "[data]") {
  SampleRandom random;
  CHECK_THROWS_WITH(Transform(Normalize({0.5}, {0.5}))(Image{1, 1, 1, {0}}, random),
                    "Normalize(mean=[0.5], std=[0.5]): expects an image of floats but got bytes (1x1x1); put ToTensor before it");
  CHECK_THROWS_AS(Transform(ToTensor())(FloatImage{1, 1, 1, {0}}, random), TypeError);
}

TEST_CASE("Any function may be a transform", "[data]") {
  SampleRandom random;
  const Transform invert("Invert()", [](Image image) {
    for (auto& value : image.pixels) value = static_cast<std::uint8_t>(255 - value);
    return image;
  });
  CHECK(std::get<Image>(invert(Image{1, 1, 2, {0, 250}}, random)).pixels == std::vector<std::uint8_t>{255, 5});
  CHECK(invert.describe() == "Invert()");
  const Transform any("Same()", [](AnyImage image) { return image; });
  CHECK(std::get<FloatImage>(any(FloatImage{1, 1, 1, {2}}, random)).pixels == std::vector<float>{2});
}
