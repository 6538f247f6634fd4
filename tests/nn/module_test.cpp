// SPDX-License-Identifier: MIT
#include "tapestry/nn/module.hpp"

#include "nn/layer_checks.hpp"
#include "support/devices.hpp"
#include "tapestry/nn/activation.hpp"
#include "tapestry/nn/batch_norm.hpp"
#include "tapestry/nn/conv2d.hpp"
#include "tapestry/nn/dropout.hpp"
#include "tapestry/nn/flatten.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/sequential.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/cross_entropy.hpp"
#include "tapestry/optim/adam.hpp"
#include "tapestry/optim/sgd.hpp"

using namespace tapestry;

namespace user {

/// A residual block as a user writes it: y = relu(x through two convolutions + shortcut(x)).
template <Floating T = float>
struct Residual : Layer<T> {
  Conv2d<T> conv1, conv2;
  BatchNorm2d<T> bn1;
  std::optional<Sequential<T>> downsample;

  Residual(Index in, Index out)
      : conv1(in, out, {.kernel = 3, .padding = 1, .bias = false}), conv2(out, out, {.kernel = 3, .padding = 1}), bn1(out) {
    if (in != out) downsample.emplace(Conv2d<T>(in, out, {.kernel = 1, .bias = false}), BatchNorm2d<T>(out));
  }
  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> y = conv2(relu(bn1(conv1(x))));
    return relu(y + (downsample ? (*downsample)(x) : x));
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("conv2", conv2);
    visit.child("downsample", downsample);
  }
};

/// Every kind of member: own parameters and buffers of several types, children by value, in a vector, a unique_ptr and an optional.
struct Everything : Module {
  Tensor<> scale = ones({2}).requires_grad(true);
  Tensor<double> offset = zeros<double>({1}).requires_grad(true);
  Tensor<> absent;
  Tensor<Index> count = zeros<Index>({});
  Tensor<bool> mask = full<bool>({2}, true);
  Linear<> first{2, 3};
  std::vector<Linear<>> blocks;
  std::vector<std::unique_ptr<Layer<>>> heads;
  std::unique_ptr<Linear<>> extra, no_extra;
  std::optional<Dropout<>> drop;

  Everything() {
    for (int i = 0; i < 3; ++i) blocks.emplace_back(3, 3);
    heads.push_back(std::make_unique<Linear<>>(3, 1));
    heads.push_back(std::make_unique<ReLU<>>());
    extra = std::make_unique<Linear<>>(3, 1, LinearOptions{.bias = false});
  }
  void members(const Members& visit) override {
    visit.parameter("scale", scale);
    visit.parameter("offset", offset);
    visit.parameter("absent", absent);
    visit.buffer("count", count);
    visit.buffer("mask", mask);
    visit.child("first", first);
    visit.children("blocks", blocks);
    visit.children("heads", heads);
    visit.child("extra", extra);
    visit.child("no_extra", no_extra);
    visit.child("drop", drop);
  }
};

struct Tied : Layer<double> {
  Linear<double> encode{3, 3}, decode{3, 3};
  Tied() { decode.weight = encode.weight; }
  Tensor<double> forward(const Tensor<double>& x) override { return decode(encode(x)); }
  void members(const Members& visit) override {
    visit.child("encode", encode);
    visit.child("decode", decode);
  }
};

template <class A, class B>
struct Pair : Module {};
struct Outer {
  struct Inner : Module {};
  template <class A>
  struct Template : Module {};
};
struct Renamed : Module {
  std::string name() const override { return "Other"; }
  std::string description() const override { return "a=1"; }
};
struct Model : Module {
  Residual<> body{2, 4};
  Linear<> fc{4, 10};
  void members(const Members& visit) override {
    visit.child("body", body);
    visit.child("fc", fc);
  }
};

}  // namespace user

namespace {
struct Anonymous : Module {};

std::vector<double> all_values(Module& module) {
  std::vector<double> values;
  for (const auto& [name, tensor] : state_dict(module))
    visit_dtype(tensor.dtype(), [&tensor = tensor, &values]<Scalar T>(T) {
      for (const T value : tensor.template as<T>().to_vector()) values.push_back(static_cast<double>(value));
    });
  return values;
}
}  // namespace

