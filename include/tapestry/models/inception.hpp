// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/dropout.hpp"
#include "../nn/flatten.hpp"
#include "../nn/linear.hpp"
#include "../nn/pool.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/slice.hpp"
#include "inception_block.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A second classifier halfway up, for training alone: its gradient reaches the lower layers by a short way.
///
///   768x17x17 -mean of 5x5, stride 3-> 768x5x5 -conv0 1x1-> 128x5x5 -conv1 5x5-> 768x1x1 -mean-> 768 -fc-> classes
template <Floating T = float>
class InceptionAux : public Layer<T> {
 public:
  BasicConv2d<T> conv0, conv1;
  Linear<T> fc;

  InceptionAux(Index channels, Index num_classes) : conv0(channels, 128, {.kernel = 1}), conv1(128, 768, {.kernel = 5}), fc(768, num_classes) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    const Tensor<T> y = conv1(conv0(avg_pool2d(x, 5, {.stride = 3})));
    return fc(flatten(adaptive_avg_pool2d(y, 1), 1));
  }
  void members(const Members& visit) override {
    visit.child("conv0", conv0);
    visit.child("conv1", conv1);
    visit.child("fc", fc);
  }
  std::string name() const override { return "InceptionAux"; }
};

struct Inception3Options {
  Index num_classes = 1000;
  bool aux_logits = true;        ///< whether there is an auxiliary head
  bool transform_input = false;  ///< takes images normalised as ImageNet's usually are, and makes of them what the published weights were trained on
  double dropout = 0.5;
};

template <Floating T>
struct InceptionOutputs {
  Tensor<T> logits;
  Tensor<T> aux_logits;  ///< undefined without auxiliary head or in evaluation
};

/// Inception v3: convolutions of several sizes side by side, all of them factored into small ones.
///
///   3x299x299 -stem: six convolutions and poolings-> 192x35x35 -3 blocks A-> 288x35x35 -B-> 768x17x17 -4 blocks C-> 768x17x17
///             -D-> 1280x8x8 -2 blocks E-> 2048x8x8 -mean, dropout, fc-> classes;  the auxiliary head sits on the last C
///
/// `net(x)` gives the logits alone. To train with the auxiliary head, as the paper did, take both from `net.outputs(x)`:
///
///   auto [logits, aux] = net.outputs(images);
///   auto loss = cross_entropy(logits, labels) + 0.4 * cross_entropy(aux, labels);
///
/// Shapes   x [N, 3, H, W], H and W at least 75; with the auxiliary head in training 299 -> [N, num_classes]
/// Begins   weights normal, cut off at +-2, deviation 0.1; in the auxiliary head conv1 0.01 and fc 0.001; biases as PyTorch begins them
/// Source   Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception architecture for computer vision", 2016.
template <Floating T = float>
class Inception3 : public Layer<T> {
 public:
  BasicConv2d<T> Conv2d_1a_3x3{3, 32, {.kernel = 3, .stride = 2}};
  BasicConv2d<T> Conv2d_2a_3x3{32, 32, {.kernel = 3}};
  BasicConv2d<T> Conv2d_2b_3x3{32, 64, {.kernel = 3, .padding = 1}};
  MaxPool2d<T> maxpool1{3, {.stride = 2}};
  BasicConv2d<T> Conv2d_3b_1x1{64, 80, {.kernel = 1}};
  BasicConv2d<T> Conv2d_4a_3x3{80, 192, {.kernel = 3}};
  MaxPool2d<T> maxpool2{3, {.stride = 2}};
  std::vector<std::pair<std::string, InceptionBlock<T>>> mixed;  ///< Mixed_5b to Mixed_7c
  std::optional<InceptionAux<T>> AuxLogits;
  AdaptiveAvgPool2d<T> avgpool{Size2(1, 1)};
  Dropout<T> dropout;
  Linear<T> fc;

