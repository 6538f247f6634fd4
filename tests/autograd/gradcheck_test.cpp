// SPDX-License-Identifier: MIT
#include "tapestry/autograd/gradcheck.hpp"

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/matmul.hpp"

using namespace tapestry;
using D = Tensor<double>;

namespace {
/// x^2 with a gradient of factor*x: right where factor is 2.
D square_with(const D& x, double factor) {
  return record("square", x.detach() * x.detach(), {x}, [x_grad = grad_of(x), x, factor](const D& dy) { x_grad.add(factor * x * dy); });
}
}  // namespace

TEST_CASE("a right gradient passes and its entries are counted", "[autograd][gradcheck]") {
  for (const Device device : test::devices()) {
    Generator generator(1);
    const auto x = rand<double>({3, 4}, generator, device), w = rand<double>({4, 2}, generator, device);
    CHECK(gradcheck([](const D& a) { return square_with(a, 2); }, {x}) == 12);
    CHECK(gradcheck([](const D& a, const D& b) { return matmul(a, b); }, {x, w}) == 20);
    CHECK(gradcheck([](const std::vector<D>& v) { return matmul(v[0], v[1]); }, {x, w}) == 20);
    CHECK(gradcheck([](const auto& a, const auto& b, const auto& c) { return a + b * c; }, {x, x, x}) == 36);
    CHECK(gradcheck([](const D& a) { return a * 2; }, {in_layout(rand<double>({2, 3, 2, 2}, generator, device), Layout::channels_last)}) ==
          24);
    CHECK_FALSE(x.has_grad());
    CHECK_FALSE(x.requires_grad());
  }
}

TEST_CASE("a wrong gradient fails, naming input, entry and both values", "[autograd][gradcheck]") {
  const auto x = tensor<double>({{1.0, 2.0}});
  CHECK_THROWS_WITH(
      gradcheck([](const D& a) { return square_with(a, 2.1); }, {x}),
      Catch::Contains("gradcheck: input 0 at [0, 0]: analytic ") && Catch::Contains(", numeric ") && Catch::Contains("(shape [1, 2])"));
  CHECK_NOTHROW(gradcheck([](const D& a) { return square_with(a, 2.1); }, {x}, {.rtol = 0.2}));
  const auto wrong_in_one = [](const D& a, const D& b) {
    return record("add", a.detach() + b.detach(), {a, b}, [a_grad = grad_of(a), b_grad = grad_of(b)](const D& dy) {
      a_grad.add(dy);
      const D db = copy_of(dy, dy.layout()).as<double>();
      db.set({0, 1}, 9);
      b_grad.add(db);
    });
  };
  CHECK_THROWS_WITH(gradcheck(wrong_in_one, {x, x}), Catch::Contains("gradcheck: input 1 at [0, 1]: analytic 9, numeric "));
}

TEST_CASE("gradients that are zero, missing or not finite fail", "[autograd][gradcheck]") {
  const auto x = tensor<double>({1.0, 2.0});
  const auto constant = [](const D& a) { return a * 0; };
  CHECK_THROWS_WITH(gradcheck(constant, {x}), "gradcheck: the gradient of input 0 is zero everywhere (shape [2]); nothing was compared");
  CHECK(gradcheck(constant, {x}, {.allow_zero = true}) == 2);
  const auto forgets_one = [](const D& a, const D& b) {
    return record("add", a.detach() + b.detach(), {a, b}, [a_grad = grad_of(a)](const D& dy) { a_grad.add(dy); });
  };
  CHECK_THROWS_WITH(gradcheck(forgets_one, {x, x}), "gradcheck: input 1 got no gradient (shape [2])");
  const auto infinite = [](const D& a) { return a / 0.0; };
  CHECK_THROWS_AS(gradcheck(infinite, {x}), AutogradError);
  CHECK_THROWS_AS(gradcheck([](const D& a) { return square_with(a, NAN); }, {x}), AutogradError);
  CHECK_THROWS_AS(gradcheck([](const D& a) { return a.detach() * 2; }, {x}), AutogradError);
  CHECK_THROWS_WITH(gradcheck([](const D& a) { return a * 2; }, {x, x}), "gradcheck: f does not take 2 inputs");
}
