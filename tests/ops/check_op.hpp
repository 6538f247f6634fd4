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

/// check_op() for an op f(x, axis) that normalises along any axis, over 200 random configurations.
template <class F>
void check_along_axes(RandomConfig& random, F&& f) {
  tapestry::Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    tapestry::Shape shape = random.shape(random.integer(1, 5), 1, 3);
    const tapestry::Index axis = random.integer(-shape.rank(), shape.rank() - 1);
    shape[axis < 0 ? axis + shape.rank() : axis] = random.integer(2, 4);  // along a size of 1 the result is the same whatever x is
    INFO("x " << to_string(shape) << ", axis " << axis);
    compared += check_op(random, [&](const Inputs& in) { return f(in[0], axis); },
                         {random.tensor(shape, tapestry::cpu(), tapestry::Layout::row_major)});
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

}  // namespace test
