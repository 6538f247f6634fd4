// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../core/config.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// tables[k][b]: the remainder of byte b followed by k zero bytes.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_crc32_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t remainder = b;
    for (int bit = 0; bit < 8; ++bit) remainder = (remainder >> 1) ^ (remainder & 1 ? 0xEDB88320U : 0U);
    tables[0][b] = remainder;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t b = 0; b < 256; ++b) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 255];
  return tables;
}
inline constexpr auto crc32_tables = make_crc32_tables();
}  // namespace detail

/// The checksum of zip archives: the remainder of the bytes as a polynomial over GF(2) by x^32 + x^26 + ... + 1, bits reversed. Goes on from the
/// checksum of what came before.
/// Method   eight bytes a step, one table for each.
/// Source   Kounavis and Berry, "Novel table lookup-based algorithms for high-performance CRC generation", 2008.
inline std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t before = 0) {
  const auto& table = detail::crc32_tables;
  const auto* at = static_cast<const unsigned char*>(data);
  std::uint32_t crc = ~before;
  for (; bytes >= 8; bytes -= 8, at += 8) {
    const auto mixed = [&](std::uint32_t i) { return at[i] ^ ((crc >> (8 * i)) & 255); };
    crc = table[7][mixed(0)] ^ table[6][mixed(1)] ^ table[5][mixed(2)] ^ table[4][mixed(3)] ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^
          table[0][at[7]];
  }
  for (; bytes > 0; --bytes, ++at) crc = (crc >> 8) ^ table[0][(crc ^ *at) & 255];
  return ~crc;
}

}  // namespace tapestry::inline TAPESTRY_ABI
