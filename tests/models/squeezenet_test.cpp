// SPDX-License-Identifier: MIT
#include "tapestry/models/squeezenet.hpp"

#include "model_checks.hpp"

using namespace tapestry;

TEST_CASE("squeezenet: logits and gradients of both versions are torchvision's") {
  auto first = squeezenet1_0<double>({.num_classes = 10, .dropout = 0});
  test::check_training("squeezenet1_0", first, {2, 3, 64, 64});
  auto second = squeezenet1_1<double>({.num_classes = 10, .dropout = 0});
  test::check_training("squeezenet1_1", second, {2, 3, 64, 64});
}

TEST_CASE("squeezenet: begins as torchvision's does") {
  auto net = squeezenet1_1({.dropout = 0.125});
  CHECK(net.classifier[0].description() == "p=0.125, inplace=False");
  const auto& head = net.classifier.at<Conv2d<>>(1);
  CHECK(test::spread(head.weight).deviation == Approx(0.01).epsilon(0.01));
  CHECK(test::spread(head.bias).most == 0);
  auto& fire = net.features.at<Fire<>>(12);
  const double bound = std::sqrt(6.0 / (64 * 9));
  const test::Spread s = test::spread(fire.expand3x3.weight);
  CHECK(s.deviation == Approx(bound / std::sqrt(3.0)).epsilon(0.02));
  CHECK(s.most <= bound);
  CHECK(test::spread(fire.squeeze.bias).most == 0);
}

TEST_CASE("squeezenet: the smallest images") {
  auto first = squeezenet1_0({.num_classes = 2}), second = squeezenet1_1({.num_classes = 2});
  CHECK(first(zeros({1, 3, 21, 21})).shape() == Shape{1, 2});
  CHECK_THROWS_AS(first(zeros({1, 3, 20, 20})), ShapeError);
  CHECK(second(zeros({1, 3, 17, 17})).shape() == Shape{1, 2});
  CHECK_THROWS_AS(second(zeros({1, 3, 16, 16})), ShapeError);
}
