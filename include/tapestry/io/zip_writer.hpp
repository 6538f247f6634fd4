// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <vector>

#include "crc32.hpp"
#include "file.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Writes a zip archive of stored entries, each entry's bytes at a multiple of 64 so that they lie aligned in a mapped file. Without dates: equal
/// content makes equal bytes. Numbers that do not fit 32 bits go into zip64 fields.
/// Source   PKWARE, APPNOTE.TXT 6.3.
class ZipWriter {
 public:
  /// `wide_from`: the first number that goes into a zip64 field.
  explicit ZipWriter(AtomicFile& file, std::uint64_t wide_from = 0xFFFFFFFF) : file_(file), wide_from_(wide_from) {}

  /// Writes an entry whose bytes are the pieces', one after the other.
  void add(const std::string& name, std::initializer_list<std::string_view> pieces) {
    Entry entry{name, at_, 0, 0};
    for (const std::string_view piece : pieces) {
      entry.sum = crc32(piece.data(), piece.size(), entry.sum);
      entry.size += piece.size();
    }
    std::string extra;
    if (is_wide(entry.size)) extra = number<2>(1) + number<2>(16) + number<8>(entry.size) + number<8>(entry.size);
    const std::uint64_t data = at_ + 30 + name.size() + extra.size() + 4;
    const std::uint64_t padding = (64 - data % 64) % 64;
    extra += number<2>(padding_field) + number<2>(padding) + std::string(padding, '\0');
    write(number<4>(0x04034B50) + common(entry, extra.size()) + name + extra);
    for (const std::string_view piece : pieces) write(piece);
    entries_.push_back(std::move(entry));
  }

  /// To be called once, after the last entry and before the file's commit.
  void finish() {
    const std::uint64_t begin = at_;
    for (const Entry& entry : entries_) {
      std::string wide;
      if (is_wide(entry.size)) wide += number<8>(entry.size) + number<8>(entry.size);
      if (is_wide(entry.header)) wide += number<8>(entry.header);
      const std::string extra = wide.empty() ? wide : number<2>(1) + number<2>(wide.size()) + wide;
      write(number<4>(0x02014B50) + number<2>(version) + common(entry, extra.size()) + number<2>(0) + number<2>(0) + number<2>(0) + number<4>(0) +
            number<4>(narrow(entry.header)) + entry.name + extra);
    }
    const std::uint64_t size = at_ - begin, count = entries_.size(), end = at_;
    const bool many = count >= std::min<std::uint64_t>(wide_from_, 0xFFFF);
    if (many || is_wide(size) || is_wide(begin)) {
      write(number<4>(0x06064B50) + number<8>(44) + number<2>(version) + number<2>(version) + number<4>(0) + number<4>(0) + number<8>(count) + number<8>(count) +
            number<8>(size) + number<8>(begin));
      write(number<4>(0x07064B50) + number<4>(0) + number<8>(end) + number<4>(1));
    }
    const std::uint64_t shown = many ? 0xFFFF : count;
    write(number<4>(0x06054B50) + number<4>(0) + number<2>(shown) + number<2>(shown) + number<4>(narrow(size)) + number<4>(narrow(begin)) + number<2>(0));
  }

 private:
  static constexpr std::uint64_t version = 45, padding_field = 0x4246;  // the field that PyTorch pads with
  struct Entry {
    std::string name;
    std::uint64_t header, size;
    std::uint32_t sum;
  };
  template <std::size_t bytes>
  static std::string number(std::uint64_t value) {
    std::string text;
    for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    return text;
  }
  bool is_wide(std::uint64_t value) const { return value >= wide_from_; }
  std::uint64_t narrow(std::uint64_t value) const { return is_wide(value) ? 0xFFFFFFFF : value; }
  /// The fields that a local header and a directory entry share, from the version that reading needs to the length of the extra bytes.
  std::string common(const Entry& entry, std::size_t extra) const {
    constexpr std::uint64_t utf8 = 0x0800, stored = 0, time = 0, first_of_1980 = 0x21;
    return number<2>(version) + number<2>(utf8) + number<2>(stored) + number<2>(time) + number<2>(first_of_1980) + number<4>(entry.sum) +
           number<4>(narrow(entry.size)) + number<4>(narrow(entry.size)) + number<2>(entry.name.size()) + number<2>(extra);
  }
  void write(std::string_view bytes) {
    file_.write(bytes);
    at_ += bytes.size();
  }

  AtomicFile& file_;
  std::uint64_t wide_from_, at_ = 0;
  std::vector<Entry> entries_;
};

namespace detail {
/// The elements of a row-major tensor on the CPU.
template <class Tensor>
std::string_view bytes_of(const Tensor& x) {
  return {static_cast<const char*>(x.raw_data()), x.bytes()};
}
}  // namespace detail

}  // namespace tapestry::inline TAPESTRY_ABI
