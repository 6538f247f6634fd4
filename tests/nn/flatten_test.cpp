// SPDX-License-Identifier: MIT
#include "tapestry/nn/flatten.hpp"

#include "nn/layer_checks.hpp"
#include "support/devices.hpp"

using namespace tapestry;

TEST_CASE("Flatten: joins axes in logical order, whatever the layout") {
  const auto x = arange<double>(48).with_shape({2, 3, 2, 4});
  for (const Layout layout : test::layouts()) {
    const auto in = in_layout(x, layout);
    CHECK(Flatten<double>()(in).shape() == Shape{2, 24});
    CHECK(Flatten<double>()(in).to_vector() == x.to_vector());
    CHECK(Flatten<double>({.start_dim = 0})(in).shape() == Shape{48});
    CHECK(Flatten<double>({.start_dim = 2, .end_dim = 3})(in).shape() == Shape{2, 3, 8});
    CHECK(Flatten<double>({.start_dim = -3, .end_dim = -2})(in).shape() == Shape{2, 6, 4});
  }
  CHECK(Flatten()(zeros({0, 3, 2})).shape() == Shape{0, 6});
  CHECK_THROWS_AS(Flatten({.start_dim = 4})(zeros({2, 3})), IndexError);
  CHECK_THROWS_AS(Flatten({.start_dim = 2, .end_dim = 1})(zeros({2, 3, 4})), Error);
}

TEST_CASE("Flatten and Identity: print, and pass gradients") {
  CHECK(test::printed(Flatten()) == "Flatten(start_dim=1, end_dim=-1)");
  CHECK(test::printed(Identity<double>()) == "Identity()");
  const auto x = arange<double>(8).with_shape({1, 2, 2, 2}).requires_grad(true);
  Tape tape;
  const auto dy = arange<double>(8, 16, 1).with_shape({1, 8});
  tape.backward(Flatten<double>()(Identity<double>()(x)), dy);
  CHECK(x.grad().to_vector() == dy.to_vector());
}
