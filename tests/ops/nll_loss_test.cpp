// SPDX-License-Identifier: MIT
#include "tapestry/ops/nll_loss.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("nll_loss: gradients, layouts and devices over random configurations") {
  RandomConfig random(801);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    Shape shape = random.shape(random.integer(1, 5), 1, 4);
    const Index axis = shape.rank() == 1 ? 0 : 1, ignored = random.pick({Index{-100}, Index{0}});
    if (ignored == 0) shape[axis] = random.integer(2, 4);  // some class must be left
    Shape label_shape = shape;
    label_shape.erase(axis);
    std::vector<Index> labels;
    for (Index i = 0; i < label_shape.numel(); ++i)
      labels.push_back(i > 0 && random.integer(0, 4) == 0 ? ignored : random.integer(ignored == 0 ? 1 : 0, shape[axis] - 1));
    const auto target = tensor<Index>(labels, label_shape);
    const auto weight = random.coin() ? random.tensor({shape[axis]}, cpu(), Layout::row_major, 0.5, 2) : Tensor<double>();
    const Reduction reduction = random.pick({Reduction::none, Reduction::mean, Reduction::sum});
    INFO("x " << to_string(shape) << ", reduction " << name_of(reduction) << ", ignore_index " << ignored << ", weighted "
              << weight.defined());
    const auto f = [&](const Inputs& in) {
      const Device device = in[0].device();
      return nll_loss(in[0], to(target, device),
                      {.weight = weight.defined() ? to(weight, device) : weight, .ignore_index = ignored, .reduction = reduction});
    };
    const Inputs inputs{random.tensor(shape, cpu(), Layout::row_major)};
    CHECK(f(inputs).shape() == (reduction == Reduction::none ? label_shape : Shape{}));
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 3000);
}

TEST_CASE("nll_loss: known values; the weighted mean divides by the sum of the weights") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({{-1, -2, -3}, {-4, -5, -6}, {-7, -8, -9}}), device);
    const auto target = to(tensor<Index>({0, 2, 1}), device), some = to(tensor<Index>({0, -100, 1}), device);
    const auto weight = to(tensor<double>({1, 2, 4}), device);
    CHECK(nll_loss(x, target).item() == Approx((1 + 6 + 8) / 3.0));
    CHECK(nll_loss(x, target, {.reduction = Reduction::sum}).item() == 15);
    CHECK(nll_loss(x, target, {.weight = weight, .reduction = Reduction::none}).to_vector() == std::vector<double>{1, 24, 16});
    CHECK(nll_loss(x, target, {.weight = weight}).item() == Approx((1 + 24 + 16) / 7.0));
    CHECK(nll_loss(x, some, {.weight = weight}).item() == Approx((1 + 16) / 3.0));
    CHECK(nll_loss(x, some, {.reduction = Reduction::none}).to_vector() == std::vector<double>{1, 0, 8});
    CHECK(std::isnan(nll_loss(x, full<Index>({3}, -100, device)).item()));  // the mean of nothing, as in PyTorch
    CHECK(std::isnan(nll_loss(zeros<double>({0, 3}, device), zeros<Index>({0}, device)).item()));
    CHECK(nll_loss(zeros<double>({0, 3}, device), zeros<Index>({0}, device), {.reduction = Reduction::sum}).item() == 0);
  }
}

TEST_CASE("nll_loss refuses what does not fit, naming label and position") {
  const auto x = ones<double>({2, 3});
  const auto good = tensor<Index>({0, 1});
  CHECK_THROWS_WITH(nll_loss(x, tensor<Index>({0, 3})), "nll_loss: label 3 at position [1] must be from 0 to 2");
  CHECK_THROWS_WITH(nll_loss(x, tensor<Index>({-1, 0})), contains_text("label -1 at position [0]"));
  CHECK_THROWS_WITH(nll_loss(ones<double>({2, 3, 2}), tensor<Index>({{0, 1}, {2, 255}})), contains_text("label 255 at position [1, 1]"));
  CHECK_THROWS_WITH(nll_loss(x, tensor<Index>({0})), contains_text("nll_loss: target must be [2] for input [2, 3], got [1]"));
  CHECK_THROWS_WITH(nll_loss(ones<double>({}), good), contains_text("nll_loss: input must be"));
  CHECK_THROWS_WITH(nll_loss(ones<double>({2, 0}), good), contains_text("with at least one class, got [2, 0]"));
  CHECK_THROWS_WITH(nll_loss(x, good, {.weight = ones<double>({2})}), contains_text("nll_loss: weight must be [3]"));
  CHECK_THROWS_AS(nll_loss(x, to(good, reference())), TypeError);
}
