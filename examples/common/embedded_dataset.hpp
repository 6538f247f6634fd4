// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>
#include <tapestry/core/random.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "cifar10.hpp"

namespace tapestry::examples {

// A data set for a machine without a network: 32 x 32 images of ten classes, drawn from the seed alone, in CIFAR-10's form.
//
// Six classes are shapes and four are textures seen through a window. Position, size, rotation and both colours are drawn
// anew for each image, and now and then a shape is darker than what lies behind it; so no pixel says much about the
// class by itself: a linear classifier stays near chance (0.17), a network has to find edges and corners first. Uneven light, a
// stray line or spot and noise keep even a good network from being right all the time.
//
// Image i is a function of (seed, i). All arithmetic is on integers: the bytes are the same on every machine.

inline constexpr std::size_t embedded_train_count = 50'000;
inline constexpr std::size_t embedded_test_count = 10'000;  // images 50,000 to 59,999: what test_batch.bin would hold
inline constexpr std::uint64_t embedded_seed = 2009;

inline std::vector<std::string> embedded_classes() {
  return {"disc", "square", "triangle", "ring", "cross", "star", "stripes", "checkers", "dots", "ripples"};
}

namespace detail {

/// The random numbers of one image, one after another.
class Draw {
 public:
  Draw(std::uint64_t seed, std::uint64_t image) : seed_(seed), image_(image) {}
  std::uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(seed_, position_++, image_);
      used_ = 0;
    }
    return block_[used_++];
  }
  /// Uniform in [low, high].
  int between(int low, int high) {
    return low + static_cast<int>((std::uint64_t{bits()} * static_cast<std::uint64_t>(high - low + 1)) >> 32);
  }

 private:
  std::uint64_t seed_, image_, position_ = 0;
  std::array<std::uint32_t, 4> block_{};
  std::size_t used_ = 4;
};

/// 1024 sin(2 pi k / 64), from a table lest a library's sine decide a byte.
inline int sine_1024(int k) {
  constexpr std::array<int, 17> quarter = {0, 100, 200, 297, 392, 483, 569, 650, 724, 792, 851, 903, 946, 980, 1004, 1019, 1024};
  k &= 63;
  const int folded = (k & 31) > 16 ? 32 - (k & 31) : (k & 31);
  return k < 32 ? quarter[static_cast<std::size_t>(folded)] : -quarter[static_cast<std::size_t>(folded)];
}

/// Whether the point lies in the class's shape. u and v are the shape's own coordinates, 256 to its radius (or a texture's period).
inline bool inside(int label, int u, int v) {
  const int square = u * u + v * v;
  switch (label) {
    case 0: return square < 225 * 225;
    case 1: return std::max(std::abs(u), std::abs(v)) < 200;
    case 2: {  // three half-planes at 120 degrees; 887 / 1024 = sin 60
      return v < 140 && 887 * std::abs(u) - 512 * v < 140 * 1024;
    }
    case 3: return square < 240 * 240 && square > 135 * 135;
    case 4: return std::min(std::abs(u), std::abs(v)) < 75 && std::max(std::abs(u), std::abs(v)) < 245;
    case 5: {  // a pentagram is where at least four of a pentagon's five sides hold; 1024 times the sides' normals
      constexpr std::array<std::array<int, 2>, 5> normals = {{{0, 1024}, {974, 316}, {602, -828}, {-602, -828}, {-974, 316}}};
      int held = 0;
      for (const auto& n : normals) held += n[0] * u + n[1] * v < 88 * 1024;
      return held >= 4;
    }
    case 6: return (u & 255) < 128;
    case 7: return ((u ^ v) & 128) != 0;
    case 8: {
      const int x = (u & 255) - 128, y = (v & 255) - 128;
      return x * x + y * y < 75 * 75;
    }
    default: {  // rings at equal distances: how many half periods does the point lie from the centre?
      int ring = 0;
      while ((ring + 1) * (ring + 1) * 128 * 128 <= square) ++ring;
      return ring % 2 == 0;
    }
  }
}

using Colour = std::array<int, 3>;

/// Two colours that differ by at least `contrast` in the sum over the three channels.
inline std::array<Colour, 2> two_colours(Draw& draw, int contrast) {
  std::array<Colour, 2> colours;
  int difference;
  do {
    difference = 0;
    for (auto& colour : colours)
      for (int& channel : colour) channel = draw.between(20, 235);
    for (std::size_t c = 0; c < 3; ++c) difference += std::abs(colours[0][c] - colours[1][c]);
  } while (difference < contrast);
  return colours;
}

}  // namespace detail

