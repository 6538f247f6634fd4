// SPDX-License-Identifier: MIT
#include "tapestry/models/resnet.hpp"

#include "model_checks.hpp"

using namespace tapestry;

TEST_CASE("resnet18: logits, gradients and statistics are torchvision's") {
  auto net = resnet18<double>({.num_classes = 10});
  test::check_training("resnet18", net, {4, 3, 64, 64});
}

TEST_CASE("resnet: bottlenecks with groups and dilation give torchvision's logits, gradients and statistics") {
  ResNet<double> net(ResidualBlock::bottleneck, {2, 1, 1, 2},
                     {.num_classes = 10, .groups = 4, .width_per_group = 8, .replace_stride_with_dilation = {false, false, true}});
  test::check_training("bottleneck", net, {4, 3, 64, 64});
}

TEST_CASE("resnet: begins as torchvision's does") {
  ResNet<> net(ResidualBlock::bottleneck, {1, 1, 1, 1}, {.num_classes = 4});
  CHECK(test::spread(net.conv1.weight).deviation == Approx(std::sqrt(2.0 / (64 * 49))).epsilon(0.02));  // fan out, not fan in
  const auto& block = net.layer3.at<Bottleneck<>>(0);
  CHECK(test::spread(block.conv1.weight).deviation == Approx(std::sqrt(2.0 / 256)).epsilon(0.02));
  CHECK(test::spread((*net.layer3.at<Bottleneck<>>(0).downsample).at<Conv2d<>>(0).weight).deviation == Approx(std::sqrt(2.0 / 1024)).epsilon(0.02));
  CHECK(test::spread(net.fc.weight).deviation == Approx(1 / std::sqrt(3.0 * 2048)).epsilon(0.03));
  for (auto& [name, tensor] : state_dict(net))
    if (tensor.rank() == 1 && !name.starts_with("fc")) {
      const test::Spread s = test::spread(tensor.template as<float>());
      CHECK(s.deviation == 0);
      CHECK(s.mean == (name.ends_with("weight") || name.ends_with("running_var") ? 1 : 0));
    }
}

TEST_CASE("resnet: with zero_init_residual a block begins as its shortcut") {
  ResNet<> net(ResidualBlock::basic, {2, 1, 1, 1}, {.zero_init_residual = true});
  auto& block = net.layer1.at<BasicBlock<>>(1);
  CHECK(test::spread(block.bn2.weight).most == 0);
  CHECK(test::spread(block.bn1.weight).least == 1);
  const auto x = relu(randn({2, 64, 5, 6}));
  CHECK(block(x).to_vector() == x.to_vector());
  ResNet<> deep(ResidualBlock::bottleneck, {2, 1, 1, 1}, {.zero_init_residual = true});
  CHECK(test::spread(deep.layer1.at<Bottleneck<>>(1).bn3.weight).most == 0);
  CHECK(test::spread(deep.layer1.at<Bottleneck<>>(1).bn2.weight).least == 1);
}

TEST_CASE("resnet: what basic blocks cannot do is refused") {
  CHECK_THROWS_WITH(resnet18({.groups = 2}), contains_text("BasicBlock: groups, width_per_group and dilation must be 1, 64 and 1, got 2, 64 and 1"));
  CHECK_THROWS_AS(resnet18({.width_per_group = 128}), ValueError);
  CHECK_THROWS_AS(resnet18({.replace_stride_with_dilation = {true, false, false}}), ValueError);
}

TEST_CASE("resnet: a new head, a frozen trunk, and only the head has gradients") {
  auto net = resnet18<double>({.num_classes = 6});
  net.fc = Linear<double>(512, 3);
  freeze(net, [](std::string_view name) { return !name.starts_with("fc."); });
  const auto learning = trainable_parameters(net);
  REQUIRE(learning.size() == 2);
  CHECK(learning[0].handle() == net.fc.weight.handle());
  CHECK(learning[1].handle() == net.fc.bias.handle());
  const auto labels = tensor<Index>({0, 2});
  const auto x = test::images({2, 3, 33, 35});
  const std::size_t entries_of_head = [&] {
    const Tape tape;
    const auto loss = cross_entropy(net.fc(zeros<double>({2, 512})), labels);
    return tape.size();
  }();
  const auto mean = net.bn1.running_mean.to_vector();
  net.eval();
  {
    const Tape tape;
    const auto loss = cross_entropy(net(x), labels);
    CHECK(tape.size() == entries_of_head);
    CHECK(net.bn1.running_mean.to_vector() == mean);
  }
  net.train();  // statistics move, but nothing more is recorded
  Tape tape;
  const auto loss = cross_entropy(net(x), labels);
  CHECK(tape.size() == entries_of_head);
  CHECK(net.bn1.running_mean.to_vector() != mean);
  tape.backward(loss);
  for (const auto& [name, parameter] : named_parameters(net)) {
    INFO(name);
    CHECK(parameter.has_grad() == name.starts_with("fc."));
  }
  CHECK(net.fc.weight.grad().shape() == Shape{3, 512});
}
