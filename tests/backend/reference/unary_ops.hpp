// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>

#include "tapestry/backend/reference/element.hpp"

namespace test {

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

inline constexpr tapestry::UnaryOp every_unary[] = {
    tapestry::UnaryOp::negate, tapestry::UnaryOp::absolute,   tapestry::UnaryOp::sign,    tapestry::UnaryOp::square_root, tapestry::UnaryOp::exponential,
    tapestry::UnaryOp::logarithm, tapestry::UnaryOp::power,   tapestry::UnaryOp::affine,  tapestry::UnaryOp::clamp,       tapestry::UnaryOp::relu,
    tapestry::UnaryOp::leaky_relu, tapestry::UnaryOp::sigmoid, tapestry::UnaryOp::tanh,   tapestry::UnaryOp::gelu,        tapestry::UnaryOp::gelu_tanh};

inline double value(tapestry::UnaryOp op, double x, double a = 0, double b = 0) { return tapestry::plain::unary_value(op, x, a, b); }

}  // namespace test
