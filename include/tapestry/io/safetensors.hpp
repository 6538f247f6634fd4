// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>

#include "../tensor/any_tensor.hpp"
#include "../backend/cpu/cpu_backend.hpp"
#include "element_type.hpp"
#include "json.hpp"
#include "memory_budget.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Texts by name that travel with the tensors.
using Metadata = std::vector<std::pair<std::string, std::string>>;

inline std::string_view find(const Metadata& metadata, std::string_view name, std::string_view otherwise = {}) {
  for (const auto& [key, text] : metadata)
    if (key == name) return text;
  return otherwise;
}

/// What a safetensors file holds.
struct Safetensors {
  NamedTensors tensors;
  Metadata metadata;
};

namespace detail {
/// The format's names of element types, and PyTorch's. Left out are 64 unsigned bits, complex numbers and the rarer floats of 8 bits and fewer.
inline constexpr std::pair<std::string_view, std::string_view> safetensors_types[] = {
    {"F32", "float32"}, {"F64", "float64"}, {"F16", "float16"}, {"BF16", "bfloat16"}, {"F8_E4M3", "float8_e4m3fn"}, {"F8_E5M2", "float8_e5m2"}, {"I64", "int64"},
    {"I32", "int32"},   {"I16", "int16"},   {"I8", "int8"},     {"U32", "uint32"},    {"U16", "uint16"},            {"U8", "uint8"},            {"BOOL", "bool"}};
inline std::string_view safetensors_name(DType type) {
  for (const auto& [name, torch_name] : safetensors_types)
    if (torch_name == name_of(type)) return name;
  return "?";
}
inline const ElementType* find_safetensors_type(std::string_view name) {
  for (const auto& [known, torch_name] : safetensors_types)
    if (known == name) return find_element_type(torch_name);
  return nullptr;
}
/// Elements of a type that no tensor holds, a piece at a time.
template <class = void>
void read_widened(FileReader& file, const ElementType& type, Index count, unsigned char* to) {
  constexpr Index most = 4096;
  unsigned char piece[2 * most];
  for (Index first = 0; first < count; first += most) {
    const Index length = std::min(most, count - first);
    file.read(piece, length * type.size);
    convert_elements(type, piece, type.size, length, std::endian::native != std::endian::little, to + first * static_cast<Index>(size_of(type.becomes)));
  }
}
inline constexpr std::size_t longest_safetensors_header = 100'000'000;  // the format's own limit

/// Refuses names that would make a file that no one can read.
template <class Named>
void check_safetensors_names(const std::vector<std::pair<std::string, Named>>& entries, std::string_view what) {
  std::vector<std::string_view> names;
  for (const auto& entry : entries) {
    const std::string& name = entry.first;
    if (!json::is_utf8(name)) throw ValueError(message("save_safetensors: ", what, " name ", json::quoted(name), " is not UTF-8"));
    if (name == "__metadata__") throw ValueError(message("save_safetensors: ", what, " name __metadata__ is taken by the format"));
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    throw ValueError(message("save_safetensors: ", what, " name ", *twice, " stands twice"));
}
}  // namespace detail

/// Writes tensors as a safetensors file, which Python reads with safetensors.torch.load_file. Elements go by logical order. The file appears
/// whole or not at all, and holds nothing but what is given: equal content makes equal bytes.
///
///   8 bytes    length of the header, little endian
///   header     {"__metadata__": {...}, "fc.weight": {"dtype": "F32", "shape": [10, 512], "data_offsets": [0, 20480]}, ...}, padded with spaces
///   data       the elements of one tensor after the other, little endian; wide types first, so that each lies aligned in a mapped file
///
/// Throws   FileError if it cannot be written, ValueError if a name stands twice, is not UTF-8 or is __metadata__.
template <class = void>
void save_safetensors(const std::string& path, const NamedTensors& tensors, const Metadata& metadata = {}) {
  detail::check_safetensors_names(tensors, "tensor");
  detail::check_safetensors_names(metadata, "metadata");
  for (const auto& [key, text] : metadata)
    if (!json::is_utf8(text)) throw ValueError(message("save_safetensors: metadata ", key, " is not UTF-8"));
  std::vector<std::size_t> order(tensors.size()), begin(tensors.size());  // of the data
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto width = [&](std::size_t i) { return size_of(tensors[i].second.dtype()); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return width(a) > width(b); });
  std::size_t offset = 0;
  for (std::size_t i : order) {
    begin[i] = offset;
    offset += tensors[i].second.bytes();
  }

  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (std::size_t i = 0; i < metadata.size(); ++i)
      header += message(i ? "," : "", json::quoted(metadata[i].first), ":", json::quoted(metadata[i].second));
    header += "}";
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    std::string shape = to_string(tensor.shape());
    shape.erase(std::remove(shape.begin(), shape.end(), ' '), shape.end());
    header += message(header.size() > 1 ? "," : "", json::quoted(name), ":{\"dtype\":\"", detail::safetensors_name(tensor.dtype()),
                      "\",\"shape\":", shape, ",\"data_offsets\":[", begin[i], ",", begin[i] + tensor.bytes(), "]}");
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > detail::longest_safetensors_header)
    throw ValueError(message("save_safetensors: header of ", header.size(), " bytes is longer than the format's ",
                             detail::longest_safetensors_header));

  AtomicFile file(path);
  unsigned char length[8];
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<unsigned char>(std::uint64_t{header.size()} >> (8 * i));
  file.write(length, 8);
  file.write(header);
  for (std::size_t i : order) {
    const AnyTensor x = on_device(in_layout(tensors[i].second, Layout::row_major), cpu());
    file.write(x.raw_data(), x.bytes());
  }
  file.commit();
}

