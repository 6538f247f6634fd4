// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <vector>

#include "byte_stream.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// A prefix code, canonical: fully described by the lengths of its words.
class HuffmanCode {
 public:
  static constexpr int longest = 15, table_bits = 9;

  /// Returns whether the lengths make a code: no more words than fit, and no fewer unless `partial` allows a code of at most one word.
  bool build(const std::uint8_t* lengths, std::size_t symbols, bool partial) {
    count_.fill(0);
    for (std::size_t i = 0; i < symbols; ++i) ++count_[lengths[i]];
    const std::size_t words = symbols - count_[0];
    count_[0] = 0;
    int left = 1;  // words of the current length that are still free
    for (std::size_t length = 1; length <= longest; ++length)
      if ((left = 2 * left - count_[length]) < 0) return false;
    if (left > 0 && !(partial && words <= 1)) return false;

    std::array<std::uint16_t, longest + 2> place{}, word{};  // of the first symbol of each length
    for (std::size_t length = 1; length <= longest; ++length) {
      place[length + 1] = static_cast<std::uint16_t>(place[length] + count_[length]);
      word[length + 1] = static_cast<std::uint16_t>((word[length] + count_[length]) << 1);
    }
    table_.fill({});
    symbols_.assign(words, 0);
    for (std::size_t symbol = 0; symbol < symbols; ++symbol) {
      const std::size_t length = lengths[symbol];
      if (length == 0) continue;
      symbols_[place[length]++] = static_cast<std::uint16_t>(symbol);
      const std::size_t reversed = reverse(word[length]++, length);  // words come with their first bit lowest
      if (length <= table_bits)
        for (std::size_t i = reversed; i < table_.size(); i += std::size_t{1} << length)
          table_[i] = {static_cast<std::uint16_t>(symbol), static_cast<std::uint8_t>(length)};
    }
    return true;
  }

  struct Found {
    std::uint16_t symbol = 0;
    std::uint8_t length = 0;  // 0: no word of the code
  };
  /// The word that the bits begin with, the first bit lowest.
  Found find(std::uint32_t bits) const {
    if (const Found found = table_[bits & (table_.size() - 1)]; found.length > 0) return found;
    int word = 0, first = 0, place = 0;
    for (std::size_t length = 1; length <= longest; ++length, bits >>= 1) {
      word |= static_cast<int>(bits & 1);
      const int count = count_[length];
      if (word - first < count) return {symbols_[static_cast<std::size_t>(place + word - first)], static_cast<std::uint8_t>(length)};
      place += count;
      first = (first + count) << 1;
      word <<= 1;
    }
    return {};
  }

 private:
  static std::size_t reverse(std::size_t word, std::size_t length) {
    std::size_t result = 0;
    for (; length > 0; --length, word >>= 1) result = (result << 1) | (word & 1);
    return result;
  }
  std::array<std::uint16_t, longest + 1> count_{};  // words of each length
  std::vector<std::uint16_t> symbols_;              // by length, then by value
  std::array<Found, std::size_t{1} << table_bits> table_{};
};
}  // namespace detail

/// Expands a deflate stream piece by piece: what it holds is a window of 32 KB, whatever the stream expands to.
/// Throws   FileError if the stream is broken, or shorter or longer than its size was said to be.
/// Source   RFC 1951.
class InflateStream final : public ByteStream {
 public:
  InflateStream(ByteStream& deflated, Index size) : ByteStream(deflated.name() + " inflated", 0, size), source_(deflated), window_(window_size) {}

  /// To be called when all bytes were read.
  void check_end() {
    if (pending_ > 0 || next_block() || held_ >= 8 || source_.remaining() > 0) source_.fail("deflate stream is longer than its entry says");
  }

 private:
  static constexpr std::size_t window_size = 32768;
  enum class Block : std::uint8_t { none, stored, compressed };

