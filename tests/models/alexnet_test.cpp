// SPDX-License-Identifier: MIT
#include "tapestry/models/alexnet.hpp"

#include "model_checks.hpp"

using namespace tapestry;

namespace {
template <Floating T>
AlexNet<T> undrawn_alexnet(AlexNetOptions options) {
  const init::Skip skip;
  return alexnet<T>(options);
}
}  // namespace

TEST_CASE("alexnet: logits and gradients are torchvision's") {
  auto net = undrawn_alexnet<double>({.dropout = 0});
  test::narrow_classifier(net.classifier, {1, 4, 6}, 9216);
  test::check_training("alexnet", net, {2, 3, 70, 80});
}

TEST_CASE("alexnet: layers begin as PyTorch begins them, classes and dropout are the caller's") {
  auto net = undrawn_alexnet<float>({.num_classes = 7, .dropout = 0.25});
  CHECK(net.classifier.at<Linear<>>(6).weight.shape() == Shape{7, 4096});
  CHECK(net.classifier[0].description() == "p=0.25, inplace=False");
  CHECK(net.classifier[3].description() == "p=0.25, inplace=False");
  const auto bound = [](Index fan_in) { return 1 / std::sqrt(static_cast<double>(fan_in)); };
  AlexNet<> drawn = alexnet({.num_classes = 2});
  const test::Spread first = test::spread(drawn.features.at<Conv2d<>>(0).weight), last = test::spread(drawn.features.at<Conv2d<>>(10).weight);
  CHECK(first.deviation == Approx(bound(3 * 121) / std::sqrt(3.0)).epsilon(0.02));
  CHECK(last.deviation == Approx(bound(256 * 9) / std::sqrt(3.0)).epsilon(0.02));
  CHECK(last.most <= bound(256 * 9));
  CHECK(test::spread(drawn.classifier.at<Linear<>>(6).weight).deviation == Approx(bound(4096) / std::sqrt(3.0)).epsilon(0.03));
}

TEST_CASE("alexnet: an image that is too small is refused") {
  auto net = undrawn_alexnet<float>({.num_classes = 2});
  CHECK_THROWS_AS(net(zeros({1, 3, 62, 62})), ShapeError);
  CHECK_THROWS_WITH(net(zeros({1, 1, 64, 64})), contains_text("conv2d: input has 1 channels but weight expects 3"));
}
