// SPDX-License-Identifier: MIT
#include "tapestry/ops/reduce.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

namespace {
/// Any choice of a shape's axes, counted from either end; none means all.
Shape some_axes(RandomConfig& random, Index rank) {
  Shape axes;
  for (Index axis = 0; axis < rank; ++axis)
    if (random.coin()) axes.push_back(random.coin() ? axis : axis - rank);
  return axes;
}
}  // namespace

TEST_CASE("gradients of sum and mean", "[ops][reduce][gradcheck]") {
  for (const bool of_mean : {false, true})
    test::check_gradients(of_mean ? 51 : 52, [of_mean](RandomConfig& random, Device device) {
      const auto x = random.tensor(random.shape(random.integer(0, 4), 1, 4), device, random.layout());
      const Shape axes = some_axes(random, x.rank());
      const ReduceOptions options{.keep_dim = random.coin()};
      return gradcheck([&](const auto& a) { return of_mean ? mean(a, axes, options) : sum(a, axes, options); }, {x});
    });
}

TEST_CASE("sums over any axes are those of plain loops", "[ops][reduce]") {
  for (const Device device : test::devices()) {
    RandomConfig random(53);
    for (int i = 0; i < 100; ++i) {
      const Shape shape = random.shape(4, 0, 4);
      const auto x = random.tensor(shape, device, random.layout());
      const Shape axes = some_axes(random, 4);
      std::array<bool, 4> reduced{};
      for (Index axis : axes) reduced[static_cast<std::size_t>(axis < 0 ? axis + 4 : axis)] = true;
      if (axes.empty()) reduced.fill(true);
      Shape kept = shape, left;
      Index count = 1;
      for (Index axis = 0; axis < 4; ++axis) {
        if (reduced[static_cast<std::size_t>(axis)]) {
          kept[axis] = 1;
          count *= shape[axis];
        } else {
          left.push_back(shape[axis]);
        }
      }
      std::vector<double> expected(static_cast<std::size_t>(kept.numel()), 0.0);
      const Shape stride = strides_of(kept, Layout::row_major);
      for (Index n = 0; n < shape[0]; ++n)
        for (Index c = 0; c < shape[1]; ++c)
          for (Index h = 0; h < shape[2]; ++h)
            for (Index w = 0; w < shape[3]; ++w) {
              const Shape at{n, c, h, w};
              Index place = 0;
              for (Index axis = 0; axis < 4; ++axis) place += kept[axis] == 1 ? 0 : at[axis] * stride[axis];
              expected[static_cast<std::size_t>(place)] += x.at(at);
            }
      const auto y = sum(x, axes), z = sum(x, axes, {.keep_dim = true}), m = mean(x, axes);
      CHECK(y.shape() == left);
      CHECK(z.shape() == kept);
      CHECK(z.layout() == Layout::row_major);
      const auto values = y.to_vector(), kept_values = z.to_vector(), means = m.to_vector();
      REQUIRE(values.size() == expected.size());
      for (std::size_t k = 0; k < expected.size(); ++k) {
        CHECK(values[k] == Approx(expected[k]).margin(1e-12));
        CHECK(kept_values[k] == Approx(expected[k]).margin(1e-12));
        if (count > 0)
          CHECK(means[k] == Approx(expected[k] / static_cast<double>(count)).margin(1e-12));
        else
          CHECK(std::isnan(means[k]));
      }
    }
  }
}

TEST_CASE("integers and truth values add up as Index", "[ops][reduce]") {
  for (const Device device : test::devices()) {
    const Tensor<Index> total = sum(tensor<bool>({true, false, true}, device));
    CHECK(total.item() == 2);
    CHECK(sum(full<std::uint8_t>({300}, 255, device)).item() == 300 * 255);
    CHECK(sum(tensor<std::int32_t>({{1, 2}, {3, 4}}, device), 0).to_vector() == std::vector<Index>{4, 6});
    CHECK(sum(zeros({0, 3}, device), 0).to_vector() == std::vector<float>{0, 0, 0});
    CHECK(sum(zeros({0, 3}, device), 1).shape() == Shape{0});
    CHECK(std::isnan(mean(zeros({0}, device)).item()));
    CHECK(sum(tensor(3, device), 0).item() == 3);
    CHECK(sum(tensor(3, device), -1, {.keep_dim = true}).shape() == Shape{});
  }
}

TEST_CASE("axes that do not exist are refused", "[ops][reduce]") {
  CHECK_THROWS_WITH(sum(ones({2, 3}), 2), "sum: axis must be from -2 to 1 for a tensor with 2 axes, got 2");
  CHECK_THROWS_WITH(mean(ones({2, 3}), {0, -2}), "mean: axes must differ, got [0, -2]");
  CHECK_THROWS_AS(sum(ones({}), 1), IndexError);
}
