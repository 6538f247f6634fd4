// SPDX-License-Identifier: MIT
#include "tapestry/nn/describe.hpp"

#include <limits>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("numbers as Python writes them") {
  // What repr() says of each.
  const std::pair<double, const char*> cases[] = {
      {0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {-2, "-2.0"}, {0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {0.0001, "0.0001"}, {1e-5, "1e-05"},
      {1.5e-5, "1.5e-05"}, {-1e-8, "-1e-08"}, {1e-100, "1e-100"}, {123456.75, "123456.75"}, {1e15, "1000000000000000.0"}, {1e16, "1e+16"},
      {1.25e22, "1.25e+22"}, {5e-324, "5e-324"}, {1.7976931348623157e308, "1.7976931348623157e+308"},
      {std::numeric_limits<double>::infinity(), "inf"}, {-std::numeric_limits<double>::infinity(), "-inf"}, {std::numeric_limits<double>::quiet_NaN(), "nan"}};
  for (const auto& [value, text] : cases) CHECK(detail::python_number(value) == text);
  CHECK(detail::python_bool(true) == "True");
  CHECK(detail::python_bool(false) == "False");
}
