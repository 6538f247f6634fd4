// SPDX-License-Identifier: MIT
#pragma once

#include <unordered_map>

#include "archive.hpp"
#include "memory_budget.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The directory of a zip archive. Entries may be stored or deflated, and lie beyond 4 GB (zip64). Archives that two readers could understand
/// differently are refused: names that stand twice, entries that overlap, a local header that contradicts the directory, bytes before the first
/// or parts on other disks, encryption.
///
///   local header, name, data      of each entry
///   directory                     an entry's name, sizes, checksum and the place of its local header
///   end record                    the directory's place and size; before it in zip64 a record of 64-bit numbers and a locator
///
/// Throws   FileError naming the file, the byte and the cause.
/// Source   PKWARE, APPNOTE.TXT 6.3.
class ZipReader {
 public:
  ZipReader(const FileReader& file, MemoryBudget& budget) : file_(file), budget_(budget) {
    find_directory();
    read_directory();
    check_order();
    // torch.serialization.set_crc32_options(False) writes 0 everywhere instead of computing checksums.
    const bool summed = std::any_of(entries_.begin(), entries_.end(), [](const ArchiveEntry& entry) { return entry.checksum != 0; });
    for (ArchiveEntry& entry : entries_) entry.has_checksum = summed;
  }
  /// In the directory's order.
  const std::vector<ArchiveEntry>& entries() const { return entries_; }
  /// The entry of that name, or null.
  const ArchiveEntry* find(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &entries_[found->second];
  }

  /// Whether a file may be one: it begins with an entry, or with the end of an empty archive.
  static bool begins(std::string_view first_bytes) { return first_bytes.starts_with("PK\x03\x04") || first_bytes.starts_with("PK\x05\x06"); }

 private:
  static constexpr std::uint32_t end_signature = 0x06054B50, end64_signature = 0x06064B50, locator64_signature = 0x07064B50,
                                 entry_signature = 0x02014B50, local_signature = 0x04034B50;
  static constexpr Index end_size = 22, locator64_size = 20, end64_size = 56, entry_size = 46, local_size = 30;

  template <class... Cause>
  [[noreturn]] void fail(Index byte, const Cause&... cause) const {
    throw FileError(message("cannot read ", file_.path(), ": byte ", byte, ": zip archive: ", cause...));
  }
  Index checked(std::uint64_t number, Index at, std::string_view what) const {
    if (number > static_cast<std::uint64_t>(file_.size())) fail(at, what, " is ", number, " but the file has ", file_.size(), " bytes");
    return static_cast<Index>(number);
  }

  void find_directory() {
    const Index searched = std::min<Index>(file_.size(), end_size + 65535);  // behind the end record stands a comment of at most 65535 bytes
    std::string tail(static_cast<std::size_t>(searched), '\0');
    file_.read_at(file_.size() - searched, tail.data(), searched);
    const auto number16 = [&](Index at) {
      const auto place = static_cast<std::size_t>(at);
      return static_cast<Index>(static_cast<unsigned char>(tail[place]) | static_cast<unsigned char>(tail[place + 1]) << 8);
    };
    Index at = searched - end_size;
    while (at >= 0 && !(tail.compare(static_cast<std::size_t>(at), 4, "PK\x05\x06") == 0 && at + end_size + number16(at + 20) == searched)) --at;
    if (at < 0) fail(file_.size(), "no end record: the file was cut off, or is no zip archive");
    const Index end = file_.size() - searched + at;

    FileSection record(file_, end + 4, end_size - 4);
    if (record.number<std::uint32_t>() != 0) fail(end, "archives of several disks are not read");
    record.skip(2);
    std::uint64_t count = record.number<std::uint16_t>(), size = record.number<std::uint32_t>(), begin = record.number<std::uint32_t>();
    const Index directory_end = read_end64(end, count, size, begin);
    directory_ = checked(begin, end, "the directory's place");
    directory_size_ = checked(size, end, "the directory's size");
    if (directory_size_ != directory_end - directory_)
      fail(end, "the directory of ", directory_size_, " bytes at byte ", directory_, " does not end at byte ", directory_end, ", where its end record begins");
    if (count > static_cast<std::uint64_t>(directory_size_ / entry_size)) fail(end, count, " entries do not fit a directory of ", directory_size_, " bytes");
    count_ = static_cast<Index>(count);
  }
  /// Returns where the zip64 end record begins, or `end` if there is none. Some writers, PyTorch's among them, write one that is not needed.
  Index read_end64(Index end, std::uint64_t& count, std::uint64_t& size, std::uint64_t& begin) {
    if (end < locator64_size) return end;
    FileSection locator(file_, end - locator64_size, locator64_size);
    if (locator.number<std::uint32_t>() != locator64_signature) return end;
    locator.skip(4);
    const Index place = checked(locator.number<std::uint64_t>(), end - locator64_size, "the place of the zip64 end record");
    FileSection record(file_, place, end64_size);
    if (record.number<std::uint32_t>() != end64_signature) fail(place, "no zip64 end record where the locator says");
    const std::uint64_t record_size = record.number<std::uint64_t>();
    if (record_size < end64_size - 12 || record_size != static_cast<std::uint64_t>(end - locator64_size - place - 12))
      fail(place, "the zip64 end record of ", record_size, " bytes does not end at its locator");
    record.skip(4);
    if (record.number<std::uint64_t>() != 0) fail(place, "archives of several disks are not read");
    record.skip(8);
    const auto widen = [&](std::uint64_t& number, std::uint64_t full) {
      const std::uint64_t wide = record.number<std::uint64_t>();
      if (number != full && number != wide) fail(place, "the zip64 end record says ", wide, " where the end record says ", number);
      number = wide;
    };
    widen(count, 0xFFFF), widen(size, 0xFFFFFFFF), widen(begin, 0xFFFFFFFF);
    return place;
  }

