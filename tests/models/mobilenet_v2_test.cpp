// SPDX-License-Identifier: MIT
#include "tapestry/models/mobilenet_v2.hpp"

#include "model_checks.hpp"
#include "support/counting_device.hpp"

using namespace tapestry;

TEST_CASE("mobilenet_v2: logits, gradients and statistics are torchvision's") {
  auto net = mobilenet_v2<double>({.num_classes = 10, .dropout = 0});
  test::check_training("mobilenet_v2", net, {4, 3, 64, 64});
}

TEST_CASE("mobilenet_v2: begins as torchvision's does") {
  auto net = mobilenet_v2();
  const auto& head = net.classifier.at<Linear<>>(1);
  CHECK(test::spread(head.weight).deviation == Approx(0.01).epsilon(0.01));
  CHECK(test::spread(head.bias).most == 0);
  auto& last = net.features.at<Conv2dNormActivation<>>(18);
  CHECK(test::spread(last.at<Conv2d<>>(0).weight).deviation == Approx(std::sqrt(2.0 / 1280)).epsilon(0.02));
  auto& block = net.features.at<InvertedResidual<>>(17);
  CHECK(test::spread(block.conv.at<Conv2dNormActivation<>>(1).at<Conv2d<>>(0).weight).deviation ==
        Approx(std::sqrt(2.0 / (960 * 9))).epsilon(0.03));  // fan out counts all filters, as PyTorch does
}

TEST_CASE("mobilenet_v2: a block adds its input only where shapes allow it") {
  InvertedResidual<> adds(8, 8, {.expand_ratio = 2}), narrows(8, 4, {}), shrinks(8, 8, {.stride = 2});
  for (InvertedResidual<>* block : {&adds, &narrows, &shrinks}) {
    block->eval();
    const auto x = randn({1, 8, 4, 4});
    const bool added = block == &adds;
    const auto inside = block->conv(x);
    CHECK((*block)(x).to_vector() == (added ? x + inside : inside).to_vector());
  }
}

TEST_CASE("mobilenet_v2: in evaluation every block is one call") {
  auto net = mobilenet_v2({.num_classes = 10, .width_mult = 0.35});
  net.eval();
  const auto x = rand({2, 3, 64, 64});
  set_fusion(false);
  const auto expected = net(x).to_vector();
  set_fusion(true);
  net.to(tapestry_test::counting_device());
  auto& calls = tapestry_test::counting_backend().calls;
  calls.clear();
  const auto y = net(to(x, tapestry_test::counting_device())).to_vector();
  CHECK(calls == std::map<std::string, int>{{"conv2d_chain", 17}, {"conv2d_staged", 2}, {"linear_staged", 1}});
  REQUIRE(y.size() == expected.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    difference = std::max(difference, std::abs(static_cast<double>(expected[i]) - static_cast<double>(y[i])));
  }
  CHECK(largest > 0);
  CHECK(difference < 1e-5 * largest);
}
