// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/random.hpp>
#include <tapestry/data/text/delimited_text.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace tapestry::examples {

/// A language, the file of Debian's word list and the package that it is in.
struct WordList {
  const char *language, *file, *package;
};
inline constexpr std::array word_lists{
    WordList{"catalan", "catalan", "wcatalan"},       WordList{"danish", "danish", "wdanish"},       WordList{"dutch", "dutch", "wdutch"},
    WordList{"english", "american-english", "wamerican"}, WordList{"french", "french", "wfrench"},   WordList{"german", "ngerman", "wngerman"},
    WordList{"italian", "italian", "witalian"},       WordList{"norwegian", "bokmaal", "wnorwegian"}, WordList{"polish", "polish", "wpolish"},
    WordList{"portuguese", "portuguese", "wportuguese"}, WordList{"spanish", "spanish", "wspanish"}, WordList{"swedish", "swedish", "wswedish"}};

/// Numbers that depend on a text and a seed alone, whatever else there is: which words are chosen, and on which side of the split they lie.
inline RandomStream stream_of(std::string_view text, std::uint64_t seed, std::uint64_t use) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return {seed, hash, use};
}

/// The words of one list: two letters or more, and nothing but letters, since an apostrophe or a hyphen would tell the list, not the
/// language. A list that is not UTF-8 is ISO 8859-1. If `count` is above 0, so many of them, drawn by seed.
/// Throws   FileError if the file cannot be read.
inline std::vector<std::string> read_word_list(const std::filesystem::path& path, Index count, std::uint64_t seed) {
  const std::string content = read_text(path.string());
  Index invalid = 0;
  decode_utf8(content, &invalid);
  std::vector<std::pair<std::uint64_t, std::string>> words;
  for (std::size_t begin = 0, end; begin < content.size(); begin = end + 1) {
    end = std::min(content.find('\n', begin), content.size());
    std::string_view line(content.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto no_letter = [](char c) { return static_cast<unsigned char>(c) < 0x80 && !std::isalpha(static_cast<unsigned char>(c)); };
    if (std::any_of(line.begin(), line.end(), no_letter)) continue;
    std::string word(line);
    if (invalid > 0) {
      word.clear();
      for (const char c : line) word += encode_utf8(static_cast<char32_t>(static_cast<unsigned char>(c)));
    }
    if (decode_utf8(word).size() >= 2) words.emplace_back(stream_of(word, seed, 0).bits(0), std::move(word));
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  if (count > 0 && static_cast<Index>(words.size()) > count) words.resize(static_cast<std::size_t>(count));
  std::vector<std::string> chosen;
  for (auto& word : words) chosen.push_back(std::move(word.second));
  return chosen;
}

/// The lists that are installed in a folder; `count` words of each.
inline LabelledTexts read_word_lists(const std::filesystem::path& folder, Index count, std::uint64_t seed) {
  LabelledTexts data;
  for (const WordList& list : word_lists) {
    if (!std::filesystem::exists(folder / list.file)) continue;
    for (std::string& word : read_word_list(folder / list.file, count, seed)) {
      data.texts.push_back(std::move(word));
      data.labels.push_back(static_cast<Index>(data.classes.size()));
    }
    data.classes.emplace_back(list.language);
  }
  return data;
}

/// Words of ten invented languages, each with sounds of its own: what there is to learn from where no list is installed. A syllable is a
/// beginning, a vowel and an end, drawn from the language's; a word is one to four syllables.
inline LabelledTexts draw_syllable_words(Index count, std::uint64_t seed) {
  struct Sounds {
    const char* language;
    std::vector<const char*> beginnings, vowels, ends;
  };
  static const std::vector<Sounds> languages{
      {"arvani", {"v", "r", "n", "l", "s", "m", ""}, {"a", "e", "i"}, {"", "", "n", "r"}},
      {"brokt", {"br", "kr", "t", "g", "d", "st"}, {"o", "u", "e"}, {"kt", "rt", "d", "n"}},
      {"chuqa", {"ch", "q", "t", "p", "h", "w"}, {"a", "u", "i"}, {"", "", "y", "q"}},
      {"delwyn", {"d", "ll", "w", "gw", "n", "r"}, {"y", "w", "e", "a"}, {"n", "dd", "r", ""}},
      {"elumio", {"l", "m", "", "p", "t", "n"}, {"io", "u", "e", "ea"}, {"", "", "", "s"}},
      {"fjorsk", {"fj", "sk", "h", "bj", "t", "v"}, {"\u00F8", "o", "\u00E5", "e"}, {"rsk", "n", "g", "ld"}},
      {"gzyta", {"cz", "sz", "z", "k", "p", "gz"}, {"y", "a", "\u0119", "o"}, {"", "j", "ch", "k"}},
      {"hoanu", {"h", "k", "m", "n", "p", ""}, {"oa", "u", "i", "ae"}, {"", "", "", ""}},
      {"ilmarek", {"k", "t", "p", "l", "s", "j"}, {"\u00E4", "aa", "i", "uu"}, {"", "n", "s", "kk"}},
      {"jendar", {"j", "sh", "b", "d", "z", "kh"}, {"a", "e", "\u00EE"}, {"r", "n", "d", ""}}};
  LabelledTexts data;
  for (const Sounds& sounds : languages) {
    const Index label = static_cast<Index>(data.classes.size());
    std::set<std::string> words;
    for (Index attempt = 0; static_cast<Index>(words.size()) < count && attempt < 20 * count; ++attempt) {
      const RandomStream random = stream_of(sounds.language, seed, static_cast<std::uint64_t>(attempt) + 1);
      const auto pick = [&](const std::vector<const char*>& from, Index draw) {
        return std::string(from[static_cast<std::size_t>(random.below(draw, static_cast<Index>(from.size())))]);
      };
      std::string word;
      const Index syllables = 1 + random.below(0, 4);
      for (Index s = 0; s < syllables; ++s)
        word += pick(sounds.beginnings, 3 * s + 1) + pick(sounds.vowels, 3 * s + 2) + pick(sounds.ends, 3 * s + 3);
      words.insert(word);
    }
    for (const std::string& word : words) {
      data.texts.push_back(word);
      data.labels.push_back(label);
    }
    data.classes.emplace_back(sounds.language);
  }
  return data;
}

/// The parts of a data set: to learn from, to choose the best epoch by, and to report.
struct TextSplit {
  LabelledTexts train, valid, test;
};

/// Four fifths, a tenth and a tenth. Where a text goes depends on itself and the seed alone: a word that two languages share is on one
/// side, and more data move nothing.
inline TextSplit split_texts(const LabelledTexts& data, std::uint64_t seed) {
  TextSplit split;
  for (LabelledTexts* part : {&split.train, &split.valid, &split.test}) part->classes = data.classes;
  for (std::size_t i = 0; i < data.texts.size(); ++i) {
    const double place = stream_of(data.texts[i], seed, std::uint64_t{1} << 32).uniform(0);
    LabelledTexts& part = place < 0.8 ? split.train : place < 0.9 ? split.valid : split.test;
    part.texts.push_back(data.texts[i]);
    part.labels.push_back(data.labels[i]);
  }
  return split;
}

/// A number that tells one data set from another.
inline std::uint64_t fingerprint(const LabelledTexts& data) {
  std::uint64_t hash = 0;
  for (std::size_t i = 0; i < data.texts.size(); ++i)
    hash = hash * 0x100000001b3u + stream_of(data.texts[i], 0, static_cast<std::uint64_t>(data.labels[i])).bits(0);
  return hash;
}

}  // namespace tapestry::examples
