// SPDX-License-Identifier: MIT
#include "tapestry/io/unpickler.hpp"

#include "memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile input(data, size);
  return fuzz::refuse_or_read([&] {
    const tapestry::FileReader file(input.path());
    tapestry::MemoryBudget budget(file);
    tapestry::PickleHeap heap(budget);
    tapestry::FileSection stream(file);
    tapestry::Unpickler(heap, stream).load();
  });
}
