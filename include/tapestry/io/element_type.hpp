// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <cstring>

#include "../core/shape.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// How files store an element, and what it becomes here: types that no tensor holds widen to the next that holds every value.
enum class Stored : std::uint8_t { float8_e4m3, float8_e5m2, float16, bfloat16, float32, float64, int8, uint8, int16, uint16, int32, uint32, int64, boolean, unknown };

struct ElementType {
  std::string_view name;  ///< PyTorch's
  Stored stored;
  std::uint8_t size;  ///< bytes of one element in the file
  DType becomes;
};

/// Of the last ones only the size is known, so that they can be passed over.
inline constexpr ElementType element_types[] = {
    {"float32", Stored::float32, 4, DType::float32},    {"float64", Stored::float64, 8, DType::float64},  {"float16", Stored::float16, 2, DType::float32},
    {"bfloat16", Stored::bfloat16, 2, DType::float32},  {"int64", Stored::int64, 8, DType::int64},        {"int32", Stored::int32, 4, DType::int32},
    {"int16", Stored::int16, 2, DType::int32},          {"int8", Stored::int8, 1, DType::int32},          {"uint8", Stored::uint8, 1, DType::uint8},
    {"uint16", Stored::uint16, 2, DType::int32},        {"uint32", Stored::uint32, 4, DType::int64},      {"bool", Stored::boolean, 1, DType::boolean},
    {"float8_e4m3fn", Stored::float8_e4m3, 1, DType::float32}, {"float8_e5m2", Stored::float8_e5m2, 1, DType::float32},
    {"uint64", Stored::unknown, 8, DType::int64},       {"complex32", Stored::unknown, 4, DType::uint8},  {"complex64", Stored::unknown, 8, DType::uint8},
    {"complex128", Stored::unknown, 16, DType::uint8},  {"qint8", Stored::unknown, 1, DType::uint8},      {"quint8", Stored::unknown, 1, DType::uint8},
    {"qint32", Stored::unknown, 4, DType::uint8},       {"quint4x2", Stored::unknown, 1, DType::uint8},   {"quint2x4", Stored::unknown, 1, DType::uint8}};

/// The type of that name, or null.
constexpr const ElementType* find_element_type(std::string_view name) {
  for (const ElementType& type : element_types)
    if (type.name == name) return &type;
  return nullptr;
}

/// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
inline float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16;
  std::uint32_t exponent = (half >> 10) & 31U, fraction = half & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | fraction << 13);  // infinities and NaN
  if (exponent == 0) {
    const float small = static_cast<float>(fraction) * 0x1p-24F;
    return sign ? -small : small;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}
/// The upper half of a binary16: a sign, 5 bits of exponent, 2 of fraction.
inline float float_of_float8_e5m2(std::uint8_t bits) { return float_of_half(static_cast<std::uint16_t>(bits << 8)); }
/// A sign, 4 bits of exponent, 3 of fraction; no infinity, and NaN only where all bits but the sign are set.
/// Source   Micikevicius and others, "FP8 formats for deep learning", 2022.
inline float float_of_float8_e4m3(std::uint8_t bits) {
  const std::uint32_t sign = std::uint32_t{bits & 0x80U} << 24, rest = bits & 0x7FU;
  if (rest == 0x7FU) return std::bit_cast<float>(sign | 0x7FC00000U);
  const float small = static_cast<float>(rest) * 0x1p-9F;
  if (rest < 8) return sign ? -small : small;
  return std::bit_cast<float>(sign | ((rest << 20) + (120U << 23)));
}
/// The upper half of a float.
inline float float_of_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

namespace detail {
template <class Raw, class To, class Convert>
void convert_run(const unsigned char* from, Index step, Index count, bool swapped, unsigned char* to, Convert convert) {
  for (Index i = 0; i < count; ++i, from += step, to += sizeof(To)) {
    unsigned char bytes[sizeof(Raw)];
    std::memcpy(bytes, from, sizeof(Raw));
    if (swapped) std::reverse(bytes, bytes + sizeof(Raw));
    Raw raw;
    std::memcpy(&raw, bytes, sizeof(Raw));
    const To value = convert(raw);
    std::memcpy(to, &value, sizeof(To));
  }
}
}  // namespace detail