  void fill(unsigned char* to, Index bytes) override {
    for (; bytes > 0; --bytes) {
      if (pending_ == 0 && !next_block()) source_.fail("deflate stream is shorter than its entry says");
      --pending_;
      const unsigned char value = block_ == Block::stored ? static_cast<unsigned char>(take(8))
                                  : distance_ > 0         ? window_[(written_ - distance_) % window_size]
                                                          : literal_;
      window_[written_++ % window_size] = value;
      *to++ = value;
    }
  }
  /// Goes on until there are bytes to deliver: `pending_` of them, stored, copied from `distance_` before, or one literal. False: the stream ended.
  bool next_block() {
    for (;;) {
      if (block_ == Block::compressed && !ended_block_ && next_symbol()) return true;
      if (block_ != Block::compressed || ended_block_) {
        if (last_) return false;
        start_block();
        if (pending_ > 0) return true;
      }
    }
  }
  void start_block() {
    ended_block_ = false;
    last_ = take(1) != 0;
    switch (take(2)) {
      case 0: {
        block_ = Block::stored;
        take(held_ % 8);  // to the next byte
        const std::uint32_t length = take(16);
        if ((take(16) ^ length) != 0xFFFF) source_.fail("stored deflate block with a wrong length");
        pending_ = static_cast<Index>(length);
        break;
      }
      case 1: build_fixed(); break;
      case 2: build_dynamic(); break;
      default: source_.fail("deflate block of unknown type");
    }
  }
  /// Decodes one literal or match; false at the end of the block.
  bool next_symbol() {
    static constexpr std::uint16_t length_base[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                                    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
    static constexpr std::uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static constexpr std::uint16_t distance_base[] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                                      193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    const std::uint32_t symbol = decode(literals_);
    if (symbol < 256) {
      literal_ = static_cast<unsigned char>(symbol), distance_ = 0, pending_ = 1;
      return true;
    }
    if (symbol == 256) {
      ended_block_ = true;
      return false;
    }
    if (symbol > 285) source_.fail("deflate match of unknown length");
    pending_ = static_cast<Index>(length_base[symbol - 257] + take(length_bits[symbol - 257]));
    const std::uint32_t far = decode(distances_);
    if (far > 29) source_.fail("deflate match of unknown distance");
    distance_ = distance_base[far] + take(far < 4 ? 0 : far / 2 - 1);
    if (distance_ > written_) source_.fail("deflate match before the beginning");
    return true;
  }
  void build_fixed() {
    std::array<std::uint8_t, 288> lengths;
    for (std::size_t i = 0; i < 288; ++i) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    literals_.build(lengths.data(), 288, false);
    lengths.fill(5);
    distances_.build(lengths.data(), 32, false);
    block_ = Block::compressed;
  }
  void build_dynamic() {
    const std::size_t literals = take(5) + 257, distances = take(5) + 1, codes = take(4) + 4;
    static constexpr std::uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    std::array<std::uint8_t, 19> code_lengths{};
    for (std::size_t i = 0; i < codes; ++i) code_lengths[order[i]] = static_cast<std::uint8_t>(take(3));
    detail::HuffmanCode& lengths_code = distances_;  // done with when the distances come
    if (!lengths_code.build(code_lengths.data(), 19, false)) source_.fail("deflate block with an impossible code of lengths");
    std::array<std::uint8_t, 288 + 32> lengths{};
    for (std::size_t i = 0; i < literals + distances;) {
      const std::uint32_t symbol = decode(lengths_code);
      if (symbol < 16) {
        lengths[i++] = static_cast<std::uint8_t>(symbol);
        continue;
      }
      if (symbol == 16 && i == 0) source_.fail("deflate block repeats a length before the first");
      const std::uint8_t value = symbol == 16 ? lengths[i - 1] : std::uint8_t{0};
      const std::size_t times = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
      if (times > literals + distances - i) source_.fail("deflate block with too many lengths");
      for (std::size_t k = 0; k < times; ++k) lengths[i++] = value;
    }
    if (literals > 286 || lengths[256] == 0 || !literals_.build(lengths.data(), literals, false) ||
        !distances_.build(lengths.data() + literals, distances, true))
      source_.fail("deflate block with an impossible code");
    block_ = Block::compressed;
  }

  void hold(std::uint32_t bits) {
    while (held_ < bits && source_.remaining() > 0) {
      bits_ |= std::uint64_t{source_.byte()} << held_;
      held_ += 8;
    }
  }
  std::uint32_t take(std::uint32_t bits) {
    hold(bits);
    if (held_ < bits) source_.fail("deflate stream ends early");
    const auto value = static_cast<std::uint32_t>(bits_ & ((std::uint64_t{1} << bits) - 1));
    bits_ >>= bits, held_ -= bits;
    return value;
  }
  std::uint32_t decode(const detail::HuffmanCode& code) {
    hold(detail::HuffmanCode::longest);
    const auto found = code.find(static_cast<std::uint32_t>(bits_ & 0xFFFF));
    if (found.length == 0 || found.length > held_) source_.fail("deflate stream with a word that is not in its code");
    bits_ >>= found.length, held_ -= found.length;
    return found.symbol;
  }

  ByteStream& source_;
  detail::HuffmanCode literals_, distances_;
  std::vector<unsigned char> window_;
  std::size_t written_ = 0, distance_ = 0;
  Index pending_ = 0;
  std::uint64_t bits_ = 0;
  std::uint32_t held_ = 0;
  Block block_ = Block::none;
  unsigned char literal_ = 0;
  bool last_ = false, ended_block_ = false;
};

}  // namespace tapestry::inline TAPESTRY_ABI
