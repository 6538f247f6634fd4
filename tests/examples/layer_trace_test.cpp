// SPDX-License-Identifier: MIT
#include "../../examples/common/layer_trace.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

/// The first and last pixel along each axis that output (i, j) depends on, found by trying: a NaN in a pixel reaches whatever is computed from it.
/// On the reference device, whose kernels are plain sums; a faster kernel may let it reach more.
struct Found {
  Index top = -1, bottom = -1, left = -1, right = -1;
};
Found find_by_nan(Layer<>& net, const Tensor<>& x, Index i, Index j) {
  Found found;
  const auto reaches = [&](const Tensor<>& spoilt) { return std::isnan(net(to(spoilt, reference())).at(0, 0, i, j)); };
  for (Index row = 0; row < x.dim(2); ++row) {
    const Tensor<> spoilt = tapestry::clone(x);
    for (Index column = 0; column < x.dim(3); ++column) spoilt.set({0, 0, row, column}, std::nanf(""));
    if (!reaches(spoilt)) continue;
    if (found.top < 0) found.top = row;
    found.bottom = row;
  }
  for (Index column = 0; column < x.dim(3); ++column) {
    const Tensor<> spoilt = tapestry::clone(x);
    for (Index row = 0; row < x.dim(2); ++row) spoilt.set({0, 0, row, column}, std::nanf(""));
    if (!reaches(spoilt)) continue;
    if (found.left < 0) found.left = column;
    found.right = column;
  }
  return found;
}

/// Never more than the field was found, and all of it where no padding takes part. At the end of an axis pixels may be left over, too few for
/// another step, so that padding begins earlier than the image ends. Returns whether all of it was asked for.
bool check_extent(const Extent& extent, Index at, Index size, Index first, Index last) {
  const double start = extent.start + static_cast<double>(at) * extent.step, end = start + extent.size - 1;
  const bool inside = start >= 0 && end + 2 * extent.step < static_cast<double>(size);
  CHECK(start <= static_cast<double>(first));
  CHECK(end >= static_cast<double>(last));
  if (inside) {
    CHECK(start == static_cast<double>(first));
    CHECK(end == static_cast<double>(last));
  }
  return inside;
}

const TracedLayer& named(const std::vector<TracedLayer>& layers, std::string_view name) {
  for (const auto& layer : layers)
    if (layer.name == name) return layer;
  throw std::runtime_error("no layer " + std::string(name));
}

/// As in a residual network: the sum is made by no layer.
struct Residual : Layer<> {
  Conv2d<> conv{4, 4, {.kernel = 3, .padding = 1}};
  ReLU<> relu;
  Tensor<> forward(const Tensor<>& x) override { return relu(conv(x) + x); }
  void members(const Members& visit) override {
    visit.child("conv", conv);
    visit.child("relu", relu);
  }
};

}  // namespace

TEST_CASE("receptive fields are those that a NaN finds") {
  Generator random(71);
  const auto draw = [&](Index low, Index high) { return randint(low, high + 1, {}, random).item(); };
  Index compared = 0;
  for (int round = 0; round < 60; ++round) {
    Sequential<> net;
    for (Index n = draw(1, 4); n > 0; --n) {
      const Index kind = draw(0, 3), stride = draw(1, 2);
      const Size2 kernel(draw(1, 3), draw(1, 3));
      if (kind <= 1)
        net.append(Conv2d<>(1, 1, {.kernel = kernel, .stride = Size2(stride, draw(1, 2)), .padding = {draw(0, 1), draw(0, 1)}, .dilation = Size2(draw(1, 2), draw(1, 3))}));
      else if (kind == 2)
        net.append(MaxPool2d<>(kernel, {.stride = stride, .padding = Size2(kernel.height / 2, 0)}));
      else
        net.append(AvgPool2d<>(kernel));
      net.append(ReLU<>());
    }
    const Tensor<> x = randn({1, 1, 40, 44}, random);
    std::vector<TracedLayer> layers;
    try {
      layers = trace_layers(net, x);
    } catch (const ShapeError&) {
      continue;  // the draw does not fit the image
    }
    const ReceptiveField field = layers.front().field.value();
    const Tensor<>& y = layers.front().output;
    const bool edge = draw(0, 3) == 0;
    const Index i = edge ? draw(0, y.dim(2) - 1) : y.dim(2) / 2, j = edge ? draw(0, y.dim(3) - 1) : y.dim(3) / 2;
    net.to(reference());
    const Found found = find_by_nan(net, x, i, j);
    if (found.top < 0) continue;  // it sees padding alone
    INFO("round " << round << ", " << to_string(field) << ", output " << i << ", " << j);
    compared += check_extent(field.rows, i, 40, found.top, found.bottom);
    compared += check_extent(field.columns, j, 44, found.left, found.right);
  }
  CHECK(compared >= 60);
}

