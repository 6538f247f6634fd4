// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/winograd.hpp>

#include <set>
#include <vector>

#include "convolution_cases.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

cpu_kernels::WinogradOrder order_of(Index batch, Index height, Index width, Index side) { return {batch, {height, side}, {width, side}}; }

}  // namespace

TEST_CASE("tiles that have a plane follow one another, and each tile has its place") {
  for (const Index side : {4, 6})
    for (Index height = 1; height <= 14; ++height)
      for (Index width = 1; width <= 14; ++width) {
        const auto order = order_of(3, height, width, side);
        INFO(height << " x " << width << " results in tiles of " << side);
        std::set<Index> seen;
        Index products = 0;
        for (Index place = 0; place < order.count; ++place) {
          const auto tile = order.tile(place);
          REQUIRE((tile.image >= 0 && tile.image < 3 && tile.row >= 0 && tile.row * side < height && tile.column >= 0 && tile.column * side < width));
          seen.insert((tile.image * 20 + tile.row) * 20 + tile.column);
          for (Index plane = 0; plane < (side + 2) * (side + 2); ++plane) {
            const auto [begin, end] = order.places(plane);
            REQUIRE(order.has(tile, plane) == (place >= begin && place < end));
            products += order.has(tile, plane);
          }
        }
        CHECK(seen.size() == static_cast<std::size_t>(order.count));
        CHECK(order.count == 3 * ((height + side - 1) / side) * ((width + side - 1) / side));
        CHECK(products == 3 * cpu_kernels::winograd_planes(height, side) * cpu_kernels::winograd_planes(width, side));
      }
}

TEST_CASE("a tile of which r results are wanted has r + 2 planes an axis") {
  CHECK(cpu_kernels::winograd_planes(14, 4) == 22);
  CHECK(cpu_kernels::winograd_planes(14, 6) == 20);
  CHECK(cpu_kernels::winograd_planes(28, 6) == 38);
  CHECK(cpu_kernels::winograd_planes(24, 6) == 32);
  CHECK(cpu_kernels::winograd_planes(3, 4) == 5);
  CHECK(cpu_kernels::winograd_planes(0, 4) == 0);
}

TEST_CASE("tiles that hang over an edge give what the plain loops do") {
  EachInstructionSet().run([] {
    for (const Index side : {4, 6})
      for (const Index channels : {5, 19})
        for (Index size = 1; size <= 13; ++size) {
          const ConvolutionCase c(convolution(2, channels, size, 14 - size, channels + 1, 3, 1, 1), static_cast<std::uint64_t>(size));
          INFO(c.g << ", tiles of " << side);
          std::vector<float> y = c.unwritten(c.dy);
          cpu_kernels::winograd_forward({.g = c.g, .w = c.w.data(), .side = side}, c.x.data(), {}, y.data());
          CHECK(error_over_rms(y, c.y()) < (side == 4 ? 3e-5 : 1e-4));
          std::vector<float> dx = c.unwritten(c.x);
          cpu_kernels::winograd_forward({.g = cpu_kernels::adjoint_geometry(c.g), .w = c.w.data(), .adjoint = true, .side = side}, c.dy.data(), {}, dx.data());
          CHECK(error_over_rms(dx, c.dx()) < (side == 4 ? 3e-5 : 1e-4));
        }
  });
}

TEST_CASE("tiles that hang over an edge are the same for any number of threads, and whether filters are few or many") {
  for (const Index side : {4, 6})
    for (const Index channels : {24, 300}) {
      const ConvolutionCase c(convolution(3, channels, 10, 9, channels + 10, 3, 1, 1), 7);
      cpu_kernels::WinogradFilters filters{.g = c.g, .w = c.w.data(), .side = side};
      std::vector<float> u(static_cast<std::size_t>(cpu_kernels::winograd_weight_size(filters))), y = c.unwritten(c.dy), kept = y, alone = y;
      cpu_kernels::winograd_forward(filters, c.x.data(), {}, y.data());
      CHECK(same_for_any_threads(c.dy, [&](float* to) { cpu_kernels::winograd_forward(filters, c.x.data(), {}, to); }));
      cpu_kernels::winograd_weight(filters, u.data());
      filters.u = u.data();
      cpu_kernels::winograd_forward(filters, c.x.data(), {}, kept.data());
      CHECK(kept == y);
      filters.g.batch = 1;  // image by image
      for (Index n = 0; n < 3; ++n) {
        const Index in = c.g.in_pixels() * channels, out = c.g.out_pixels() * c.g.out_channels;
        cpu_kernels::winograd_forward(filters, c.x.data() + n * in, {}, alone.data() + n * out);
      }
      CHECK(alone == y);
    }
}
