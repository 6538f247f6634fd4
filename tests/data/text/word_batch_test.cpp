// SPDX-License-Identifier: MIT
#include "tapestry/data/text/word_batch.hpp"

#include <set>

#include "support/catch.hpp"
#include "support/random_config.hpp"

using namespace tapestry;

TEST_CASE("pad_words: side by side, filled up at the end") {
  const WordBatch batch = pad_words({{2, 5, 3}, {2, 3}, {2, 4, 4, 3}});
  CHECK(batch.characters.shape() == Shape{3, 4});
  CHECK(batch.characters.to_vector() == std::vector<Index>{2, 5, 3, 0, 2, 3, 0, 0, 2, 4, 4, 3});
  CHECK(batch.lengths == std::vector<Index>{3, 2, 4});
  CHECK_THROWS_WITH(pad_words({}), contains_text("pad_words: words must hold at least one"));
  CHECK_THROWS_WITH(pad_words({{1}, {}}), contains_text("pad_words: word at position 1 must not be empty"));
}

TEST_CASE("batches_by_length: every word once, lengths alike, a function of seed and epoch") {
  test::RandomConfig random(501);
  std::vector<Index> lengths;
  for (int i = 0; i < 1003; ++i) lengths.push_back(random.integer(3, 20));
  const LengthBatchOptions options{.batch_size = 16, .shuffle = true, .seed = 3, .epoch = 1, .pool = 10};
  const auto batches = batches_by_length(lengths, options);
  std::set<Index> seen;
  Index waste = 0, total = 0;
  for (const auto& batch : batches) {
    CHECK((!batch.empty() && batch.size() <= 16));
    Index last = 0;
    for (const Index i : batch) {
      CHECK(seen.insert(i).second);
      CHECK(lengths[static_cast<std::size_t>(i)] >= last);
      last = lengths[static_cast<std::size_t>(i)];
    }
    for (const Index i : batch) waste += last - lengths[static_cast<std::size_t>(i)];
    total += last * static_cast<Index>(batch.size());
  }
  CHECK(seen.size() == lengths.size());
  CHECK(waste * 10 < total);  // unsorted it would be about 40%
  CHECK(batches_by_length(lengths, options) == batches);
  LengthBatchOptions other = options;
  other.epoch = 2;
  CHECK(batches_by_length(lengths, other) != batches);
  other = options;
  other.seed = 4;
  CHECK(batches_by_length(lengths, other) != batches);
}

TEST_CASE("batches_by_length: without shuffle by length, then by position; what it refuses") {
  CHECK(batches_by_length({5, 3, 5, 4, 3}, {.batch_size = 2}) == std::vector<std::vector<Index>>{{1, 4}, {3, 0}, {2}});
  CHECK(batches_by_length({}, {}).empty());
  CHECK(batches_by_length({}, {.shuffle = true}).empty());
  CHECK_THROWS_WITH(batches_by_length({3}, {.batch_size = 0}), contains_text("batch_size must be at least 1, got 0"));
  CHECK_THROWS_WITH(batches_by_length({3}, {.pool = 0}), contains_text("pool must be at least 1, got 0"));
}
