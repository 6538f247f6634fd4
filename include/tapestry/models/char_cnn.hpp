// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/conv1d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/embedding.hpp"
#include "../nn/highway.hpp"
#include "../nn/lstm.hpp"
#include "../ops/concat.hpp"
#include "../ops/max_over_time.hpp"
#include "../ops/pad.hpp"
#include "../ops/tanh.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct CharCnnOptions {
  std::vector<Index> widths;   ///< how many characters a filter sees, a group of filters each
  std::vector<Index> filters;  ///< how many filters each group has
  Index embedding_dim = 15;    ///< numbers that stand for a character
  Index highway_layers = 0;
};

/// The character CNNs that have names:
///
///   small    widths 1 to 6, 25 filters for each character of width, one highway layer: 525 numbers a word
///   large    widths 1 to 7, 50 filters for each character of width but at most 200, two highway layers: 1100 numbers a word
///   lecture  widths 2, 3 and 4, as in the picture of filters that slide over a sentence; 30 filters each unless `filters` says otherwise
///
/// Throws   ValueError for another name, or filters that do not fit the widths.
/// Source   Kim, Jernite, Sontag and Rush, "Character-aware neural language models", 2016, table 2; the picture is Zhang and Wallace's, "A
///          sensitivity analysis of convolutional neural networks for sentence classification", 2015.
inline CharCnnOptions char_cnn_options(std::string_view name, const std::vector<Index>& filters = {}) {
  CharCnnOptions o;
  if (name == "small") o = {{1, 2, 3, 4, 5, 6}, {25, 50, 75, 100, 125, 150}, 15, 1};
  else if (name == "large") o = {{1, 2, 3, 4, 5, 6, 7}, {50, 100, 150, 200, 200, 200, 200}, 15, 2};
  else if (name == "lecture") o = {{2, 3, 4}, {30, 30, 30}, 15, 0};
  else throw ValueError(message("char_cnn: name must be small, large or lecture, got '", name, "'"));
  if (!filters.empty()) o.filters = filters;
  if (o.filters.size() != o.widths.size())
    throw ValueError(message("char_cnn: filters must hold one number a width, ", o.widths.size(), " for ", name, ", got ", o.filters.size()));
  return o;
}

/// What each filter found in each word, before the highway layers.
template <Floating T>
struct CharCnnFindings {
  Tensor<T> scores;        ///< [N, features]: how well the n-gram fits that fits best, before tanh
  Tensor<Index> position;  ///< [N, features]: the character at which the n-gram that won begins
};

/// A word as a vector, read from its characters: each filter looks for one kind of n-gram, and what is kept of it is how well the word's
/// best n-gram fits.
///
///   x = characters(word)      s_w[f, t] = bias_w[f] + sum over c,u < w of weight_w[f, c, u] * x[t + u, c]
///   y = highways(tanh(max over t of s_w[f, t], for every width w and filter f))
///
/// Shapes   characters [N, L] and lengths, as pad_words (data/text/word_batch.hpp) gives them -> [N, features], features = sum of filters
/// Method   tanh climbs, so it may come after the maximum, where there is less of it. A filter sees the padding 0 behind a word only if the
///          word is shorter than the filter is wide.
/// Throws   ValueError for no widths, sizes below 1 or a length out of its range, ShapeError if shapes do not fit, IndexError for a
///          character that the vocabulary lacks.
/// Source   Kim, Jernite, Sontag and Rush, "Character-aware neural language models", 2016.
template <Floating T = float>
class CharCnn : public Module {
 public:
  Embedding<T> characters;
  std::vector<Conv1d<T>> convolutions;
  std::vector<Highway<T>> highways;

  /// `vocabulary_size` counts the padding, number 0, too.
  CharCnn(Index vocabulary_size, const CharCnnOptions& options) : characters(vocabulary_size, options.embedding_dim, {.padding_idx = 0}) {
    if (options.widths.empty() || options.widths.size() != options.filters.size())
      throw ValueError(message("CharCnn: widths and filters must be as many, at least one, got ", options.widths.size(), " and ", options.filters.size()));
    for (std::size_t i = 0; i < options.widths.size(); ++i)
      convolutions.emplace_back(options.embedding_dim, options.filters[i], Conv1dLayerOptions{.kernel = options.widths[i]});
    for (Index i = 0; i < options.highway_layers; ++i) highways.emplace_back(features());
  }

  Index features() const {
    Index sum = 0;
    for (const Conv1d<T>& convolution : convolutions) sum += convolution.weight.dim(0);
    return sum;
  }

  Tensor<T> forward(const Tensor<Index>& words, const std::vector<Index>& lengths) {
    return from_scores(best_scores(words, lengths, nullptr));
  }
  Tensor<T> operator()(const Tensor<Index>& words, const std::vector<Index>& lengths) { return forward(words, lengths); }

  CharCnnFindings<T> findings(const Tensor<Index>& words, const std::vector<Index>& lengths) {
    std::vector<Tensor<Index>> winners;
    const Tensor<T> scores = best_scores(words, lengths, &winners);
    return {scores, concat(winners, 1)};
  }
  /// The word's vector from what findings() gave.
  Tensor<T> from_scores(const Tensor<T>& scores) {
    Tensor<T> y = tanh(scores);
    for (Highway<T>& highway : highways) y = highway(y);
    return y;
  }

