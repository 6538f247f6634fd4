// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/io/file.hpp>

#include <concepts>
#include <filesystem>
#include <string_view>

namespace tapestry::examples {

/// What write(AtomicFile&) writes becomes the file at `path`, whole or not at all: a crash, or a browser that looks on, never sees half of it.
///
/// Throws   FileError that begins with the operation's name.
template <std::invocable<AtomicFile&> Write>
void write_whole_file(const std::filesystem::path& path, std::string_view operation, Write write) {
  try {
    AtomicFile file(path.string());
    write(file);
    file.commit();
  } catch (FileError& error) {
    error.set_place(message(operation, ": "));
    throw;
  }
}
inline void write_whole_file(const std::filesystem::path& path, std::string_view operation, std::string_view text) {
  write_whole_file(path, operation, [text](AtomicFile& file) { file.write(text); });
}

}  // namespace tapestry::examples
