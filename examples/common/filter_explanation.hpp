// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/data/text/vocabulary.hpp>
#include <tapestry/data/text/word_batch.hpp>
#include <tapestry/models/char_cnn.hpp>
#include <tapestry/tapestry.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "svg_plot.hpp"

namespace tapestry::examples {

/// One filter: of which width, and the how-manieth of that width.
struct FilterName {
  Index width, number;
};
inline std::vector<FilterName> filters_of(const CharCnn<>& cnn) {
  std::vector<FilterName> names;
  for (const auto& convolution : cnn.convolutions)
    for (Index number = 0; number < convolution.weight.dim(0); ++number) names.push_back({convolution.options().kernel, number});
  return names;
}

/// An n-gram as a person reads it, ^ for the begin of a word and $ for its end, and how well it fits a filter, before tanh.
struct Excitement {
  std::string ngram;
  double score;
};

/// A word's characters from `position` on, as many as a filter sees of them.
inline std::string ngram_text(const Vocabulary& vocabulary, const std::vector<Index>& word, Index position, Index width) {
  std::string text;
  for (Index at = position; at < position + width && at < static_cast<Index>(word.size()); ++at) text += vocabulary.text(word[static_cast<std::size_t>(at)]);
  return text;
}

/// For each filter the n-grams of these words that excite it most, best first.
inline std::vector<std::vector<Excitement>> most_exciting(CharCnn<>& cnn, const Vocabulary& vocabulary,
                                                          const std::vector<std::vector<Index>>& words, std::size_t count) {
  const std::vector<FilterName> names = filters_of(cnn);
  std::vector<std::map<std::string, double>> seen(names.size());
  std::vector<Index> lengths;
  for (const auto& word : words) lengths.push_back(static_cast<Index>(word.size()));
  for (const auto& batch : batches_by_length(lengths, {.batch_size = 256})) {
    std::vector<std::vector<Index>> some;
    for (const Index i : batch) some.push_back(words[static_cast<std::size_t>(i)]);
    const WordBatch side_by_side = pad_words(some);
    const auto found = cnn.findings(side_by_side.characters, side_by_side.lengths);
    const std::vector<float> scores = found.scores.to_vector();
    const std::vector<Index> positions = found.position.to_vector();
    for (std::size_t n = 0; n < some.size(); ++n)
      for (std::size_t f = 0; f < names.size(); ++f) {
        const std::size_t at = n * names.size() + f;
        seen[f].emplace(ngram_text(vocabulary, some[n], positions[at], names[f].width), static_cast<double>(scores[at]));
        if (seen[f].size() > 64 * count) {  // the weak ones go now and then
          std::vector<double> values;
          for (const auto& entry : seen[f]) values.push_back(entry.second);
          std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(count), values.end(), std::greater<>());
          std::erase_if(seen[f], [&](const auto& entry) { return entry.second < values[count]; });
        }
      }
  }
  std::vector<std::vector<Excitement>> best;
  for (const auto& filter : seen) {
    std::vector<Excitement> all;
    for (const auto& [ngram, score] : filter) all.push_back({ngram, score});
    std::stable_sort(all.begin(), all.end(), [](const Excitement& a, const Excitement& b) { return a.score > b.score; });
    all.resize(std::min(all.size(), count));
    best.push_back(std::move(all));
  }
  return best;
}

/// What one filter found in one word.
struct Finding {
  std::size_t filter;
  Index position;
  std::string ngram;
  double value;         ///< tanh of the score: what the network goes on with
  double contribution;  ///< value times its gradient: about how much it adds to the score of the class that was chosen
};

/// A word, what the network takes it for, and why.
struct WordExplanation {
  std::vector<std::string> characters;  ///< begin and end included
  std::string class_name;
  double probability;
  std::vector<Finding> findings;  ///< of every filter, the strongest contribution first
};

inline WordExplanation explain_word(CharCnnClassifier<>& net, const Vocabulary& vocabulary, const std::vector<std::string>& classes,
                                    const std::vector<Index>& word) {
  const WordBatch one = pad_words({word});
  const std::vector<FilterName> names = filters_of(net.encoder);
  const auto found = net.encoder.findings(one.characters, one.lengths);
  const Tensor<> scores = found.scores.detach().requires_grad(true);
  Tape tape;
  const Tensor<> logits = net.classifier(net.encoder.from_scores(scores));
  const std::vector<float> probabilities = softmax(logits.detach(), 1).to_vector();
  const auto best = std::max_element(probabilities.begin(), probabilities.end()) - probabilities.begin();
  Tensor<> choice = zeros(logits.shape());
  choice.set({0, best}, 1);
  tape.backward(logits, choice);

  WordExplanation explanation{{}, classes[static_cast<std::size_t>(best)], static_cast<double>(probabilities[static_cast<std::size_t>(best)]), {}};
  for (const Index id : word) explanation.characters.push_back(vocabulary.text(id));
  const std::vector<float> score = scores.to_vector(), gradient = scores.grad().to_vector();
  const std::vector<Index> position = found.position.to_vector();
  for (std::size_t f = 0; f < names.size(); ++f) {
    const double value = std::tanh(static_cast<double>(score[f]));
    const double slope = std::max(1 - value * value, 1e-12);  // of tanh: takes the gradient from before it to behind it
    explanation.findings.push_back({f, position[f], ngram_text(vocabulary, word, position[f], names[f].width), value,
                                    value * static_cast<double>(gradient[f]) / slope});
  }
  std::stable_sort(explanation.findings.begin(), explanation.findings.end(),
                   [](const Finding& a, const Finding& b) { return std::abs(a.contribution) > std::abs(b.contribution); });
  return explanation;
}

