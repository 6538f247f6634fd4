// SPDX-License-Identifier: MIT
#include <tapestry/data/collate.hpp>

#include <stdexcept>
#include <string>

#include <tapestry/data/loader.hpp>
#include <tapestry/ops/arithmetic.hpp>
#include <tapestry/tensor/creation.hpp>

#include "support/catch.hpp"
#include "support/devices.hpp"

using namespace tapestry;

namespace {

/// Sentences as windows of numbers: what is read, and what comes next; drawn anew each epoch.
struct Windows {
  Index size() const { return 61; }
  std::pair<Tensor<Index>, Index> sample(Index i, SampleRandom& random) const {
    return {tensor<Index>({i, i + 1, random.below(1000)}), i + 2};
  }
};

/// A user's own type: texts of any length, and how much each counts.
struct Text {
  std::string letters;
  double weight;
};
struct Texts {
  Index bad = -1;
  Index size() const { return 20; }
  Text sample(Index i) const {
    if (i == bad) throw std::runtime_error("no such text");
    return {std::string(static_cast<std::size_t>(i), 'a'), 0.5};
  }
};
/// Without a default constructor.
struct TextBatch {
  std::vector<std::string> letters;
  double weight;
  TextBatch(std::vector<std::string> all, double sum) : letters(std::move(all)), weight(sum) {}
};
TextBatch join(std::vector<Text> texts) {
  if (texts.size() == 3) throw std::runtime_error("three are too many");
  TextBatch batch({}, 0);
  for (Text& text : texts) {
    batch.letters.push_back(std::move(text.letters));
    batch.weight += text.weight;
  }
  return batch;
}

template <class F>
struct From {
  Index count;
  F f;
  Index size() const { return count; }
  auto sample(Index i) const { return f(i); }
};
template <class F>
From(Index, F) -> From<F>;

/// The first batch of a loader of everything.
template <class F>
auto all_of(Index count, F f) {
  DataLoader loader(From{count, f}, {.batch_size = count});
  auto loop = loader.begin();
  return *loop;
}

}  // namespace

TEST_CASE("Tensors are stacked, channels-last where that makes images", "[data]") {
  const auto batch = all_of(3, [](Index i) { return arange<double>(2) + static_cast<double>(10 * i); });
  STATIC_REQUIRE(std::same_as<decltype(batch), const Tensor<double>>);
  CHECK(batch.shape() == Shape{3, 2});
  CHECK(batch.to_vector() == std::vector<double>{0, 1, 10, 11, 20, 21});
  const auto scalars = all_of(2, [](Index i) { return tensor<Index>(i); });
  CHECK(scalars.shape() == Shape{2});
  const auto images = all_of(2, [](Index i) {
    const Tensor<> image = full({2, 3, 4}, static_cast<float>(i));
    image.set({1, 2, 3}, 7);
    return image;
  });
  CHECK(images.shape() == Shape{2, 2, 3, 4});
  CHECK(images.layout() == Layout::channels_last);
  CHECK(images.at(1, 0, 0, 0) == 1);
  CHECK(images.at(1, 1, 2, 3) == 7);
  const auto from_elsewhere = all_of(2, [](Index i) { return on_device(full({2}, static_cast<float>(i)), reference()).template as<float>(); });
  CHECK(from_elsewhere.device() == cpu());
  CHECK(from_elsewhere.to_vector() == std::vector<float>{0, 0, 1, 1});
  CHECK(all_of(2, [](Index) { return zeros({0, 3}); }).shape() == Shape{2, 0, 3});
}

TEST_CASE("Numbers become tensors; pairs and tuples, of pictures too, become pairs and tuples of batches", "[data]") {
  CHECK(all_of(3, [](Index i) { return static_cast<int>(i); }).to_vector() == std::vector<Index>{0, 1, 2});
  CHECK(all_of(3, [](Index i) { return static_cast<float>(i) / 2; }).to_vector() == std::vector<float>{0, 0.5F, 1});
  CHECK(all_of(2, [](Index i) { return i == 1; }).to_vector() == std::vector<bool>{false, true});
  const auto [sample, pair, number] = all_of(2, [](Index i) {
    return std::tuple(Sample{Image{1, 1, 1, {255}}, i}, std::pair(i, 0.25), i == 0);
  });
  CHECK(sample.images.to_vector() == std::vector<float>{1, 1});
  CHECK(sample.labels.to_vector() == std::vector<Index>{0, 1});
  CHECK(pair.first.to_vector() == std::vector<Index>{0, 1});
  CHECK(pair.second.to_vector() == std::vector<double>{0.25, 0.25});
  CHECK(number.to_vector() == std::vector<bool>{true, false});
}

TEST_CASE("Batches of tensors are the same for any number of workers", "[data]") {
  const auto run = [](auto&& dataset, Index workers) {
    DataLoader loader(dataset, {.batch_size = 8, .shuffle = true, .num_workers = workers, .seed = 3});
    std::vector<Index> numbers;
    for (int epoch = 0; epoch < 2; ++epoch)
      for (const auto& [text, next] : loader)
        for (const auto& part : {text.to_vector(), next.to_vector()}) numbers.insert(numbers.end(), part.begin(), part.end());
    return numbers;
  };
  const auto expected = run(Windows(), 0);
  CHECK(expected.size() == 2 * 61 * 4);
  CHECK(std::vector(expected.begin(), expected.begin() + 244) != std::vector(expected.begin() + 244, expected.end()));
  for (Index workers = 1; workers <= 8; ++workers) CHECK(run(Windows(), workers) == expected);
  const Subset part(Windows(), {5, 7});
  const auto numbers = run(part, 0);
  CHECK(numbers.size() == 2 * 2 * 4);
}

TEST_CASE("A user's samples become what a function makes of them", "[data]") {
  const Index workers = GENERATE(0, 1, 8);
  const DataLoaderOptions options{.batch_size = 8, .num_workers = workers};
  DataLoader loader(Texts(), join, options);
  std::vector<std::size_t> sizes, lengths;
  for (const TextBatch& batch : loader) {
    sizes.push_back(batch.letters.size());
    CHECK(batch.weight == 0.5 * static_cast<double>(batch.letters.size()));
    for (const auto& letters : batch.letters) lengths.push_back(letters.size());
  }
  CHECK(sizes == std::vector<std::size_t>{8, 8, 4});
  for (std::size_t i = 0; i < 20; ++i) CHECK(lengths.at(i) == i);
  CHECK(loader.epoch() == 1);

  const auto walk = [](auto& from) {
    for ([[maybe_unused]] auto& batch : from) {
    }
  };
  DataLoader broken(Texts{13}, join, options);
  CHECK_THROWS_WITH(walk(broken), "DataLoader: record 13: no such text");
  DataLoader of_three(Subset(Texts(), {0, 1, 2, 3, 4, 5, 6}), join, {.batch_size = 4, .num_workers = workers});
  CHECK_THROWS_WITH(walk(of_three), "DataLoader: batch 1: three are too many");
  DataLoader uneven(From{4, [](Index i) { return zeros({i < 3 ? Index{2} : Index{5}}); }}, options);
  CHECK_THROWS_WITH(walk(uneven), "DataLoader: record 3: collate: tensor of shape [5] in a batch whose first sample gave it shape [4, 2]");
}
