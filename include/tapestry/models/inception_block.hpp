// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../ops/avg_pool2d.hpp"
#include "../ops/concat.hpp"
#include "../ops/max_pool2d.hpp"
#include "../ops/relu.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// y = ReLU(bn(conv(x))): every convolution of this network.
template <Floating T = float>
class BasicConv2d : public Layer<T> {
 public:
  Conv2d<T> conv;
  BatchNorm2d<T> bn;

  BasicConv2d(Index in, Index out, Conv2dLayerOptions options) : conv(in, out, without_bias(options)), bn(out, {.eps = 0.001}) {}
  Tensor<T> forward(const Tensor<T>& x) override { return relu(bn(conv(x))); }
  void members(const Members& visit) override {
    visit.child("conv", conv);
    visit.child("bn", bn);
  }
  std::string name() const override { return "BasicConv2d"; }

 private:
  static Conv2dLayerOptions without_bias(Conv2dLayerOptions options) {
    options.bias = false;
    return options;
  }
};

/// One way through an Inception block: a pooling or none, a chain of convolutions, and at its end perhaps a fork of two, side by side.
/// A convolution with stride 1 has the padding that keeps the image's size, one with stride 2 has none.
struct InceptionStep {
  std::string name;
  Index out;
  Size2 kernel = 1;
  Index stride = 1;
};
struct InceptionBranch {
  enum class Pool : std::uint8_t { none, average, max } pool = Pool::none;
  std::vector<InceptionStep> chain;
  std::vector<InceptionStep> fork{};
};

/// Several views of one input, their channels laid side by side: small windows, large ones made of small ones, and a pooling.
///
///        +-- 1x1 -----------------+
///   x ---+-- 1x1 -- 3x3 ----------+--- channels side by side --> y          Large windows are factored: 5x5 into two 3x3, and
///        +-- 1x1 -- 3x3 -- 3x3 ---+                                         7x7 into 1x7 and 7x1, which costs 2/7 of it.
///        +-- pool -- 1x1 ---------+
///
/// Where one branch has stride 2 all have, and the pooling is max pool 3x3 with stride 2; else it is the mean of 3x3.
///
/// Shapes   x [N, C, H, W] -> [N, sum of the branches' last channels, H/stride, W/stride]
template <Floating T = float>
class InceptionBlock : public Layer<T> {
 public:
  /// `type` is the name that print shows; the convolutions are listed in the branches' order.
  InceptionBlock(std::string type, Index channels, std::vector<InceptionBranch> branches) : type_(std::move(type)), branches_(std::move(branches)) {
    for (const InceptionBranch& branch : branches_) {
      Index in = channels;
      for (const InceptionStep& step : branch.chain) {
        add(in, step);
        in = step.out;
      }
      for (const InceptionStep& step : branch.fork) add(in, step);
    }
  }
  /// The convolution of that name.
  /// Throws   IndexError if there is none.
  BasicConv2d<T>& operator[](std::string_view name) {
    for (auto& [own, conv] : convolutions_)
      if (own == name) return conv;
    throw IndexError(message(type_, ": there is no convolution ", name));
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    std::vector<Tensor<T>> views;
    std::size_t next = 0;
    for (const InceptionBranch& branch : branches_) {
      using Pool = InceptionBranch::Pool;
      Tensor<T> y = branch.pool == Pool::average ? avg_pool2d(x, 3, {.stride = 1, .padding = 1})
                    : branch.pool == Pool::max   ? max_pool2d(x, 3, {.stride = 2})
                                                 : x;
      for ([[maybe_unused]] const auto& step : branch.chain) y = convolutions_[next++].second(y);
      for ([[maybe_unused]] const auto& step : branch.fork) views.push_back(convolutions_[next++].second(y));
      if (branch.fork.empty()) views.push_back(y);
    }
    return concat(views, 1);
  }
  void members(const Members& visit) override {
    for (auto& [name, conv] : convolutions_) visit.child(name, conv);
  }
  std::string name() const override { return type_; }

