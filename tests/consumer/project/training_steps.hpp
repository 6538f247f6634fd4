// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include "losses.hpp"

/// A few training steps of a small network. Static, so that every file that includes it has its own, built with its own flags;
/// what it calls in the library is shared by the linker where the namespaces agree.
static Losses training_steps() {
  using namespace tapestry;
  manual_seed(7);
  Sequential net(Conv2d(3, 8, {.kernel = 3}), BatchNorm2d(8), ReLU(), MaxPool2d(2), Flatten(), Linear(8 * 7 * 7, 5));
  Adam optimizer(parameters(net), {.lr = 0.01});
  const auto images = randn({6, 3, 16, 16});
  const auto labels = tensor<Index>({0, 1, 2, 3, 4, 0});
  Losses losses{};
  for (float& value : losses) {
    Tape tape;
    const auto loss = cross_entropy(net(images), labels);
    optimizer.zero_grad();
    tape.backward(loss);
    optimizer.step();
    value = loss.item();
  }
  return losses;
}