/// Reads a safetensors file. Every size is checked against the file before it is believed. Types that no tensor holds widen as in load_pth: half, bfloat16
/// and floats of 8 bits (F8_E4M3, F8_E5M2) become float32; int8, int16 and uint16 become int32, uint32 becomes int64.
/// Throws   FileError naming the file and the cause; so does memory beyond ReadOptions::memory_limit, and a tensor of another type.
template <class = void>
Safetensors load_safetensors(const std::string& path, ReadOptions options = {}) {
  FileReader file(path);
  MemoryBudget budget(file, options);
  const auto fail = [&](const auto&... cause) -> FileError { return FileError(message("load_safetensors: ", path, ": ", cause...)); };
  unsigned char length[8];
  if (file.size() < 8) throw fail("file has ", file.size(), " bytes, too few for a header");
  file.read(length, 8);
  std::uint64_t header_size = 0;
  for (std::size_t i = 0; i < 8; ++i) header_size |= std::uint64_t{length[i]} << (8 * i);
  if (header_size > static_cast<std::uint64_t>(file.size() - 8)) throw fail("header claims ", header_size, " bytes but the file has ", file.size());
  if (header_size > detail::longest_safetensors_header)
    throw fail("header of ", header_size, " bytes is longer than the format's ", detail::longest_safetensors_header);
  std::string header(static_cast<std::size_t>(header_size), ' ');
  file.read(header.data(), static_cast<Index>(header_size));
  json::Value root;
  try {
    root = json::parse(header);
  } catch (const FileError& error) {
    throw fail("header: ", std::string_view(error.what()));
  }
  if (root.kind != json::Value::Kind::object) throw fail("header is not an object");

  struct Entry {
    std::string name;
    const ElementType* type;
    Shape shape;
    Index begin, end, numel;
    std::size_t position;  // in the header
  };
  const Index data_size = file.size() - 8 - static_cast<Index>(header_size);
  Safetensors result;
  std::vector<Entry> entries;
  for (const auto& [name, value] : root.members) {
    if (name == "__metadata__") {
      if (value.kind != json::Value::Kind::object) throw fail("metadata is not an object");
      for (const auto& [key, text] : value.members) {
        if (text.kind != json::Value::Kind::string) throw fail("metadata ", key, " is not a text");
        result.metadata.emplace_back(key, text.text);
      }
      continue;
    }
    const json::Value *dtype = value.find("dtype"), *shape = value.find("shape"), *offsets = value.find("data_offsets");
    if (!dtype || !shape || !offsets || shape->kind != json::Value::Kind::array || offsets->elements.size() != 2 ||
        std::any_of(offsets->elements.begin(), offsets->elements.end(), [](const json::Value& v) { return v.kind != json::Value::Kind::integer; }))
      throw fail("tensor ", name, " must have dtype, shape and two data_offsets");
    Entry entry{name, detail::find_safetensors_type(dtype->text), {}, offsets->elements[0].number, offsets->elements[1].number, 0, entries.size()};
    if (!entry.type) {
      std::string known;
      for (const auto& type : detail::safetensors_types) known += message(known.empty() ? "" : ", ", type.first);
      throw fail("tensor ", name, " has dtype ", dtype->text, ", which no tensor here can hold; known are ", known);
    }
    if (static_cast<Index>(shape->elements.size()) > Shape::max_rank) throw fail("tensor ", name, " has more than 8 axes");
    Index count = 1;
    bool fits = true;
    for (const json::Value& size : shape->elements) {
      if (size.kind != json::Value::Kind::integer) throw fail("tensor ", name, " has a shape that is not of integers");
      entry.shape.push_back(size.number);
      fits = fits && (size.number == 0 || count <= data_size / size.number);
      count = fits ? count * size.number : 0;
    }
    if (std::find(entry.shape.begin(), entry.shape.end(), 0) != entry.shape.end()) {  // empty, whatever the other sizes within reason
      Index room = std::numeric_limits<Index>::max() / 8;
      for (Index size : entry.shape) room /= std::max<Index>(size, 1);
      fits = room > 0, count = 0;
    }
    if (!fits || entry.begin > entry.end || entry.end > data_size || entry.end - entry.begin != count * Index{entry.type->size})
      throw fail("tensor ", name, " of shape ", entry.shape, " does not fit its bytes ", entry.begin, " to ", entry.end, " of ", data_size);
    entry.numel = count;
    entries.push_back(std::move(entry));
  }
  std::vector<std::size_t> order(entries.size());  // of the bytes, which must follow one another
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto place = [&](std::size_t i) { return std::pair(entries[i].begin, entries[i].end); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
  Index expected = 0;
  for (std::size_t i : order) {
    if (entries[i].begin != expected)
      throw fail("tensor ", entries[i].name, " begins at byte ", entries[i].begin, " of the data, expected ", expected);
    expected = entries[i].end;
  }
  if (expected != data_size) throw fail(data_size - expected, " bytes behind the last tensor");

  result.tensors.resize(entries.size());
  for (std::size_t i : order) {
    const Entry& entry = entries[i];
    const DType dtype = entry.type->becomes;
    budget.take(entry.numel * static_cast<Index>(size_of(dtype)), message("tensor ", entry.name), entry.begin);
    AnyTensor tensor = empty_any(dtype, entry.shape, Layout::row_major, cpu());
    auto* bytes = static_cast<unsigned char*>(tensor.raw_mutable_data());
    if (entry.type->size == size_of(dtype))
      file.read(bytes, entry.end - entry.begin);
    else
      detail::read_widened(file, *entry.type, entry.numel, bytes);
    if (dtype == DType::boolean) {  // any other byte would be no bool at all
      for (Index b = 0; b < entry.numel; ++b)
        if (bytes[b] > 1) throw fail("tensor ", entry.name, " holds a bool that is neither 0 nor 1");
    }
    result.tensors[entry.position] = {entry.name, std::move(tensor)};
  }
  return result;
}

}  // namespace tapestry::inline TAPESTRY_ABI
