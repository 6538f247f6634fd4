// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/memory.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;
using Indices = std::vector<Index>;

TEST_CASE("plain fill writes every element of any type") {
  std::vector<double> doubles(3);
  const double half = 0.5;
  plain::fill(DType::float64, &half, 3, doubles.data());
  CHECK(doubles == std::vector<double>{0.5, 0.5, 0.5});
  std::vector<std::uint8_t> bytes(4, 9);
  const std::uint8_t seven = 7;
  plain::fill(DType::uint8, &seven, 3, bytes.data());
  CHECK(bytes == std::vector<std::uint8_t>{7, 7, 7, 9});
}

TEST_CASE("plain cast converts as static_cast does") {
  const float from[] = {-1.9f, 0.0f, 2.5f, std::nanf("")};
  Indices whole(3);
  plain::cast(DType::float32, from, DType::int64, whole.data(), 3);
  CHECK(whole == Indices{-1, 0, 2});
  bool truth[4] = {};
  plain::cast(DType::float32, from, DType::boolean, truth, 4);
  CHECK((truth[0] && !truth[1] && truth[2] && truth[3]));
  double back[4] = {};
  plain::cast(DType::boolean, truth, DType::float64, back, 4);
  CHECK(std::vector<double>(back, back + 4) == std::vector<double>{1, 0, 1, 1});
  const Index wide[] = {300, -1};
  std::uint8_t bytes[2] = {};
  plain::cast(DType::int64, wide, DType::uint8, bytes, 2);
  CHECK(int{bytes[0]} == 44);
  CHECK(int{bytes[1]} == 255);
}

TEST_CASE("plain strided_copy transposes, repeats, reverses and handles any element size") {
  const Indices x{1, 2, 3, 4, 5, 6};  // [2][3]
  Indices y(6);
  plain::strided_copy(8, {3, 2}, x.data(), {1, 3}, y.data(), {2, 1});
  CHECK(y == Indices{1, 4, 2, 5, 3, 6});
  plain::strided_copy(8, {2, 3}, x.data(), {0, 1}, y.data(), {3, 1});
  CHECK(y == Indices{1, 2, 3, 1, 2, 3});
  plain::strided_copy(8, {6}, x.data() + 5, {-1}, y.data(), {1});
  CHECK(y == Indices{6, 5, 4, 3, 2, 1});
  plain::strided_copy(8, {}, x.data() + 2, {}, y.data(), {});
  CHECK(y[0] == 3);
  plain::strided_copy(8, {2, 0}, x.data(), {1, 1}, y.data(), {1, 1});
  CHECK(y[0] == 3);
  const std::vector<std::uint8_t> bytes{1, 2, 3, 4};
  std::vector<std::uint8_t> spread(7);
  plain::strided_copy(1, {4}, bytes.data(), {1}, spread.data(), {2});
  CHECK(spread == std::vector<std::uint8_t>{1, 0, 2, 0, 3, 0, 4});
}

TEST_CASE("plain gather picks along the middle axis") {
  const std::vector<std::int32_t> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};  // [2][3][2]
  const Indices indices{2, 0, 2, 1};
  std::vector<std::int32_t> y(16);
  plain::gather(4, 2, 3, 2, indices.data(), 4, x.data(), y.data());
  CHECK(y == std::vector<std::int32_t>{5, 6, 1, 2, 5, 6, 3, 4, 11, 12, 7, 8, 11, 12, 9, 10});
}

TEST_CASE("plain first_outside finds the first index out of range that is not the exception") {
  const Indices indices{0, -100, 9, 10, -1};
  CHECK(plain::first_outside(indices.data(), 5, 0, 10, -100) == 3);
  CHECK(plain::first_outside(indices.data(), 5, 0, 10, 10) == 1);
  CHECK(plain::first_outside(indices.data(), 5, 0, 11, -100) == 4);
  CHECK(plain::first_outside(indices.data(), 3, 0, 10, -100) == -1);
  CHECK(plain::first_outside(nullptr, 0, 0, 10, -100) == -1);
}