  void members(const Members& visit) override {
    visit.child("characters", characters);
    visit.children("convolutions", convolutions);
    visit.children("highways", highways);
  }
  std::string name() const override { return "CharCnn"; }

 private:
  Tensor<T> best_scores(const Tensor<Index>& words, const std::vector<Index>& lengths, std::vector<Tensor<Index>>* winners) {
    if (words.rank() != 2) throw ShapeError(message("CharCnn: characters must be [N, L], got ", words.shape()));
    Index widest = 0;
    for (const Conv1d<T>& convolution : convolutions) widest = std::max(widest, convolution.options().kernel);
    Tensor<T> x = channels_from_last(characters(words));  // [N, C, 1, L]
    if (words.dim(1) < widest) x = pad(x, {0, widest - words.dim(1)});
    std::vector<Tensor<T>> best;
    for (const Conv1d<T>& convolution : convolutions) {
      std::vector<Index> windows;  // of each word
      for (const Index length : lengths) windows.push_back(std::max<Index>(1, length - convolution.options().kernel + 1));
      Tensor<Index> winner;
      const Tensor<T> scores = conv2d(x, as_row_image(convolution.weight), convolution.bias);
      best.push_back(max_over_time(scores, windows, winners ? &winner : nullptr));
      if (winners) winners->push_back(winner);
    }
    return concat(best, 1);
  }
};

/// Which class a word belongs to: its CharCnn vector, dropout, and a linear layer.
///
/// Shapes   characters [N, L] and lengths -> scores [N, classes]
template <Floating T = float>
class CharCnnClassifier : public Module {
 public:
  CharCnn<T> encoder;
  Dropout<T> dropout;
  Linear<T> classifier;

  CharCnnClassifier(Index vocabulary_size, Index classes, const CharCnnOptions& options, double dropout_p = 0.5)
      : encoder(vocabulary_size, options), dropout(dropout_p), classifier(encoder.features(), classes) {}

  Tensor<T> forward(const Tensor<Index>& words, const std::vector<Index>& lengths) { return classifier(dropout(encoder(words, lengths))); }
  Tensor<T> operator()(const Tensor<Index>& words, const std::vector<Index>& lengths) { return forward(words, lengths); }
  void members(const Members& visit) override {
    visit.child("encoder", encoder);
    visit.child("dropout", dropout);
    visit.child("classifier", classifier);
  }
  std::string name() const override { return "CharCnnClassifier"; }
};

struct CharCnnLanguageModelOptions {
  Index hidden_size = 300;  ///< the paper's small model; 650 in the large one
  Index num_layers = 2;
  double dropout = 0.5;     ///< between the LSTM's layers and before the scores
};

template <Floating T>
struct CharCnnLanguageModelOutput {
  Tensor<T> scores;    ///< [L, N, words], of the word that comes next
  LSTMState<T> state;  ///< to go on with; detach() it first
};

/// Which word comes next: each word so far as its CharCnn vector, an LSTM over them, and a linear layer over all words.
///
/// Shapes   characters [U, C] and lengths of the U different words of a piece of text, each read once; text [L, N], which of the U stands
///          at each place of N texts; returns scores [L, N, words]
/// Throws   as CharCnn and LSTM do.
/// Source   as CharCnn; truncated backpropagation through time is Williams and Peng's, 1990.
template <Floating T = float>
class CharCnnLanguageModel : public Module {
 public:
  CharCnn<T> encoder;
  LSTM<T> lstm;
  Dropout<T> dropout;
  Linear<T> decoder;

  CharCnnLanguageModel(Index vocabulary_size, Index words, const CharCnnOptions& options, CharCnnLanguageModelOptions head = {})
      : encoder(vocabulary_size, options),
        lstm(encoder.features(), head.hidden_size, {.num_layers = head.num_layers, .dropout = head.num_layers > 1 ? head.dropout : 0}),
        dropout(head.dropout), decoder(head.hidden_size, words) {}

  CharCnnLanguageModelOutput<T> forward(const Tensor<Index>& words, const std::vector<Index>& lengths, const Tensor<Index>& text,
                                        const std::optional<LSTMState<T>>& state = {}) {
    if (text.rank() != 2) throw ShapeError(message("CharCnnLanguageModel: text must be [L, N], got ", text.shape()));
    const LSTMOutput<T> y = lstm(embedding(text, encoder(words, lengths)), state);
    return {decoder(dropout(y.output)), y.state};
  }
  CharCnnLanguageModelOutput<T> operator()(const Tensor<Index>& words, const std::vector<Index>& lengths, const Tensor<Index>& text,
                                           const std::optional<LSTMState<T>>& state = {}) {
    return forward(words, lengths, text, state);
  }
  void members(const Members& visit) override {
    visit.child("encoder", encoder);
    visit.child("lstm", lstm);
    visit.child("dropout", dropout);
    visit.child("decoder", decoder);
  }
  std::string name() const override { return "CharCnnLanguageModel"; }
};

}  // namespace tapestry::inline TAPESTRY_ABI
