// SPDX-License-Identifier: MIT
#include "tapestry/io/zip_reader.hpp"

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  return fuzz::refuse_or_read([&] {
    const tapestry::FileReader file(input.path());
    tapestry::MemoryBudget budget(file);
    const tapestry::ZipReader zip(file, budget);
    for (const tapestry::ArchiveEntry& entry : zip.entries()) {
      if (entry.size > 1'000'000) continue;  // slow, and nothing new
      tapestry::EntryStream(file, entry).skip_rest();
    }
  });
}
