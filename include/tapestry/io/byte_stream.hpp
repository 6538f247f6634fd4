// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <concepts>

#include "file.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Bytes read one after the other up to an end that is known beforehand, so that no claimed length is believed before it is compared with what
/// there is. What it reads of numbers is little endian.
/// Throws   FileError naming the file, the byte and the cause.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  Index position() const { return filled_ - static_cast<Index>(end_ - at_); }
  Index remaining() const { return size_ - position(); }
  /// What an error calls the place before `position()`: the file, and the member of it if there is one.
  const std::string& name() const { return name_; }
  /// The byte that an error names.
  Index offset() const { return origin_ + position(); }

  std::uint8_t byte() {
    if (at_ == end_) refill();
    return buffer_[at_++];
  }
  template <std::unsigned_integral N>
  N number() {
    N value = 0;
    for (std::size_t i = 0; i < sizeof(N); ++i) value = static_cast<N>(value | static_cast<N>(N{byte()} << (8 * i)));
    return value;
  }
  void read(void* to, Index bytes) {
    check(bytes);
    auto* place = static_cast<unsigned char*>(to);
    const Index held = std::min(bytes, static_cast<Index>(end_ - at_));
    place = std::copy_n(buffer_ + at_, held, place);
    at_ += static_cast<std::size_t>(held);
    if (bytes == held) return;
    fill(place, bytes - held);
    filled_ += bytes - held;
  }
  std::string text(Index bytes) {
    check(bytes);
    std::string result(static_cast<std::size_t>(bytes), '\0');
    read(result.data(), bytes);
    return result;
  }
  /// Up to the next line feed, which is read and left out.
  std::string line(std::size_t longest) {
    std::string result;
    for (char c = static_cast<char>(byte()); c != '\n'; c = static_cast<char>(byte())) {
      if (result.size() == longest) fail("line longer than ", longest, " bytes");
      result += c;
    }
    return result;
  }
  void skip(Index bytes) {
    check(bytes);
    for (; bytes > 0; --bytes) byte();
  }
  void skip_rest() { skip(remaining()); }

  template <class... Cause>
  [[noreturn]] void fail(const Cause&... cause) const {
    throw FileError(message("cannot read ", name_, ": byte ", offset(), ": ", cause...));
  }

 protected:
  ByteStream(std::string name, Index origin, Index size) : name_(std::move(name)), origin_(origin), size_(size) {}
  /// Delivers the next bytes, exactly so many; never asked for more than there are.
  virtual void fill(unsigned char* to, Index bytes) = 0;

 private:
  void check(Index bytes) const {
    if (bytes < 0 || bytes > remaining()) fail(bytes, " bytes expected but ", remaining(), " are left");
  }
  void refill() {
    check(1);
    const Index bytes = std::min(remaining(), static_cast<Index>(sizeof buffer_));
    fill(buffer_, bytes);
    filled_ += bytes;
    at_ = 0, end_ = static_cast<std::size_t>(bytes);
  }

  std::string name_;
  Index origin_, size_, filled_ = 0;
  std::size_t at_ = 0, end_ = 0;
  unsigned char buffer_[4096];
};

/// A part of a file.
class FileSection final : public ByteStream {
 public:
  FileSection(const FileReader& file, Index begin, Index bytes, std::string_view member = {})
      : ByteStream(member.empty() ? file.path() : message(file.path(), '[', member, ']'), begin, bytes), file_(file), next_(begin) {
    if (begin < 0 || bytes < 0 || begin > file.size() || bytes > file.size() - begin)
      throw FileError(message("cannot read ", name(), ": byte ", begin, ": ", bytes, " bytes expected but the file has ", file.size()));
  }
  explicit FileSection(const FileReader& file) : FileSection(file, 0, file.size()) {}

 private:
  void fill(unsigned char* to, Index bytes) override {
    file_.read_at(next_, to, bytes);
    next_ += bytes;
  }
  const FileReader& file_;
  Index next_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
