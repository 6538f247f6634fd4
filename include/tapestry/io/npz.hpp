// SPDX-License-Identifier: MIT
#pragma once

#include "npy.hpp"
#include "tensor_names.hpp"
#include "zip_reader.hpp"
#include "zip_writer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
inline NamedTensors read_npz(const FileReader& file, const ZipReader& zip, MemoryBudget& budget) {
  NamedTensors tensors;
  for (const ArchiveEntry& entry : zip.entries()) {
    if (!entry.name.ends_with(".npy"))
      throw FileError(message("cannot read ", file.path(), ": byte ", entry.begin, ": entry ", entry.name, " is no array: its name does not end in .npy"));
    EntryStream stream(file, entry);
    tensors.emplace_back(entry.name.substr(0, entry.name.size() - 4), read_npy(stream, budget));
  }
  return tensors;
}
}  // namespace detail

/// Reads the arrays that numpy.savez or numpy.savez_compressed wrote, as load_npy reads each. Compressed ones count at their full size towards the
/// memory limit.
/// Throws   FileError naming the file, the byte and the cause.
inline NamedTensors load_npz(const std::string& path, ReadOptions options = {}) {
  const FileReader file(path);
  MemoryBudget budget(file, options);
  return detail::read_npz(file, ZipReader(file, budget), budget);
}

/// Writes tensors so that numpy.load finds them by name. The file appears whole or not at all; equal content makes equal bytes.
/// Throws   FileError if it cannot be written, ValueError if a name stands twice, is not UTF-8 or is longer than a zip archive's can be.
inline void save_npz(const std::string& path, const NamedTensors& tensors) {
  detail::check_tensor_names("save_npz", tensors);
  AtomicFile file(path);
  ZipWriter zip(file);
  for (const auto& [name, tensor] : tensors) {
    const AnyTensor x = on_device(in_layout(tensor, Layout::row_major), cpu());
    zip.add(name + ".npy", {detail::npy_header(x), detail::bytes_of(x)});
  }
  zip.finish();
  file.commit();
}

}  // namespace tapestry::inline TAPESTRY_ABI
