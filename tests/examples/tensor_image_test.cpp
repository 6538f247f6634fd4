// SPDX-License-Identifier: MIT
#include "../../examples/common/tensor_image.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

TEST_CASE("a map goes from black to white") {
  const Tensor<> maps = tensor({9, 9, 9, 9, -1, 0, 1, 3}, {1, 2, 2, 2});
  CHECK(map_image(maps, 0, 1) == Image{2, 2, 1, {0, 64, 128, 255}});
  CHECK(map_image(maps, 0, 0) == Image{2, 2, 1, {0, 0, 0, 0}});  // nothing to tell apart
}

TEST_CASE("a map's image is the same in either layout") {
  const Tensor<> maps = randn({2, 3, 4, 5});
  CHECK(map_image(maps, 1, 2) == map_image(in_layout(maps, Layout::channels_last), 1, 2));
}

TEST_CASE("a filter over three channels is a colour image, grey where the weight is 0") {
  const Tensor<> weight = tensor({0, 2, -2, 0, 0, 1}, {1, 3, 1, 2});  // red 0 2, green -2 0, blue 0 1
  CHECK(filter_image(weight, 0) == Image{1, 2, 3, {128, 0, 128, 255, 128, 191}});
}

TEST_CASE("a slice of another filter is orange where positive and blue where negative") {
  const Tensor<> weight = tensor({0, 4, -4, 2}, {1, 2, 1, 2});
  const Image first = filter_image(weight, 0, 0), second = filter_image(weight, 0, 1);
  CHECK(std::vector<std::uint8_t>(first.pixels.begin(), first.pixels.begin() + 3) == std::vector<std::uint8_t>{255, 255, 255});
  CHECK(first.pixels[3] > first.pixels[5]);    // more red than blue
  CHECK(second.pixels[0] < second.pixels[2]);  // more blue than red
  CHECK(second.pixels[3] > first.pixels[3]);   // half the weight is paler
}

TEST_CASE("a contact sheet has its images in order, a white line around each") {
  const Image a{1, 2, 1, {1, 2}}, b{1, 2, 1, {3, 4}}, c{1, 2, 1, {5, 6}};
  CHECK(contact_sheet({a, b, c}, 2) == Image{5, 7, 1, {255, 255, 255, 255, 255, 255, 255,  //
                                                       255, 1,   2,   255, 3,   4,   255,  //
                                                       255, 255, 255, 255, 255, 255, 255,  //
                                                       255, 5,   6,   255, 255, 255, 255,  //
                                                       255, 255, 255, 255, 255, 255, 255}});
  CHECK_THROWS_AS(contact_sheet({}, 2), ValueError);
  CHECK_THROWS_AS(contact_sheet({a, Image{1, 1, 1, {0}}}, 2), ShapeError);
}

TEST_CASE("fitted makes smaller and never larger") {
  const Image wide{2, 8, 1, std::vector<std::uint8_t>(16, 7)};
  CHECK(fitted(wide, 8) == wide);
  CHECK(fitted(wide, 4) == Image{1, 4, 1, {7, 7, 7, 7}});
  CHECK(fitted(wide, 2).height == 1);
}
