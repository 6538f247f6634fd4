// SPDX-License-Identifier: MIT
#include "tapestry/nn/sequential.hpp"

#include "nn/layer_checks.hpp"
#include "tapestry/nn/activation.hpp"
#include "tapestry/nn/flatten.hpp"
#include "tapestry/nn/linear.hpp"

using namespace tapestry;

namespace {

/// A layer that cannot be copied.
struct Unique : Layer<> {
  std::unique_ptr<Linear<>> inside = std::make_unique<Linear<>>(2, 2);
  Tensor<> forward(const Tensor<>& x) override { return (*inside)(x); }
  void members(const Members& visit) override { visit.child("inside", inside); }
};

/// A user's network with layers below layers.
struct Network : Layer<> {
  Sequential<> features{Linear(2, 3), Sequential(ReLU(), Linear(4, 2))};
  Linear<> fc{2, 1}, forgotten{5, 1};
  bool use_forgotten = false;
  Tensor<> forward(const Tensor<>& x) override { return use_forgotten ? forgotten(x) : fc(features(x)); }
  void members(const Members& visit) override {
    visit.child("features", features);
    visit.child("fc", fc);
  }
};
/// An error of the user's own.
struct Refusal : ValueError {
  using ValueError::ValueError;
};
struct Refuses : Layer<> {
  Tensor<> forward(const Tensor<>&) override { throw Refusal("not today"); }
};

}  // namespace

