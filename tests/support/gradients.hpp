// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "support/random_config.hpp"
#include "tapestry/autograd/gradcheck.hpp"

namespace test {

/// Draws the configurations of one op: returns how many gradient entries it compared. `device` is where its tensors must lie.
using GradientCase = std::function<tapestry::Index(RandomConfig& random, tapestry::Device device)>;

/// Checks `configurations` random configurations on every device, and that the number of entries compared shows that they were not empty.
inline void check_gradients(std::uint64_t salt, const GradientCase& check, tapestry::Index configurations = 200) {
  for (const tapestry::Device device : devices()) {
    RandomConfig random(salt);  // the same configurations on every device
    tapestry::Index checked = 0, entries = 0;
    for (; checked < configurations; ++checked) {
      INFO("configuration " << checked << " of seed " << seed() << " on " << device.name());
      const tapestry::Index compared = check(random, device);
      REQUIRE(compared > 0);
      entries += compared;
    }
    CHECK(checked == configurations);
    CHECK(entries >= configurations);
  }
}

/// The same for a function of one tensor: 0 to 4 axes of up to 3, every layout, values from `values`.
inline void check_unary_gradients(
    std::uint64_t salt, const std::function<tapestry::Tensor<double>(const tapestry::Tensor<double>&)>& f,
    const std::function<tapestry::Tensor<double>(RandomConfig&, const tapestry::Shape&, tapestry::Device)>& values) {
  check_gradients(salt, [&](RandomConfig& random, tapestry::Device device) {
    const tapestry::Shape shape = random.shape(random.integer(0, 4), 1, 3);
    const auto x = tapestry::in_layout(values(random, shape, device), random.layout());
    return tapestry::gradcheck(f, {x}, {.seed = static_cast<std::uint64_t>(random.integer(0, 1000))});
  });
}

/// What f computes from operands in every mix of layouts, compared with row-major operands: no value may depend on layout. f gets the
/// operands and returns any tensor.
template <class F>
void check_layouts(const std::vector<tapestry::Tensor<double>>& operands, F&& f) {
  const auto expected = f(operands).to_vector();
  for (unsigned mix = 1; mix < 1u << operands.size(); ++mix) {
    std::vector<tapestry::Tensor<double>> mixed;
    for (std::size_t i = 0; i < operands.size(); ++i)
      mixed.push_back(
          tapestry::in_layout(operands[i], (mix >> i & 1) != 0 ? tapestry::Layout::channels_last : tapestry::Layout::row_major));
    const auto actual = f(mixed).to_vector();
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i)
      CHECK(static_cast<double>(actual[i]) == Approx(static_cast<double>(expected[i])).epsilon(1e-12));
  }
}

}  // namespace test
