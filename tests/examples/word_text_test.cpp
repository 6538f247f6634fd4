// SPDX-License-Identifier: MIT
#include "common/word_text.hpp"

#include "support/catch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

TEST_CASE("words and marks") {
  using Words = std::vector<std::string>;
  CHECK(words_and_marks("Don't stop: the co-op (v2.0) caf\u00E9--x' ") ==
        Words{"Don't", "stop", ":", "the", "co-op", "(", "v2", ".", "0", ")", "caf\u00E9", "-", "-", "x", "'"});
  CHECK(words_and_marks(" \n\t").empty());
}

TEST_CASE("word text: three parts of each text, rare words are one class") {
  std::string text;
  for (int i = 0; i < 10; ++i) text += i % 2 == 0 ? "even " : "odd ";
  const WordText t({text, "once even odd even odd even odd even odd new"}, 2, 3);
  CHECK(t.train.size() == 16);
  CHECK(t.valid.size() == 2);
  CHECK(t.test.size() == 2);
  CHECK(t.inventory.classes == 3);  // rare, even, odd
  const auto target = [&](Index word) { return t.inventory.target[static_cast<std::size_t>(word)]; };
  CHECK(target(t.train[0]) == 1);
  CHECK(target(t.train[1]) == 2);
  CHECK(target(t.train[8]) == WordInventory::rare);  // once
  CHECK(target(t.test[1]) == WordInventory::rare);   // new
  CHECK(t.report.cut == 2);                          // of the different words, even and once are longer than 3
  CHECK(t.report.unknown == 1);                      // the w of new
  CHECK_THROWS_WITH(WordText({"too short"}, 2, 40), contains_text("text: words must be enough"));
}

TEST_CASE("text pieces: streams side by side, each different word once, targets one word on") {
  WordInventory inventory;
  for (Index w = 0; w < 5; ++w) {
    inventory.spelled.push_back(std::vector<Index>(static_cast<std::size_t>(7 - w), w + 4));
    inventory.target.push_back(10 + w);
  }
  const std::vector<Index> words{0, 1, 2, 0, 3, 3, 4, 1, 2};
  const TextStreams streams(words, 2);  // 0 1 2 0 and 3 3 4 1; the last word is left out
  CHECK(streams.steps() == 3);
  CHECK(streams.predicted() == 6);
  const TextPiece piece = text_piece(streams, inventory, 0, 2);
  CHECK(piece.words.lengths == std::vector<Index>{4, 6, 7});  // 3, 1, 0: shorter words first
  CHECK(piece.text.to_vector() == std::vector<Index>{2, 0, 1, 0});
  CHECK(piece.text.shape() == Shape{2, 2});
  CHECK(piece.targets.to_vector() == std::vector<Index>{11, 13, 12, 14});
  CHECK_THROWS_WITH(TextStreams(words, 5), contains_text("5 pieces need at least 2 words each, got 9 words"));
}

TEST_CASE("n-gram baseline: probabilities add up to 1 and follow the counts") {
  WordInventory inventory;
  inventory.classes = 4;
  inventory.target = {1, 2, 3, 0};
  const std::vector<Index> train{0, 1, 0, 1, 0, 2, 0, 1};
  const NgramBaseline baseline(train, inventory);
  CHECK(baseline.unigram(0) == Approx(5.0 / 12));
  CHECK(baseline.unigram(3) == Approx(1.0 / 12));
  for (Index before = 0; before < 4; ++before) {
    double sum = 0;
    for (Index word = 0; word < 4; ++word) sum += baseline.bigram(before, word);
    CHECK(sum == Approx(1));
  }
  // After 0 come 1, 1, 2, 1: four in all, two different ones.
  CHECK(baseline.bigram(0, 1) == Approx((3 - 0.75) / 4 + 0.75 * 2 / 4 * 4.0 / 12));
  CHECK(baseline.bigram(3, 1) == Approx(baseline.unigram(1)));  // 3 was never seen
  const std::vector<Index> text{0, 1, 0, 2};
  const auto [unigram, bigram] = baseline.perplexity(TextStreams(text, 1));
  CHECK(unigram == Approx(std::pow(4.0 / 12 * 5.0 / 12 * 2.0 / 12, -1.0 / 3)));
  CHECK(bigram == Approx(std::pow(baseline.bigram(0, 1) * baseline.bigram(1, 0) * baseline.bigram(0, 2), -1.0 / 3)));
}
