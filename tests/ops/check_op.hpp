// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <vector>

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "support/random_config.hpp"
#include "tapestry/autograd/gradcheck.hpp"
#include "tapestry/ops/convert.hpp"

namespace test {

using Inputs = std::vector<tapestry::Tensor<double>>;

/// Copies on that device, each in that layout or, if none is given, in one drawn at random.
inline Inputs moved(const Inputs& inputs, tapestry::Device device, RandomConfig* random,
                    tapestry::Layout layout = tapestry::Layout::row_major) {
  Inputs copies;
  for (const auto& x : inputs)
    copies.push_back(to(copy_of(x, random ? random->layout() : layout).template as<double>(), device));
  return copies;
}

/// Values alike but for rounding; NaN equals NaN.
inline bool alike(const tapestry::Tensor<double>& a, const tapestry::Tensor<double>& b, double tolerance = 1e-10) {
  if (a.shape() != b.shape()) return false;
  const std::vector<double> left = a.to_vector(), right = b.to_vector();
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] == right[i] || (std::isnan(left[i]) && std::isnan(right[i]))) continue;
    if (!(std::abs(left[i] - right[i]) <= tolerance * (1 + std::abs(right[i])))) return false;
  }
  return true;
}

/// One random configuration of an op: f takes the inputs as a vector and must compute on their device. Checks
///   that the gradients are those of finite differences, on a device drawn at random and in mixed layouts,
///   that values and gradients are the same on every device in every layout, row-major, channels-last and mixed.
/// Returns how many entries of gradients were compared with finite differences.
template <class F>
tapestry::Index check_op(RandomConfig& random, F&& f, const Inputs& inputs, const tapestry::GradcheckOptions& options = {}) {
  const tapestry::Device checked = random.pick(devices());
  const tapestry::Index compared = gradcheck(f, moved(inputs, checked, &random), options);
  tapestry::Tensor<double> y, dy;
  Inputs gradients;
  const auto compare = [&](const Inputs& x) {
    for (const auto& input : x) input.requires_grad(true);
    tapestry::Tape tape;
    const tapestry::Tensor<double> result = f(x);
    CHECK(result.device() == x[0].device());
    if (!y.defined()) {
      y = result.detach();
      dy = random.tensor(y.shape(), tapestry::cpu(), random.layout());
    }
    CHECK(alike(result, y));
    tape.backward(result, to(dy, result.device()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      CHECK(x[i].grad().layout() == x[i].layout());
      if (gradients.size() == i) gradients.push_back(x[i].grad());
      CHECK(alike(x[i].grad(), gradients[i]));
    }
  };
  for (const tapestry::Device& device : devices()) {
    for (const tapestry::Layout layout : layouts()) compare(moved(inputs, device, nullptr, layout));
    compare(moved(inputs, device, &random));
  }
  return compared;
}

}  // namespace test
