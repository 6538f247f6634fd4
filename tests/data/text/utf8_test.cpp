// SPDX-License-Identifier: MIT
#include "tapestry/data/text/utf8.hpp"

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("utf8: characters of every length come back as they were") {
  const std::u32string characters{U'a', char32_t{0x7F}, char32_t{0x80}, U'\u00E9', char32_t{0x7FF}, char32_t{0x800}, U'\u20AC',
                                  char32_t{0xD7FF}, char32_t{0xE000}, char32_t{0xFFFF}, char32_t{0x10000}, char32_t{0x10FFFF}};
  std::string text;
  for (const char32_t c : characters) text += encode_utf8(c);
  Index replaced = 0;
  CHECK(decode_utf8(text, &replaced) == characters);
  CHECK(replaced == 0);
  CHECK(encode_utf8(U'\u20AC') == "\xE2\x82\xAC");
  for (char32_t c = 0; c < 0x110000; c += 7)
    if (c < 0xD800 || c > 0xDFFF) REQUIRE(decode_utf8(encode_utf8(c)) == std::u32string(1, c));
  CHECK_THROWS_WITH(encode_utf8(0xD800), contains_text("got 55296"));
  CHECK_THROWS_AS(encode_utf8(0x110000), ValueError);
}

TEST_CASE("utf8: what is invalid becomes U+FFFD, a piece at a time, and is counted") {
  struct Case {
    std::string text;
    std::u32string expected;
    Index replaced;
  };
  const char32_t r = replacement_character;
  for (const Case& c : std::vector<Case>{
           {"a\x80z", {U'a', r, U'z'}, 1},                              // a byte that continues nothing
           {"a\xC3", {U'a', r}, 1},                                     // cut off at the end
           {"\xE2\x82z", {r, U'z'}, 1},                                 // two bytes of three
           {"\xF0\x9F\x98", {r}, 1},                                    // three bytes of four
           {"\xC0\xAF", {r, r}, 2},                                     // overlong /
           {"\xE0\x80\xAF", {r, r, r}, 3},                              // overlong in three
           {"\xED\xA0\x80", {r, r, r}, 3},                              // a surrogate
           {"\xF4\x90\x80\x80", {r, r, r, r}, 4},                       // above the last character
           {"\xFF\xFE", {r, r}, 2},
           {"\xC3\xC3\xA9", {r, U'\u00E9'}, 1},                         // a new character begins in another
           {"\xF1\x80\x80\xE1\x80\xC2" "b", {r, r, r, U'b'}, 3},        // the Unicode standard's own example
       }) {
    Index replaced = 0;
    CHECK(decode_utf8(c.text, &replaced) == c.expected);
    CHECK(replaced == c.replaced);
  }
}
