// SPDX-License-Identifier: MIT
#include "tapestry/data/text/vocabulary.hpp"

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("Vocabulary: numbers follow the code points, whatever the order of the texts") {
  const Vocabulary a = Vocabulary::build({"ba", "c\u00E9"}), b = Vocabulary::build({"\u00E9", "c", "ab"});
  CHECK(a.size() == 8);
  for (const Vocabulary* v : {&a, &b}) CHECK(v->encode("ab\u00E9") == std::vector<Index>{2, 4, 5, 7, 3});
  CHECK(a.text(7) == "\u00E9");
  CHECK((a.text(0) + a.text(1) + a.text(2) + a.text(3)) == "\uFFFD^$");
  CHECK_THROWS_WITH(a.text(8), contains_text("Vocabulary: id must be from 0 to 7, got 8"));
}

TEST_CASE("Vocabulary: rare characters are unknown; what is replaced or cut is counted") {
  const Vocabulary v = Vocabulary::build({"aab", "abc"}, {.min_count = 2});
  CHECK(v.size() == 6);
  EncodeReport report;
  CHECK(v.encode("abc", {.report = &report}) == std::vector<Index>{2, 4, 5, 1, 3});
  CHECK(v.encode("a\xFF", {.report = &report}) == std::vector<Index>{2, 4, 1, 3});
  CHECK(v.encode("aaaab", {.max_characters = 3, .report = &report}) == std::vector<Index>{2, 4, 4, 4, 3});
  CHECK(v.encode("aab", {.max_characters = 3, .report = &report}).size() == 5);
  CHECK((report.invalid == 1 && report.unknown == 2 && report.cut == 1));
}

TEST_CASE("Vocabulary: what it refuses") {
  const Vocabulary v = Vocabulary::build({"ab"});
  CHECK_THROWS_WITH(v.encode(""), contains_text("Vocabulary: word must not be empty"));
  CHECK_THROWS_WITH(Vocabulary::build({}), contains_text("Vocabulary: texts hold no character"));
  CHECK_THROWS_WITH(Vocabulary::build({"ab"}, {.min_count = 0}), contains_text("Vocabulary: min_count must be at least 1"));
}

TEST_CASE("Vocabulary: its state brings it back") {
  const Vocabulary v = Vocabulary::build({"za\u0142"});
  Vocabulary w;
  w.load_state(v.state());
  CHECK(w.size() == v.size());
  CHECK(w.encode("a\u0142z") == v.encode("a\u0142z"));
  CHECK_THROWS_WITH(w.load_state({}), contains_text("Vocabulary: the state has no entry characters"));
  CHECK_THROWS_WITH(w.load_state({{"characters", tensor<Index>({5, 4})}}), contains_text("in ascending order"));
}