/// Converts `count` elements that lie `step` bytes apart; `swapped`: their bytes come in the other order than this machine's. A template, as is
/// much of io/, so that only programs that use it compile it.
template <class = void>
void convert_elements(const ElementType& type, const unsigned char* from, Index step, Index count, bool swapped, unsigned char* to) {
  const auto same = [](auto raw) { return raw; };
  const auto to_int = [](auto raw) { return static_cast<std::int32_t>(raw); };
  using detail::convert_run;
  switch (type.stored) {
    case Stored::float8_e4m3: return convert_run<std::uint8_t, float>(from, step, count, swapped, to, float_of_float8_e4m3);
    case Stored::float8_e5m2: return convert_run<std::uint8_t, float>(from, step, count, swapped, to, float_of_float8_e5m2);
    case Stored::float16: return convert_run<std::uint16_t, float>(from, step, count, swapped, to, float_of_half);
    case Stored::bfloat16: return convert_run<std::uint16_t, float>(from, step, count, swapped, to, float_of_bfloat16);
    case Stored::float32:
    case Stored::int32: return convert_run<std::uint32_t, std::uint32_t>(from, step, count, swapped, to, same);
    case Stored::float64:
    case Stored::int64: return convert_run<std::uint64_t, std::uint64_t>(from, step, count, swapped, to, same);
    case Stored::uint32: return convert_run<std::uint32_t, Index>(from, step, count, swapped, to, [](std::uint32_t raw) { return Index{raw}; });
    case Stored::int16: return convert_run<std::int16_t, std::int32_t>(from, step, count, swapped, to, to_int);
    case Stored::uint16: return convert_run<std::uint16_t, std::int32_t>(from, step, count, swapped, to, to_int);
    case Stored::int8: return convert_run<std::int8_t, std::int32_t>(from, step, count, swapped, to, to_int);
    case Stored::uint8: return convert_run<std::uint8_t, std::uint8_t>(from, step, count, swapped, to, same);
    // Any other byte than 0 and 1 would be no bool at all.
    case Stored::boolean: return convert_run<std::uint8_t, std::uint8_t>(from, step, count, swapped, to, [](std::uint8_t raw) { return std::uint8_t{raw != 0}; });
    case Stored::unknown: return;
  }
}
/// Whether the bytes of the file are those of the tensor.
inline bool is_stored_as_is(const ElementType& type, bool swapped) {
  return !(swapped && type.size > 1) && type.stored != Stored::boolean && type.stored != Stored::unknown && type.size == size_of(type.becomes);
}

/// Gathers a strided view, row-major: element [i, j, ...] lies at from + (i * strides[0] + j * strides[1] + ...) * type.size.
template <class = void>
void gather_elements(const ElementType& type, const unsigned char* from, const Shape& shape, const Shape& strides, bool swapped, unsigned char* to) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  const Index last = shape.rank() - 1, width = shape.empty() ? 1 : shape[last], step = shape.empty() ? 0 : strides[last];
  const Index row_bytes = width * static_cast<Index>(size_of(type.becomes));
  Shape coordinates = Shape::filled(shape.rank(), 0);
  for (;;) {
    Index place = 0;
    for (Index axis = 0; axis < last; ++axis) place += coordinates[axis] * strides[axis];
    convert_elements(type, from + place * type.size, step * type.size, width, swapped, to);
    to += row_bytes;
    Index axis = last - 1;
    while (axis >= 0 && ++coordinates[axis] == shape[axis]) coordinates[axis--] = 0;
    if (axis < 0) return;
  }
}

/// The number of elements of a shape found in a file.
/// Returns  false if a size is negative or the product is beyond what memory can hold.
inline bool checked_numel(const Shape& shape, Index& numel) {
  Index room = std::numeric_limits<Index>::max() / 16;
  numel = 1;
  for (Index size : shape) {
    if (size < 0 || (size > 0 && (room /= size) == 0)) return false;
    numel *= size;
  }
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI
