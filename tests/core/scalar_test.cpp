// SPDX-License-Identifier: MIT
#include <tapestry/core/scalar.hpp>

#include <string>
#include <type_traits>

#include "support/catch.hpp"

using namespace tapestry;

static_assert(Scalar<float> && Scalar<double> && Scalar<Index> && Scalar<std::int32_t> && Scalar<std::uint8_t> && Scalar<bool>);
static_assert(!Scalar<char> && !Scalar<std::uint64_t> && !Scalar<long double>);
static_assert(Floating<float> && Floating<double> && !Floating<Index> && !Floating<bool>);

TEST_CASE("visit_dtype hands over the type that dtype_of names, and size_of agrees with the compiler") {
  int visited = 0;
  for (int i = 0; i < dtype_count; ++i) {
    const DType type = static_cast<DType>(i);
    visit_dtype(type, [&]<Scalar T>(T value) {
      CHECK(dtype_of<T>() == type);
      CHECK(size_of(type) == sizeof(T));
      CHECK(value == T{});
      ++visited;
    });
  }
  CHECK(visited == 6);
}

TEST_CASE("names of scalar types are PyTorch's") {
  CHECK(name_of(dtype_of<float>()) == "float32");
  CHECK(name_of(dtype_of<double>()) == "float64");
  CHECK(name_of(dtype_of<Index>()) == "int64");
  CHECK(name_of(dtype_of<std::int32_t>()) == "int32");
  CHECK(name_of(dtype_of<std::uint8_t>()) == "uint8");
  CHECK(name_of(dtype_of<bool>()) == "bool");
}
