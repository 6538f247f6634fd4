// SPDX-License-Identifier: MIT
#include "tapestry/models/cifar_resnet.hpp"

#include "model_checks.hpp"

using namespace tapestry;

TEST_CASE("resnet20: logits, gradients and statistics are those of the paper's network in PyTorch") {
  auto net = resnet20<double>();
  test::check_training("resnet20", net, {4, 3, 32, 32});
}

TEST_CASE("cifar_resnet: has the paper's number of layers and about its number of weights") {
  const auto count = [](auto net) {
    Index layers = 0, weights = 0;
    for_each_module<Conv2d<>>(net, [&](Conv2d<>&) { ++layers; });
    for (const auto& [name, parameter] : named_parameters(net)) weights += parameter.numel();
    return std::pair(layers + 1, weights);
  };
  // Table 6 gives 0.27, 0.46, 0.66 and 0.85 million.
  CHECK(count(resnet20()) == std::pair<Index, Index>(20, 269722));
  CHECK(count(resnet32()) == std::pair<Index, Index>(32, 464154));
  CHECK(count(resnet44()) == std::pair<Index, Index>(44, 658586));
  CHECK(count(resnet56()) == std::pair<Index, Index>(56, 853018));
}

TEST_CASE("cifar_resnet: the padded shortcut takes every second pixel and adds channels of zeros") {
  const auto x = arange<double>(2 * 5 * 4).with_shape({1, 2, 5, 4});
  const auto y = PaddedShortcut<double>(2)(x);
  REQUIRE(y.shape() == Shape{1, 4, 3, 2});
  CHECK(y.to_vector() == std::vector<double>{0, 0, 0, 0, 0, 0, 0, 2, 8, 10, 16, 18, 20, 22, 28, 30, 36, 38, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("cifar_resnet: begins with variance 2 / fan in") {
  auto net = resnet20({.num_classes = 100});
  CHECK(net.linear.weight.shape() == Shape{100, 64});
  CHECK(test::spread(net.linear.weight).deviation == Approx(std::sqrt(2.0 / 64)).epsilon(0.05));
  CHECK(test::spread(net.layer3.at<CifarBasicBlock<>>(0).conv1.weight).deviation == Approx(std::sqrt(2.0 / (32 * 9))).epsilon(0.03));
}
