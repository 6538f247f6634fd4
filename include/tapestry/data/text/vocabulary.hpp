// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "../../tensor/creation.hpp"
#include "utf8.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct VocabularyOptions {
  Index min_count = 1;  ///< a character that comes up less often is unknown
};

/// What encoding had to change, added up over calls.
struct EncodeReport {
  Index invalid = 0;  ///< pieces that were no UTF-8, read as U+FFFD
  Index unknown = 0;  ///< characters that the vocabulary lacks
  Index cut = 0;      ///< words that were longer than the model takes
};

struct EncodeOptions {
  Index max_characters = 0;        ///< what is longer is cut there, and counted; 0: no limit
  EncodeReport* report = nullptr;  ///< where replacements are counted
};

/// The characters that a model knows, numbered: 0 padding, 1 an unknown character, 2 begin of word, 3 end of word, from 4 on the characters of
/// the text in the order of their code points, so that the same text gives the same numbers whatever its order.
///
///   Vocabulary vocabulary = Vocabulary::build(words);
///   std::vector<Index> ids = vocabulary.encode("wort", {.max_characters = 20});   // 2, w, o, r, t, 3
class Vocabulary {
 public:
  static constexpr Index padding = 0, unknown = 1, begin_of_word = 2, end_of_word = 3, first_character = 4;

  Vocabulary() = default;
  /// Throws   ValueError if min_count is below 1 or no character is left.
  static Vocabulary build(const std::vector<std::string>& texts, const VocabularyOptions& options = {}) {
    if (options.min_count < 1) throw ValueError(message("Vocabulary: min_count must be at least 1, got ", options.min_count));
    std::map<char32_t, Index> counts;
    for (const std::string& text : texts)
      for (const char32_t character : decode_utf8(text)) ++counts[character];
    Vocabulary made;
    for (const auto& [character, count] : counts)
      if (count >= options.min_count && character != replacement_character) made.characters_.push_back(character);
    if (made.characters_.empty()) throw ValueError("Vocabulary: texts hold no character that comes up often enough");
    return made;
  }

  /// How many numbers there are, the four special ones included.
  Index size() const { return first_character + static_cast<Index>(characters_.size()); }

  Index id(char32_t character) const {
    const auto found = std::lower_bound(characters_.begin(), characters_.end(), character);
    return found == characters_.end() || *found != character ? unknown : first_character + (found - characters_.begin());
  }
  /// A word's numbers between those of its begin and its end.
  /// Throws   ValueError if the word is empty.
  std::vector<Index> encode(std::string_view word, const EncodeOptions& options = {}) const {
    if (word.empty()) throw ValueError("Vocabulary: word must not be empty");
    EncodeReport report;
    std::u32string characters = decode_utf8(word, &report.invalid);
    if (options.max_characters > 0 && static_cast<Index>(characters.size()) > options.max_characters) {
      characters.resize(static_cast<std::size_t>(options.max_characters));
      report.cut = 1;
    }
    std::vector<Index> ids{begin_of_word};
    for (const char32_t character : characters) {
      ids.push_back(id(character));
      report.unknown += ids.back() == unknown;
    }
    ids.push_back(end_of_word);
    if (options.report) {
      options.report->invalid += report.invalid;
      options.report->unknown += report.unknown;
      options.report->cut += report.cut;
    }
    return ids;
  }
  /// What a number stands for, as a person reads it: begin is ^, end is $, unknown is U+FFFD, padding is nothing.
  /// Throws   IndexError if there is no such number.
  std::string text(Index id) const {
    if (id < 0 || id >= size()) throw IndexError(message("Vocabulary: id must be from 0 to ", size() - 1, ", got ", id));
    if (id == padding) return "";
    if (id == unknown) return encode_utf8(replacement_character);
    if (id == begin_of_word) return "^";
    if (id == end_of_word) return "$";
    return encode_utf8(characters_[static_cast<std::size_t>(id - first_character)]);
  }

  /// The characters as code points, for a checkpoint.
  NamedTensors state() const {
    return {{"characters", tensor<Index>(std::vector<Index>(characters_.begin(), characters_.end()), {static_cast<Index>(characters_.size())})}};
  }
  /// Throws   ValueError if the state is not one that state() gave.
  void load_state(const NamedTensors& state) {
    const AnyTensor* found = find(state, "characters");
    if (!found) throw ValueError("Vocabulary: the state has no entry characters");
    const std::vector<Index> points = found->as<Index>().to_vector();
    const auto climbs = std::adjacent_find(points.begin(), points.end(), [](Index a, Index b) { return a >= b; }) == points.end();
    if (points.empty() || !climbs || points.front() < 0 || points.back() > 0x10FFFF)
      throw ValueError("Vocabulary: the state's characters must be code points in ascending order");
    characters_.clear();
    for (const Index point : points) characters_.push_back(static_cast<char32_t>(point));
  }

 private:
  std::vector<char32_t> characters_;  // ascending
};

}  // namespace tapestry::inline TAPESTRY_ABI