TEST_CASE("VGG's and the lecture network's fields are the known ones") {
  // 13 convolutions of 3x3 and five poolings: 212 pixels, 32 apart (Araujo et al., table 1: VGG-16).
  Sequential<> vgg;
  Index channels = 1;
  for (Index convolutions : {2, 2, 3, 3, 3}) {
    for (Index n = 0; n < convolutions; ++n) vgg.append(Conv2d<>(channels, 1, {.kernel = 3, .padding = 1})).append(ReLU<>());
    vgg.append(MaxPool2d<>(2));
  }
  const auto layers = trace_layers(vgg, zeros({1, 1, 224, 224}));
  CHECK(layers.back().field->rows.size == 212);
  CHECK(layers.back().field->rows.step == 32);

  auto lecture = cifar_net();
  lecture.eval();
  const auto traced = trace_layers(lecture, zeros({1, 3, 32, 32}));
  CHECK(to_string(*named(traced, "9").field) == "18 x 18");
  CHECK(to_string(*named(traced, "11").field) == "22 x 22");
  CHECK(named(traced, "13").field->whole);
  CHECK(traced.front().field->whole);
  CHECK(traced.front().parameters == summary(lecture, {1, 3, 32, 32}).parameters);
  CHECK(traced.size() == 22);
}

TEST_CASE("layers hold what they put out, and no layer is watched afterwards") {
  Sequential<> net(Conv2d<>(1, 2, {.kernel = 3}), ReLU<>(), Flatten<>(), Linear<>(2 * 4 * 4, 3));
  const Tensor<> x = randn({2, 1, 6, 6});
  const auto layers = trace_layers(net, x);
  REQUIRE(layers.size() == 5);
  CHECK(layers[1].output.to_vector() == conv2d(x, net.at<Conv2d<>>(0).weight, net.at<Conv2d<>>(0).bias).to_vector());
  CHECK(layers[2].output.to_vector() == relu(layers[1].output).to_vector());
  CHECK(layers[0].output.to_vector() == net(x).to_vector());
  CHECK_FALSE(layers[0].leaf);
  CHECK(layers[1].leaf);
  CHECK(tapestry::detail::layer_observer() == nullptr);
  CHECK_THROWS_AS(trace_layers(net, randn({1, 2, 6, 6})), ShapeError);
  CHECK(tapestry::detail::layer_observer() == nullptr);
}

TEST_CASE("a field that no layer tells of is estimated, or not known") {
  Sequential<> net(Conv2d<>(1, 4, {.kernel = 5, .padding = 2}), Residual(), Conv2d<>(4, 4, {.kernel = 3}));
  const auto layers = trace_layers(net, randn({1, 1, 12, 12}));
  CHECK(to_string(*named(layers, "1.conv").field) == "7 x 7");
  CHECK(to_string(*named(layers, "1").field) == "~ 7 x 7");
  CHECK(to_string(*named(layers, "2").field) == "~ 9 x 9");
  CHECK(to_table(layers).find("estimated from the layers around it") != std::string::npos);

  // Branches of several widths, put together: the widest along each axis.
  struct Branches : Layer<> {
    Conv2d<> flat{4, 4, {.kernel = {1, 7}, .padding = {0, 3}}}, tall{4, 4, {.kernel = {5, 1}, .padding = {2, 0}}};
    Tensor<> forward(const Tensor<>& x) override { return concat({flat(x), tall(x)}, 1); }
    void members(const Members& visit) override {
      visit.child("flat", flat);
      visit.child("tall", tall);
    }
  };
  Sequential<> branches(Conv2d<>(1, 4, {.kernel = 3}), Branches(), ReLU<>());
  const auto branched = trace_layers(branches, randn({1, 1, 12, 12}));
  CHECK(to_string(*named(branched, "1.flat").field) == "3 x 9");
  CHECK(to_string(*named(branched, "1.tall").field) == "7 x 3");
  CHECK(to_string(*named(branched, "2").field) == "~ 7 x 9");

  struct Strange : Layer<> {
    Tensor<> forward(const Tensor<>& x) override { return x + mean(x); }
  };
  Sequential<> strange(Conv2d<>(1, 1, {.kernel = 3}), Strange(), ReLU<>());
  const auto unknown = trace_layers(strange, randn({1, 1, 6, 6}));
  CHECK(unknown[1].field.has_value());
  CHECK_FALSE(unknown[2].field.has_value());
  CHECK_FALSE(unknown[3].field.has_value());
  CHECK(to_table(unknown).find("?: a layer of a kind") != std::string::npos);
}
