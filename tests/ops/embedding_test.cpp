// SPDX-License-Identifier: MIT
#include "tapestry/ops/embedding.hpp"

#include "check_op.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("embedding: gradients, layouts and devices over random configurations") {
  RandomConfig random(821);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const Index rows = random.integer(1, 6), width = random.integer(1, 4);
    const Shape shape = random.shape(random.integer(0, 4), 1, 3);
    std::vector<Index> numbers;
    for (Index i = 0; i < shape.numel(); ++i) numbers.push_back(random.integer(0, rows - 1));
    const auto indices = tensor<Index>(numbers, shape);
    const Layout layout = random.layout();
    INFO("indices " << to_string(shape) << ", weight [" << rows << ", " << width << "]");
    const auto f = [&](const Inputs& in) { return embedding(in_layout(to(indices, in[0].device()), layout), in[0]); };
    compared += check_op(random, f, {random.tensor({rows, width}, cpu(), Layout::row_major)});
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("embedding: rows by number; padding_idx and scale_grad_by_freq change gradients only") {
  for (const Device& device : devices()) {
    const auto weight = to(tensor<double>({{0, 1}, {10, 11}, {20, 21}}), device).requires_grad(true);
    const auto indices = to(tensor<Index>({{2, 0}, {2, 1}}), device);
    const auto gradient = [&](const EmbeddingGradOptions& options) {
      weight.set_grad({});
      Tape tape;
      const auto y = embedding(indices, weight, options);
      CHECK(y.shape() == Shape{2, 2, 2});
      CHECK(y.to_vector() == std::vector<double>{20, 21, 0, 1, 20, 21, 10, 11});
      tape.backward(y, to(tensor<double>({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2}), device));
      return weight.grad().to_vector();
    };
    CHECK(gradient({}) == std::vector<double>{3, 4, 7, 8, 6, 8});
    CHECK(gradient({.padding_idx = 0}) == std::vector<double>{0, 0, 7, 8, 6, 8});
    CHECK(gradient({.padding_idx = -1}) == std::vector<double>{3, 4, 7, 8, 0, 0});
    CHECK(gradient({.scale_grad_by_freq = true}) == std::vector<double>{3, 4, 7, 8, 3, 4});
    CHECK(embedding(zeros<Index>({0, 3}, device), weight).shape() == Shape{0, 3, 2});
    CHECK(embedding(zeros<Index>({0}, device), zeros<double>({0, 2}, device)).shape() == Shape{0, 2});
  }
}

TEST_CASE("embedding refuses what does not fit, naming index and position") {
  const auto weight = ones<double>({3, 2});
  CHECK_THROWS_WITH(embedding(tensor<Index>({{0, 1}, {3, 0}}), weight), "embedding: index 3 at position [1, 0] must be from 0 to 2");
  CHECK_THROWS_AS(embedding(tensor<Index>({-1}), weight), IndexError);
  CHECK_THROWS_WITH(embedding(tensor<Index>({0}), ones<double>({3})),
                    contains_text("embedding: weight must be [num_embeddings, embedding_dim]"));
  CHECK_THROWS_WITH(embedding(tensor<Index>({0}), zeros<double>({0, 2})), contains_text("has no rows"));
  CHECK_THROWS_WITH(embedding(tensor<Index>({0}), weight, {.padding_idx = 3}),
                    contains_text("embedding: padding_idx must be from -3 to 2"));
  CHECK_THROWS_AS(embedding(zeros<Index>({1}, reference()), weight), TypeError);
}

TEST_CASE("renormalize_rows shortens the long rows asked for and touches no others") {
  const std::vector<double> values{3, 4, 30, 40, 0.3, 0.4, -6, 8};
  for (const Device& device : devices()) {
    const auto weight = to(tensor<double>(values, {4, 2}), device).requires_grad(true);
    const auto indices = to(tensor<Index>({{3, 2}, {3, 0}}), device);
    Tape tape;
    renormalize_rows(indices, weight, 2);
    CHECK(tape.size() == 0);
    const auto after = weight.to_vector();
    CHECK(std::hypot(after[0], after[1]) == Approx(2).epsilon(1e-7));
    CHECK(after[0] / after[1] == Approx(0.75));
    CHECK(std::hypot(after[6], after[7]) == Approx(2).epsilon(1e-7));
    for (std::size_t i = 2; i < 6; ++i) CHECK(after[i] == values[i]);
    renormalize_rows(indices, weight, 2);  // what is short enough is not written to, so what the tape has read stays valid
    const auto y = embedding(indices, weight);
    renormalize_rows(indices, weight, 2);
    tape.backward(y, ones_like(y));
    CHECK(weight.grad().to_vector() == std::vector<double>{1, 1, 0, 0, 1, 1, 2, 2});
    renormalize_rows(to(zeros<Index>({0}), device), weight, 0);
    CHECK(weight.to_vector() == after);
  }
  const auto weight = tensor<double>(values, {4, 2});
  CHECK_THROWS_WITH(renormalize_rows(tensor<Index>({0}), weight, -1), "embedding: max_norm must be at least 0, got -1");
  CHECK_THROWS_WITH(renormalize_rows(tensor<Index>({0}), weight, 1, 0), "embedding: norm_type must be above 0, got 0");
  CHECK_THROWS_AS(renormalize_rows(tensor<Index>({0, 4}), weight, 1), IndexError);
  CHECK(weight.to_vector() == values);
}
