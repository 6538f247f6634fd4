// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The root of what the library throws. A message is one line: operation, parameter, what it got, what it expects.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;

  /// Whoever passes an error on may say where it happened: `place` goes before the text, instead of what someone further in put there.
  /// Type and text stay: `catch (ShapeError& error) { error.set_place("Sequential: layer 3 (Conv2d): "); throw; }`
  [[gnu::cold, gnu::noinline]] void set_place(std::string_view place) {
    std::string text(place);
    text += what() + place_;
    std::runtime_error::operator=(std::runtime_error(text));
    place_ = place.size();
  }
  bool has_place() const { return place_ > 0; }
  const void* source = nullptr;  ///< the innermost layer that was running, told apart by its address only

 private:
  std::size_t place_ = 0;  // how much of the text is the place
};
struct ShapeError : Error {  ///< sizes that do not fit together
  using Error::Error;
};
struct ValueError : Error {  ///< an option or a value outside its range
  using Error::Error;
};
struct IndexError : Error {  ///< a position, axis or label that does not exist
  using Error::Error;
};
struct TypeError : Error {  ///< a scalar type or device other than the one expected
  using Error::Error;
};
struct MemoryError : Error {  ///< a tensor for which the device has no room
  using Error::Error;
};
struct AutogradError : Error {  ///< a use of the tape that has no meaning
  using Error::Error;
};
struct FileError : Error {  ///< a file that cannot be read, written or believed
  using Error::Error;
};

namespace detail {
inline void append(std::string& text, std::string_view part) { text += part; }
inline void append(std::string& text, char part) { text += part; }
template <std::same_as<bool> B>  // a template, lest a text literal convert to bool
void append(std::string& text, B part) {
  text += part ? "true" : "false";
}
template <class N>
  requires((std::integral<N> && !std::same_as<N, bool>) || std::floating_point<N>)
[[gnu::noinline]] void append(std::string& text, N part) {
  char digits[64];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, part).ptr);
}
template <class P>
  requires requires(const P& p) { { to_string(p) } -> std::convertible_to<std::string>; }
void append(std::string& text, const P& part) {
  text += to_string(part);
}
}  // namespace detail

namespace detail {
/// A part of a message without its type, so that joining is compiled once and each new message costs only a list.
struct MessagePart {
  const void* value;
  void (*append_to)(std::string& text, const void* value);
};
template <class P>
void append_erased(std::string& text, const void* value) {
  append(text, *static_cast<const P*>(value));
}
template <std::size_t N>
void append_literal(std::string& text, const void* value) {
  text += static_cast<const char*>(value);
}
template <class P>
MessagePart message_part(const P& part) {
  return {&part, append_erased<P>};
}
template <std::size_t N>
MessagePart message_part(const char (&literal)[N]) {
  return {literal, append_literal<0>};
}
[[gnu::cold, gnu::noinline]] inline std::string joined(const MessagePart* parts, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) parts[i].append_to(text, parts[i].value);
  return text;
}
}  // namespace detail

/// Joins texts, numbers and whatever has to_string: `message("linear: got ", n, " features")`.
template <class... Parts>
[[gnu::cold, gnu::noinline]] std::string message(const Parts&... parts) {
  const detail::MessagePart list[sizeof...(Parts) + 1] = {detail::message_part(parts)...};  // one more, lest there be none
  return detail::joined(list, sizeof...(Parts));
}

}  // namespace tapestry::inline TAPESTRY_ABI
