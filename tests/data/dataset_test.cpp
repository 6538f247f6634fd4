// SPDX-License-Identifier: MIT
#include <tapestry/data/dataset.hpp>

#include <algorithm>
#include <numeric>

#include <tapestry/data/crop.hpp>

#include "support/catch.hpp"

using namespace tapestry;

namespace {

/// `count` images of one byte each, their own number, which is their label too.
ImageDataset numbers(Index count) {
  std::vector<std::uint8_t> pixels;
  std::vector<Index> labels;
  for (Index i = 0; i < count; ++i) {
    pixels.push_back(static_cast<std::uint8_t>(i));
    labels.push_back(i);
  }
  return ImageDataset(pixels, labels, {.height = 1, .width = 1, .channels = 1});
}

/// The parts' indices together, in order.
template <class Parts>
std::vector<Index> together(const Parts& parts) {
  std::vector<Index> all;
  for (const auto& part : parts) all.insert(all.end(), part.indices().begin(), part.indices().end());
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Index> range(Index count) {
  std::vector<Index> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), Index{0});
  return values;
}

}  // namespace

TEST_CASE("ImageDataset gives its images and labels", "[data]") {
  const ImageDataset interleaved({1, 2, 3, 4, 5, 6, 7, 8}, {5, 9}, {.height = 1, .width = 2, .channels = 2});
  CHECK(interleaved.size() == 2);
  CHECK(std::get<Image>(interleaved.sample(1).image) == Image{1, 2, 2, {5, 6, 7, 8}});
  CHECK(interleaved.sample(1).label == 9);
  const ImageDataset planar({1, 2, 3, 4, 5, 6, 7, 8}, {5, 9}, {.height = 1, .width = 2, .channels = 2, .planar = true});
  CHECK(std::get<Image>(planar.sample(1).image) == Image{1, 2, 2, {5, 7, 6, 8}});

  CHECK_THROWS_WITH(interleaved.sample(2), "ImageDataset: index 2 must be from 0 to 1");
  CHECK_THROWS_AS(interleaved.label(-1), IndexError);
  CHECK_THROWS_WITH(ImageDataset({1, 2, 3}, {0}, {.height = 1, .width = 2, .channels = 2}),
                    "ImageDataset: pixels has 3 bytes but 1 labels with images of 1x2x2 need 4");
  CHECK_THROWS_AS(ImageDataset({}, {}, {.height = 0}), ValueError);
}

TEST_CASE("Subsets of subsets know the record", "[data]") {
  const Subset outer(Subset(numbers(10), {9, 7, 5, 3}), {3, 0, 0});
  SampleRandom random;
  CHECK(outer.size() == 3);
  CHECK(outer.sample(0, random).label == 3);
  CHECK(outer.sample(2, random).label == 9);
  CHECK(detail::record_of(TransformedDataset(outer, CenterCrop(1)), 1) == 9);
  CHECK_THROWS_WITH(Subset(numbers(3), {0, 3}), "Subset: index 3 must be from 0 to 2");
  CHECK_THROWS_AS(outer.sample(3, random), IndexError);
}

TEST_CASE("TransformedDataset changes images and keeps labels", "[data]") {
  const TransformedDataset dataset(numbers(3), CenterCrop(3));
  SampleRandom random;
  const Sample sample = dataset.sample(2, random);
  CHECK(std::get<Image>(sample.image) == Image{3, 3, 1, {0, 0, 0, 0, 2, 0, 0, 0, 0}});
  CHECK(sample.label == 2);
  CHECK(dataset.transform().describe() == "CenterCrop(3)");
}

TEST_CASE("random_split: disjoint, complete, seeded", "[data]") {
  for (Index size : {0, 1, 2, 7, 100, 1000}) {
    const auto parts = random_split(numbers(size), {0.7, 0.2, 0.1}, 5);
    CHECK(together(parts) == range(size));
  }
  const auto [train, valid] = random_split(numbers(1000), {0.95, 0.05}, 1);
  const auto [same, unused] = random_split(numbers(1000), {950, 50}, 1);
  const auto [other, unused_too] = random_split(numbers(1000), {950, 50}, 2);
  CHECK(train.size() == 950);
  CHECK(valid.size() == 50);
  CHECK(train.indices() == same.indices());
  CHECK(train.indices() != other.indices());
  CHECK_FALSE(std::is_sorted(train.indices().begin(), train.indices().end()));
  CHECK(random_split(numbers(10), std::vector<Index>{0, 10}, 1)[1].size() == 10);
}

TEST_CASE("random_split mixes evenly", "[data]") {
  int low = 0;  // of the first half in the first part, over many seeds: 10 of 20 in the mean
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto parts = random_split(numbers(40), {0.5, 0.5}, seed);
    low += static_cast<int>(std::count_if(parts[0].indices().begin(), parts[0].indices().end(), [](Index i) { return i < 20; }));
  }
  CHECK((low > 1880 && low < 2120));  // 2000 expected, deviation 23
}

TEST_CASE("random_split deals out what fractions leave, as PyTorch does", "[data]") {
  const auto sizes = [](Index size, const std::vector<double>& fractions) {
    std::vector<Index> counts;
    for (const auto& part : random_split(numbers(size), fractions, 0)) counts.push_back(part.size());
    return counts;
  };
  CHECK(sizes(11, {0.5, 0.5}) == std::vector<Index>{6, 5});
  CHECK(sizes(10, {0.33, 0.33, 0.34}) == std::vector<Index>{4, 3, 3});
  CHECK(sizes(5, {0.25, 0.25, 0.25, 0.25}) == std::vector<Index>{2, 1, 1, 1});
  CHECK(sizes(3, {0.25, 0.25, 0.25, 0.25}) == std::vector<Index>{1, 1, 1, 0});
  CHECK(sizes(4, {1.0, 0.0}) == std::vector<Index>{4, 0});
}

TEST_CASE("random_split refuses lengths that do not add up", "[data]") {
  CHECK_THROWS_WITH(random_split(numbers(10), {0.9, 0.2}, 0), contains_text("lengths given as fractions must add up to 1"));
  CHECK_THROWS_WITH(random_split(numbers(10), {9, 2}, 0), "random_split: lengths must add up to the dataset's 10 samples, got 11");
  CHECK_THROWS_WITH(random_split(numbers(10), {11, -1}, 0), "random_split: lengths must be at least 0, got -1");
  CHECK_THROWS_AS(random_split(numbers(10), {std::nan(""), 1.0}, 0), ValueError);
}
