// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "../core/error.hpp"
#include "../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI::json {

/// The part of JSON that safetensors headers use: objects, arrays, strings and integers from 0. Members keep their order.
struct Value {
  struct Member;
  enum class Kind : std::uint8_t { object, array, string, integer } kind = Kind::object;
  std::vector<Member> members;
  std::vector<Value> elements;
  std::string text;
  Index number = 0;

  /// The member of that name, or null.
  const Value* find(std::string_view name) const;
};

struct Value::Member {
  std::string name;
  Value value;
};

inline const Value* Value::find(std::string_view name) const {
  for (const auto& [key, value] : members)
    if (key == name) return &value;
  return nullptr;
}

/// Whether the bytes are well-formed UTF-8.
/// Source   RFC 3629, section 4.
inline bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0u; };
    const unsigned lead = byte(0);
    if ((lead >= 0x80 && lead < 0xC2) || lead >= 0xF5) return false;
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    for (std::size_t i = 1; i < length; ++i)
      if (byte(i) < 0x80 || byte(i) >= 0xC0) return false;
    // Longer than needed, half of a surrogate pair, or beyond the last code point.
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) >= 0xA0) || (lead == 0xF0 && byte(1) < 0x90) ||
        (lead == 0xF4 && byte(1) >= 0x90))
      return false;
    at += length;
  }
  return true;
}

/// Reads one value and nothing behind it but spaces.
/// Throws   FileError naming the byte and the cause; nesting deeper than 8, arrays longer than 64 (a few bytes of text each would grow to a hundred
///          in memory), duplicate keys, text that is not UTF-8 and broken UTF-16 escapes are refused.
/// A template, so that only programs that use it compile it.
template <class = void>
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}
  Value parse() {
    Value value = parse_value(0);
    skip_spaces();
    if (at_ != text_.size()) fail("text behind the value");
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view cause) const { throw FileError(message("json: byte ", at_, ": ", cause)); }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  char peek() {
    skip_spaces();
    if (at_ == text_.size()) fail("text ends in the middle of a value");
    return text_[at_];
  }
  void expect(char c) {
    if (peek() != c) fail(message("expected '", c, "', got '", text_[at_], "'"));
    ++at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  Value parse_value(int depth) {
    if (depth > 8) fail("nesting deeper than 8");
    Value value;
    switch (peek()) {
      case '{': parse_object(value, depth); break;
      case '[': parse_array(value, depth); break;
      case '"':
        value.kind = Value::Kind::string;
        value.text = parse_string();
        break;
      default: parse_integer(value);
    }
    return value;
  }
  void parse_object(Value& value, int depth) {
    expect('{');
    if (take('}')) return;
    do {
      if (peek() != '"') fail("expected a name in quotes");
      std::string name = parse_string();
      expect(':');
      value.members.push_back({std::move(name), parse_value(depth + 1)});
    } while (take(','));
    expect('}');
    std::vector<std::string_view> names;
    for (const auto& member : value.members) names.push_back(member.name);
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      fail(message("name \"", *twice, "\" stands twice"));
  }
  void parse_array(Value& value, int depth) {
    value.kind = Value::Kind::array;
    expect('[');
    if (take(']')) return;
    do {
      if (value.elements.size() == 64) fail("array longer than 64");
      value.elements.push_back(parse_value(depth + 1));
    } while (take(','));
    expect(']');
  }
  void parse_integer(Value& value) {
    value.kind = Value::Kind::integer;
    const char* first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value.number);
    if (error != std::errc{} || *first == '-') fail("expected an object, an array, a string or an integer from 0");
    if (*first == '0' && end - first > 1) fail("integer with a leading 0");
    at_ += static_cast<std::size_t>(end - first);
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) fail("expected an integer, got a fraction");
  }
  std::string parse_string() {
    expect('"');
    std::string result;
    for (;;) {
      if (at_ == text_.size()) fail("string without end");
      const char c = text_[at_++];
      if (c == '"') {
        if (!is_utf8(result)) fail("string is not UTF-8");
        return result;
      }
      if (static_cast<unsigned char>(c) < 0x20) fail("control character in a string");
      if (c == '\\')
        parse_escape(result);
      else
        result += c;
    }
  }
  void parse_escape(std::string& result) {
    if (at_ == text_.size()) fail("string without end");
    switch (const char c = text_[at_++]; c) {
      case '"': case '\\': case '/': result += c; break;
      case 'b': result += '\b'; break;
      case 'f': result += '\f'; break;
      case 'n': result += '\n'; break;
      case 'r': result += '\r'; break;
      case 't': result += '\t'; break;
      case 'u': parse_code_point(result); break;
      default: fail("unknown escape in a string");
    }
  }
  std::uint32_t parse_hex4() {
    std::uint32_t code = 0;
    if (text_.size() - at_ < 4) fail("\\u wants four hexadecimal digits");
    const char* first = text_.data() + at_;
    if (std::from_chars(first, first + 4, code, 16).ptr != first + 4) fail("\\u wants four hexadecimal digits");
    at_ += 4;
    return code;
  }
  void parse_code_point(std::string& result) {
    std::uint32_t code = parse_hex4();
    if (code >= 0xD800 && code < 0xE000) {  // a character beyond 16 bits comes as a pair
      if (code >= 0xDC00 || text_.substr(at_, 2) != "\\u") fail("half of a surrogate pair");
      at_ += 2;
      const std::uint32_t low = parse_hex4();
      if (low < 0xDC00 || low >= 0xE000) fail("half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto byte = [&](std::uint32_t b) { result += static_cast<char>(b); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xC0 | (code >> 6)), byte(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      byte(0xE0 | (code >> 12)), byte(0x80 | ((code >> 6) & 0x3F)), byte(0x80 | (code & 0x3F));
    } else {
      byte(0xF0 | (code >> 18)), byte(0x80 | ((code >> 12) & 0x3F)), byte(0x80 | ((code >> 6) & 0x3F)), byte(0x80 | (code & 0x3F));
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

template <class = void>
Value parse(std::string_view text) {
  return Parser<>(text).parse();
}

/// A string in quotes, with what JSON does not allow inside escaped.
inline std::string quoted(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result = "\"";
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (result += '\\') += c;
    else if (code < 0x20)
      ((result += "\\u00") += hex[code >> 4]) += hex[code & 15];
    else
      result += c;
  }
  return result + '"';
}

}  // namespace tapestry::inline TAPESTRY_ABI::json
