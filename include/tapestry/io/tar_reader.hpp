// SPDX-License-Identifier: MIT
#pragma once

#include "archive.hpp"
#include "memory_budget.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The members of a tar archive that are files; headers of extended attributes are passed over.
///
///   header, 512 bytes     name, size in octal digits, checksum of the header, type; the name is prefixed in POSIX archives
///   data                  padded to 512 bytes
///   two blocks of zeros
///
/// Throws   FileError naming the file, the byte and the cause.
/// Source   POSIX.1-2017, pax, "ustar Interchange Format".
class TarReader {
 public:
  TarReader(const FileReader& file, MemoryBudget& budget) {
    char header[block];
    for (Index at = 0; at + block <= file.size();) {
      file.read_at(at, header, block);
      if (std::all_of(header, header + block, [](char c) { return c == 0; })) return;
      const auto fail = [&](const auto&... cause) {
        throw FileError(message("cannot read ", file.path(), ": byte ", at, ": tar archive: ", cause...));
      };
      if (!is_header({header, block})) fail("header with a wrong checksum");
      ArchiveEntry entry;
      entry.name = field({header, 100});
      entry.begin = at + block;
      if (!octal({header + 124, 12}, entry.size)) fail("size of member ", entry.name, " is not in octal digits");
      if (entry.size > file.size() - entry.begin) fail("member ", entry.name, " has ", entry.size, " bytes, beyond the end of the file");
      entry.stored_size = entry.size;
      const char type = header[156];
      at = entry.begin + (entry.size + block - 1) / block * block;
      if (type != '0' && type != '\0') continue;
      for (const ArchiveEntry& other : entries_)
        if (other.name == entry.name) fail("member ", entry.name, " stands twice");
      if (entries_.size() == 16) fail("more than 16 members: not a checkpoint");
      budget.take(sizeof(ArchiveEntry) + 100, "the members' names");
      entries_.push_back(std::move(entry));
    }
  }
  /// The member of that name, or null.
  const ArchiveEntry* find(std::string_view name) const {
    for (const ArchiveEntry& entry : entries_)
      if (entry.name == name || (entry.name.starts_with("./") && entry.name.substr(2) == name)) return &entry;
    return nullptr;
  }

  static constexpr Index block = 512;
  /// Whether 512 bytes are a header: their sum, the checksum itself counted as spaces, is what they say.
  static bool is_header(std::string_view bytes) {
    Index said = 0, sum = 8 * ' ';
    if (bytes.size() < static_cast<std::size_t>(block) || bytes[0] == '\0' || !octal(bytes.substr(148, 8), said)) return false;
    for (std::size_t i = 0; i < static_cast<std::size_t>(block); ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(bytes[i]);
    return sum == said;
  }

 private:
  static std::string field(std::string_view bytes) { return std::string(bytes.substr(0, bytes.find('\0'))); }
  static bool octal(std::string_view bytes, Index& value) {
    value = 0;
    std::size_t digits = 0;
    for (char c : bytes) {
      if (c == '\0' || c == ' ') {
        if (digits > 0) break;
        continue;
      }
      if (c < '0' || c > '7') return false;
      value = value * 8 + (c - '0');
      ++digits;
    }
    return digits > 0;
  }
  std::vector<ArchiveEntry> entries_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