TEST_CASE("members come in the order they are named, under PyTorch's names") {
  user::Everything module;
  CHECK(test::names(module) == std::vector<std::string>{"scale", "offset", "count", "mask", "first.weight", "first.bias",
                                                        "blocks.0.weight", "blocks.0.bias",
                                                        "blocks.1.weight", "blocks.1.bias", "blocks.2.weight", "blocks.2.bias", "heads.0.weight",
                                                        "heads.0.bias", "extra.weight"});
  std::size_t parameter_count = named_parameters(module).size();
  CHECK(parameter_count == 13);
  CHECK_THROWS_AS(parameters(module), TypeError);  // one is of double
  user::Residual<double> block(2, 3);
  CHECK(test::names(block) == std::vector<std::string>{"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
                                                       "bn1.num_batches_tracked",
                                                       "conv2.weight", "conv2.bias", "downsample.0.weight", "downsample.1.weight", "downsample.1.bias",
                                                       "downsample.1.running_mean", "downsample.1.running_var", "downsample.1.num_batches_tracked"});
  CHECK(parameters(block).size() == 8);
  user::Tied tied;
  CHECK(named_parameters(tied).size() == 4);
  CHECK(parameters(tied).size() == 3);  // the shared weight once
}

TEST_CASE("print shows lists as PyTorch's ModuleList, and optional members only if they are there") {
  user::Everything module;
  CHECK(test::printed(module) ==
        "Everything(\n"
        "  (first): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (blocks): ModuleList(\n"
        "    (0-2): 3 x Linear(in_features=3, out_features=3, bias=True)\n"
        "  )\n"
        "  (heads): ModuleList(\n"
        "    (0): Linear(in_features=3, out_features=1, bias=True)\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (extra): Linear(in_features=3, out_features=1, bias=False)\n"
        ")");
  module.blocks.clear();
  module.heads.clear();
  module.heads.push_back(std::make_unique<Sequential<>>(ReLU()));
  module.heads.push_back(std::make_unique<Sequential<>>(ReLU()));
  module.extra.reset();
  module.drop.emplace(0.1);
  CHECK(test::printed(module) ==
        "Everything(\n"
        "  (first): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (blocks): ModuleList()\n"
        "  (heads): ModuleList(\n"
        "    (0-1): 2 x Sequential(\n"
        "      (0): ReLU()\n"
        "    )\n"
        "  )\n"
        "  (drop): Dropout(p=0.1, inplace=False)\n"
        ")");
}

TEST_CASE("a class prints under its own name, without namespaces and template arguments") {
  struct Local : Module {};
  CHECK(user::Residual<double>(1, 1).name() == "Residual");
  CHECK(user::Pair<int, user::Pair<std::vector<int>, Shape>>().name() == "Pair");
  CHECK(user::Outer::Inner().name() == "Inner");
  CHECK(user::Outer::Template<user::Outer>().name() == "Template");
  CHECK(Anonymous().name() == "Anonymous");
  CHECK(Local().name() == "Local");
  CHECK(test::printed(user::Renamed()) == "Other(a=1)");
}

TEST_CASE("train and eval reach everything below, and never touch requires_grad") {
  user::Everything module;
  module.drop.emplace(0.5);
  freeze(module.first);
  const auto modes = [&] {
    return std::vector<bool>{module.training(), module.first.training(), module.blocks[2].training(), module.heads[1]->training(), module.extra->training(),
                             module.drop->training()};
  };
  CHECK(modes() == std::vector<bool>(6, true));
  module.eval();
  CHECK(modes() == std::vector<bool>(6, false));
  CHECK_FALSE(module.first.weight.requires_grad());
  CHECK(module.blocks[0].weight.requires_grad());
  module.train();
  CHECK(modes() == std::vector<bool>(6, true));
  CHECK_FALSE(module.first.weight.requires_grad());
  CHECK(module.blocks[0].weight.requires_grad());
}

TEST_CASE("what is frozen gets no gradient and is not recorded") {
  Sequential<double> net(Linear<double>(3, 4), Tanh<double>(), Linear<double>(4, 2));
  const auto x = ones<double>({2, 3});
  const auto recorded = [&] {
    Tape tape;
    const auto y = net(x);
    const std::size_t size = tape.size();
    if (y.requires_grad()) tape.backward(y, ones<double>(y.shape()));
    return size;
  };
  const std::size_t all = recorded();
  CHECK(all >= 3);
  CHECK(net.at<Linear<double>>(0).weight.has_grad());
  freeze(net, [](std::string_view name) { return !name.starts_with("2."); });
  CHECK_FALSE(net.at<Linear<double>>(0).weight.has_grad());  // forgotten
  CHECK(recorded() == 1);                                   // the head alone
  CHECK_FALSE(net.at<Linear<double>>(0).weight.has_grad());
  CHECK(net.at<Linear<double>>(2).weight.has_grad());
  freeze(net);
  CHECK(recorded() == 0);
  CHECK_FALSE(net.at<Linear<double>>(2).weight.has_grad());
  unfreeze(net, [](std::string_view name) { return name == "0.bias"; });
  CHECK(recorded() == all);
  CHECK(net.at<Linear<double>>(0).bias.has_grad());
  CHECK_FALSE(net.at<Linear<double>>(0).weight.has_grad());
  unfreeze(net);
  CHECK(recorded() == all);
  CHECK(net.at<Linear<double>>(2).weight.has_grad());
}

