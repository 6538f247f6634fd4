// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/data/text/vocabulary.hpp>
#include <tapestry/data/text/word_batch.hpp>
#include <tapestry/tapestry.hpp>

#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "word_lists.hpp"

namespace tapestry::examples {

/// Where labelled words come from, as a user says it.
struct WordSource {
  std::string data;                       ///< a file of text, tab, label; empty: word lists
  std::string lists = "/usr/share/dict";  ///< their folder
  bool embedded = false;                  ///< neither: words of invented languages
  Index words = 20000;                    ///< of each list; 0: all
  std::uint64_t seed = 1;
};

/// The labelled words, and which they are.
struct WordChoice {
  LabelledTexts data;
  std::string kind;  ///< "word-lists", "syllables" or "file"
  std::string description;
};

/// Finds the words: in the file that is named, else in the word lists, else the embedded set. `kind` limits the choice to what a run that is resumed
/// or explained was trained on; empty: any.
///
/// Throws   ValueError if the options contradict the kind or each other, FileError naming file, line and column of what cannot be read.
inline WordChoice choose_words(const WordSource& o, std::string_view kind) {
  if (o.embedded && !o.data.empty()) throw ValueError("--data and --embedded exclude one another");
  if (!kind.empty() && ((o.embedded && kind != "syllables") || (!o.data.empty() && kind != "file")))
    throw ValueError(message(o.embedded ? "--embedded" : "--data", ": the run was trained on other data (", kind, "); leave the option out"));
  if (!o.data.empty()) {
    const bool csv = o.data.ends_with(".csv");
    LabelledTexts data = read_labelled_texts(o.data, {.format = {.separator = csv ? ',' : '\t', .quotes = csv}});
    std::string text = message(data.texts.size(), " texts with ", data.classes.size(), " labels from ", o.data);
    if (data.replaced > 0) text += message("; ", data.replaced, " pieces that were no UTF-8 are now U+FFFD");
    if (data.classes.size() < 2) throw ValueError(message("--data: ", o.data, ": labels must be at least two, got only ", data.classes[0]));
    return {std::move(data), "file", text};
  }
  if (kind == "file") throw ValueError("--data: the run was trained on a file; say which");
  if (!o.embedded && kind != "syllables") {
    LabelledTexts data = read_word_lists(o.lists, o.words, o.seed);
    if (data.classes.size() >= 10) {
      const std::string text = message(data.texts.size(), " words of ", data.classes.size(), " languages from the word lists in ", o.lists);
      return {std::move(data), "word-lists", text};
    }
    std::string missing;
    for (const WordList& list : word_lists)
      if (!std::filesystem::exists(std::filesystem::path(o.lists) / list.file)) missing += message(" ", list.package);
    if (!kind.empty()) throw ValueError(message("--lists: word lists that the run was trained on are not in ", o.lists, "; install", missing));
    std::printf("Word lists of %lld languages are in %s, ten are needed (Debian packages:%s)\n", static_cast<long long>(data.classes.size()), o.lists.c_str(),
                missing.c_str());
  }
  LabelledTexts data = draw_syllable_words(o.words > 0 ? std::min<Index>(o.words, 2000) : 2000, o.seed);
  const std::string text = message("the embedded set, ", data.texts.size(), " words of ", data.classes.size(), " invented languages. These are no real languages");
  return {std::move(data), "syllables", text};
}

/// Writes train.tsv, valid.tsv and test.tsv, and says so.
inline void write_split(const std::filesystem::path& folder, const TextSplit& split) {
  std::filesystem::create_directories(folder);
  for (const auto& [name, part] : {std::pair<const char*, const LabelledTexts&>{"train.tsv", split.train}, {"valid.tsv", split.valid}, {"test.tsv", split.test}}) {
    std::string text;
    for (std::size_t i = 0; i < part.texts.size(); ++i) text += message(part.texts[i], '\t', part.classes[static_cast<std::size_t>(part.labels[i])], '\n');
    AtomicFile file((folder / name).string());
    file.write(text);
    file.commit();
    std::printf("%s: %zu texts\n", (folder / name).c_str(), part.texts.size());
  }
}

/// Texts as the network reads them.
struct EncodedTexts {
  std::vector<std::vector<Index>> words;
  std::vector<Index> lengths, labels;

  EncodedTexts(const LabelledTexts& data, const Vocabulary& vocabulary, Index max_characters, EncodeReport& report) : labels(data.labels) {
    for (const std::string& text : data.texts) {
      words.push_back(vocabulary.encode(text, {.max_characters = max_characters, .report = &report}));
      lengths.push_back(static_cast<Index>(words.back().size()));
    }
  }
  Index size() const { return static_cast<Index>(words.size()); }
  WordBatch batch(const std::vector<Index>& which) const {
    std::vector<std::vector<Index>> some;
    for (const Index i : which) some.push_back(words[static_cast<std::size_t>(i)]);
    return pad_words(some);
  }
  Tensor<Index> labels_of(const std::vector<Index>& which) const {
    std::vector<Index> some;
    for (const Index i : which) some.push_back(labels[static_cast<std::size_t>(i)]);
    return tensor<Index>(some, {static_cast<Index>(some.size())});
  }
};

}  // namespace tapestry::examples
