// SPDX-License-Identifier: MIT
#pragma once

#include "tapestry/optim/sgd.hpp"
#include "tapestry/tensor/creation.hpp"

namespace test {

/// An optimiser of two groups, lr 0.5 and 0.02, as schedules need it.
struct TwoGroups {
  tapestry::Tensor<double> p = tapestry::zeros<double>({1}), q = tapestry::zeros<double>({1});
  tapestry::SGD<double> optimizer{std::vector{p}, tapestry::SgdOptions{.lr = 0.5, .momentum = 0.9}};
  TwoGroups() { optimizer.add_group({q}, {.lr = 0.02, .momentum = 0.9}); }
};

}  // namespace test
