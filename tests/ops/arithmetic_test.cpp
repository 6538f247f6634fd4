// SPDX-License-Identifier: MIT
#include "tapestry/ops/arithmetic.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

namespace {
using Operation = Tensor<double> (*)(const Tensor<double>&, const Tensor<double>&);

Tensor<double> plus(const Tensor<double>& a, const Tensor<double>& b) { return a + b; }
Tensor<double> minus(const Tensor<double>& a, const Tensor<double>& b) { return a - b; }
Tensor<double> times(const Tensor<double>& a, const Tensor<double>& b) { return a * b; }
Tensor<double> over(const Tensor<double>& a, const Tensor<double>& b) { return a / b; }

/// Two tensors that broadcast, 4-D ones in any layout; one at least has an element.
Index check_broadcast(RandomConfig& random, Device device, Operation operation, double low) {
  const Shape full = random.shape(random.integer(0, 4), 1, 3);
  Shape a = random.broadcastable(full), b = random.broadcastable(full);
  (random.coin() ? a : b) = full;
  return gradcheck(operation, {random.tensor(a, device, random.layout()), random.tensor(b, device, random.layout(), low, low + 1.5)});
}
}  // namespace

TEST_CASE("gradients of + - * / with broadcasting", "[ops][arithmetic][gradcheck]") {
  test::check_gradients(11, [](RandomConfig& random, Device device) { return check_broadcast(random, device, plus, -2); });
  test::check_gradients(12, [](RandomConfig& random, Device device) { return check_broadcast(random, device, minus, -2); });
  test::check_gradients(13, [](RandomConfig& random, Device device) { return check_broadcast(random, device, times, -2); });
  test::check_gradients(14, [](RandomConfig& random, Device device) { return check_broadcast(random, device, over, 0.5); });
}

TEST_CASE("gradients of arithmetic with plain numbers", "[ops][arithmetic][gradcheck]") {
  test::check_gradients(15, [](RandomConfig& random, Device device) {
    const double s = random.real(0.5, 2);
    const auto x = random.tensor(random.shape(random.integer(0, 4), 1, 3), device, random.layout(), 0.5, 2);
    switch (random.turn(8)) {
      case 0: return gradcheck([s](const auto& a) { return s + a; }, {x});
      case 1: return gradcheck([s](const auto& a) { return a + s; }, {x});
      case 2: return gradcheck([s](const auto& a) { return s - a; }, {x});
      case 3: return gradcheck([s](const auto& a) { return a - s; }, {x});
      case 4: return gradcheck([s](const auto& a) { return s * a; }, {x});
      case 5: return gradcheck([s](const auto& a) { return a * s; }, {x});
      case 6: return gradcheck([s](const auto& a) { return s / a; }, {x});
      default: return gradcheck([s](const auto& a) { return -(a / s); }, {x});
    }
  }, 8 * 200);
}

TEST_CASE("arithmetic gives what C++ gives by element", "[ops][arithmetic]") {
  for (const Device device : test::devices()) {
    RandomConfig random(16);
    for (int i = 0; i < 50; ++i) {
      const Shape full = random.shape(4, 1, 3), small = random.broadcastable(full);
      const auto a = random.tensor(full, device, random.layout()), b = random.tensor(small, device, random.layout(), 0.5, 2);
      const auto sum = a + b, difference = a - b, product = a * b, quotient = a / b;
      const Index lacking = 4 - small.rank();
      for (Index n = 0; n < full[0]; ++n)
        for (Index c = 0; c < full[1]; ++c)
          for (Index h = 0; h < full[2]; ++h)
            for (Index w = 0; w < full[3]; ++w) {
              const Shape at{n, c, h, w};
              Shape at_b;
              for (Index axis = lacking; axis < 4; ++axis) at_b.push_back(small[axis - lacking] == 1 ? 0 : at[axis]);
              const double x = a.at(at), y = b.at(at_b);
              REQUIRE(sum.at(at) == x + y);
              REQUIRE(difference.at(at) == x - y);
              REQUIRE(product.at(at) == x * y);
              REQUIRE(quotient.at(at) == x / y);
            }
    }
  }
}

