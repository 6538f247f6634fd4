// SPDX-License-Identifier: MIT
#include "tapestry/ops/cross_entropy.hpp"

#include "check_op.hpp"
#include "tapestry/ops/softmax.hpp"

using namespace tapestry;
using namespace test;

namespace {

struct DrawnLoss {
  Shape shape, label_shape;
  Tensor<Index> target;
  CrossEntropyOptions<double> options;

  Index classes() const { return shape[shape.rank() == 1 ? 0 : 1]; }
  CrossEntropyOptions<double> on(Device device) const {
    CrossEntropyOptions<double> moved = options;
    if (moved.weight.defined()) moved.weight = to(moved.weight, device);
    return moved;
  }
};

DrawnLoss draw_loss(RandomConfig& random) {
  DrawnLoss d;
  d.shape = random.shape(random.integer(1, 5), 1, 4);
  const Index axis = d.shape.rank() == 1 ? 0 : 1;
  d.shape[axis] = random.integer(2, 5);  // the loss of a single class is 0 whatever the score
  d.label_shape = d.shape;
  d.label_shape.erase(axis);
  std::vector<Index> labels;
  for (Index i = 0; i < d.label_shape.numel(); ++i)
    labels.push_back(i > 0 && random.integer(0, 4) == 0 ? -100 : random.integer(0, d.classes() - 1));
  d.target = tensor<Index>(labels, d.label_shape);
  if (random.coin()) d.options.weight = random.tensor({d.classes()}, cpu(), Layout::row_major, 0.5, 2);
  d.options.label_smoothing = random.pick({0.0, 0.0, 0.1, 0.5, 1.0});
  d.options.reduction = random.pick({Reduction::none, Reduction::mean, Reduction::sum});
  return d;
}

/// What a target of probabilities says that puts all on the label of each place.
Tensor<double> one_hot(const Tensor<Index>& labels, const Shape& shape, Index axis) {
  auto q = zeros<double>(shape);
  for (Index i = 0; i < labels.numel(); ++i) {
    Shape at = detail::coordinates_of(i, labels.shape());
    const Index label = labels.at(at);
    at.insert(axis, label);
    q.set(at, 1);
  }
  return q;
}

}  // namespace

TEST_CASE("cross_entropy: gradients, layouts and devices over random configurations of labels") {
  RandomConfig random(901);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const DrawnLoss d = draw_loss(random);
    INFO("x " << to_string(d.shape) << ", reduction " << name_of(d.options.reduction) << ", label_smoothing " << d.options.label_smoothing
              << ", weighted " << d.options.weight.defined());
    const auto f = [&](const Inputs& in) { return cross_entropy(in[0], to(d.target, in[0].device()), d.on(in[0].device())); };
    const Inputs inputs{random.tensor(d.shape, cpu(), Layout::row_major)};
    CHECK(f(inputs).shape() == (d.options.reduction == Reduction::none ? d.label_shape : Shape{}));
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 4000);
}

TEST_CASE("cross_entropy: gradients, layouts and devices over random configurations of class probabilities") {
  RandomConfig random(902);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    DrawnLoss d = draw_loss(random);
    if (d.options.label_smoothing == 1) d.options.label_smoothing = 0.9;  // with all spread evenly the target would have no say
    const auto f = [&](const Inputs& in) { return cross_entropy(in[0], in[1], d.on(in[0].device())); };
    const Inputs inputs{random.tensor(d.shape, cpu(), Layout::row_major), random.tensor(d.shape, cpu(), Layout::row_major, 0, 1)};
    compared += check_op(random, f, inputs);
  }
  CHECK(configurations == 200);
  CHECK(compared > 5000);
}