  explicit Inception3(Inception3Options options = {}) : dropout(options.dropout), fc(2048, options.num_classes), transform_input_(options.transform_input) {
    build_mixed();
    if (options.aux_logits) AuxLogits.emplace(768, options.num_classes);
    for_each_module<Conv2d<T>>(*this, [](Conv2d<T>& conv) { init::truncated_normal(conv.weight, 0, 0.1, -2, 2); });
    init::truncated_normal(fc.weight, 0, 0.1, -2, 2);
    if (AuxLogits) {
      init::truncated_normal(AuxLogits->conv1.conv.weight, 0, 0.01, -2, 2);
      init::truncated_normal(AuxLogits->fc.weight, 0, 0.001, -2, 2);
    }
  }

  Tensor<T> forward(const Tensor<T>& x) override { return run(x, false).logits; }
  /// The logits, and in training those of the auxiliary head.
  InceptionOutputs<T> outputs(const Tensor<T>& x) { return run(x, this->training()); }

  void members(const Members& visit) override {
    visit.child("Conv2d_1a_3x3", Conv2d_1a_3x3);
    visit.child("Conv2d_2a_3x3", Conv2d_2a_3x3);
    visit.child("Conv2d_2b_3x3", Conv2d_2b_3x3);
    visit.child("maxpool1", maxpool1);
    visit.child("Conv2d_3b_1x1", Conv2d_3b_1x1);
    visit.child("Conv2d_4a_3x3", Conv2d_4a_3x3);
    visit.child("maxpool2", maxpool2);
    for (auto& [name, block] : mixed) {
      visit.child(name, block);
      if (name == aux_after) visit.child("AuxLogits", AuxLogits);
    }
    visit.child("avgpool", avgpool);
    visit.child("dropout", dropout);
    visit.child("fc", fc);
  }
  std::string name() const override { return "Inception3"; }

 private:
  static constexpr std::string_view aux_after = "Mixed_6e";

  void build_mixed() {
    const init::Skip skip;  // the constructor draws their weights
    const auto add = [this](const char* name, InceptionBlock<T> block) { mixed.emplace_back(name, std::move(block)); };
    add("Mixed_5b", detail::inception_a<T>(192, 32));
    add("Mixed_5c", detail::inception_a<T>(256, 64));
    add("Mixed_5d", detail::inception_a<T>(288, 64));
    add("Mixed_6a", detail::inception_b<T>(288));
    add("Mixed_6b", detail::inception_c<T>(768, 128));
    add("Mixed_6c", detail::inception_c<T>(768, 160));
    add("Mixed_6d", detail::inception_c<T>(768, 160));
    add("Mixed_6e", detail::inception_c<T>(768, 192));
    add("Mixed_7a", detail::inception_d<T>(768));
    add("Mixed_7b", detail::inception_e<T>(1280));
    add("Mixed_7c", detail::inception_e<T>(2048));
  }
  InceptionOutputs<T> run(const Tensor<T>& x, bool with_aux) {
    Tensor<T> aux, y = maxpool1(Conv2d_2b_3x3(Conv2d_2a_3x3(Conv2d_1a_3x3(transform_input_ ? transformed(x) : x))));
    y = maxpool2(Conv2d_4a_3x3(Conv2d_3b_1x1(y)));
    for (auto& [name, block] : mixed) {
      y = block(y);
      if (with_aux && AuxLogits && name == aux_after) aux = (*AuxLogits)(y);
    }
    return {fc(flatten(dropout(avgpool(y)), 1)), aux};
  }
  /// From (pixel - mean) / deviation of ImageNet to (pixel - 0.5) / 0.5.
  static Tensor<T> transformed(const Tensor<T>& x) {
    constexpr double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
    if (x.rank() != 4 || x.dim(1) != 3) throw ShapeError(message("Inception3: input must be [N, 3, H, W], got ", x.shape()));
    std::vector<Tensor<T>> channels;
    for (Index c = 0; c < 3; ++c) channels.push_back(slice(x, 1, {c, c + 1}) * (deviation[c] / 0.5) + (mean[c] - 0.5) / 0.5);
    return concat(channels, 1);
  }
  bool transform_input_;
};

template <Floating T = float>
Inception3<T> inception_v3(Inception3Options options = {}) {
  return Inception3<T>(options);
}

}  // namespace tapestry::inline TAPESTRY_ABI
