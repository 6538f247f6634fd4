// SPDX-License-Identifier: MIT
#include <tapestry/data/loader.hpp>

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>
#include <thread>

#include <tapestry/data/crop.hpp>
#include <tapestry/data/flip.hpp>
#include <tapestry/data/resize.hpp>

#include "support/catch.hpp"

using namespace tapestry;

namespace {

/// Images of 3 x 4 pixels with 2 channels, all bytes different from their neighbours'; image i has label i.
ImageDataset pictures(Index count) {
  std::vector<std::uint8_t> pixels;
  std::vector<Index> labels;
  for (Index i = 0; i < count; ++i) {
    for (Index b = 0; b < 24; ++b) pixels.push_back(static_cast<std::uint8_t>(i * 31 + b * 7));
    labels.push_back(i);
  }
  return ImageDataset(pixels, labels, {.height = 3, .width = 4, .channels = 2});
}

TransformedDataset<ImageDataset> augmented(Index count) {
  return {pictures(count), Compose(Resize({5, 6}), RandomCrop(4, {.padding = 1}), RandomHorizontalFlip())};
}

/// A whole loop: labels and the bytes of the images in storage order.
struct Run {
  std::vector<Index> labels;
  std::vector<float> values;
  std::vector<Index> sizes;
  friend bool operator==(const Run&, const Run&) = default;
};
void add(Run& run, const Batch& batch) {
  const auto labels = batch.labels.to_vector();
  run.labels.insert(run.labels.end(), labels.begin(), labels.end());
  run.values.insert(run.values.end(), batch.images.data(), batch.images.data() + batch.images.numel());
  run.sizes.push_back(batch.images.dim(0));
}
template <class Loader>
Run run(Loader& loader) {
  Run result;
  for (const auto& batch : loader) add(result, batch);
  return result;
}

/// Fails at one sample.
struct Broken {
  Index bad;
  Index size() const { return 50; }
  Sample sample(Index i) const {
    if (i == bad) throw std::runtime_error("bytes are missing");
    return {Image{1, 1, 1, {static_cast<std::uint8_t>(i)}}, i};
  }
};

/// One image larger than the others.
struct Uneven {
  Index size() const { return 4; }
  Sample sample(Index i) const {
    const Index side = i == 2 ? 2 : 1;
    return {FloatImage{side, side, 1, std::vector<float>(static_cast<std::size_t>(side * side))}, i};
  }
};

}  // namespace

TEST_CASE("DataLoader stacks images channels-last and scales bytes to [0, 1]", "[data]") {
  DataLoader loader(pictures(5), {.batch_size = 2});
  CHECK(loader.size() == 3);
  Index first = 0;
  for (auto& [images, labels] : loader) {
    const Index count = std::min<Index>(2, 5 - first);
    REQUIRE(images.shape() == Shape{count, 2, 3, 4});
    CHECK(images.layout() == Layout::channels_last);
    REQUIRE(labels.shape() == Shape{count});
    for (Index n = 0; n < count; ++n) {
      CHECK(labels.at(n) == first + n);
      for (Index c = 0; c < 2; ++c)
        for (Index y = 0; y < 3; ++y)
          for (Index x = 0; x < 4; ++x) {
            const auto byte = static_cast<std::uint8_t>((first + n) * 31 + ((y * 4 + x) * 2 + c) * 7);
            CHECK(images.at(n, c, y, x) == static_cast<float>(byte) / 255.0f);
          }
    }
    first += count;
  }
  CHECK(first == 5);
}

TEST_CASE("Batches are the same for any number of workers", "[data]") {
  DataLoader plain(augmented(61), {.batch_size = 8, .shuffle = true, .num_workers = 0, .seed = 3});
  const Run epoch0 = run(plain), epoch1 = run(plain);
  CHECK(epoch0.sizes == std::vector<Index>{8, 8, 8, 8, 8, 8, 8, 5});
  CHECK(epoch0.labels != epoch1.labels);
  CHECK(epoch0.values != epoch1.values);
  for (Index workers = 1; workers <= 8; ++workers) {
    CAPTURE(workers);
    const Index ahead = 1 + workers % 3;
    DataLoader loader(augmented(61), {.batch_size = 8, .shuffle = true, .num_workers = workers, .prefetch_factor = ahead, .seed = 3});
    CHECK(run(loader) == epoch0);
    CHECK(run(loader) == epoch1);
  }
}

