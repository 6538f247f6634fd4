// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>

#include "../tensor/any_tensor.hpp"
#include "../backend/cpu/cpu_backend.hpp"
#include "byte_stream.hpp"
#include "element_type.hpp"
#include "memory_budget.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {

/// What stands before an array's elements: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
struct NpyHeader {
  const ElementType* type = nullptr;
  bool swapped = false, fortran_order = false;
  Shape shape;
};

struct NpyType {
  std::string_view code, name;
};
inline constexpr NpyType npy_types[] = {{"f4", "float32"}, {"f8", "float64"}, {"f2", "float16"}, {"i8", "int64"}, {"i4", "int32"},  {"i2", "int16"},
                                        {"i1", "int8"},    {"u1", "uint8"},   {"u2", "uint16"},  {"u4", "uint32"}, {"b1", "bool"}};

/// Reads the header's Python literal: a dict of these three keys, in any order.
class NpyHeaderParser {
 public:
  NpyHeaderParser(const ByteStream& stream, std::string_view text) : stream_(stream), text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    bool type = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(type, true))
        parse_type(header);
      else if (key == "fortran_order" && !std::exchange(order, true))
        header.fortran_order = parse_bool();
      else if (key == "shape" && !std::exchange(shape, true))
        parse_shape(header.shape);
      else
        fail("key ", key, " is unknown or stands twice");
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (!type || !order || !shape) fail("descr, fortran_order or shape is missing");
    skip_spaces();
    if (!text_.empty()) fail("text behind the dict");
    return header;
  }

 private:
  template <class... Cause>
  [[noreturn]] void fail(const Cause&... cause) const {
    stream_.fail("npy header: ", cause...);
  }
  void skip_spaces() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
  }
  bool take(char c) {
    skip_spaces();
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("expected ", c, " before \"", text_.substr(0, 20), '"');
  }
  std::string_view quoted() {
    const char quote = take('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos || end > 100) fail("a text without end");
    const std::string_view text = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return text;
  }
  bool parse_bool() {
    for (const std::string_view word : {"True", "False"})
      if (skip_spaces(); text_.starts_with(word)) {
        text_.remove_prefix(word.size());
        return word == "True";
      }
    fail("fortran_order is neither True nor False");
  }
  void parse_type(NpyHeader& header) {
    skip_spaces();
    if (text_.starts_with('[')) fail("arrays of records are not read");
    const std::string_view descr = quoted();
    const char order = descr.empty() ? '?' : descr[0];
    for (const auto& [code, name] : npy_types)
      if (descr.substr(std::min<std::size_t>(1, descr.size())) == code && (order == '<' || order == '>' || order == '|' || order == '='))
        header.type = find_element_type(name);
    if (!header.type) fail("elements of type ", descr, " are not read");
    header.swapped = order == (std::endian::native == std::endian::little ? '>' : '<');
  }
  void parse_shape(Shape& shape) {
    expect('(');
    while (!take(')')) {
      skip_spaces();
      Index size = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), size);
      if (error != std::errc{} || size < 0) fail("shape is not of integers from 0");
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      if (shape.rank() == Shape::max_rank) fail("more than 8 axes");
      shape.push_back(size);
      if (!take(',')) {
        expect(')');
        break;
      }
    }
  }
  const ByteStream& stream_;
  std::string_view text_;
};

inline constexpr std::string_view npy_magic = "\x93NUMPY";

/// Reads one array, to the end of the stream.
inline AnyTensor read_npy(ByteStream& stream, MemoryBudget& budget) {
  if (stream.remaining() < 10 || stream.text(6) != npy_magic) stream.fail("no npy file: it does not begin with \\x93NUMPY");
  const std::uint8_t major = stream.byte(), minor = stream.byte();
  if (major < 1 || major > 3 || minor != 0) stream.fail("npy version ", Index{major}, '.', Index{minor}, "; read are 1.0, 2.0 and 3.0");
  const Index header_size = major == 1 ? Index{stream.number<std::uint16_t>()} : Index{stream.number<std::uint32_t>()};
  if (header_size > 65535) stream.fail("npy header of ", header_size, " bytes");
  const std::string text = stream.text(header_size);
  const NpyHeader header = NpyHeaderParser(stream, text).parse();

  const ElementType& type = *header.type;
  Index numel = 0;
  if (!checked_numel(header.shape, numel)) stream.fail("npy header: impossible shape ", header.shape);
  const Index bytes = numel * type.size;
  if (bytes != stream.remaining()) stream.fail("array of shape ", header.shape, " takes ", bytes, " bytes but ", stream.remaining(), " follow");
  budget.take(numel * static_cast<Index>(size_of(type.becomes)), "an array");
  AnyTensor tensor = empty_any(type.becomes, header.shape, Layout::row_major, cpu());
  const bool in_order = !header.fortran_order || header.shape.rank() < 2;
  if (numel == 0) return tensor;
  if (in_order && is_stored_as_is(type, header.swapped)) {
    stream.read(tensor.raw_mutable_data(), bytes);
    return tensor;
  }
  Shape strides = strides_of(header.shape, Layout::row_major);
  if (!in_order) {  // the first axis innermost
    Index stride = 1;
    for (Index axis = 0; axis < strides.rank(); ++axis) strides[axis] = std::exchange(stride, stride * header.shape[axis]);
  }
  budget.take(bytes, "an array's elements");
  const auto elements = std::make_unique<unsigned char[]>(static_cast<std::size_t>(bytes));
  stream.read(elements.get(), bytes);
  gather_elements(type, elements.get(), header.shape, strides, header.swapped, static_cast<unsigned char*>(tensor.raw_mutable_data()));
  budget.give_back(bytes);
  return tensor;
}

/// The bytes before an array's elements; their number is a multiple of 64, so that the elements lie aligned in a mapped file.
inline std::string npy_header(const AnyTensor& tensor) {
  std::string_view code;
  for (const auto& type : npy_types)
    if (type.name == name_of(tensor.dtype())) code = type.code;
  std::string shape = to_string(tensor.shape());
  shape = message('(', std::string_view(shape).substr(1, shape.size() - 2), tensor.rank() == 1 ? ",)" : ")");
  std::string text = message("{'descr': '", size_of(tensor.dtype()) == 1 ? '|' : '<', code, "', 'fortran_order': False, 'shape': ", shape, ", }");
  text.resize((10 + text.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  text += '\n';
  return message(npy_magic, '\1', '\0', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8), text);
}
}  // namespace detail

/// Reads an array that numpy.save wrote: numbers of any width and byte order, in C's or Fortran's order. Half becomes float32; int8, int16 and
/// uint16 become int32, uint32 becomes int64.
/// Throws   FileError naming the file, the byte and the cause.
/// Source   numpy.lib.format.
inline AnyTensor load_npy(const std::string& path, ReadOptions options = {}) {
  const FileReader file(path);
  MemoryBudget budget(file, options);
  FileSection stream(file);
  return detail::read_npy(stream, budget);
}

/// Writes a tensor so that numpy.load reads it, in C's order. The file appears whole or not at all.
/// Throws   FileError if it cannot be written.
inline void save_npy(const std::string& path, const AnyTensor& tensor) {
  const AnyTensor x = on_device(in_layout(tensor, Layout::row_major), cpu());
  AtomicFile file(path);
  file.write(detail::npy_header(x));
  file.write(x.raw_data(), x.bytes());
  file.commit();
}

}  // namespace tapestry::inline TAPESTRY_ABI