  void read_directory() {
    budget_.take(count_ * static_cast<Index>(sizeof(ArchiveEntry) + sizeof(Index) + 64) + directory_size_, "the zip directory");
    FileSection directory(file_, directory_, directory_size_);
    entries_.reserve(static_cast<std::size_t>(count_));
    for (Index i = 0; i < count_; ++i) read_entry(directory);
    if (directory.remaining() > 0) fail(directory.offset(), directory.remaining(), " bytes behind the last entry of the directory");
  }
  void read_entry(FileSection& directory) {
    const Index at = directory.offset();
    if (directory.number<std::uint32_t>() != entry_signature) fail(at, "no directory entry where one should be");
    directory.skip(4);
    const auto flags = directory.number<std::uint16_t>(), method = directory.number<std::uint16_t>();
    directory.skip(4);
    ArchiveEntry entry;
    entry.checksum = directory.number<std::uint32_t>();
    std::uint64_t stored = directory.number<std::uint32_t>(), size = directory.number<std::uint32_t>();
    const auto name_size = directory.number<std::uint16_t>(), extra_size = directory.number<std::uint16_t>(), comment_size = directory.number<std::uint16_t>();
    const auto disk = directory.number<std::uint16_t>();
    directory.skip(6);
    std::uint64_t header = directory.number<std::uint32_t>();
    entry.name = directory.text(name_size);
    std::string extra = directory.text(extra_size);
    read_extra64(extra, size, stored, header, at);
    directory.skip(comment_size);
    if (flags & 0x2041) fail(at, "entry ", entry.name, " is encrypted");
    if (disk != 0) fail(at, "archives of several disks are not read");
    if (method != 0 && method != 8) fail(at, "entry ", entry.name, " is compressed by method ", method, "; read are 0 (stored) and 8 (deflate)");
    entry.deflated = method == 8;
    entry.stored_size = checked(stored, at, "an entry's size");
    // Deflate writes 258 bytes with two bits at the best.
    if (entry.deflated ? size / 1032 > stored + 1 : size != stored)
      fail(at, "entry ", entry.name, " of ", stored, " bytes cannot expand to ", size);
    entry.size = static_cast<Index>(size);
    headers_.push_back(checked(header, at, "an entry's place"));
    entry.begin = begin_of_data(entry, headers_.back());
    if (!by_name_.emplace(entry.name, entries_.size()).second) fail(at, "entry ", entry.name, " stands twice");
    entries_.push_back(std::move(entry));
  }
  /// The 64-bit numbers stand in field 1 of the extra bytes, in this order, those that the entry itself has no room for.
  void read_extra64(std::string_view extra, std::uint64_t& size, std::uint64_t& stored, std::uint64_t& header, Index at) const {
    const auto number = [&](std::size_t place, std::size_t bytes) {
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < bytes; ++i) value |= std::uint64_t{static_cast<unsigned char>(extra[place + i])} << (8 * i);
      return value;
    };
    for (std::size_t i = 0; i + 4 <= extra.size();) {
      const std::size_t id = number(i, 2), field_size = number(i + 2, 2);
      const std::size_t end = i + 4 + field_size;
      if (end > extra.size()) break;  // what others left there unfinished does not concern this reader
      std::size_t place = i + 4;
      for (std::uint64_t* wide : {&size, &stored, &header}) {
        if (id != 1 || *wide != 0xFFFFFFFF) continue;
        if (place + 8 > end) fail(at, "zip64 field of an entry is too short");
        *wide = number(place, 8);
        place += 8;
      }
      i = end;
    }
  }
  Index begin_of_data(const ArchiveEntry& entry, Index header) const {
    if (header > directory_ - local_size) fail(header, "entry ", entry.name, " lies behind the directory");
    FileSection local(file_, header, directory_ - header);
    if (local.number<std::uint32_t>() != local_signature) fail(header, "no local header of entry ", entry.name);
    local.skip(22);
    const auto name_size = local.number<std::uint16_t>(), extra_size = local.number<std::uint16_t>();
    if (local.text(name_size) != entry.name) fail(header, "the local header of entry ", entry.name, " has another name");
    local.skip(extra_size);
    if (entry.stored_size > local.remaining()) fail(header, "entry ", entry.name, " reaches into the directory");
    return local.offset();
  }
  void check_order() const {
    std::vector<std::size_t> order(entries_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return headers_[a] < headers_[b]; });
    Index end = 0;
    for (std::size_t i : order) {
      if (headers_[i] < end) fail(headers_[i], "entry ", entries_[i].name, " overlaps another");
      if (end == 0 && headers_[i] > 0) fail(0, "bytes before the first entry");
      end = entries_[i].begin + entries_[i].stored_size;
    }
  }

  const FileReader& file_;
  MemoryBudget& budget_;
  Index directory_ = 0, directory_size_ = 0, count_ = 0;
  std::vector<ArchiveEntry> entries_;
  std::vector<Index> headers_;  // where each entry's local header begins
  std::unordered_map<std::string, std::size_t> by_name_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
