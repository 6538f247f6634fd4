// SPDX-License-Identifier: MIT
// What a first user writes; benchmarks/compile_cost.sh measures what it costs to compile.
#include <tapestry/tapestry.hpp>
#include <iostream>
using namespace tapestry;
int main() {
  Sequential net(Conv2d(3, 30, {.kernel = 3}), ReLU(), MaxPool2d(2), BatchNorm2d(30), Flatten(), Linear(30 * 15 * 15, 10));
  Adam optimizer(parameters(net), {.lr = 0.01});
  auto images = zeros({4, 3, 32, 32});
  auto labels = zeros<Index>({4});
  Tape tape;
  auto loss = cross_entropy(net(images), labels);
  optimizer.zero_grad();
  tape.backward(loss);
  optimizer.step();
  std::cout << net << loss << '\n';
  try {
    net(zeros({4, 5, 32, 32}));
  } catch (const std::exception& e) {
    std::cout << e.what() << '\n';
  }
}
