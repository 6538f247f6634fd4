// SPDX-License-Identifier: MIT
#include "tapestry/io/json.hpp"

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read([&] { tapestry::json::parse({reinterpret_cast<const char*>(data), size}); });
}
