// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "crc32.hpp"
#include "inflate.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A member of an archive, or any run of bytes of a file that is read as one.
struct ArchiveEntry {
  std::string name;
  Index begin = 0;        ///< of its bytes in the file
  Index stored_size = 0;  ///< of these bytes
  Index size = 0;         ///< of what they expand to
  bool deflated = false;
  bool has_checksum = false;
  std::uint32_t checksum = 0;
};

/// The expanded bytes of an entry; with the last one the checksum is compared.
/// Throws   FileError naming the file, the byte and the cause.
class EntryStream final : public ByteStream {
 public:
  EntryStream(const FileReader& file, const ArchiveEntry& entry)
      : ByteStream(message(file.path(), '[', entry.name, ']'), entry.deflated ? 0 : entry.begin, entry.size),
        entry_(entry),
        stored_(file, entry.begin, entry.stored_size, entry.name),
        inflated_(entry.deflated ? std::make_unique<InflateStream>(stored_, entry.size) : nullptr),
        left_(entry.size) {
    if (left_ == 0) check_end();
  }

 private:
  void fill(unsigned char* to, Index bytes) override {
    (inflated_ ? static_cast<ByteStream&>(*inflated_) : stored_).read(to, bytes);
    if (entry_.has_checksum) sum_ = crc32(to, static_cast<std::size_t>(bytes), sum_);
    if ((left_ -= bytes) == 0) check_end();
  }
  void check_end() {
    if (inflated_) inflated_->check_end();
    if (entry_.has_checksum && sum_ != entry_.checksum) stored_.fail("checksum of the entry is ", sum_, ", expected ", entry_.checksum);
  }

  ArchiveEntry entry_;
  FileSection stored_;
  std::unique_ptr<InflateStream> inflated_;
  Index left_;
  std::uint32_t sum_ = 0;
};

}  // namespace tapestry::inline TAPESTRY_ABI
