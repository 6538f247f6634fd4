// SPDX-License-Identifier: MIT
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "tapestry/core/error.hpp"

namespace fuzz {

/// Bytes as a file that has a name but no place on a disk.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : handle_(memfd_create("fuzz", 0)) {
    if (handle_ < 0 || write(handle_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { close(handle_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(handle_); }

 private:
  int handle_;
};

/// A parser may refuse its input, by FileError and nothing else.
template <class Parse>
int refuse_or_read(Parse parse) {
  try {
    parse();
  } catch (const tapestry::FileError&) {
  }
  return 0;
}

}  // namespace fuzz
