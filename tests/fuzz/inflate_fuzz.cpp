// SPDX-License-Identifier: MIT
#include "tapestry/io/inflate.hpp"

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  return fuzz::refuse_or_read([&] {
    const tapestry::FileReader file(input.path());
    tapestry::FileSection deflated(file);
    tapestry::InflateStream stream(deflated, 100'000);
    stream.skip_rest();
    stream.check_end();
  });
}
