// SPDX-License-Identifier: MIT
#include "common/word_lists.hpp"

#include <fstream>
#include <map>

#include "scratch.hpp"
#include "support/catch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

void write(const std::filesystem::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }
std::set<std::string> as_set(const std::vector<std::string>& words) { return {words.begin(), words.end()}; }

}  // namespace

TEST_CASE("word list: words of letters only, each once, in UTF-8 or ISO 8859-1") {
  const Scratch scratch;
  write(scratch / "utf8", "na\u00EFve\nit's\nco-op\nx\n\u00E9t\u00E9\nm\u00E9\r\nna\u00EFve\n\n1st\n");
  CHECK(as_set(read_word_list(scratch / "utf8", 0, 1)) == std::set<std::string>{"na\u00EFve", "\u00E9t\u00E9", "m\u00E9"});
  CHECK(read_word_list(scratch / "utf8", 0, 1).size() == 3);
  write(scratch / "latin1", "bl\xE5\nsk\xF8yter\n");
  CHECK(as_set(read_word_list(scratch / "latin1", 0, 1)) == std::set<std::string>{"bl\u00E5", "sk\u00F8yter"});
  CHECK_THROWS_AS(read_word_list(scratch / "nowhere", 0, 1), FileError);
}

TEST_CASE("word list: so many words, drawn by seed, whatever the list's order") {
  const Scratch scratch;
  std::string up, down;
  for (int i = 0; i < 500; ++i) {
    const std::string word = {static_cast<char>('a' + i / 26 % 26), static_cast<char>('a' + i % 26), 'q'};
    up += word + "\n";
    down = word + "\n" + down;
  }
  write(scratch / "up", up);
  write(scratch / "down", down);
  const auto some = read_word_list(scratch / "up", 50, 1);
  CHECK(some.size() == 50);
  CHECK(some == read_word_list(scratch / "down", 50, 1));
  CHECK(as_set(some) != as_set(read_word_list(scratch / "up", 50, 2)));
}

TEST_CASE("word lists: those that are there, in the order of their languages") {
  const Scratch scratch;
  write(scratch / "polish", "kot\npies\n");
  write(scratch / "danish", "hund\n");
  const LabelledTexts data = read_word_lists(scratch / "", 0, 1);
  CHECK(data.classes == std::vector<std::string>{"danish", "polish"});
  CHECK(data.labels == std::vector<Index>{0, 1, 1});
  CHECK(word_lists.size() >= 10);
}

TEST_CASE("split: a word form is never on two sides, and where it lies depends on itself alone") {
  LabelledTexts data = draw_syllable_words(1500, 1);
  for (int i = 0; i < 200; ++i) {  // words that two languages share
    data.texts.push_back(data.texts[static_cast<std::size_t>(i) * 7]);
    data.labels.push_back(9);
  }
  const TextSplit split = split_texts(data, 5);
  std::map<std::string, std::set<const LabelledTexts*>> sides;
  for (const LabelledTexts* part : {&split.train, &split.valid, &split.test})
    for (const std::string& text : part->texts) sides[text].insert(part);
  for (const auto& [text, where] : sides) CHECK(where.size() == 1);
  const double all = static_cast<double>(data.texts.size());
  CHECK(static_cast<double>(split.train.texts.size()) / all == Approx(0.8).margin(0.02));
  CHECK(static_cast<double>(split.valid.texts.size()) / all == Approx(0.1).margin(0.02));
  CHECK(split.train.texts.size() + split.valid.texts.size() + split.test.texts.size() == data.texts.size());

  LabelledTexts fewer = data;
  fewer.texts.erase(fewer.texts.begin(), fewer.texts.begin() + 700);
  fewer.labels.erase(fewer.labels.begin(), fewer.labels.begin() + 700);
  for (const std::string& text : split_texts(fewer, 5).test.texts) CHECK(sides.at(text).contains(&split.test));
  CHECK(split_texts(data, 6).test.texts != split.test.texts);
}

TEST_CASE("syllables: ten invented languages, the same words for the same seed") {
  const LabelledTexts data = draw_syllable_words(300, 1);
  CHECK(data.classes.size() == 10);
  CHECK(data.texts.size() == 3000);
  CHECK(data.texts == draw_syllable_words(300, 1).texts);
  CHECK(data.texts != draw_syllable_words(300, 2).texts);
  CHECK(fingerprint(data) == fingerprint(draw_syllable_words(300, 1)));
  CHECK(fingerprint(data) != fingerprint(draw_syllable_words(300, 2)));
  for (const std::string& text : data.texts) {
    Index invalid = 0;
    CHECK_FALSE(decode_utf8(text, &invalid).empty());
    CHECK(invalid == 0);
  }
}
