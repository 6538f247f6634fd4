// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/element.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "backend/reference/unary_ops.hpp"
#include "support/catch.hpp"

using namespace tapestry;
using test::every_unary;
using test::not_a_number;
using test::value;

TEST_CASE("plain unary: each op's formula") {
  CHECK(value(UnaryOp::negate, 2) == -2);
  CHECK(value(UnaryOp::absolute, -2) == 2);
  CHECK(value(UnaryOp::sign, -0.1) == -1);
  CHECK(value(UnaryOp::sign, 0) == 0);
  CHECK(value(UnaryOp::square_root, 9) == 3);
  CHECK(value(UnaryOp::exponential, 1) == Approx(2.718281828459045));
  CHECK(value(UnaryOp::logarithm, 10) == Approx(2.302585092994046));
  CHECK(value(UnaryOp::power, 2, -3) == 0.125);
  CHECK(value(UnaryOp::affine, 2, 3, 4) == 10);
  CHECK(value(UnaryOp::clamp, -5, -1, 2) == -1);
  CHECK(value(UnaryOp::clamp, 5, -1, 2) == 2);
  CHECK(value(UnaryOp::clamp, 1, -1, 2) == 1);
  CHECK(value(UnaryOp::clamp, 1, 3, 2) == 2);  // min(max(x, a), b), also where a > b
  CHECK(value(UnaryOp::relu, -1) == 0);
  CHECK(value(UnaryOp::relu, 1.5) == 1.5);
  CHECK(value(UnaryOp::leaky_relu, -2, 0.1) == Approx(-0.2));
  CHECK(value(UnaryOp::leaky_relu, 2, 0.1) == 2);
  CHECK(value(UnaryOp::sigmoid, 0) == 0.5);
  CHECK(value(UnaryOp::sigmoid, std::log(3.0)) == Approx(0.75));
  CHECK(value(UnaryOp::sigmoid, -1000) == 0);
  CHECK(value(UnaryOp::tanh, 0.5) == Approx(0.46211715726000975));
  CHECK(value(UnaryOp::gelu, 1) == Approx(0.8413447460685429));
  CHECK(value(UnaryOp::gelu, -10) == Approx(-7.619853024160527e-23));  // 1 + erf would leave 0
  CHECK(value(UnaryOp::gelu_tanh, 1) == Approx(0.8411919906082768));
}

TEST_CASE("plain unary: NaN stays NaN but for sign, which has none") {
  for (UnaryOp op : every_unary) {
    CAPTURE(plain::name_of(op));
    if (op == UnaryOp::sign) CHECK(value(op, not_a_number) == 0);
    else CHECK(std::isnan(value(op, not_a_number, 0.5, 1)));
  }
}

TEST_CASE("plain unary_backward at the corners, as in PyTorch") {
  const auto slope = [](UnaryOp op, double x, double a = 0, double b = 0) {
    return plain::unary_gradient(op, x, value(op, x, a, b), 1.0, a, b);
  };
  CHECK(slope(UnaryOp::relu, 0) == 0);
  CHECK(slope(UnaryOp::relu, not_a_number) == 1);
  CHECK(slope(UnaryOp::absolute, 0) == 0);
  CHECK(slope(UnaryOp::leaky_relu, 0, 0.25) == 0.25);
  CHECK(slope(UnaryOp::clamp, 1, 1, 2) == 0);
  CHECK(slope(UnaryOp::clamp, 2, 1, 2) == 0);
  CHECK(slope(UnaryOp::clamp, 1.5, 1, 2) == 1);
  CHECK(slope(UnaryOp::power, 0, 0) == 0);
  CHECK(slope(UnaryOp::power, 0, 1) == 1);
  CHECK(slope(UnaryOp::square_root, 0) == test::infinity);
  CHECK(plain::unary_gradient(UnaryOp::relu, -1.0, 0.0, test::infinity, 0.0, 0.0) == 0);  // dropped, not multiplied by 0
}

TEST_CASE("plain binary: each op, NaN wins maximum and minimum") {
  const auto binary = [](BinaryOp op, double a, double b) { return plain::binary_value(op, a, b); };
  CHECK(binary(BinaryOp::add, 1, 2) == 3);
  CHECK(binary(BinaryOp::subtract, 1, 2) == -1);
  CHECK(binary(BinaryOp::multiply, 3, 2) == 6);
  CHECK(binary(BinaryOp::divide, 1, 2) == 0.5);
  CHECK(binary(BinaryOp::divide, 1, 0) == test::infinity);
  CHECK(binary(BinaryOp::power, 2, 10) == 1024);
  CHECK(binary(BinaryOp::maximum, 1, 2) == 2);
  CHECK(binary(BinaryOp::minimum, 1, 2) == 1);
  for (BinaryOp op : {BinaryOp::maximum, BinaryOp::minimum}) {
    CHECK(std::isnan(binary(op, not_a_number, 1)));
    CHECK(std::isnan(binary(op, 1, not_a_number)));
  }
}

TEST_CASE("plain compare: each op, and NaN equals nothing") {
  const auto holds = [](CompareOp op, double a, double b) { return plain::compare_value(op, a, b); };
  const auto row = [&](CompareOp op) {
    return std::vector<bool>{holds(op, 1, 2), holds(op, 2, 2), holds(op, 3, 2), holds(op, not_a_number, not_a_number)};
  };
  CHECK(row(CompareOp::equal) == std::vector<bool>{false, true, false, false});
  CHECK(row(CompareOp::not_equal) == std::vector<bool>{true, false, true, true});
  CHECK(row(CompareOp::less) == std::vector<bool>{true, false, false, false});
  CHECK(row(CompareOp::less_equal) == std::vector<bool>{true, true, false, false});
  CHECK(row(CompareOp::greater) == std::vector<bool>{false, false, true, false});
  CHECK(row(CompareOp::greater_equal) == std::vector<bool>{false, true, true, false});
}
