// SPDX-License-Identifier: MIT
#include "tapestry/models/cifar_net.hpp"

#include "nn/layer_checks.hpp"
#include "tapestry/nn/summary.hpp"

using namespace tapestry;

TEST_CASE("cifar_net: shapes, parameters and FLOPs, counted by hand") {
  auto net = cifar_net();
  const Summary s = summary(net, {5, 3, 32, 32});
  CHECK(s.rows[0].output == Shape{5, 10});
  const Index norms = 2 * (3 + 30 + 60 + 120), convolutions = (27 * 30 + 30) + (270 * 60 + 60) + (540 * 120 + 120);
  const Index linears = (480 * 200 + 200) + (200 * 60 + 60) + (60 * 10 + 10);
  CHECK(s.parameters == norms + convolutions + linears);
  CHECK(s.trainable == s.parameters);
  CHECK(s.flops == 2 * 5 * (900 * 27 * 30 + 169 * 270 * 60 + 16 * 540 * 120 + 480 * 200 + 200 * 60 + 60 * 10));
  const std::vector<Shape> shapes{{5, 3, 32, 32}, {5, 30, 30, 30}, {5, 30, 30, 30}, {5, 30, 15, 15}, {5, 30, 15, 15}, {5, 60, 13, 13}, {5, 60, 13, 13},
                                  {5, 60, 6, 6}, {5, 60, 6, 6}, {5, 120, 4, 4}, {5, 120, 4, 4}, {5, 120, 2, 2}, {5, 120, 2, 2}, {5, 480}, {5, 480},
                                  {5, 200}, {5, 200}, {5, 200}, {5, 60}, {5, 60}, {5, 10}};
  REQUIRE(s.rows.size() == shapes.size() + 1);
  for (std::size_t i = 0; i < shapes.size(); ++i) CHECK(s.rows[i + 1].output == shapes[i]);
}

TEST_CASE("cifar_net: the number of classes and the scalar type are the caller's") {
  auto net = cifar_net<double>(7);
  net.eval();
  CHECK(net(zeros<double>({2, 3, 32, 32})).shape() == Shape{2, 7});
  CHECK(test::printed(net[10]) == "LeakyReLU(negative_slope=0.1)");
  CHECK(test::names(net).front() == "0.weight");
  CHECK(test::names(net).back() == "20.bias");
}