/// Draws image `index` of the seed's data set into [32, 32, 3] bytes and returns its label.
inline std::uint8_t draw_embedded_image(std::uint64_t seed, std::uint64_t index, std::span<std::uint8_t, cifar10_image_bytes> pixels) {
  constexpr int side = static_cast<int>(cifar10_side);
  detail::Draw draw(seed, index);
  const int label = static_cast<int>(index % cifar10_class_count);
  const bool texture = label >= 6;

  // Lengths are in 64ths of a pixel. A texture's "radius" is its period.
  const int radius = texture ? draw.between(4 * 64, 8 * 64) : draw.between(6 * 64, 12 * 64);
  const int margin = texture ? 0 : 7 * radius / 8;
  const int x0 = draw.between(margin, side * 64 - margin), y0 = draw.between(margin, side * 64 - margin);
  const int angle = draw.between(0, 63);
  const int cosine = detail::sine_1024(angle + 16), sine = detail::sine_1024(angle);
  const int window_x = draw.between(8 * 64, 24 * 64), window_y = draw.between(8 * 64, 24 * 64), window = draw.between(10 * 64, 26 * 64);
  auto [front, back] = detail::two_colours(draw, 150);
  const bool lighter = draw.between(0, 7) != 0;  // one in eight is dark on light
  if ((front[0] + front[1] + front[2] > back[0] + back[1] + back[2]) != lighter) std::swap(front, back);
  const int light_x = draw.between(-40, 40), light_y = draw.between(-40, 40);  // change of brightness across the image

  // What distracts: a spot and a line in a third colour, each there a third of the time.
  const auto stray = detail::two_colours(draw, 0)[0];
  const bool has_spot = draw.between(0, 2) == 0, has_line = draw.between(0, 2) == 0;
  const int spot_x = draw.between(0, side * 64), spot_y = draw.between(0, side * 64), spot = draw.between(64, 4 * 64);
  const int line_angle = draw.between(0, 63), line_at = draw.between(-12 * 64, 12 * 64), line_width = draw.between(24, 90);
  const int line_x = detail::sine_1024(line_angle + 16), line_y = detail::sine_1024(line_angle);
  const int noise = draw.between(2, 14);

  const auto scale = std::int64_t{256} * 65536 / radius;  // to 256 a radius
  for (int row = 0; row < side; ++row) {
    for (int column = 0; column < side; ++column) {
      // Four points a pixel soften the edges.
      int covered = 0;
      for (int sub = 0; sub < 4; ++sub) {
        const int x = column * 64 + 16 + 32 * (sub & 1), y = row * 64 + 16 + 32 * (sub >> 1);
        const int dx = x - x0, dy = y - y0;
        const int u = static_cast<int>(((cosine * dx + sine * dy) * scale) >> 26), v = static_cast<int>(((cosine * dy - sine * dx) * scale) >> 26);
        const bool visible = !texture || (x - window_x) * (x - window_x) + (y - window_y) * (y - window_y) < window * window;
        covered += visible && detail::inside(label, u, v);
      }
      const int x = column * 64 + 32, y = row * 64 + 32;
      const bool strayed = (has_spot && (x - spot_x) * (x - spot_x) + (y - spot_y) * (y - spot_y) < spot * spot) ||
                           (has_line && std::abs(line_x * (x - side * 32) + line_y * (y - side * 32) - line_at * 1024) < line_width * 1024);
      const int light = (light_x * (column - side / 2) + light_y * (row - side / 2)) / side;
      for (std::size_t c = 0; c < 3; ++c) {
        const int colour = strayed ? stray[c] : (front[c] * covered + back[c] * (4 - covered)) / 4;
        pixels[(static_cast<std::size_t>(row) * cifar10_side + static_cast<std::size_t>(column)) * 3 + c] =
            static_cast<std::uint8_t>(std::clamp(colour + light, 0, 255));
      }
    }
  }

  // Noise: the sum of four uniform numbers from 0 to 15, less its mean, is nearly normal with a deviation of 9.2.
  for (std::size_t p = 0; p < pixels.size(); p += 2) {
    std::uint32_t bits = draw.bits();
    for (std::size_t k = 0; k < 2; ++k, bits >>= 16) {
      const int sum = static_cast<int>((bits & 15) + (bits >> 4 & 15) + (bits >> 8 & 15) + (bits >> 12 & 15)) - 30;
      pixels[p + k] = static_cast<std::uint8_t>(std::clamp(pixels[p + k] + sum * noise / 10, 0, 255));
    }
  }
  return static_cast<std::uint8_t>(label);
}

/// Images `first` to `first + count - 1` of the seed's data set, drawn by `workers` threads (0: one a processor).
inline Cifar10 make_embedded_dataset(std::size_t count = embedded_train_count, std::uint64_t seed = embedded_seed, std::size_t first = 0,
                                     std::size_t workers = 0) {
  Cifar10 data{std::vector<std::uint8_t>(count * cifar10_image_bytes), std::vector<std::uint8_t>(count), embedded_classes()};
  if (workers == 0) workers = std::max(1u, std::thread::hardware_concurrency());
  workers = std::clamp<std::size_t>(workers, 1, std::max<std::size_t>(count, 1));
  const auto draw_range = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      data.labels[i] = draw_embedded_image(
          seed, first + i, std::span<std::uint8_t, cifar10_image_bytes>(data.pixels.data() + i * cifar10_image_bytes, cifar10_image_bytes));
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t w = 1; w < workers; ++w) threads.emplace_back(draw_range, count * w / workers, count * (w + 1) / workers);
    draw_range(0, count / workers);
  }
  return data;
}

}  // namespace tapestry::examples
