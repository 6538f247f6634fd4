// SPDX-License-Identifier: MIT
#include "tapestry/models/inception.hpp"

#include "model_checks.hpp"

using namespace tapestry;

namespace {
template <Floating T>
Inception3<T> undrawn_inception(Inception3Options options) {
  const init::Skip skip;
  return inception_v3<T>(options);
}
}  // namespace

TEST_CASE("inception_v3: logits, gradients and statistics are torchvision's, with transform_input") {
  auto net = undrawn_inception<double>({.num_classes = 10, .aux_logits = false, .transform_input = true, .dropout = 0});
  test::check_training("inception_v3", net, {3, 3, 107, 107});
}

TEST_CASE("inception_v3: the auxiliary head's logits, gradients and statistics are torchvision's") {
  InceptionAux<double> head(32, 10);
  test::check_training("inception_aux", head, {4, 32, 20, 20});
}

TEST_CASE("inception_v3: the auxiliary head sits where torchvision's does, and only in training") {
  auto net = undrawn_inception<double>({.num_classes = 10, .dropout = 0});
  test::fill_with_numbers(net);
  test::Golden golden("models");
  const auto x = test::images({2, 3, 299, 299});
  const auto [logits, aux_logits] = net.outputs(x);
  CHECK(test::relative_error(logits, golden.get("inception_v3_with_aux", "logits")) < 1e-9);
  CHECK(test::relative_error(aux_logits, golden.get("inception_v3_with_aux", "aux_logits")) < 1e-9);
  const auto small = test::images({2, 3, 75, 75});
  CHECK_THROWS_AS(net.outputs(small), ShapeError);  // no room for the head's 5x5 window
  CHECK(net(small).shape() == Shape{2, 10});
  net.eval();
  CHECK_FALSE(net.outputs(small).aux_logits.defined());
}

TEST_CASE("inception_v3: begins as torchvision's does") {
  auto net = inception_v3({.num_classes = 4});
  for (auto* weight : {&net.Conv2d_4a_3x3.conv.weight, &net.mixed[10].second["branch_pool"].conv.weight, &net.AuxLogits->conv0.conv.weight, &net.fc.weight})
    CHECK(test::spread(*weight).deviation == Approx(0.1).epsilon(0.03));
  CHECK(test::spread(net.AuxLogits->conv1.conv.weight).deviation == Approx(0.01).epsilon(0.01));
  CHECK(test::spread(net.AuxLogits->fc.weight).deviation == Approx(0.001).epsilon(0.05));
  CHECK(test::spread(net.fc.bias).most <= 1 / std::sqrt(2048.0));
  CHECK_THROWS_WITH(net.mixed[0].second["branch7x7_1"], "InceptionA: there is no convolution branch7x7_1");
  auto picky = undrawn_inception<float>({.transform_input = true});
  CHECK_THROWS_WITH(picky(zeros({2, 1, 75, 75})), "Inception3: input must be [N, 3, H, W], got [2, 1, 75, 75]");
}