TEST_CASE("Sequential: computes one layer after another") {
  Linear first(3, 4), second(4, 2);
  const auto x = ones({5, 3});
  const auto expected = second(relu(first(x))).to_vector();
  Sequential net(std::move(first), ReLU(), std::move(second));
  CHECK(net(x).to_vector() == expected);
  CHECK(net.size() == 3);
  CHECK(test::names(net) == std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"});
  Sequential<> empty;
  CHECK(empty.size() == 0);
  CHECK(empty(x).to_vector() == x.to_vector());
}

TEST_CASE("Sequential: the scalar type follows from the layers") {
  STATIC_REQUIRE(std::same_as<decltype(Sequential(Linear(1, 1), ReLU())), Sequential<float>>);
  STATIC_REQUIRE(std::same_as<decltype(Sequential(Linear<double>(1, 1), ReLU<double>())), Sequential<double>>);
  STATIC_REQUIRE(std::same_as<decltype(Sequential(Sequential(ReLU<double>()))), Sequential<double>>);
}

TEST_CASE("Sequential: a single Sequential is moved from, beside others it nests") {
  Sequential one(Sequential(Linear(2, 3), ReLU()));
  CHECK(one.size() == 2);
  Sequential nested(Sequential(Linear(2, 3), ReLU()), ReLU());
  CHECK(nested.size() == 2);
  CHECK(test::names(nested) == std::vector<std::string>{"0.0.weight", "0.0.bias"});
  Sequential wrapped = Sequential<>().append(Sequential(Linear(2, 3)));
  CHECK(wrapped.size() == 1);
  CHECK(test::names(wrapped) == std::vector<std::string>{"0.0.weight", "0.0.bias"});
  CHECK(test::printed(nested) ==
        "Sequential(\n  (0): Sequential(\n    (0): Linear(in_features=2, out_features=3, bias=True)\n    (1): ReLU()\n  )\n  (1): ReLU()\n)");
}

TEST_CASE("Sequential: append, replace, and layers by position from either end") {
  Sequential net(Linear(2, 3));
  net.append(ReLU()).append(Linear(3, 1));
  CHECK(net.size() == 3);
  CHECK(net[0].name() == "Linear");
  CHECK(net[-1].name() == "Linear");
  CHECK(&net[-3] == &net[0]);
  CHECK(&net[-2] == &net[1]);
  CHECK(net.at<Linear<>>(-1).weight.shape() == Shape{1, 3});
  net.replace(-1, Linear(3, 7));
  CHECK(net(ones({1, 2})).shape() == Shape{1, 7});
  net.replace(1, Identity());
  CHECK(net[1].name() == "Identity");
  for (Index position : {3, -4, 100}) {
    CHECK_THROWS_WITH(net[position], message("Sequential: position must be from -3 to 2, got ", position));
    CHECK_THROWS_AS(net.replace(position, ReLU()), IndexError);
    CHECK_THROWS_AS(net.at<Linear<>>(position), IndexError);
  }
  CHECK_THROWS_WITH(net.at<Linear<>>(1), contains_text("layer 1 is a Identity"));
  CHECK(net.size() == 3);
}

TEST_CASE("Sequential: layers are moved in, never copied by accident") {
  Linear layer(2, 2);
  CHECK_THROWS_AS(Sequential(layer, ReLU()), Error);
  Sequential net(clone(layer), ReLU());
  CHECK(net.at<Linear<>>(0).weight.to_vector() == layer.weight.to_vector());
  CHECK(net.at<Linear<>>(0).weight.raw_data() != layer.weight.raw_data());
  CHECK_THROWS_AS(Sequential<>(net), Error);
}

TEST_CASE("Sequential: clones deeply, or says which layer does not") {
  Sequential net(Linear(2, 3), Sequential(Linear(3, 2), ReLU()));
  net[1].eval();
  Sequential copy = clone(net);
  const auto x = ones({1, 2});
  const auto before = net(x).to_vector();
  CHECK(copy(x).to_vector() == before);
  CHECK_FALSE(copy[1].training());
  CHECK(copy[0].training());
  copy.at<Linear<>>(0).weight.fill(0);
  copy.at<Linear<>>(0).bias.fill(0);
  copy.at<Sequential<>>(1).at<Linear<>>(0).bias.fill(3);
  CHECK(net(x).to_vector() == before);
  CHECK(copy(x).to_vector() == std::vector<float>{3, 3});
  Sequential unique{ReLU(), Unique()};
  CHECK_THROWS_WITH(clone(unique), contains_text("layer Unique holds something that cannot be copied"));
  CHECK_THROWS_AS(Linear<>(net.at<Linear<>>(0)), Error);  // and afterwards copies are refused as before
}

TEST_CASE("Sequential: an error in a layer says which, and keeps its type and text") {
  Linear alone(3, 4);
  const std::string text = "linear: input has 2 features but weight expects 3 (input [1, 2], weight [4, 3])";
  CHECK_THROWS_WITH(alone(ones({1, 2})), text);
  Sequential net{ReLU(), std::move(alone)};
  CHECK_THROWS_AS(net(ones({1, 2})), ShapeError);
  CHECK_THROWS_WITH(net(ones({1, 2})), "Sequential: layer 1 (Linear): " + text);
  Sequential outer{ReLU(), std::move(net)};
  CHECK_THROWS_WITH(outer(ones({1, 2})), "Sequential: layer 1.1 (Linear): " + text);
  CHECK(outer(ones({1, 3})).shape() == Shape{1, 4});

  Network network;
  CHECK_THROWS_WITH(network(ones({1, 2})), contains_text("Network: layer features.1.1 (Linear): linear: input has 3 features but weight expects 4"));
  CHECK_THROWS_WITH(network(ones({1, 7})), contains_text("Network: layer features.0 (Linear): linear: input has 7 features"));
  network.use_forgotten = true;  // what members() does not name has no name to tell; the layers around it have
  CHECK_THROWS_WITH(network(ones({1, 2})), contains_text("linear: input has 2 features but weight expects 5"));
  Sequential around{ReLU(), std::move(network)};
  CHECK_THROWS_WITH(around(ones({1, 2})), contains_text("Sequential: layer 1 (Network): linear: input has 2 features but weight expects 5"));

  Sequential refusing{ReLU(), Refuses()};
  CHECK_THROWS_AS(refusing(ones({1})), Refusal);
  CHECK_THROWS_WITH(refusing(ones({1})), "Sequential: layer 1 (Refuses): not today");
}
