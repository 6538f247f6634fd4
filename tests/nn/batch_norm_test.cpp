// SPDX-License-Identifier: MIT
#include "tapestry/nn/batch_norm.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

namespace {
const std::vector<std::string> all_names{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"};

/// Two features; batch b has values b and b + 2 in the first (mean b + 1, unbiased variance 2), ten times those in the second.
Tensor<double> batch(double b) { return tensor<double>({b, 10 * b, b + 2, 10 * b + 20}, {2, 2}); }
}  // namespace

TEST_CASE("BatchNorm: names, types and first values of parameters and buffers") {
  BatchNorm2d layer(3);
  CHECK(test::names(layer) == all_names);
  CHECK(layer.weight.to_vector() == std::vector<float>{1, 1, 1});
  CHECK(layer.bias.to_vector() == std::vector<float>{0, 0, 0});
  CHECK(layer.running_mean.to_vector() == std::vector<float>{0, 0, 0});
  CHECK(layer.running_var.to_vector() == std::vector<float>{1, 1, 1});
  CHECK(layer.num_batches_tracked.item() == 0);
  CHECK(layer.num_batches_tracked.shape() == Shape{});
  CHECK(layer.weight.requires_grad());
  CHECK_FALSE(layer.running_mean.requires_grad());
  CHECK(named_parameters(layer).size() == 2);
  BatchNorm1d<double> bare(3, {.affine = false});
  CHECK(test::names(bare) == std::vector<std::string>{"running_mean", "running_var", "num_batches_tracked"});
  BatchNorm1d<double> untracked(3, {.track_running_stats = false});
  CHECK(test::names(untracked) == std::vector<std::string>{"weight", "bias"});
}

TEST_CASE("BatchNorm: training uses the batch and moves the running statistics, evaluation uses them") {
  BatchNorm1d<double> layer(2, {.eps = 0});
  const auto y = layer(batch(4));
  CHECK(y.at(0, 0) == Approx(-1));
  CHECK(y.at(1, 0) == Approx(1));
  CHECK(y.at(1, 1) == Approx(1));
  CHECK(layer.running_mean.at(0) == Approx(0.1 * 5));
  CHECK(layer.running_mean.at(1) == Approx(0.1 * 50));
  CHECK(layer.running_var.at(0) == Approx(0.9 + 0.1 * 2));  // the unbiased variance
  CHECK(layer.running_var.at(1) == Approx(0.9 + 0.1 * 200));
  CHECK(layer.num_batches_tracked.item() == 1);
  layer.eval();
  const auto before = layer.running_mean.to_vector();
  CHECK(layer(batch(4)).at(0, 0) == Approx((4 - 0.5) / std::sqrt(1.1)));
  CHECK(layer.running_mean.to_vector() == before);
  CHECK(layer.num_batches_tracked.item() == 1);
}

TEST_CASE("BatchNorm: without momentum the running statistics are the plain average over all batches") {
  BatchNorm1d<double> layer(2, {.momentum = std::nullopt});
  for (double b : {1.0, 5.0, 9.0}) layer(batch(b));
  CHECK(layer.num_batches_tracked.item() == 3);
  CHECK(layer.running_mean.at(0) == Approx((2.0 + 6 + 10) / 3));
  CHECK(layer.running_mean.at(1) == Approx(60));
  CHECK(layer.running_var.at(0) == Approx(2));  // the first batch replaces the beginning's 1
}

TEST_CASE("BatchNorm: without running statistics evaluation uses the batch's") {
  BatchNorm1d<double> layer(2, {.eps = 0, .track_running_stats = false});
  layer.eval();
  const auto y = layer(batch(4));
  CHECK(y.at(0, 0) == Approx(-1));
  CHECK(y.at(1, 1) == Approx(1));
}

TEST_CASE("BatchNorm: inputs and options that do not fit are refused, and nothing changes") {
  BatchNorm1d<> flat(3);
  BatchNorm2d<> image(3);
  CHECK_THROWS_WITH(flat(zeros({2, 4})), "BatchNorm1d: input must be [N, 3] or [N, 3, L], got [2, 4]");
  CHECK_THROWS_AS(flat(zeros({2, 3, 4, 4})), ShapeError);
  CHECK_THROWS_WITH(image(zeros({2, 3})), "BatchNorm2d: input must be [N, 3, H, W], got [2, 3]");
  CHECK_THROWS_AS(image(zeros({2, 4, 4, 4})), ShapeError);
  CHECK_THROWS_AS(flat(zeros({1, 3})), Error);  // one number has no variance
  CHECK(flat.num_batches_tracked.item() == 0);
  CHECK(image.num_batches_tracked.item() == 0);
  CHECK(flat.running_var.to_vector() == std::vector<float>{1, 1, 1});
  CHECK(flat(zeros({2, 3, 5})).shape() == Shape{2, 3, 5});
  CHECK_THROWS_WITH(BatchNorm1d(0), "BatchNorm1d: num_features must be at least 1, got 0");
  CHECK_THROWS_WITH(BatchNorm2d(3, {.eps = -1}), contains_text("BatchNorm2d: eps must be at least 0"));
}

TEST_CASE("BatchNorm: prints its options") {
  CHECK(test::printed(BatchNorm2d(4, {.momentum = std::nullopt, .track_running_stats = false})) ==
        "BatchNorm2d(4, eps=1e-05, momentum=None, affine=True, bias=True, track_running_stats=False)");
  CHECK(test::printed(BatchNorm1d(4, {.eps = 1e-3, .momentum = 0.01, .affine = false})) ==
        "BatchNorm1d(4, eps=0.001, momentum=0.01, affine=False, bias=False, track_running_stats=True)");
}
