// SPDX-License-Identifier: MIT
#include "common/filter_explanation.hpp"

#include "support/catch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

/// Two classes; a filter of width 2 that likes "ab" and speaks for class 0, one of width 3 that likes "b$" and what follows, for class 1.
struct Toy {
  Vocabulary vocabulary = Vocabulary::build({"abc"});
  CharCnnClassifier<> net{7, 2, {.widths = {2, 3}, .filters = {1, 1}, .embedding_dim = 7}, 0.0};
  Toy() {
    for (auto& [name, parameter] : named_parameters(net)) parameter.as<float>().fill(0);
    net.encoder.characters.weight.copy_from(eye(7));
    const auto filter = [&](std::size_t i) { return net.encoder.convolutions[i].weight; };
    filter(0).set({0, vocabulary.id(U'a'), 0}, 0.5f);
    filter(0).set({0, vocabulary.id(U'b'), 1}, 0.25f);
    filter(1).set({0, vocabulary.id(U'b'), 0}, 0.5f);
    net.classifier.weight.copy_from(tensor({{2, 0}, {0, 1}}));
    net.eval();
  }
};

}  // namespace

TEST_CASE("explanation: the n-grams that excite each filter most, best first, from inside the words") {
  Toy toy;
  std::vector<std::vector<Index>> words;
  for (const char* word : {"ab", "ac", "cb", "cab"}) words.push_back(toy.vocabulary.encode(word));
  const auto exciting = most_exciting(toy.net.encoder, toy.vocabulary, words, 2);
  REQUIRE(exciting.size() == 2);
  REQUIRE(exciting[0].size() == 2);
  CHECK(exciting[0][0].ngram == "ab");
  CHECK(exciting[0][0].score == Approx(0.75));
  CHECK(exciting[0][1].ngram == "ac");
  CHECK(exciting[0][1].score == Approx(0.5));
  // A window of three that begins at b would hang over the end of each of these words: what is found lies inside.
  for (const Excitement& e : exciting[1]) CHECK(e.ngram.size() == 3);
}

TEST_CASE("explanation: why a word is what it is") {
  Toy toy;
  const WordExplanation why = explain_word(toy.net, toy.vocabulary, {"first", "second"}, toy.vocabulary.encode("cab"));
  CHECK(why.characters == std::vector<std::string>{"^", "c", "a", "b", "$"});
  CHECK(why.class_name == "first");
  const double value = std::tanh(0.75), other = std::tanh(0.0);
  CHECK(why.probability == Approx(1 / (1 + std::exp(other - 2 * value))).epsilon(1e-5));
  REQUIRE(why.findings.size() == 2);
  CHECK(why.findings[0].filter == 0);
  CHECK(why.findings[0].ngram == "ab");
  CHECK(why.findings[0].position == 2);
  CHECK(why.findings[0].value == Approx(value));
  CHECK(why.findings[0].contribution == Approx(2 * value).epsilon(1e-5));  // value times its weight: the score is linear in it

  const std::string svg = explanation_svg(why, filters_of(toy.net.encoder), "c<ab");
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("c&lt;ab is first") != std::string::npos);
  CHECK(svg.find("width 2, filter 0") != std::string::npos);
  std::size_t cells = 0;
  for (std::size_t at = 0; (at = svg.find("#2a6fbb", at)) != std::string::npos; ++at) ++cells;
  CHECK(cells == 2 + 3);  // the winners of both filters; a contribution of 0 counts as one for the class
}
