// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/softmax.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;

TEST_CASE("plain softmax: exponentials over their sum, by row") {
  const Doubles x{std::log(1.0), std::log(2.0), std::log(5.0), 3, 3, 3};
  Doubles y(6);
  plain::softmax(2, 3, false, x.data(), y.data());
  const Doubles expected{0.125, 0.25, 0.625, 1.0 / 3, 1.0 / 3, 1.0 / 3};
  for (std::size_t i = 0; i < 6; ++i) CHECK(y[i] == Approx(expected[i]));
  plain::softmax(2, 3, true, x.data(), y.data());
  for (std::size_t i = 0; i < 6; ++i) CHECK(y[i] == Approx(std::log(expected[i])));
}

TEST_CASE("plain softmax neither overflows nor hides NaN") {
  const double infinity = std::numeric_limits<double>::infinity();
  Doubles y(3);
  plain::softmax(1, 3, false, Doubles{1e6, 1e6, -1e6}.data(), y.data());
  CHECK(y == Doubles{0.5, 0.5, 0});
  plain::softmax(1, 3, true, Doubles{1e6, 1e6, -1e6}.data(), y.data());
  CHECK(y[0] == Approx(-std::log(2.0)));
  CHECK(y[2] == Approx(-2e6));
  plain::softmax(1, 3, false, Doubles{-infinity, 0, 0}.data(), y.data());  // a masked column
  CHECK(y == Doubles{0, 0.5, 0.5});
  plain::softmax(1, 3, false, Doubles{0, std::nan(""), 0}.data(), y.data());
  for (double value : y) CHECK(std::isnan(value));
}

TEST_CASE("plain softmax_backward is the derivative of sum(dy * y)") {
  for (bool logarithm : {false, true}) {
    const Doubles x = random_values<double>(10, 1), dy = random_values<double>(10, 2);
    Doubles y(10), dx(10);
    plain::softmax(2, 5, logarithm, x.data(), y.data());
    plain::softmax_backward(2, 5, logarithm, y.data(), dy.data(), dx.data());
    for (std::size_t i = 0; i < 10; ++i) {
      Doubles moved = x, above(10), below(10);
      moved[i] = x[i] + 1e-6;
      plain::softmax(2, 5, logarithm, moved.data(), above.data());
      moved[i] = x[i] - 1e-6;
      plain::softmax(2, 5, logarithm, moved.data(), below.data());
      CHECK(dx[i] == Approx((dot(dy, above) - dot(dy, below)) / 2e-6).margin(1e-8));
    }
  }
}