/// The word across, the strongest filters down, and in each row the n-gram that won: blue where it speaks for the class, orange where it
/// speaks against it, the stronger the darker.
inline std::string explanation_svg(const WordExplanation& e, const std::vector<FilterName>& names, std::string_view word, std::size_t rows = 16) {
  rows = std::min(rows, e.findings.size());
  const double cell = 30, left = 170, top = 96, row = 28, columns = static_cast<double>(e.characters.size());
  const double right = left + columns * cell + 20;
  const double width = std::max(right + 190, 640.0), height = top + row * static_cast<double>(rows) + 64;
  const auto fixed = [](double value, const char* format) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return std::string(text);
  };
  using detail::number;
  using detail::svg_text;
  std::string svg = message("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", number(width), "\" height=\"", number(height), "\" viewBox=\"0 0 ",
                            number(width), " ", number(height),
                            "\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n<style>.title{font-size:16px;font-weight:bold;fill:#222}"
                            ".label{font-size:12px;fill:#444}.letter{font-size:15px;fill:#222;font-family:'DejaVu Sans Mono',monospace}"
                            ".head{font-size:18px;font-weight:bold;fill:#222;font-family:'DejaVu Sans Mono',monospace}</style>\n<rect width=\"",
                            number(width), "\" height=\"", number(height), "\" fill=\"#ffffff\"/>\n");
  const std::string title = message(word, " is ", e.class_name, ", says the network (", fixed(100 * e.probability, "%.1f%%"), ")");
  svg += message("<title>", detail::escape_xml(title), "</title>\n");
  svg += svg_text(20, 28, "start", "title", title);
  svg += svg_text(20, 50, "start", "label", "Each row is a filter, and what is coloured the n-gram that won its maximum over the word.");
  for (std::size_t c = 0; c < e.characters.size(); ++c)
    svg += svg_text(left + (static_cast<double>(c) + 0.5) * cell, top - 8, "middle", "head", e.characters[c]);
  svg += svg_text(right, top - 8, "start", "label", "value");
  svg += svg_text(right + 70, top - 8, "start", "label", "contribution");
  const double strongest = rows > 0 ? std::max(std::abs(e.findings[0].contribution), 1e-12) : 1;
  for (std::size_t r = 0; r < rows; ++r) {
    const Finding& f = e.findings[r];
    const FilterName& name = names[f.filter];
    const double y = top + row * static_cast<double>(r);
    svg += svg_text(left - 14, y + 19, "end", "label", message("width ", name.width, ", filter ", name.number));
    for (std::size_t c = 0; c < e.characters.size(); ++c) {
      const Index at = static_cast<Index>(c);
      const bool won = at >= f.position && at < f.position + name.width;
      const std::string colour = f.contribution >= 0 ? "#2a6fbb" : "#d9622b";
      svg += message("<rect x=\"", number(left + static_cast<double>(c) * cell), "\" y=\"", number(y + 2), "\" width=\"", number(cell - 2), "\" height=\"",
                     number(row - 4), "\" fill=\"", won ? colour : "#f4f4f4", "\" fill-opacity=\"",
                     won ? fixed(0.2 + 0.5 * std::abs(f.contribution) / strongest, "%.2f") : std::string("1"), "\"/>\n");
      if (won) svg += svg_text(left + (static_cast<double>(c) + 0.5) * cell - 1, y + 20, "middle", "letter", e.characters[c]);
    }
    svg += svg_text(right, y + 19, "start", "label", fixed(f.value, "%+.3f"));
    svg += svg_text(right + 70, y + 19, "start", "label", fixed(f.contribution, "%+.3f"));
  }
  svg += svg_text(20, height - 34, "start", "label", "Blue speaks for the class, orange against it; ^ and $ are the word's begin and end.");
  svg += svg_text(20, height - 16, "start", "label", message("Shown are the ", rows, " of ", e.findings.size(), " filters with the strongest contributions."));
  return svg + "</svg>\n";
}

}  // namespace tapestry::examples
