// SPDX-License-Identifier: MIT
#include "tapestry/ops/pad.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of pad in every mode", "[ops][pad][gradcheck]") {
  test::check_gradients(
      181,
      [](RandomConfig& random, Device device) {
        const PadMode mode = std::vector{PadMode::constant, PadMode::reflect, PadMode::replicate,
                                         PadMode::circular}[static_cast<std::size_t>(random.turn(4))];
        const Index rank = random.integer(1, 4);
        const auto x = random.tensor(random.shape(rank, 2, 4), device, random.layout());
        std::vector<Index> amounts;
        const Index padded_axes = random.integer(1, rank);
        for (Index i = 1; i <= padded_axes; ++i)
          for (int side = 0; side < 2; ++side) amounts.push_back(random.integer(0, mode == PadMode::reflect ? x.dim(-i) - 1 : x.dim(-i)));
        if (mode == PadMode::constant && random.coin()) amounts[0] = -1;
        if (std::all_of(amounts.begin(), amounts.end(), [](Index amount) { return amount == 0; })) amounts[0] = 1;
        return gradcheck([&](const auto& a) { return pad(a, amounts, {.mode = mode, .value = 3}); }, {x});
      },
      4 * 200);
}

TEST_CASE("what lies beyond the edge", "[ops][pad]") {
  for (const Device device : test::devices()) {
    const auto x = tensor({1, 2, 3}, device);
    const auto padded = [&](const std::vector<Index>& amounts, const PadOptions& options) { return pad(x, amounts, options).to_vector(); };
    using Values = std::vector<float>;
    CHECK(padded({2, 1}, {}) == Values{0, 0, 1, 2, 3, 0});
    CHECK(padded({1, 0}, {.value = 9}) == Values{9, 1, 2, 3});
    CHECK(padded({-1, 1}, {}) == Values{2, 3, 0});
    CHECK(padded({-1, -2}, {}).empty());
    CHECK(padded({2, 2}, {.mode = PadMode::reflect}) == Values{3, 2, 1, 2, 3, 2, 1});
    CHECK(padded({2, 4}, {.mode = PadMode::replicate}) == Values{1, 1, 1, 2, 3, 3, 3, 3, 3});
    CHECK(padded({2, 3}, {.mode = PadMode::circular}) == Values{2, 3, 1, 2, 3, 1, 2, 3});
    CHECK(padded({}, {}) == Values{1, 2, 3});
    CHECK(pad(tensor<Index>({{1, 2}}, device), {0, 0, 1, 0}, {.value = 7}).to_vector() == std::vector<Index>{7, 7, 1, 2});
    CHECK(pad(zeros({2, 0}, device), {1, 1}).to_vector() == Values{0, 0, 0, 0});
  }
}

TEST_CASE("padding an image pads its pixels, in either layout", "[ops][pad][layout]") {
  for (const Device device : test::devices()) {
    RandomConfig random(182);
    for (const PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate, PadMode::circular}) {
      const auto x = random.tensor({2, 3, 4, 5}, device, Layout::row_major);
      const auto row = pad(x, {1, 2, 3, 0, 0, 1}, {.mode = mode}),
                 last = pad(in_layout(x, Layout::channels_last), {1, 2, 3, 0, 0, 1}, {.mode = mode});
      CHECK(row.shape() == Shape{2, 4, 7, 8});
      CHECK(row.layout() == Layout::row_major);
      CHECK(last.layout() == Layout::channels_last);
      CHECK(row.to_vector() == last.to_vector());
      CHECK(row.at(1, 2, 3, 1) == x.at(1, 2, 0, 0));
      CHECK(row.at(1, 2, 6, 5) == x.at(1, 2, 3, 4));
    }
  }
}

TEST_CASE("amounts that do not fit are refused", "[ops][pad]") {
  const auto x = ones({2, 3});
  CHECK_THROWS_WITH(pad(x, {1}), "pad: amounts must be one pair an axis, for at most 2 axes, got 1 numbers");
  CHECK_THROWS_AS(pad(x, {1, 1, 1, 1, 1, 1}), ValueError);
  CHECK_THROWS_WITH(pad(x, {3, 0}, {.mode = PadMode::reflect}), "pad: amounts 3 and 0 do not fit axis 1 of size 3 in this mode");
  CHECK_THROWS_AS(pad(x, {0, 4}, {.mode = PadMode::circular}), ValueError);
  CHECK_THROWS_AS(pad(x, {-1, 0}, {.mode = PadMode::replicate}), ValueError);
  CHECK_THROWS_AS(pad(x, {-2, -2}), ValueError);
  CHECK_THROWS_AS(pad(zeros({2, 0}), {1, 1}, {.mode = PadMode::replicate}), ValueError);
}
