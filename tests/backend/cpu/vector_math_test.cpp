// SPDX-License-Identifier: MIT
// The vector functions against <cmath> in double, over the whole range of float, with every instruction set.
#include <bit>
#include <cmath>
#include <limits>
#include <tapestry/backend/kernels.hpp>
#include <vector>

#include "support/catch.hpp"

using namespace tapestry;

namespace {
/// The distance of y from the exact value, in units of the last place of float there.
double units_off(float y, double exact) {
  if (std::isnan(exact)) return std::isnan(y) ? 0 : INFINITY;
  const float nearest = static_cast<float>(exact);
  if (std::isinf(nearest)) return y == nearest ? 0 : INFINITY;
  const float size = std::max(std::abs(nearest), std::numeric_limits<float>::min());
  return std::abs(static_cast<double>(y) - exact) / static_cast<double>(std::nextafter(size, INFINITY) - size);
}
std::vector<float> whole_range() {
  std::vector<float> values;
  for (std::uint32_t bits = 0; bits < 0x7f800000u; bits += 40009) {
    values.push_back(std::bit_cast<float>(bits));
    values.push_back(-values.back());
  }
  for (float x = -120; x < 120; x += 0.0137f) values.push_back(x);
  for (const float x : {INFINITY, -INFINITY, std::numeric_limits<float>::quiet_NaN(), 88.72283f, 88.72285f, -87.4f, -103.5f, -104.f}) values.push_back(x);
  return values;
}
struct InstructionSetScope {
  InstructionSet before = instruction_set();
  ~InstructionSetScope() { set_instruction_set(before); }
};
}  // namespace

TEST_CASE("vector functions of float are within a few units in the last place, everywhere and with every instruction set") {
  const InstructionSetScope scope;
  const std::vector<float> x = whole_range();
  REQUIRE(x.size() > 100000);
  std::vector<float> y(x.size());
  const auto worst = [&](UnaryOp op, double (*exact)(double)) {
    backend<float>(cpu()).unary(op, static_cast<Index>(x.size()), x.data(), 0.0f, 0.0f, y.data());
    double largest = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double off = units_off(y[i], exact(static_cast<double>(x[i])));
      if (off > largest) UNSCOPED_INFO("x = " << x[i] << ", y = " << y[i]);
      largest = std::max(largest, off);
    }
    return largest;
  };
  for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > best_instruction_set()) continue;
    set_instruction_set(set);
    INFO(name_of(set));
    CHECK(worst(UnaryOp::square_root, [](double v) { return std::sqrt(v); }) <= 0.5);
    CHECK(worst(UnaryOp::exponential, [](double v) { return std::exp(v); }) <= 2);
    CHECK(worst(UnaryOp::sigmoid, [](double v) { return v < -88.7228 ? 0 : 1 / (1 + std::exp(-v)); }) <= 4);  // e^-v overflows there
    CHECK(worst(UnaryOp::tanh, [](double v) { return std::tanh(v); }) <= 2);
  }
}