 private:
  void add(Index in, const InceptionStep& step) {
    const Padding padding = step.stride == 1 ? Padding((step.kernel.height - 1) / 2, (step.kernel.width - 1) / 2) : Padding(0);
    convolutions_.emplace_back(step.name, BasicConv2d<T>(in, step.out, {.kernel = step.kernel, .stride = step.stride, .padding = padding}));
  }
  std::string type_;
  std::vector<InceptionBranch> branches_;
  std::vector<std::pair<std::string, BasicConv2d<T>>> convolutions_;
};

namespace detail {
using InceptionPool = InceptionBranch::Pool;

/// 35x35 pixels: 5x5 windows and two 3x3 in a row (figure 5).
template <Floating T>
InceptionBlock<T> inception_a(Index channels, Index pool_features) {
  return {"InceptionA", channels,
          {{.chain = {{"branch1x1", 64}}},
           {.chain = {{"branch5x5_1", 48}, {"branch5x5_2", 64, 5}}},
           {.chain = {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, 3}, {"branch3x3dbl_3", 96, 3}}},
           {.pool = InceptionPool::average, .chain = {{"branch_pool", pool_features}}}}};
}
/// From 35x35 to 17x17 (figure 10).
template <Floating T>
InceptionBlock<T> inception_b(Index channels) {
  return {"InceptionB", channels,
          {{.chain = {{"branch3x3", 384, 3, 2}}},
           {.chain = {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, 3}, {"branch3x3dbl_3", 96, 3, 2}}},
           {.pool = InceptionPool::max, .chain = {}}}};
}
/// 17x17 pixels: windows of 7x7 and 13x13, factored into rows and columns (figure 6).
template <Floating T>
InceptionBlock<T> inception_c(Index channels, Index narrow) {
  const Size2 row(1, 7), column(7, 1);
  return {"InceptionC", channels,
          {{.chain = {{"branch1x1", 192}}},
           {.chain = {{"branch7x7_1", narrow}, {"branch7x7_2", narrow, row}, {"branch7x7_3", 192, column}}},
           {.chain = {{"branch7x7dbl_1", narrow}, {"branch7x7dbl_2", narrow, column}, {"branch7x7dbl_3", narrow, row},
                      {"branch7x7dbl_4", narrow, column}, {"branch7x7dbl_5", 192, row}}},
           {.pool = InceptionPool::average, .chain = {{"branch_pool", 192}}}}};
}
/// From 17x17 to 8x8.
template <Floating T>
InceptionBlock<T> inception_d(Index channels) {
  return {"InceptionD", channels,
          {{.chain = {{"branch3x3_1", 192}, {"branch3x3_2", 320, 3, 2}}},
           {.chain = {{"branch7x7x3_1", 192}, {"branch7x7x3_2", 192, {1, 7}}, {"branch7x7x3_3", 192, {7, 1}}, {"branch7x7x3_4", 192, 3, 2}}},
           {.pool = InceptionPool::max, .chain = {}}}};
}
/// 8x8 pixels: wide rather than deep, rows and columns side by side (figure 7).
template <Floating T>
InceptionBlock<T> inception_e(Index channels) {
  const Size2 row(1, 3), column(3, 1);
  return {"InceptionE", channels,
          {{.chain = {{"branch1x1", 320}}},
           {.chain = {{"branch3x3_1", 384}}, .fork = {{"branch3x3_2a", 384, row}, {"branch3x3_2b", 384, column}}},
           {.chain = {{"branch3x3dbl_1", 448}, {"branch3x3dbl_2", 384, 3}}, .fork = {{"branch3x3dbl_3a", 384, row}, {"branch3x3dbl_3b", 384, column}}},
           {.pool = InceptionPool::average, .chain = {{"branch_pool", 192}}}}};
}
}  // namespace detail

}  // namespace tapestry::inline TAPESTRY_ABI
