// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>
#include <tapestry/data/image.hpp>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <stb/stb_image.h>  // its code is compiled in stb_image.cpp

namespace tapestry::examples {

/// Decodes a PNG or JPEG file. Grey becomes three equal channels, transparency is dropped, 16 bits become 8, as Pillow's convert("RGB") does;
/// a camera's note on how it was held (EXIF) is not looked at.
///
/// Throws   FileError if the file cannot be read, is neither PNG nor JPEG, or is damaged or cut short.
inline Image read_image(const std::filesystem::path& path) {
  using namespace std::string_view_literals;
  if (std::filesystem::is_directory(path)) throw FileError(message("image: ", path.string(), " is a directory, expects a PNG or JPEG file"));
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(message("image: cannot open ", path.string(), ": ", std::strerror(errno)));
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) throw FileError(message("image: cannot read ", path.string(), ": ", std::strerror(errno)));

  const bool png = bytes.starts_with("\x89PNG\r\n\x1a\n"), jpeg = bytes.starts_with("\xff\xd8\xff");
  if (bytes.empty()) throw FileError(message("image: ", path.string(), " is empty, expects a PNG or JPEG file"));
  if (!png && !jpeg) throw FileError(message("image: ", path.string(), " is neither PNG nor JPEG: it starts with neither's signature"));
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) throw FileError(message("image: ", path.string(), " is larger than 2 GiB"));
  // The decoder fills what is missing of a JPEG with grey. Every scan starts with FF DA and the last one is closed by FF D9.
  if (jpeg && (bytes.rfind("\xff\xd9"sv) == std::string::npos || bytes.rfind("\xff\xd9"sv) < bytes.rfind("\xff\xda"sv) + 1))
    throw FileError(message("image: ", path.string(), " is cut short: the JPEG's end marker is missing"));

  int width = 0, height = 0, channels_in_file = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()), static_cast<int>(bytes.size()), &width, &height, &channels_in_file, 3),
      stbi_image_free);
  if (!pixels) throw FileError(message("image: ", path.string(), " is a damaged ", png ? "PNG" : "JPEG", ": ", stbi_failure_reason()));
  return {height, width, 3, std::vector<std::uint8_t>(pixels.get(), pixels.get() + Index{3} * height * width)};
}

}  // namespace tapestry::examples
