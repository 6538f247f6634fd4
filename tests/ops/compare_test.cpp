// SPDX-License-Identifier: MIT
#include "tapestry/ops/compare.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

// Comparing tensors is by element and must not reach types that only look alike.
template <class A, class B>
concept Comparable = requires(const A& a, const B& b) { a == b; };
static_assert(Comparable<Tensor<float>, Tensor<float>> && Comparable<Tensor<float>, double> && Comparable<int, Tensor<double>>);
static_assert(!Comparable<Tensor<float>, Tensor<double>> && !Comparable<Tensor<Index>, double> && !Comparable<Tensor<float>, Shape> &&
              !Comparable<Tensor<float>, std::nullptr_t> && !Comparable<AnyTensor, AnyTensor>);
static_assert(std::same_as<decltype(Shape{} == Shape{}), bool>);

TEST_CASE("comparisons are those of C++ by element, with broadcasting", "[ops][compare]") {
  for (const Device device : test::devices()) {
    RandomConfig random(142);
    for (int i = 0; i < 50; ++i) {
      const Shape full = random.shape(4, 1, 3);
      const auto a = random.distinct(full, device, random.layout());
      const auto b = random.coin() ? a : random.distinct(full, device, random.layout());
      Shape at;
      for (Index axis = 0; axis < 4; ++axis) at.push_back(random.integer(0, full[axis] - 1));
      const double x = a.at(at), y = b.at(at);
      CHECK((a == b).at(at) == (x == y));
      CHECK((a != b).at(at) == (x != y));
      CHECK((a < b).at(at) == (x < y));
      CHECK((a <= b).at(at) == (x <= y));
      CHECK((a > b).at(at) == (x > y));
      CHECK((a >= b).at(at) == (x >= y));
      CHECK((a > 0).at(at) == (x > 0));
      CHECK((0.5 >= a).at(at) == (0.5 >= x));
    }
    const auto row = tensor({1, 2, 3}, device), column = tensor({{1}, {3}}, device);
    CHECK((row == column).to_vector() == std::vector<bool>{true, false, false, false, false, true});
    const auto nan = tensor({std::nan("")}, device);
    CHECK_FALSE((nan == nan).item());
    CHECK((nan != nan).item());
    CHECK_FALSE((nan > 0).item());
    CHECK((tensor<bool>({true, false}, device) == true).to_vector() == std::vector<bool>{true, false});
    CHECK((tensor<Index>({1, 2}, device) >= 2).to_vector() == std::vector<bool>{false, true});
    CHECK((zeros({0, 3}, device) > 0).shape() == Shape{0, 3});
  }
}

TEST_CASE("layout of comparisons", "[ops][compare][layout]") {
  const auto x = ones({2, 3, 2, 2}), last = in_layout(x, Layout::channels_last);
  CHECK((x == last).layout() == Layout::channels_last);
  CHECK((last > 0).layout() == Layout::channels_last);
  CHECK((x > 0).layout() == Layout::row_major);
  RandomConfig random(143);
  for (const Device device : test::devices())
    test::check_layouts({random.tensor({2, 3, 4, 2}, device, Layout::row_major), random.tensor({2, 3, 1, 2}, device, Layout::row_major)},
                        [](const auto& operands) { return operands[0] > operands[1]; });
}

TEST_CASE("comparisons that do not fit are refused", "[ops][compare]") {
  CHECK_THROWS_WITH(ones({2}) == ones({3}), "equal: shapes [2] and [3] do not broadcast: sizes 2 and 3 at axis -1");
  CHECK_THROWS_AS(ones({2}) < ones({2}, reference()), TypeError);
}