TEST_CASE("a clone has tensors of its own, the same values, modes and requires_grad") {
  user::Residual<double> block(2, 3);
  block.bn1.eval();
  freeze(block.conv1);
  const user::Residual<double>& original = block;
  user::Residual<double> copy = clone(original);
  CHECK(all_values(copy) == all_values(block));
  CHECK(test::names(copy) == test::names(block));
  CHECK_FALSE(copy.bn1.training());
  CHECK(copy.training());
  CHECK_FALSE(copy.conv1.weight.requires_grad());
  CHECK(copy.conv2.weight.requires_grad());
  CHECK(copy.conv2.weight.layout() == Layout::channels_last);
  CHECK_FALSE(copy.bn1.running_mean.requires_grad());
  const auto before = all_values(block);
  for (const auto& [name, tensor] : state_dict(copy))
    for (const auto& [other, own] : state_dict(block)) CHECK(tensor.raw_data() != own.raw_data());
  SGD optimizer(parameters(copy), {.lr = 1});
  for (auto& parameter : parameters(copy)) parameter.set_grad(ones<double>(parameter.shape()));
  optimizer.step();
  CHECK(all_values(block) == before);
  CHECK(all_values(copy) != before);
}

TEST_CASE("tied weights stay tied in a clone, and apart from the original's") {
  user::Tied tied;
  user::Tied copy = clone(tied);
  CHECK(copy.encode.weight.handle() == copy.decode.weight.handle());
  CHECK(copy.encode.weight.handle() != tied.encode.weight.handle());
  copy.decode.weight.fill(7);
  CHECK(copy.encode.weight.at(0, 0) == 7);
  CHECK(tied.encode.weight.at(0, 0) != 7);
}

TEST_CASE("a module is not copied by accident, but moves") {
  Linear<> layer(3, 2);
  CHECK_THROWS_WITH(Linear<>(layer), contains_text("move it with std::move or copy it with clone(module)"));
  user::Tied tied;
  CHECK_THROWS_AS(user::Tied(tied), Error);
  STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<Linear<>>);
  const auto* data = layer.weight.raw_data();
  Linear<> moved = std::move(layer);
  CHECK(moved.weight.raw_data() == data);
  SGD optimizer(parameters(moved), {.lr = 1});
  Linear<> again(1, 1);
  again = std::move(moved);
  again.weight.set_grad(ones({2, 3}));
  const float before = again.weight.at(0, 0);
  optimizer.step();  // it holds the tensors, wherever their module has gone
  CHECK(again.weight.at(0, 0) == before - 1);
}

TEST_CASE("a head is replaced by assignment; an optimiser made before says so") {
  user::Model model;
  SGD before(parameters(model), {.lr = 0.1});
  model.fc = Linear(4, 2);
  CHECK(test::names(model).back() == "fc.bias");
  CHECK(state_dict(model).back().second.shape() == Shape{2});
  CHECK(test::printed(model).find("(fc): Linear(in_features=4, out_features=2, bias=True)") != std::string::npos);
  CHECK_THROWS_WITH(before.step(), contains_text("held by no module any more; make the optimiser after replacing layers"));
  SGD after(parameters(model), {.lr = 0.1});
  after.step();
}

TEST_CASE("a module moves to a device and back, and its optimiser stays valid") {
  const auto train = [](bool moving) {
    manual_seed(4);
    user::Residual<double> net(2, 3);
    net.conv2.weight.set_grad(ones<double>(net.conv2.weight.shape()));
    Adam optimizer(parameters(net), {.lr = 0.01});
    const auto x = randn<double>({2, 2, 5, 4});
    for (int step = 0; step < 6; ++step) {
      const Device device = moving && step % 2 == 1 ? reference() : cpu();
      net.to(device);
      for (const auto& [name, tensor] : state_dict(net)) CHECK(tensor.device() == device);
      if (step == 1 && moving) CHECK(net.conv2.weight.grad().device() == device);
      CHECK(net.conv2.weight.layout() == Layout::channels_last);
      Tape tape;
      const auto y = net(on_device(x, device).as<double>());
      optimizer.zero_grad();
      tape.backward(y, on_device(ones<double>(y.shape()), device).as<double>());
      optimizer.step();
    }
    net.to(cpu());
    return all_values(net);
  };
  const auto stayed = train(false), moved = train(true);
  for (std::size_t i = 0; i < stayed.size(); ++i) CHECK(moved[i] == Approx(stayed[i]).epsilon(1e-6).margin(1e-8));
  user::Tied tied;
  tied.to(reference());
  CHECK(tied.encode.weight.handle() == tied.decode.weight.handle());
  CHECK(tied.decode.weight.device() == reference());
}

TEST_CASE("a whole training step on the reference device equals the CPU's within rounding") {
  const auto train = [](Device device) {
    manual_seed(6);
    Sequential<double> net(BatchNorm2d<double>(2), Conv2d<double>(2, 4, {.kernel = 3}), ReLU<double>(), user::Residual<double>(4, 6), Flatten<double>(),
                           Dropout<double>(0.2), Linear<double>(6 * 4 * 4, 3));
    const auto x = randn<double>({4, 2, 6, 6});
    net.to(device);
    const auto images = on_device(x, device).as<double>();
    const auto labels = on_device(tensor<Index>({0, 2, 1, 1}), device).as<Index>();
    AdamW optimizer(parameters(net), {.lr = 0.01});
    std::vector<double> losses;
    for (int step = 0; step < 3; ++step) {
      Tape tape;
      const auto loss = cross_entropy(net(images), labels);
      optimizer.zero_grad();
      tape.backward(loss);
      optimizer.step();
      losses.push_back(loss.item());
    }
    net.to(cpu());
    for (double value : all_values(net)) losses.push_back(value);
    return losses;
  };
  const auto expected = train(cpu()), got = train(reference());
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-7));
  CHECK(got[2] < got[0]);
}

TEST_CASE("a user's residual block learns") {
  manual_seed(8);
  Sequential net(user::Residual<>(1, 4), user::Residual<>(4, 4), Flatten(), Linear(4 * 16, 2));
  // Class 1 is brighter in its left half.
  auto images = randn({32, 1, 4, 4});
  std::vector<Index> labels;
  for (Index n = 0; n < 32; ++n) {
    labels.push_back(n % 2);
    for (Index i = 0; i < 4 && n % 2 == 1; ++i)
      for (Index j = 0; j < 2; ++j) images.set({n, 0, i, j}, images.at(n, 0, i, j) + 1.5F);
  }
  Adam optimizer(parameters(net), {.lr = 0.01});
  float first = 0, last = 0;
  for (int step = 0; step < 40; ++step) {
    Tape tape;
    const auto loss = cross_entropy(net(images), tensor<Index>(labels, {32}));
    optimizer.zero_grad();
    tape.backward(loss);
    optimizer.step();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(first > 0.4F);
  CHECK(last < 0.1F);
}

TEST_CASE("for_each_module visits what is of the class, from the root down, in the order of members") {
  user::Everything everything;
  std::vector<Index> inputs;
  for_each_module<Linear<>>(everything, [&](Linear<>& linear) { inputs.push_back(linear.weight.dim(0)); });
  CHECK(inputs == std::vector<Index>{3, 3, 3, 3, 1, 1});
  Index all = 0, layers = 0, roots = 0;
  for_each_module<Module>(everything, [&](Module&) { ++all; });
  for_each_module<Layer<>>(everything, [&](Layer<>&) { ++layers; });
  for_each_module<user::Everything>(everything, [&](user::Everything& root) { roots += &root == &everything; });
  CHECK(all == 8);
  CHECK(layers == 7);
  CHECK(roots == 1);
  Sequential<> nested(ReLU<>(), Sequential<>(Conv2d<>(1, 2, {.kernel = 1}), Sequential<>().append(Conv2d<>(2, 3, {.kernel = 1}))));
  for_each_module<Conv2d<>>(nested, [](Conv2d<>& conv) { conv.weight.fill(7); });
  CHECK(nested.at<Sequential<>>(1).at<Conv2d<>>(0).weight.at(1, 0, 0, 0) == 7);
}
