// SPDX-License-Identifier: MIT
#include "tapestry/ops/concat.hpp"

#include "support/gradients.hpp"
#include "tapestry/ops/slice.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of concat and stack", "[ops][concat][gradcheck]") {
  test::check_gradients(111, [](RandomConfig& random, Device device) {
    const bool stacked = random.turn(2) == 0;
    const Index rank = stacked ? random.integer(0, 3) : random.integer(1, 4);
    const Index axis = stacked ? random.integer(-rank - 1, rank) : random.integer(-rank, rank - 1);
    const Shape shape = random.shape(rank, 1, 3);
    std::vector<Tensor<double>> tensors;
    for (Index i = random.integer(1, 3); i > 0; --i) {
      Shape size = shape;
      if (!stacked) size[axis < 0 ? axis + rank : axis] = random.integer(1, 3);
      tensors.push_back(random.tensor(size, device, random.layout()));
    }
    return gradcheck([&](const std::vector<Tensor<double>>& x) { return stacked ? stack(x, axis) : concat(x, axis); }, tensors);
  }, 2 * 200);
}

TEST_CASE("what was put together comes apart, in any layout", "[ops][concat][layout]") {
  for (const Device device : test::devices()) {
    RandomConfig random(112);
    for (int i = 0; i < 50; ++i) {
      Shape shape = random.shape(4, 1, 4);
      const Index axis = random.integer(0, 3);
      const auto a = random.tensor(shape, device, random.layout());
      shape[axis] = random.integer(0, 3);
      const auto b = random.tensor(shape, device, random.layout());
      const auto y = concat({a, b}, axis);
      CHECK(y.layout() == a.layout());
      const auto pieces = split(y, {a.dim(axis), b.dim(axis)}, axis);
      CHECK(pieces[0].to_vector() == a.to_vector());
      CHECK(pieces[1].to_vector() == b.to_vector());
    }
    const auto x = tensor({1, 2}, device), z = tensor({3, 4}, device);
    CHECK(stack({x, z}).to_vector() == std::vector<float>{1, 2, 3, 4});
    CHECK(stack({x, z}, -1).to_vector() == std::vector<float>{1, 3, 2, 4});
    CHECK(stack({tensor(1, device), tensor(2, device)}).shape() == Shape{2});
    CHECK(concat({tensor<Index>({1}, device), tensor<Index>({2, 3}, device)}).to_vector() == std::vector<Index>{1, 2, 3});
  }
}

TEST_CASE("only those that ask get a gradient", "[ops][concat]") {
  const auto a = ones({2}), b = ones({3}).requires_grad(true);
  Tape tape;
  tape.backward(concat({a, b, a}), tensor({1, 2, 3, 4, 5, 6, 7}));
  CHECK(b.grad().to_vector() == std::vector<float>{3, 4, 5});
  CHECK_FALSE(a.has_grad());
}

TEST_CASE("tensors that do not fit together are refused", "[ops][concat]") {
  CHECK_THROWS_WITH(concat(std::vector<Tensor<float>>{}), "concat: tensors must hold at least one");
  CHECK_THROWS_WITH(concat({ones({2, 3}), ones({2, 4})}), "concat: tensors must agree but on axis 0, got shapes [2, 3] and [2, 4]");
  CHECK_THROWS_AS(concat({ones({2, 3}), ones({2})}), ShapeError);
  CHECK_THROWS_AS(concat({ones({}), ones({})}), ShapeError);
  CHECK_THROWS_AS(concat({ones({2}), ones({2})}, 1), IndexError);
  CHECK_THROWS_AS(concat({ones({2}), ones({2}, reference())}), TypeError);
  CHECK_THROWS_WITH(stack({ones({2}), ones({3})}), "stack: tensors must have one shape, got [2] and [3]");
  CHECK_THROWS_AS(stack({ones({2})}, 3), IndexError);
}