TEST_CASE("cross_entropy of labels is that of probabilities which put all on them, and nll_loss of log_softmax") {
  RandomConfig random(903);
  for (int round = 0; round < 50; ++round) {
    DrawnLoss d = draw_loss(random);
    const Index axis = d.shape.rank() == 1 ? 0 : 1;
    const auto x = random.tensor(d.shape, cpu(), random.layout());
    auto plain = d.options;
    plain.label_smoothing = 0;
    CHECK(alike(cross_entropy(x, d.target, plain),
                nll_loss(log_softmax(x, axis), d.target, {.weight = plain.weight, .reduction = plain.reduction})));
    std::vector<Index> labels = d.target.to_vector();
    for (Index& label : labels) label = std::max<Index>(label, 0);
    const auto target = tensor<Index>(labels, d.label_shape);
    if (d.options.reduction == Reduction::mean) d.options.weight = Tensor<double>();  // the two means divide by different sums
    CHECK(alike(cross_entropy(x, target, d.options), cross_entropy(x, one_hot(target, d.shape, axis), d.options)));
  }
}

TEST_CASE("cross_entropy: known values, large scores, ignored labels") {
  for (const Device& device : devices()) {
    const auto x = to(tensor<double>({{0, 0}, {1e4, 0}}), device);
    CHECK(cross_entropy(x, to(tensor<Index>({0, 1}), device), {.reduction = Reduction::none}).to_vector() ==
          std::vector<double>{std::log(2), 1e4});
    CHECK(cross_entropy(x, to(tensor<Index>({1, -100}), device), {.label_smoothing = 0.3}).item() == Approx(std::log(2)));
    CHECK(std::isnan(cross_entropy(x, full<Index>({2}, -100, device)).item()));  // the mean of nothing, as in PyTorch
    CHECK(std::isnan(cross_entropy(zeros<double>({0, 2}, device), zeros<Index>({0}, device)).item()));
    const CrossEntropyOptions<double> summed{.reduction = Reduction::sum, .label_smoothing = 0.5};
    CHECK(cross_entropy(zeros<double>({0, 2}, device), zeros<Index>({0}, device), summed).item() == 0);
    CHECK(cross_entropy(x, to(tensor<Index>({7, 1}), device), {.ignore_index = 7}).item() == 1e4);
  }
}

TEST_CASE("cross_entropy: a NaN score shows, unless its label is ignored") {
  const auto x = tensor<double>({{std::nan(""), 1}, {1, 2}});
  for (const Device& device : devices())
    for (const double smoothing : {0.0, 0.2}) {
      const CrossEntropyOptions<double> options{.reduction = Reduction::none, .label_smoothing = smoothing};
      const auto loss = cross_entropy(to(x, device), to(tensor<Index>({1, 0}), device), options).to_vector();
      CHECK((std::isnan(loss[0]) && !std::isnan(loss[1])));
      CHECK(cross_entropy(to(x, device), to(tensor<Index>({-100, 0}), device), options).to_vector()[0] == 0);
    }
}

TEST_CASE("cross_entropy refuses what does not fit, and says what") {
  const auto x = ones<double>({2, 3});
  const auto good = tensor<Index>({0, 1});
  CHECK_THROWS_WITH(cross_entropy(x, tensor<Index>({255, 0})), "cross_entropy: label 255 at position [0] must be from 0 to 2");
  CHECK_THROWS_AS(cross_entropy(x, tensor<Index>({0, -1})), IndexError);
  CHECK_THROWS_WITH(cross_entropy(x, tensor<Index>({0, 1, 2})),
                    contains_text("cross_entropy: target must be [2] for input [2, 3], got [3]"));
  CHECK_THROWS_WITH(cross_entropy(x, ones<double>({2, 2})),
                    contains_text("cross_entropy: target must be labels, a Tensor<Index>, or have the input's shape [2, 3], got [2, 2]"));
  CHECK_THROWS_WITH(cross_entropy(x, good, {.label_smoothing = 1.5}),
                    contains_text("cross_entropy: label_smoothing must be from 0 to 1, got 1.5"));
  CHECK_THROWS_WITH(cross_entropy(x, x, {.label_smoothing = -0.5}), contains_text("label_smoothing"));
  CHECK_THROWS_WITH(cross_entropy(x, good, {.weight = ones<double>({2})}), contains_text("cross_entropy: weight must be [3]"));
  CHECK_THROWS_AS(cross_entropy(x, to(good, reference())), TypeError);
  CHECK_THROWS_AS(cross_entropy(x, good, {.weight = ones<double>({3}, reference())}), TypeError);
}