TEST_CASE("Order and draws are functions of seed and epoch", "[data]") {
  const auto at = [](std::uint64_t seed, Index epoch, bool shuffle) {
    DataLoader loader(augmented(40), {.batch_size = 7, .shuffle = shuffle, .seed = seed});
    loader.set_epoch(epoch);
    return run(loader);
  };
  CHECK(at(1, 2, true) == at(1, 2, true));
  CHECK(at(1, 2, true).labels != at(1, 3, true).labels);
  CHECK(at(1, 2, true).labels != at(2, 2, true).labels);
  CHECK(at(1, 2, false).labels == at(2, 3, false).labels);
  CHECK(at(1, 2, false).values != at(1, 3, false).values);  // the transforms draw anew
  CHECK(at(1, 2, false).values != at(2, 2, false).values);
  auto labels = at(1, 2, true).labels;
  CHECK_FALSE(std::is_sorted(labels.begin(), labels.end()));
  std::sort(labels.begin(), labels.end());
  for (Index i = 0; i < 40; ++i) CHECK(labels[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("Without a seed of its own a loader takes that of manual_seed", "[data]") {
  manual_seed(77);
  DataLoader implicit(pictures(20), {.batch_size = 20, .shuffle = true});
  manual_seed(0);
  DataLoader seeded(pictures(20), {.batch_size = 20, .shuffle = true, .seed = 77});
  CHECK(implicit.seed() == 77);
  CHECK(run(implicit) == run(seeded));
}

TEST_CASE("drop_last, batches larger than the data, no data", "[data]") {
  const Index workers = GENERATE(0, 2);
  DataLoader dropping(pictures(10), {.batch_size = 4, .drop_last = true, .num_workers = workers});
  CHECK(dropping.size() == 2);
  CHECK(run(dropping).sizes == std::vector<Index>{4, 4});
  DataLoader large(pictures(3), {.batch_size = 10, .num_workers = workers});
  CHECK(run(large).sizes == std::vector<Index>{3});
  DataLoader larger(pictures(3), {.batch_size = 10, .drop_last = true, .num_workers = workers});
  CHECK(run(larger).sizes.empty());
  DataLoader empty(pictures(0), {.batch_size = 4, .shuffle = true, .num_workers = workers});
  CHECK(empty.size() == 0);
  CHECK(run(empty).sizes.empty());
  CHECK(empty.epoch() == 1);
}

TEST_CASE("A run resumed in mid-epoch goes on as if it had not stopped", "[data]") {
  const Index stop = GENERATE(0, 1, 4, 8);  // batches; the epoch has 8
  const Index workers = GENERATE(0, 3);
  CAPTURE(stop, workers);
  const DataLoaderOptions options{.batch_size = 8, .shuffle = true, .num_workers = workers, .seed = 9};
  DataLoader whole(augmented(61), options);
  run(whole);
  const Run expected = run(whole), expected_next = run(whole);

  DataLoader stopped(augmented(61), options);
  run(stopped);
  Run result;
  NamedTensors state = stopped.state();
  if (stop > 0) {
    for (const auto& batch : stopped) {
      add(result, batch);
      state = stopped.state();  // the batch in hand counts as done
      if (stopped.position() == stop) break;
    }
  }
  CHECK(find(state, "position")->as<Index>().item() == stop);

  DataLoader resumed(augmented(61), {.batch_size = 8, .shuffle = true, .num_workers = 1, .seed = 12345});
  resumed.load_state(state);
  CHECK(resumed.seed() == 9);
  CHECK(resumed.epoch() == 1);
  for (const auto& batch : resumed) add(result, batch);
  CHECK(result == expected);
  CHECK(resumed.epoch() == 2);
  CHECK(resumed.position() == 0);
  CHECK(run(resumed) == expected_next);
}

TEST_CASE("A loop that is left early ends its workers, and the next one is a new epoch", "[data]") {
  const Index workers = GENERATE(0, 1, 4);
  DataLoader loader(augmented(100), {.batch_size = 2, .shuffle = true, .num_workers = workers, .seed = 4});
  DataLoader other(augmented(100), {.batch_size = 2, .shuffle = true, .seed = 4});
  for (Index epoch = 0; epoch < 5; ++epoch) {
    Index seen = 0;
    for ([[maybe_unused]] auto& batch : loader)
      if (++seen == 3) break;
    CHECK(seen == 3);
    CHECK(loader.epoch() == epoch);
    CHECK(loader.position() == 3);
  }
  other.set_epoch(5);
  CHECK(run(loader) == run(other));

  auto peek = loader.begin();  // an older loop goes on, but the newer one speaks for the loader
  CHECK(loader.epoch() == 6);
  CHECK(run(loader).sizes.size() == 50);
  CHECK(loader.epoch() == 8);
  ++peek;
  CHECK(loader.position() == 0);
}

TEST_CASE("Batches outlive their loop", "[data]") {
  std::vector<Batch> kept;
  {
    DataLoader loader(pictures(6), {.batch_size = 2, .num_workers = 2});
    for (auto& batch : loader) kept.push_back(batch);
  }
  REQUIRE(kept.size() == 3);
  for (Index i = 0; i < 3; ++i) {
    const Batch& batch = kept[static_cast<std::size_t>(i)];
    CHECK(batch.labels.to_vector() == std::vector<Index>{2 * i, 2 * i + 1});
    CHECK(batch.images.at(0, 0, 0, 0) == static_cast<float>(static_cast<std::uint8_t>(2 * i * 31)) / 255.0f);
  }
}

TEST_CASE("What goes wrong in a worker reaches the loop with the record named", "[data]") {
  const Index workers = GENERATE(0, 1, 3);
  DataLoader loader(Broken{17}, {.batch_size = 5, .num_workers = workers});
  Index batches = 0;
  const auto walk = [&] {
    for ([[maybe_unused]] auto& batch : loader) ++batches;
  };
  CHECK_THROWS_WITH(walk(), "DataLoader: record 17: bytes are missing");
  CHECK(batches == 3);  // records 0 to 14 came through first
  CHECK_THROWS_AS(walk(), Error);

  std::vector<Index> indices{40, 30, 17, 3};
  DataLoader of_subset(Subset(Broken{17}, indices), {.batch_size = 4, .num_workers = workers});
  CHECK_THROWS_WITH(run(of_subset), "DataLoader: record 17 (sample 2): bytes are missing");
  try {
    run(of_subset);
  } catch (const Error& error) {
    CHECK_THROWS_AS(std::rethrow_if_nested(error), std::runtime_error);
  }
}

TEST_CASE("Images of different sizes make no batch", "[data]") {
  DataLoader loader(Uneven{}, {.batch_size = 4});
  CHECK_THROWS_WITH(run(loader), "DataLoader: record 2: collate: image of 2x2x1 in a batch whose first image gave it shape [4, 1, 1, 1]");
  DataLoader single(Uneven{}, {.batch_size = 1});
  CHECK(run(single).values.size() == 7);
}

TEST_CASE("DataLoader refuses options outside their range", "[data]") {
  CHECK_THROWS_WITH(DataLoader(pictures(1), {.batch_size = 0}), "DataLoader: batch_size must be at least 1, got 0");
  CHECK_THROWS_WITH(DataLoader(pictures(1), {.num_workers = -1}), "DataLoader: num_workers must be at least 0, got -1");
  CHECK_THROWS_WITH(DataLoader(pictures(1), {.prefetch_factor = 0}), "DataLoader: prefetch_factor must be at least 1, got 0");
  DataLoader loader(pictures(4), {.batch_size = 2});
  CHECK_THROWS_WITH(loader.set_epoch(-1), "DataLoader: epoch must be at least 0, got -1");
  CHECK_THROWS_WITH(loader.set_epoch(0, 3), "DataLoader: position must be from 0 to 2 batches, got 3");
}

TEST_CASE("load_state refuses a state of other data and changes nothing", "[data]") {
  DataLoader loader(pictures(10), {.batch_size = 2, .shuffle = true, .seed = 6});
  loader.set_epoch(3, 1);
  NamedTensors state = loader.state();
  DataLoader other(pictures(10), {.batch_size = 5, .shuffle = true, .seed = 8});
  CHECK_THROWS_WITH(other.load_state(state), "DataLoader: load_state: batch_size is 2 in the state but 5 in the loader");
  DataLoader fewer(pictures(9), {.batch_size = 2, .shuffle = true, .seed = 8});
  CHECK_THROWS_WITH(fewer.load_state(state), "DataLoader: load_state: samples is 10 in the state but 9 in the loader");
  DataLoader same(pictures(10), {.batch_size = 2, .shuffle = true, .seed = 8});
  for (auto& [name, tensor] : state)
    if (name == "position") tensor = Tensor<Index>(Shape{}).fill(6);
  CHECK_THROWS_WITH(same.load_state(state), "DataLoader: position must be from 0 to 5 batches, got 6");
  state.pop_back();
  CHECK_THROWS_WITH(same.load_state(state), "DataLoader: load_state: the state has no entry position");
  CHECK(same.seed() == 8);
  CHECK(same.epoch() == 0);
}
