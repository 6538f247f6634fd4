// SPDX-License-Identifier: MIT
#include "tapestry/nn/embedding.hpp"

#include <cmath>

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("Embedding: shapes, values and first numbers") {
  manual_seed(3);
  Embedding<double> layer(50, 40);
  CHECK(layer.weight.shape() == Shape{50, 40});
  CHECK(layer.weight.requires_grad());
  CHECK(test::names(layer) == std::vector<std::string>{"weight"});
  double mean = 0, square = 0, most = 0;
  for (double value : layer.weight.to_vector()) {
    mean += value / 2000;
    square += value * value / 2000;
    most = std::max(most, value);
  }
  CHECK(std::abs(mean) < 0.1);
  CHECK(square == Approx(1).epsilon(0.1));
  CHECK(most > 2.5);
  const auto y = layer(tensor<Index>({{3, 49}, {0, 3}}));
  CHECK(y.shape() == Shape{2, 2, 40});
  CHECK(y.at(0, 1, 7) == layer.weight.at(49, 7));
  CHECK(y.at(1, 1, 0) == layer.weight.at(3, 0));
  CHECK(layer(tensor<Index>(2)).shape() == Shape{40});
}

TEST_CASE("Embedding: the padding row begins as zeros and never learns") {
  for (const Index padding : {1, -3}) {
    Embedding<double> layer(4, 2, {.padding_idx = padding});
    CHECK(layer.weight.at(1, 0) == 0);
    CHECK(layer.weight.at(1, 1) == 0);
    CHECK(layer.weight.at(0, 0) != 0);
    Tape tape;
    const auto y = layer(tensor<Index>({1, 2, 1, 2}));
    tape.backward(y, ones<double>({4, 2}));
    CHECK(layer.weight.grad().to_vector() == std::vector<double>{0, 0, 0, 0, 2, 2, 0, 0});
    CHECK(test::printed(layer) == "Embedding(4, 2, padding_idx=1)");
  }
}

TEST_CASE("Embedding: scale_grad_by_freq divides by how often a row was asked for") {
  Embedding<double> layer(3, 1, {.scale_grad_by_freq = true});
  Tape tape;
  tape.backward(layer(tensor<Index>({0, 0, 2})), ones<double>({3, 1}));
  CHECK(layer.weight.grad().to_vector() == std::vector<double>{1, 0, 1});
  CHECK(test::printed(layer) == "Embedding(3, 1, scale_grad_by_freq=True)");
}

TEST_CASE("Embedding: max_norm shortens the rows that are looked up, and they learn on") {
  Embedding<double> layer(3, 2, {.padding_idx = 1, .max_norm = 1.5, .norm_type = 3, .scale_grad_by_freq = true});
  layer.weight.copy_from(tensor<double>({{2, 2}, {0, 0}, {5, 6}}));
  Tape tape;
  const auto y = layer(tensor<Index>({0, 0}));
  const double expected = 1.5 / std::cbrt(2);
  for (const double value : y.to_vector()) CHECK(value == Approx(expected).epsilon(1e-6));
  CHECK(layer.weight.at(0, 0) == y.at(0, 0));
  CHECK(layer.weight.at(2, 1) == 6);
  tape.backward(y, ones<double>({2, 2}));
  CHECK(layer.weight.grad().to_vector() == std::vector<double>{1, 1, 0, 0, 0, 0});
  CHECK(test::printed(layer) == "Embedding(3, 2, padding_idx=1, max_norm=1.5, norm_type=3.0, scale_grad_by_freq=True)");
  CHECK_THROWS_WITH(Embedding<>(3, 2, {.max_norm = -1}), "Embedding: max_norm must be at least 0, got -1");
  CHECK_THROWS_WITH(Embedding<>(3, 2, {.max_norm = 1, .norm_type = 0}), "Embedding: norm_type must be above 0, got 0");
}

TEST_CASE("Embedding: sizes, rows and indices that do not exist are refused") {
  CHECK_THROWS_WITH(Embedding<>(0, 3), "Embedding: num_embeddings and embedding_dim must be at least 1, got 0 and 3");
  CHECK_THROWS_AS(Embedding<>(3, -1), ValueError);
  CHECK_THROWS_WITH(Embedding<>(3, 2, {.padding_idx = 3}), "Embedding: padding_idx must be from -3 to 2, got 3");
  CHECK_THROWS_AS(Embedding<>(3, 2, {.padding_idx = -4}), ValueError);
  Embedding<> layer(3, 2);
  CHECK_THROWS_AS(layer(tensor<Index>({0, 3})), IndexError);
  CHECK_THROWS_AS(layer(tensor<Index>({-1})), IndexError);
}
