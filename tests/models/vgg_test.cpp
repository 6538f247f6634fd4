// SPDX-License-Identifier: MIT
#include "tapestry/models/vgg.hpp"

#include "model_checks.hpp"

using namespace tapestry;

TEST_CASE("vgg11_bn: logits, gradients and statistics are torchvision's") {
  VGG<double> net = [] {
    const init::Skip skip;
    return vgg11_bn<double>({.dropout = 0});
  }();
  test::narrow_classifier(net.classifier, {0, 3, 6}, 25088);
  test::check_training("vgg11_bn", net, {4, 3, 40, 32});
}

TEST_CASE("vgg: begins as torchvision's does") {
  VGG<double> net = [] {
    const init::Skip skip;
    return vgg11<double>({.num_classes = 3, .dropout = 0.25});
  }();
  CHECK(net.classifier[2].description() == "p=0.25, inplace=False");
  CHECK(net.classifier.at<Linear<double>>(6).weight.shape() == Shape{3, 4096});
  test::narrow_classifier(net.classifier, {0, 3, 6}, 25088);
  test::fill_with_numbers(net);
  net.initialise();
  const auto& conv = net.features.at<Conv2d<double>>(3);
  CHECK(test::spread(conv.weight).deviation == Approx(std::sqrt(2.0 / (128 * 9))).epsilon(0.02));
  CHECK(test::spread(conv.bias).most == 0);
  CHECK(test::spread(conv.bias).least == 0);
  const auto& linear = net.classifier.at<Linear<double>>(0);
  CHECK(test::spread(linear.weight).deviation == Approx(0.01).epsilon(0.01));
  CHECK(test::spread(linear.weight).mean == Approx(0).margin(0.0001));
  CHECK(test::spread(linear.bias).most == 0);
}
