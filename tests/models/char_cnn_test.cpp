// SPDX-License-Identifier: MIT
#include "tapestry/models/char_cnn.hpp"

#include "nn/layer_checks.hpp"
#include "support/devices.hpp"

using namespace tapestry;

namespace {

Index count_parameters(Module& module) {
  Index count = 0;
  for (const auto& [name, tensor] : named_parameters(module)) count += tensor.numel();
  return count;
}

const std::vector<Index> lengths{3, 5, 6};
Tensor<Index> words(Device device = cpu()) { return tensor<Index>({{2, 4, 3, 0, 0, 0}, {2, 5, 6, 4, 3, 0}, {2, 7, 4, 4, 5, 3}}, device); }

}  // namespace

TEST_CASE("char_cnn: the paper's models and the lecture's have the sizes that they are known by") {
  CharCnn small(50, char_cnn_options("small")), large(50, char_cnn_options("large")), lecture(50, char_cnn_options("lecture", {2, 2, 2}));
  CHECK(small.features() == 525);
  CHECK(large.features() == 1100);
  CHECK(lecture.features() == 6);
  CHECK(small.highways.size() == 1);
  CHECK(large.highways.size() == 2);
  // 15 numbers a character; a filter of width w has 15w weights and a bias; a highway layer is two square matrices with biases.
  CHECK(count_parameters(small) == 50 * 15 + 15 * 25 * (1 + 4 + 9 + 16 + 25 + 36) + 525 + 2 * (525 * 525 + 525));
  CHECK(count_parameters(lecture) == 50 * 15 + 15 * 2 * (2 + 3 + 4) + 6);
  CHECK_THROWS_WITH(char_cnn_options("medium"), "char_cnn: name must be small, large or lecture, got 'medium'");
  CHECK_THROWS_WITH(char_cnn_options("lecture", {2, 2}), contains_text("one number a width, 3 for lecture, got 2"));
  CHECK_THROWS_WITH(CharCnn(50, {.widths = {2, 3}, .filters = {4}}), contains_text("widths and filters must be as many"));
  CHECK_THROWS_AS(CharCnn(50, {.widths = {2, 0}, .filters = {4, 4}}), ValueError);
}

TEST_CASE("char_cnn: names as a PyTorch module of the same parts has them") {
  CharCnnClassifier model(10, 3, {.widths = {2}, .filters = {4}, .highway_layers = 1});
  CHECK(test::names(model) ==
        std::vector<std::string>{"encoder.characters.weight", "encoder.convolutions.0.weight", "encoder.convolutions.0.bias",
                                 "encoder.highways.0.transform.weight", "encoder.highways.0.transform.bias", "encoder.highways.0.gate.weight",
                                 "encoder.highways.0.gate.bias", "classifier.weight", "classifier.bias"});
  CHECK(test::printed(model.encoder.convolutions[0]) == "Conv1d(15, 4, kernel_size=(2,), stride=(1,))");
  CHECK(test::printed(model).find("(0): Conv1d(15, 4") != std::string::npos);
}

TEST_CASE("char_cnn: a word's vector is its own, whatever stands beside it in the batch and however far it is filled up") {
  manual_seed(3);
  CharCnnClassifier<double> model(8, 3, {.widths = {1, 2, 4, 7}, .filters = {2, 3, 2, 2}, .highway_layers = 1});
  model.eval();
  for (const Device& device : test::devices()) {
    model.to(device);
    const std::vector<double> together = model(words(device), lengths).to_vector();
    const auto alone = [&](const std::vector<Index>& word) {
      return model(tensor<Index>(word, {1, static_cast<Index>(word.size())}, device), {static_cast<Index>(word.size())}).to_vector();
    };
    const std::vector<std::vector<Index>> all{{2, 4, 3}, {2, 5, 6, 4, 3}, {2, 7, 4, 4, 5, 3}};
    for (std::size_t n = 0; n < 3; ++n) {
      const std::vector<double> scores = alone(all[n]);
      for (std::size_t k = 0; k < 3; ++k) CHECK(scores[k] == Approx(together[n * 3 + k]).epsilon(1e-12));
    }
  }
}