TEST_CASE("a binary result is channels-last if a 4-D operand of the full shape is", "[ops][arithmetic][layout]") {
  const auto x = ones({2, 3, 2, 2}), last = in_layout(x, Layout::channels_last),
             channel = in_layout(ones({1, 3, 1, 1}), Layout::channels_last);
  CHECK((x + x).layout() == Layout::row_major);
  CHECK((x + last).layout() == Layout::channels_last);
  CHECK((last + x).layout() == Layout::channels_last);
  CHECK((x + channel).layout() == Layout::row_major);
  CHECK((channel * last).layout() == Layout::channels_last);
  CHECK((2 * last).layout() == Layout::channels_last);
  CHECK((-last).layout() == Layout::channels_last);
  RandomConfig random(17);
  for (const Device device : test::devices())
    for (Operation operation : {plus, minus, times, over})
      test::check_layouts(
          {random.tensor({2, 3, 4, 2}, device, Layout::row_major), random.tensor({3, 1, 2}, device, Layout::row_major, 1, 2),
           random.tensor({2, 3, 1, 2}, device, Layout::row_major, 1, 2)},
          [&](const auto& x3) { return operation(operation(x3[0], x3[1]), x3[2]); });
}

TEST_CASE("a gradient has its tensor's layout", "[ops][arithmetic][layout]") {
  const auto x = in_layout(ones<double>({2, 3, 2, 2}), Layout::channels_last);
  x.requires_grad(true);
  const auto w = ones<double>({2, 3, 2, 2}).requires_grad(true);
  Tape tape;
  const auto y = x * w;
  tape.backward(y, ones<double>({2, 3, 2, 2}));
  CHECK(x.grad().layout() == Layout::channels_last);
  CHECK(w.grad().layout() == Layout::row_major);
}

TEST_CASE("plain numbers and integers", "[ops][arithmetic]") {
  for (const Device device : test::devices()) {
    const auto x = tensor({1.0f, -2.0f}, device);
    CHECK((2 * x * 0.5).to_vector() == std::vector<float>{1, -2});
    CHECK((1 - x / 4).to_vector() == std::vector<float>{0.75f, 1.5f});
    CHECK((1 / x).to_vector() == std::vector<float>{1, -0.5f});
    const auto i = tensor<Index>({7, -7, 3}, device);
    CHECK((i / 2).to_vector() == std::vector<Index>{3, -3, 1});
    CHECK((i * i - 1).to_vector() == std::vector<Index>{48, 48, 8});
    CHECK_THROWS_WITH(i / tensor<Index>({1, 0, 2}, device), "divide: divisor must not hold 0 where both are integers");
    CHECK_THROWS_AS(i / 0, ValueError);
    const auto zero = -0.0f * ones({1}, device) * 1.0f;
    CHECK(std::signbit((zero * 3).item()));
  }
}

TEST_CASE("sizes of 0 and tensors without axes", "[ops][arithmetic]") {
  for (const Device device : test::devices()) {
    CHECK((zeros({0, 3}, device) + ones({3}, device)).shape() == Shape{0, 3});
    CHECK((zeros({0}, device) * ones({1}, device)).shape() == Shape{0});
    CHECK((tensor(2, device) + tensor(3, device)).item() == 5);
    CHECK((tensor(2, device) * ones({2, 2}, device)).shape() == Shape{2, 2});
    CHECK((2 * zeros({0, 2}, device)).numel() == 0);
  }
}

TEST_CASE("operands that do not fit are refused", "[ops][arithmetic]") {
  CHECK_THROWS_WITH(ones({2, 3}) + ones({2}), "add: shapes [2, 3] and [2] do not broadcast: sizes 3 and 2 at axis -1");
  CHECK_THROWS_AS(ones({2, 3}) * ones({3, 2}), ShapeError);
  CHECK_THROWS_AS(ones({2}) / zeros({0}), ShapeError);
  CHECK_THROWS_WITH(ones({2}) - ones({2}, reference()),
                    "subtract: tensors lie on different devices, cpu and reference; move one with to(x, device)");
  CHECK_THROWS_WITH(Tensor<float>() + ones({2}), "tensor: used before it was given a value");
}
