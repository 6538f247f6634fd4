// SPDX-License-Identifier: MIT
#include <tapestry/backend/cpu/memory.hpp>

#include <cstring>
#include <memory>
#include <vector>

#include "support/catch.hpp"
#include "tapestry/backend/reference/memory.hpp"

using namespace tapestry;

namespace {
CpuMemory<> memory;
std::vector<std::uint8_t> counting(Index bytes) {
  std::vector<std::uint8_t> values(static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return values;
}
}  // namespace

TEST_CASE("cpu memory says what it is and copies") {
  CHECK(memory.name() == "cpu");
  CHECK(memory.host_readable());
  const std::vector<std::uint8_t> from = counting(3 << 20);
  auto* to = static_cast<std::uint8_t*>(memory.allocate(from.size()));
  memory.copy_from_host(to, from.data(), from.size());
  CHECK(std::memcmp(to, from.data(), from.size()) == 0);
  memory.deallocate(to, from.size());
}

TEST_CASE("cpu fill and cast are the plain ones for every pair of types") {
  constexpr Index count = 1300;
  for (int from = 0; from < dtype_count; ++from) {
    const DType from_type = static_cast<DType>(from);
    alignas(8) std::uint8_t source[count * 8], to[count * 8], expected[count * 8];
    visit_dtype(from_type, [&]<Scalar T>(T) {
      for (Index i = 0; i < count; ++i) {
        const T value = static_cast<T>(i % 3 == 0 ? 0 : i % 120);
        std::memcpy(source + static_cast<std::size_t>(i) * sizeof(T), &value, sizeof value);
      }
    });
    for (int into = 0; into < dtype_count; ++into) {
      const DType to_type = static_cast<DType>(into);
      std::memset(to, 1, sizeof to), std::memset(expected, 1, sizeof expected);
      memory.cast(from_type, source, to_type, to, count);
      plain::cast(from_type, source, to_type, expected, count);
      CHECK(std::memcmp(to, expected, sizeof to) == 0);
    }
    memory.fill(from_type, source + size_of(from_type), count, to);
    plain::fill(from_type, source + size_of(from_type), count, expected);
    CHECK(std::memcmp(to, expected, count * size_of(from_type)) == 0);
  }
  const float large = 16777217.0f * 3;
  Index whole = 0;
  memory.cast(DType::float32, &large, DType::int64, &whole, 1);
  CHECK(whole == static_cast<Index>(large));
  const Index odd = (Index{1} << 62) + 1;
  Index same = 0;
  memory.cast(DType::int64, &odd, DType::int64, &same, 1);
  CHECK(same == odd);
}

TEST_CASE("cpu strided_copy is the plain one for any order, repetition and direction of axes") {
  const RandomStream random{12};
  Index draw = 0, cases = 0;
  const auto below = [&](Index bound) { return random.below(draw++, bound); };
  for (; cases < 300; ++cases) {
    Shape shape;
    for (Index axis = below(6); axis > 0; --axis) shape.push_back(below(20) == 0 ? 0 : 1 + below(cases % 9 == 0 && shape.rank() < 2 ? 60 : 6));
    const auto strides = [&](bool may_repeat, Index& size, Index& start) {
      Shape result = Shape::filled(shape.rank(), 0), left;
      for (Index axis = 0; axis < shape.rank(); ++axis) left.push_back(axis);
      size = 1, start = 0;
      while (!left.empty()) {
        const Index at = below(3) == 0 ? below(left.rank()) : left.rank() - 1, axis = left[at];
        left.erase(at);
        if (may_repeat && below(6) == 0) continue;
        const bool backward = may_repeat && below(6) == 0;
        result[axis] = backward ? -size : size;
        if (backward) start += size * (std::max<Index>(shape[axis], 1) - 1);
        size *= std::max<Index>(shape[axis], 1);
        if (below(5) == 0) size += below(3);
      }
      return result;
    };
    Index from_size, from_start, to_size, to_start;
    const Shape from_stride = strides(true, from_size, from_start), to_stride = strides(false, to_size, to_start);
    INFO(to_string(shape) << " from " << to_string(from_stride) << " to " << to_string(to_stride));
    for (const Index element : {1, 4, 8}) {
      const std::vector<std::uint8_t> from = counting(from_size * element);
      std::vector<std::uint8_t> to(static_cast<std::size_t>(to_size * element), 9), expected = to;
      memory.strided_copy(static_cast<std::size_t>(element), shape, from.data() + from_start * element, from_stride, to.data(), to_stride);
      plain::strided_copy(static_cast<std::size_t>(element), shape, from.data() + from_start * element, from_stride, expected.data(), to_stride);
      CHECK(to == expected);
    }
  }
  CHECK(cases == 300);
}

TEST_CASE("cpu gather, first_outside and random fills") {
  const std::vector<Index> indices{3, 0, 3, 2};
  for (const Index element : {1, 4, 8})
    for (const Index inner : {1, 3, 0}) {
      const std::vector<std::uint8_t> from = counting(2 * 4 * inner * element);
      std::vector<std::uint8_t> to(static_cast<std::size_t>(2 * 4 * inner * element)), expected = to;
      memory.gather(static_cast<std::size_t>(element), 2, 4, inner, indices.data(), 4, from.data(), to.data());
      plain::gather(static_cast<std::size_t>(element), 2, 4, inner, indices.data(), 4, from.data(), expected.data());
      CHECK(to == expected);
    }
  const std::vector<Index> labels{0, 4, -100, 5, -1};
  CHECK(memory.first_outside(labels.data(), 5, 0, 5, -100) == 3);
  CHECK(memory.first_outside(labels.data(), 5, -1, 6, -100) == -1);
  CHECK(memory.first_outside(labels.data(), 0, 0, 1, 0) == -1);

  const RandomStream random{1, 2, 3};
  const auto flips = std::make_unique<bool[]>(20000);
  memory.bernoulli(random, 0.3, 20000, flips.get());
  std::vector<Index> numbers(20000);
  memory.random_integers(random, -5, 5, 20000, numbers.data());
  Index wrong = 0, heads = 0;
  for (Index i = 0; i < 20000; ++i) {
    heads += flips[static_cast<std::size_t>(i)];
    wrong += flips[static_cast<std::size_t>(i)] != (random.uniform(i) < 0.3) || numbers[static_cast<std::size_t>(i)] != random.below(i, 10) - 5;
  }
  CHECK(wrong == 0);
  CHECK(heads > 5500);
  CHECK(heads < 6500);
}
