// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "../../tensor/creation.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Sequences of numbers side by side, the shorter ones filled up.
struct WordBatch {
  Tensor<Index> characters;    ///< [N, L], L the longest sequence
  std::vector<Index> lengths;  ///< [N], of each sequence before it was filled up
};

/// Throws   ValueError if there is no sequence or one is empty.
inline WordBatch pad_words(const std::vector<std::vector<Index>>& words, Index padding = 0) {
  if (words.empty()) throw ValueError("pad_words: words must hold at least one");
  WordBatch batch;
  for (const auto& word : words) {
    if (word.empty()) throw ValueError(message("pad_words: word at position ", batch.lengths.size(), " must not be empty"));
    batch.lengths.push_back(static_cast<Index>(word.size()));
  }
  const Index longest = *std::max_element(batch.lengths.begin(), batch.lengths.end()), count = static_cast<Index>(words.size());
  std::vector<Index> flat;
  flat.reserve(static_cast<std::size_t>(count * longest));
  for (const auto& word : words) {
    flat.insert(flat.end(), word.begin(), word.end());
    flat.insert(flat.end(), static_cast<std::size_t>(longest) - word.size(), padding);
  }
  batch.characters = tensor<Index>(flat, {count, longest});
  return batch;
}

struct LengthBatchOptions {
  Index batch_size = 1;
  bool shuffle = false;    ///< draws the order of the batches, and which words of about one length share one
  std::uint64_t seed = 0;  ///< of the shuffle
  Index epoch = 0;         ///< likewise: each has an order of its own
  Index pool = 50;         ///< so many batches' words are sorted by length at a time: more waste less padding, fewer mix better
};

/// Cuts 0, 1, ... into batches of words of about one length, the lengths in a batch ascending; only the last one of a pool may not be full.
/// Which they are is a function of lengths and options alone, so a run can be resumed anywhere. Without shuffle the whole is one pool.
/// Throws   ValueError for an option below its least value.
inline std::vector<std::vector<Index>> batches_by_length(const std::vector<Index>& lengths, const LengthBatchOptions& options) {
  if (options.batch_size < 1) throw ValueError(message("batches_by_length: batch_size must be at least 1, got ", options.batch_size));
  if (options.pool < 1) throw ValueError(message("batches_by_length: pool must be at least 1, got ", options.pool));
  const Index count = static_cast<Index>(lengths.size());
  std::vector<Index> order(lengths.size());
  std::iota(order.begin(), order.end(), Index{0});
  Generator generator;
  generator.set(options.seed, static_cast<std::uint64_t>(options.epoch) << 40);  // epochs far apart in one sequence
  const auto shuffle = [&](auto& items) {
    const std::vector<Index> place = randperm(static_cast<Index>(items.size()), generator).to_vector();
    auto shuffled = items;
    for (std::size_t i = 0; i < place.size(); ++i) shuffled[i] = std::move(items[static_cast<std::size_t>(place[i])]);
    items = std::move(shuffled);
  };
  if (options.shuffle) shuffle(order);
  const Index pool = options.shuffle ? options.pool * options.batch_size : std::max<Index>(count, 1);
  std::vector<std::vector<Index>> batches;
  for (Index begin = 0; begin < count; begin += pool) {
    const auto first = order.begin() + begin, last = order.begin() + std::min(begin + pool, count);
    std::stable_sort(first, last, [&](Index a, Index b) { return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)]; });
    for (auto at = first; at < last; at += std::min<Index>(options.batch_size, last - at))
      batches.emplace_back(at, at + std::min<Index>(options.batch_size, last - at));
  }
  if (options.shuffle) shuffle(batches);
  return batches;
}

}  // namespace tapestry::inline TAPESTRY_ABI