TEST_CASE("char_cnn: findings name the n-gram that fits best, inside the word") {
  CharCnn<double> cnn(8, {.widths = {2}, .filters = {1}, .embedding_dim = 8});
  // Characters one-hot, and a filter that scores 1 for a 4 and 2 for a 5 right behind it.
  cnn.characters.weight.copy_from(eye<double>(8));
  cnn.convolutions[0].weight.fill(0);
  cnn.convolutions[0].bias.fill(0);
  cnn.convolutions[0].weight.set({0, 4, 0}, 1);
  cnn.convolutions[0].weight.set({0, 5, 1}, 2);
  const auto found = cnn.findings(words(), lengths);
  CHECK(found.position.to_vector() == std::vector<Index>{1, 0, 3});  // "4$", "^5", "45"
  CHECK(found.scores.to_vector() == std::vector<double>{1, 2, 3});
  CHECK(cnn(words(), lengths).at(1, 0) == Approx(std::tanh(2.0)));
  CHECK(cnn.from_scores(found.scores).to_vector() == cnn(words(), lengths).to_vector());
}

TEST_CASE("char_cnn: padding learns nothing, and what does not fit is refused") {
  manual_seed(4);
  CharCnnClassifier<double> model(8, 3, char_cnn_options("lecture", {2, 2, 2}));
  Tape tape;
  const auto scores = model(words(), lengths);
  tape.backward(scores, ones<double>({3, 3}));
  const std::vector<double> gradient = model.encoder.characters.weight.grad().to_vector();
  CHECK(std::vector<double>(gradient.begin(), gradient.begin() + 15) == std::vector<double>(15, 0.0));
  CHECK_THROWS_WITH(model(tensor<Index>({2, 4, 3}), {3}), contains_text("CharCnn: characters must be [N, L], got [3]"));
  CHECK_THROWS_AS(model(words(), {3, 5}), ShapeError);
  CHECK_THROWS_WITH(model(words(), {3, 5, 9}), contains_text("at position 2 must be from 1 to"));
  CHECK_THROWS_WITH(model(tensor<Index>({{2, 8, 3}}), {3}), contains_text("index 8 at position [0, 1] must be from 0 to 7"));
}

TEST_CASE("char_cnn: the language model reads each different word once") {
  manual_seed(5);
  CharCnnLanguageModel<double> model(8, 11, char_cnn_options("lecture", {2, 2, 2}), {.hidden_size = 4});
  model.eval();
  const auto y = model(words(), lengths, tensor<Index>({{0, 1}, {2, 0}}));
  CHECK(y.scores.shape() == Shape{2, 2, 11});
  CHECK(y.state.h.shape() == Shape{2, 2, 4});
  // The same text, each place with a word of its own.
  const auto spelled = model(tensor<Index>({{2, 4, 3, 0, 0, 0}, {2, 5, 6, 4, 3, 0}, {2, 7, 4, 4, 5, 3}, {2, 4, 3, 0, 0, 0}}), {3, 5, 6, 3},
                             tensor<Index>({{0, 1}, {2, 3}}));
  const std::vector<double> a = y.scores.to_vector(), b = spelled.scores.to_vector();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).epsilon(1e-12));
  // In two pieces with the state carried over.
  const auto first = model(words(), lengths, tensor<Index>({{0, 1}}));
  const auto second = model(words(), lengths, tensor<Index>({{2, 0}}), first.state.detach());
  const std::vector<double> c = second.scores.to_vector();
  for (std::size_t i = 0; i < c.size(); ++i) CHECK(c[i] == Approx(a[22 + i]).epsilon(1e-12));
  CHECK_THROWS_WITH(model(words(), lengths, tensor<Index>({0, 1})), contains_text("CharCnnLanguageModel: text must be [L, N], got [2]"));
}
