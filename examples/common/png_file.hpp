// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>
#include <tapestry/data/image.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <stb/stb_image_write.h>  // its code is compiled in stb_image_write.cpp

namespace tapestry::examples {

/// The bytes of a PNG file with this image: 1 channel is grey, 3 are red, green and blue.
///
/// Throws   ShapeError if the image has another number of channels, or no pixels.
inline std::string encode_png(const Image& image) {
  tapestry::detail::checked_image("png", image);
  if (image.channels != 1 && image.channels != 3) throw ShapeError(message("png: image must have 1 or 3 channels, got ", image));
  if (image.pixels.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) / 2) throw ShapeError(message("png: image is too large: ", image));
  std::string bytes;
  const auto append = [](void* out, void* data, int size) { static_cast<std::string*>(out)->append(static_cast<const char*>(data), static_cast<std::size_t>(size)); };
  const int width = static_cast<int>(image.width), height = static_cast<int>(image.height), channels = static_cast<int>(image.channels);
  if (!stbi_write_png_to_func(append, &bytes, width, height, channels, image.pixels.data(), width * channels))
    throw Error(message("png: cannot encode image of ", image));
  return bytes;
}

/// Throws   ShapeError as encode_png does, FileError if the file cannot be written.
inline void write_png(const std::filesystem::path& path, const Image& image) {
  const std::string bytes = encode_png(image);
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (!file) throw FileError(message("png: cannot write ", path.string(), ": ", std::strerror(errno)));
}

/// Each pixel as a square of zoom x zoom.
inline Image enlarged(const Image& image, Index zoom) {
  if (zoom < 1) throw ValueError(message("enlarged: zoom must be at least 1, got ", zoom));
  Image large{image.height * zoom, image.width * zoom, image.channels, {}};
  large.pixels.reserve(static_cast<std::size_t>(large.height * large.width * large.channels));
  for (Index y = 0; y < large.height; ++y)
    for (Index x = 0; x < large.width; ++x) {
      const auto pixel = image.pixels.begin() + (y / zoom * image.width + x / zoom) * image.channels;
      large.pixels.insert(large.pixels.end(), pixel, pixel + image.channels);
    }
  return large;
}

/// Bytes as text, for an image inside an SVG.
/// Source   RFC 4648, section 4
inline std::string base64(std::string_view bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    unsigned block = 0;  // three bytes, the absent ones 0
    for (std::size_t k = 0; k < 3; ++k) block = block << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += k <= count ? alphabet[block >> (18 - 6 * k) & 63u] : '=';
  }
  return text;
}

}  // namespace tapestry::examples
