// SPDX-License-Identifier: MIT
#include "tapestry/io/safetensors.hpp"

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  return fuzz::refuse_or_read([&] { tapestry::load_safetensors(input.path()); });
}
