// SPDX-License-Identifier: MIT
#include "../../examples/common/embedded_dataset.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <set>

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

/// Fowler, Noll and Vo's hash, FNV-1a.
std::uint64_t hash_of(const std::uint8_t* bytes, std::size_t count) {
  std::uint64_t hash = 14695981039346656037u;
  for (std::size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 1099511628211u;
  return hash;
}

}  // namespace

TEST_CASE("the drawn images are the same bytes everywhere") {
  const Cifar10 start = make_embedded_dataset(200);
  CHECK(hash_of(start.pixels.data(), start.pixels.size()) == 0x7a82b3cd24e9a96fu);
  const Cifar10 end = make_embedded_dataset(100, embedded_seed, embedded_train_count - 100);
  CHECK(hash_of(end.pixels.data(), end.pixels.size()) == 0xcaa367304f0d0708u);
  const Cifar10 other = make_embedded_dataset(100, 0xFEDCBA9876543210u);
  CHECK(hash_of(other.pixels.data(), other.pixels.size()) == 0x1919eac6bb3c9551u);
}

TEST_CASE("an image depends on the seed and its number only") {
  const Cifar10 all = make_embedded_dataset(60, 5, 0, 1);
  for (std::size_t workers : {2u, 3u, 8u, 100u}) {
    const Cifar10 shared = make_embedded_dataset(60, 5, 0, workers);
    CHECK(shared.pixels == all.pixels);
    CHECK(shared.labels == all.labels);
  }
  const Cifar10 part = make_embedded_dataset(10, 5, 37);
  CHECK(std::equal(part.pixels.begin(), part.pixels.end(), all.image(37)));
  CHECK(std::equal(part.labels.begin(), part.labels.end(), all.labels.begin() + 37));
  CHECK(make_embedded_dataset(60, 6).pixels != all.pixels);
  CHECK(make_embedded_dataset(0).size() == 0);
}

TEST_CASE("the ten classes are even in number and their images differ") {
  const Cifar10 data = make_embedded_dataset(2000);
  REQUIRE(data.classes.size() == 10);
  for (std::uint8_t label = 0; label < 10; ++label) CHECK(std::count(data.labels.begin(), data.labels.end(), label) == 200);
  std::set<std::uint64_t> hashes;
  for (std::size_t i = 0; i < data.size(); ++i) hashes.insert(hash_of(data.image(i), cifar10_image_bytes));
  CHECK(hashes.size() == data.size());
}

TEST_CASE("a pixel's brightness says nothing about the class") {
  // The mean over a class's images lies near the mean over all, so the class cannot be read from pixels one by one.
  const Cifar10 data = make_embedded_dataset(10000);
  double all = 0;
  std::array<double, 10> by_class{};
  for (std::size_t i = 0; i < data.size(); ++i) {
    double sum = 0;
    for (std::size_t p = 0; p < cifar10_image_bytes; ++p) sum += data.image(i)[p];
    all += sum / 3072 / 10000;
    by_class[data.labels[i]] += sum / 3072 / 1000;
  }
  CHECK(all > 100);
  CHECK(all < 155);
  for (double mean : by_class) CHECK(std::abs(mean - all) < 8);
}

TEST_CASE("the drawn set can be written and read as CIFAR-10's files") {
  const Scratch scratch;
  const Cifar10 data = make_embedded_dataset(25);
  write_cifar10_train(scratch.path(), data);
  const Cifar10 back = read_cifar10_train(scratch.path());
  CHECK(back.pixels == data.pixels);
  CHECK(back.labels == data.labels);
  CHECK(back.classes == embedded_classes());
}

TEST_CASE("the table's sine is a sine") {
  for (int k = -64; k < 128; ++k) CHECK(std::abs(examples::detail::sine_1024(k) - 1024 * std::sin(k * std::numbers::pi / 32)) < 0.6);
}
