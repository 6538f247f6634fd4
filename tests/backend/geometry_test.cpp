// SPDX-License-Identifier: MIT
#include <tapestry/backend/geometry.hpp>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("one number stands for a square") {
  CHECK(Size2(3) == Size2(3, 3));
  CHECK(Size2() == Size2(1, 1));
  CHECK(Size2(2, 3) != Size2(3, 2));
  const Size2 implicit = 5;
  CHECK(implicit == Size2(5, 5));
  CHECK(to_string(Size2(3, 1)) == "(3, 1)");
}

TEST_CASE("window_positions agrees with placing the window step by step") {
  for (Index size = 0; size < 9; ++size)
    for (Index padding = 0; padding < 4; ++padding)
      for (Index kernel = 1; kernel < 5; ++kernel)
        for (Index stride = 1; stride < 4; ++stride)
          for (Index dilation = 1; dilation < 4; ++dilation) {
            Index placed = 0;
            for (Index start = 0; start + dilation * (kernel - 1) < size + padding; start += stride) ++placed;
            CAPTURE(size, padding, kernel, stride, dilation);
            REQUIRE(window_positions(size, padding, kernel, stride, dilation) == placed);
          }
  CHECK(window_positions(32, 0, 3, 1, 1) == 30);
  CHECK(window_positions(2, 0, 3, 1, 1) == 0);
  CHECK(window_positions(2, 0, 3, 2, 1) == 0);
}

TEST_CASE("a convolution's geometry derives its sizes") {
  const ConvGeometry g{.batch = 2, .in_channels = 6, .height = 5, .width = 7, .out_channels = 4, .groups = 2, .kernel = {3, 2},
                       .stride = {2, 1}, .dilation = {1, 3}, .padding = {1, 0}, .out_height = 3, .out_width = 4};
  CHECK(g.group_in() == 3);
  CHECK(g.group_out() == 2);
  CHECK(g.taps() == 6);
  CHECK(g.patch() == 18);
  CHECK(g.in_pixels() == 35);
  CHECK(g.out_pixels() == 12);
  CHECK(g.in_row(0, 0) == -1);
  CHECK(g.in_row(2, 1) == 4);
  CHECK(g.in_column(3, 1) == 6);
  CHECK(g.with_batch(9).batch == 9);
  CHECK(g.with_batch(9).in_channels == 6);
  CHECK(g.batch == 2);
}

TEST_CASE("a pool's geometry derives its sizes") {
  const PoolGeometry g{.batch = 1, .channels = 2, .height = 4, .width = 6, .kernel = 2, .stride = {2, 3}, .dilation = {1, 2},
                       .padding = {0, 1}, .out_height = 2, .out_width = 2};
  CHECK(g.in_pixels() == 24);
  CHECK(g.out_pixels() == 4);
  CHECK(g.in_row(1, 1) == 3);
  CHECK(g.in_column(0, 0) == -1);
  CHECK(g.in_column(1, 1) == 4);
}
