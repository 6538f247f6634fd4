// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/data/text/vocabulary.hpp>
#include <tapestry/data/text/word_batch.hpp>

#include <cctype>
#include <cmath>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tapestry::examples {

/// Cuts a text into words and marks: letters, digits and everything beyond ASCII stick together, with apostrophes and hyphens inside;
/// every other mark stands alone; blanks separate.
inline std::vector<std::string> words_and_marks(std::string_view text) {
  std::vector<std::string> tokens;
  const auto letter = [&](std::size_t at) {
    const auto c = at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
    return c >= 0x80 || std::isalnum(c) != 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    if (std::isspace(static_cast<unsigned char>(text[at])) || text[at] == '\0') {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    if (letter(at))
      while (letter(end) || (end < text.size() && (text[end] == '\'' || text[end] == '-') && letter(end + 1))) ++end;
    tokens.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

/// The words of a text by number, and what a model needs to know of each: its characters, and which class it is to be predicted as.
struct WordInventory {
  static constexpr Index rare = 0;  ///< the class of all words that come up too seldom in the training text

  std::vector<std::vector<Index>> spelled;  ///< of each word, its characters' numbers
  std::vector<Index> target;                ///< of each word, its class
  Index classes = 1;
};

/// Three parts of a text as numbers of words: each text's first eight tenths, its ninth and its last.
struct WordText {
  std::vector<Index> train, valid, test;
  WordInventory inventory;
  Vocabulary vocabulary;
  EncodeReport report;

  /// Throws   ValueError if the texts are too short to be cut in three.
  WordText(const std::vector<std::string>& texts, Index min_count, Index max_characters) {
    std::unordered_map<std::string, Index> numbers;
    std::vector<std::string> forms;
    for (const std::string& text : texts) {
      const std::vector<std::string> tokens = words_and_marks(text);
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto [entry, fresh] = numbers.emplace(tokens[i], static_cast<Index>(forms.size()));
        if (fresh) forms.push_back(tokens[i]);
        (10 * i < 8 * tokens.size() ? train : 10 * i < 9 * tokens.size() ? valid : test).push_back(entry->second);
      }
    }
    if (train.size() < 2 || valid.size() < 2 || test.size() < 2)
      throw ValueError(message("text: words must be enough to train, validate and test, at least some hundreds, got ", train.size() + valid.size() + test.size()));
    std::vector<Index> counts(forms.size());
    for (const Index word : train) ++counts[static_cast<std::size_t>(word)];
    std::vector<std::string> learned;
    for (std::size_t w = 0; w < forms.size(); ++w) {
      if (counts[w] > 0) learned.push_back(forms[w]);
      inventory.target.push_back(counts[w] >= min_count ? inventory.classes++ : WordInventory::rare);
    }
    vocabulary = Vocabulary::build(learned);
    for (const std::string& form : forms) inventory.spelled.push_back(vocabulary.encode(form, {.max_characters = max_characters, .report = &report}));
  }
};

/// A text cut into `batch` pieces of one length that are read side by side; what does not come out even at the end is left out.
class TextStreams {
 public:
  TextStreams(const std::vector<Index>& words, Index batch) : batch_(batch), length_(static_cast<Index>(words.size()) / batch), words_(words) {
    if (length_ < 2) throw ValueError(message("text: ", batch, " pieces need at least 2 words each, got ", words.size(), " words"));
  }
  Index batch() const { return batch_; }
  /// Words that are predicted: all but each piece's first.
  Index predicted() const { return batch_ * (length_ - 1); }
  Index steps() const { return length_ - 1; }
  Index word(Index step, Index piece) const { return words_[static_cast<std::size_t>(piece * length_ + step)]; }

 private:
  Index batch_, length_;
  const std::vector<Index>& words_;
};

/// A stretch of all streams, as the language model reads it: every different word once, where each stands, and the class of each next word.
struct TextPiece {
  WordBatch words;        ///< shorter words first
  Tensor<Index> text;     ///< [L, N]
  Tensor<Index> targets;  ///< [L*N]
};
inline TextPiece text_piece(const TextStreams& streams, const WordInventory& inventory, Index begin, Index end) {
  std::vector<Index> different, flat, targets;
  for (Index step = begin; step < end; ++step)
    for (Index piece = 0; piece < streams.batch(); ++piece) {
      different.push_back(streams.word(step, piece));
      targets.push_back(inventory.target[static_cast<std::size_t>(streams.word(step + 1, piece))]);
    }
  flat = different;
  const auto size_of_word = [&](Index word) { return inventory.spelled[static_cast<std::size_t>(word)].size(); };
  std::sort(different.begin(), different.end(), [&](Index a, Index b) { return std::pair(size_of_word(a), a) < std::pair(size_of_word(b), b); });
  different.erase(std::unique(different.begin(), different.end()), different.end());
  std::unordered_map<Index, Index> place;
  std::vector<std::vector<Index>> spelled;
  for (const Index word : different) {
    place.emplace(word, static_cast<Index>(place.size()));
    spelled.push_back(inventory.spelled[static_cast<std::size_t>(word)]);
  }
  for (Index& word : flat) word = place.at(word);
  const Index count = static_cast<Index>(flat.size());
  return {pad_words(spelled), tensor<Index>(flat, {end - begin, streams.batch()}), tensor<Index>(targets, {count})};
}

/// What counting alone predicts, on the classes of words:
///
///   unigram  p(w) = (c(w) + 1) / (N + classes)
///   bigram   p(w | v) = max(c(v w) - D, 0) / c(v) + D * (different words after v) / c(v) * p(w),   D = 0.75;   p(w) where v was never seen
///
/// Source   Ney, Essen and Kneser, "On structuring probabilistic dependences in stochastic language modelling", 1994 (absolute discounting).
class NgramBaseline {
 public:
  NgramBaseline(const std::vector<Index>& train, const WordInventory& inventory) : inventory_(inventory), counts_(static_cast<std::size_t>(inventory.classes)),
                                                                                   after_(static_cast<std::size_t>(inventory.classes)) {
    for (std::size_t i = 0; i < train.size(); ++i) {
      ++counts_[target(train[i])];
      ++total_;
      if (i > 0) ++after_[target(train[i - 1])].counts[target(train[i])], ++after_[target(train[i - 1])].total;
    }
  }
  double unigram(Index word) const { return of_class(target(word)); }
  double bigram(Index before, Index word) const {
    const Followers& f = after_[target(before)];
    const double p = of_class(target(word));
    if (f.total == 0) return p;
    const auto found = f.counts.find(target(word));
    const double seen = found == f.counts.end() ? 0 : static_cast<double>(found->second) - discount, all = static_cast<double>(f.total);
    return (std::max(seen, 0.0) + discount * static_cast<double>(f.counts.size()) * p) / all;
  }
  /// exp of the mean negative logarithm of what is given to the words that the streams predict.
  struct Perplexities {
    double unigram, bigram;
  };
  Perplexities perplexity(const TextStreams& streams) const {
    double one = 0, two = 0;
    for (Index piece = 0; piece < streams.batch(); ++piece)
      for (Index step = 0; step < streams.steps(); ++step) {
        one -= std::log(unigram(streams.word(step + 1, piece)));
        two -= std::log(bigram(streams.word(step, piece), streams.word(step + 1, piece)));
      }
    const double count = static_cast<double>(streams.predicted());
    return {std::exp(one / count), std::exp(two / count)};
  }

 private:
  static constexpr double discount = 0.75;
  struct Followers {
    std::unordered_map<std::size_t, Index> counts;
    Index total = 0;
  };
  std::size_t target(Index word) const { return static_cast<std::size_t>(inventory_.target[static_cast<std::size_t>(word)]); }
  double of_class(std::size_t c) const { return (static_cast<double>(counts_[c]) + 1) / static_cast<double>(total_ + inventory_.classes); }

  const WordInventory& inventory_;
  std::vector<Index> counts_;
  std::vector<Followers> after_;
  Index total_ = 0;
};

}  // namespace tapestry::examples
