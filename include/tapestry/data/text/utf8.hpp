// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "../../core/error.hpp"
#include "../../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What stands for bytes that are no UTF-8.
inline constexpr char32_t replacement_character = 0xFFFD;

/// Bytes as characters. Invalid bytes never stop it: each longest piece that begins like a character and is none, and each byte that
/// cannot begin one, becomes U+FFFD, which `replaced`, if given, counts. Overlong forms, surrogates and what lies above U+10FFFF are invalid.
/// Source   The Unicode Standard, version 15, section 3.9, table 3-7 and "U+FFFD substitution of maximal subparts".
inline std::u32string decode_utf8(std::string_view text, Index* replaced = nullptr) {
  std::u32string characters;
  characters.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const unsigned lead = byte(at++);
    if (lead < 0x80) {
      characters.push_back(static_cast<char32_t>(lead));
      continue;
    }
    const int more = lead >= 0xC2 && lead <= 0xDF ? 1 : lead >= 0xE0 && lead <= 0xEF ? 2 : lead >= 0xF0 && lead <= 0xF4 ? 3 : 0;
    // The second byte's range keeps out overlong forms (E0, F0), surrogates (ED) and what is beyond the last character (F4).
    unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    char32_t character = static_cast<char32_t>(lead) & (0x3Fu >> more);
    int read = 0;
    while (read < more && byte(at) >= low && byte(at) <= high) {
      character = character << 6 | (byte(at++) & 0x3F);
      ++read;
      low = 0x80;
      high = 0xBF;
    }
    const bool whole = more > 0 && read == more;
    if (!whole && replaced) ++*replaced;
    characters.push_back(whole ? character : replacement_character);
  }
  return characters;
}

/// One character as UTF-8.
/// Throws   ValueError for a surrogate or what lies above U+10FFFF.
inline std::string encode_utf8(char32_t character) {
  if (character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF))
    throw ValueError(message("encode_utf8: character must be a Unicode scalar value, got ", static_cast<Index>(character)));
  const auto tail = [character](int shift) { return static_cast<char>(0x80 | (character >> shift & 0x3F)); };
  if (character < 0x80) return {static_cast<char>(character)};
  if (character < 0x800) return {static_cast<char>(0xC0 | character >> 6), tail(0)};
  if (character < 0x10000) return {static_cast<char>(0xE0 | character >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | character >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace tapestry::inline TAPESTRY_ABI
