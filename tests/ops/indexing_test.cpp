// SPDX-License-Identifier: MIT
#include "tapestry/ops/indexing.hpp"

#include "support/gradients.hpp"
#include "tapestry/ops/convert.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients of index_select and gather", "[ops][indexing][gradcheck]") {
  test::check_gradients(161, [&](RandomConfig& random, Device device) {
    const Index rank = random.integer(1, 4), axis = random.integer(-rank, rank - 1);
    const auto x = random.tensor(random.shape(rank, 1, 4), device, random.layout());
    if (random.turn(2) == 0) {
      const auto indices = to(randint(0, x.dim(axis), {random.integer(1, 5)}, random.generator()), device);
      return gradcheck([&](const auto& a) { return index_select(a, axis, indices); }, {x});
    }
    Shape shape = random.shape(rank, 1, 3);
    for (Index i = 0; i < rank; ++i)
      if (i != (axis + rank) % rank) shape[i] = std::min(shape[i], x.dim(i));
    const auto indices = in_layout(to(randint(0, x.dim(axis), shape, random.generator()), device), random.layout());
    return gradcheck([&](const auto& a) { return gather(a, axis, indices); }, {x});
  }, 2 * 200);
}

TEST_CASE("chosen elements are those that the positions name", "[ops][indexing]") {
  for (const Device device : test::devices()) {
    RandomConfig random(162);
    for (int i = 0; i < 50; ++i) {
      const auto x = random.tensor(random.shape(4, 1, 4), device, random.layout());
      const Index axis = random.integer(0, 3);
      const auto indices = randint(0, x.dim(axis), {6}, random.generator(), device);
      const auto y = index_select(x, axis, indices);
      Shape at;
      for (Index k = 0; k < 4; ++k) at.push_back(random.integer(0, y.dim(k) - 1));
      Shape from = at;
      from[axis] = indices.at(at[axis]);
      CHECK(y.at(at) == x.at(from));

      const auto positions = in_layout(randint(0, x.dim(axis), x.shape(), random.generator(), device), random.layout());
      const auto z = gather(x, axis, positions);
      for (Index k = 0; k < 4; ++k) at[k] = random.integer(0, z.dim(k) - 1);
      from = at;
      from[axis] = positions.at(at);
      CHECK(z.at(at) == x.at(from));
    }
    CHECK(index_select(arange<Index>(4, device), 0, tensor<Index>({3, 3, 0}, device)).to_vector() == std::vector<Index>{3, 3, 0});
    CHECK(index_select(ones({2, 3}, device), 1, zeros<Index>({0}, device)).shape() == Shape{2, 0});
    CHECK(gather(ones({2, 3}, device), 1, zeros<Index>({2, 0}, device)).shape() == Shape{2, 0});
  }
}

TEST_CASE("a position that comes up twice gathers both gradients", "[ops][indexing]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({1, 2, 3}, device).requires_grad(true);
    Tape tape;
    tape.backward(index_select(x, 0, tensor<Index>({2, 0, 2}, device)), tensor<double>({1, 10, 100}, device));
    CHECK(x.grad().to_vector() == std::vector<double>{10, 0, 101});
  }
}

TEST_CASE("positions that do not exist are refused", "[ops][indexing]") {
  const auto x = ones({2, 3});
  CHECK_THROWS_WITH(index_select(x, 1, tensor<Index>({0, 3})), "index_select: indices must be from 0 to 2, got 3");
  CHECK_THROWS_WITH(index_select(x, 1, tensor<Index>({-1})), "index_select: indices must be from 0 to 2, got -1");
  CHECK_THROWS_AS(index_select(x, 2, tensor<Index>({0})), IndexError);
  CHECK_THROWS_AS(index_select(x, 0, zeros<Index>({1, 1})), ShapeError);
  CHECK_THROWS_AS(index_select(x, 0, zeros<Index>({1}, reference())), TypeError);
  CHECK_THROWS_WITH(gather(x, 1, zeros<Index>({3, 1})), "gather: indices of shape [3, 1] do not fit x of shape [2, 3] on axis 1");
  CHECK_THROWS_AS(gather(x, 1, full<Index>({2, 1}, 3)), IndexError);
  CHECK_THROWS_AS(gather(x, 1, zeros<Index>({2})), ShapeError);
}
