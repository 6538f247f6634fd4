// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The signed integer of sizes, positions and labels; PyTorch's int64.
using Index = std::int64_t;

/// What a tensor may hold.
template <class T>
concept Scalar = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, Index> || std::same_as<T, std::int32_t> ||
                 std::same_as<T, std::uint8_t> || std::same_as<T, bool>;

/// What has derivatives.
template <class T>
concept Floating = std::same_as<T, float> || std::same_as<T, double>;

/// A Scalar's name at run time, for files and for code that moves bytes without computing.
enum class DType : std::uint8_t { float32, float64, int64, int32, uint8, boolean };
inline constexpr int dtype_count = 6;

template <Scalar T>
constexpr DType dtype_of() {
  if constexpr (std::same_as<T, float>) return DType::float32;
  if constexpr (std::same_as<T, double>) return DType::float64;
  if constexpr (std::same_as<T, Index>) return DType::int64;
  if constexpr (std::same_as<T, std::int32_t>) return DType::int32;
  if constexpr (std::same_as<T, std::uint8_t>) return DType::uint8;
  if constexpr (std::same_as<T, bool>) return DType::boolean;
}

/// Bytes of one element.
constexpr std::size_t size_of(DType type) {
  switch (type) {
    case DType::float32: return 4;
    case DType::float64: return 8;
    case DType::int64: return 8;
    case DType::int32: return 4;
    case DType::uint8: return 1;
    case DType::boolean: return 1;
  }
  return 0;
}

/// PyTorch's name of the type: `float32`, `int64`, `bool`...
constexpr std::string_view name_of(DType type) {
  switch (type) {
    case DType::float32: return "float32";
    case DType::float64: return "float64";
    case DType::int64: return "int64";
    case DType::int32: return "int32";
    case DType::uint8: return "uint8";
    case DType::boolean: return "bool";
  }
  return "?";
}

/// Calls f with a value-initialised scalar of the given type: `visit_dtype(type, [&]<Scalar T>(T) { ... })`.
template <class F>
constexpr decltype(auto) visit_dtype(DType type, F&& f) {
  switch (type) {
    case DType::float32: return f(float{});
    case DType::float64: return f(double{});
    case DType::int64: return f(Index{});
    case DType::int32: return f(std::int32_t{});
    case DType::uint8: return f(std::uint8_t{});
    default: return f(bool{});
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI
