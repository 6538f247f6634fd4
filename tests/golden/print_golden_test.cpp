// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/nn/activation.hpp"
#include "tapestry/nn/batch_norm.hpp"
#include "tapestry/nn/conv2d.hpp"
#include "tapestry/nn/dropout.hpp"
#include "tapestry/nn/embedding.hpp"
#include "tapestry/nn/flatten.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/pool.hpp"
#include "tapestry/nn/sequential.hpp"
#include "tapestry/tensor/print.hpp"

using namespace tapestry;

namespace {

std::string golden_text(const std::string& file, const std::string& name) {
  for (const auto& [key, text] : test::golden_texts(file))
    if (key == name) return text;
  return "no golden text of that name";
}

struct Block : Module {
  Conv2d<> conv1{8, 16, {.kernel = 3, .stride = 2, .padding = 1, .bias = false}};
  BatchNorm2d<> bn1{16};
  ReLU<> relu{{.inplace = true}};
  std::optional<Sequential<>> downsample;

  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("relu", relu);
    visit.child("downsample", downsample);
  }
};

struct Leaf : Module {};

}  // namespace

TEST_CASE("tensors print as in PyTorch, character by character") {
  test::Golden golden("print_tensor");
  const auto texts = test::golden_texts("print_tensor.txt");
  CHECK(texts.size() == golden.tensors().size());
  for (const auto& [key, expected] : texts) {
    INFO(key);
    const AnyTensor* tensor = find(golden.tensors(), key);
    REQUIRE(tensor != nullptr);
    std::string text;
    visit_dtype(tensor->dtype(), [&]<Scalar T>(T) { text = to_string(tensor->as<T>()); });
    CHECK(text == expected);
  }
}

TEST_CASE("a channels-last tensor prints in logical order") {
  test::Golden golden("print_tensor");
  const AnyTensor* images = find(golden.tensors(), "images");
  REQUIRE(images != nullptr);
  CHECK(to_string(in_layout(*images, Layout::channels_last).as<float>()) == golden_text("print_tensor.txt", "images"));
}

TEST_CASE("networks print as in PyTorch") {
  std::size_t checked = 0;
  const auto check = [&](const std::string& name, const Module& module) {
    INFO(name);
    ++checked;
    std::ostringstream out;
    out << module;
    CHECK(out.str() == golden_text("print_net.txt", name));
  };
  check("lecture", Sequential(BatchNorm2d(3), Conv2d(3, 30, {.kernel = 3}), ReLU(), MaxPool2d(2), BatchNorm2d(30), Conv2d(30, 60, {.kernel = 3}),
                              ReLU(), MaxPool2d(2), BatchNorm2d(60), Conv2d(60, 120, {.kernel = 3}), LeakyReLU(0.1), MaxPool2d(2),
                              BatchNorm2d(120), Flatten(), Dropout(0.2), Linear(480, 200), ReLU(), Dropout(0.2), Linear(200, 60), ReLU(),
                              Linear(60, 10)));
  check("first_program",
        Sequential(Conv2d(3, 30, {.kernel = 3}), ReLU(), MaxPool2d(2), BatchNorm2d(30), Flatten(), Linear(30 * 15 * 15, 10)));
  Sequential<> inner;
  inner.append(Sequential(Tanh()));
  check("nested", Sequential(Sequential(Linear(2, 3), ReLU()), std::move(inner)));
  check("empty", Sequential<>());
  check("nested_empty", Sequential(Sequential<>(), ReLU()));
  Block block;
  check("block", block);
  block.downsample.emplace(Conv2d(8, 16, {.kernel = 1, .stride = 2, .bias = false}), BatchNorm2d(16));
  check("block_downsample", block);
  check("leaf", Leaf());
  check("conv2d", Sequential(Conv2d(3, 6, {.kernel = 3}), Conv2d(3, 6, {.kernel = {3, 5}, .stride = 2, .padding = {1, 2}}),
                             Conv2d(4, 6, {.kernel = 3, .padding = Padding::same}),
                             Conv2d(4, 6, {.kernel = 3, .dilation = 2, .groups = 2, .bias = false}),
                             Conv2d(4, 6, {.kernel = 1, .padding = 1, .padding_mode = PaddingMode::reflect}),
                             Conv2d(4, 4, {.kernel = {1, 7}, .stride = {1, 2}, .padding = {0, 3}, .dilation = {1, 2}, .groups = 4, .bias = false,
                                           .padding_mode = PaddingMode::circular})));
  check("pool", Sequential(MaxPool2d(2), MaxPool2d(3, {.stride = 2, .padding = 1}),
                           MaxPool2d({2, 3}, {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .ceil_mode = true}),
                           MaxPool2d({2, 2}, {.padding = {1, 1}}),
                           AvgPool2d(2), AvgPool2d(3, {.stride = 2, .padding = 1}),
                           AvgPool2d({3, 2}, {.stride = {2, 1}, .ceil_mode = true, .count_include_pad = false, .divisor_override = 3}),
                           AdaptiveAvgPool2d(1), AdaptiveAvgPool2d({3, 5}), AdaptiveAvgPool2d({1, 1})));
  check("norm", Sequential(BatchNorm1d(4), BatchNorm2d(4, {.eps = 1e-3}), BatchNorm2d(4, {.momentum = 0.01, .affine = false}),
                           BatchNorm2d(4, {.momentum = std::nullopt, .track_running_stats = false})));
  check("activation",
        Sequential(ReLU(), ReLU({.inplace = true}), LeakyReLU(), LeakyReLU(0.2), LeakyReLU({.negative_slope = 0.1, .inplace = true}), Sigmoid(), Tanh(),
                   GELU(), GELU({.approximate = GeluApproximation::tanh}), Softmax(1), Softmax(-1), LogSoftmax(1), Dropout(), Dropout(0.25),
                   Dropout({.p = 0.5, .inplace = true}), Identity()));
  check("other", Sequential(Flatten(), Flatten({.start_dim = 2, .end_dim = 3}), Linear(3, 4), Linear(3, 4, {.bias = false})));
  check("embedding", Embedding<>(10, 3));
  check("embedding_padding", Embedding<>(10, 3, {.padding_idx = 0}));
  CHECK(checked == test::golden_texts("print_net.txt").size());
}
