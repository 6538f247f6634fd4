// SPDX-License-Identifier: MIT
#include "tapestry/ops/convert.hpp"

#include "support/gradients.hpp"

using namespace tapestry;
using test::RandomConfig;

TEST_CASE("gradients through devices, layouts and copies", "[ops][convert][gradcheck]") {
  test::check_gradients(131, [](RandomConfig& random, Device device) {
    const auto x = random.tensor(random.shape(random.integer(0, 4), 1, 3), device, random.layout());
    const Layout layout = random.layout();
    const Device other = random.pick(test::devices());
    switch (random.turn(3)) {
      case 0: return gradcheck([&](const auto& a) { return clone(to(a, other)); }, {x});
      case 1:
        return gradcheck([&](const auto& a) { return clone(to_layout(a, layout)); },
                         {in_layout(random.tensor({2, 3, 1, 2}, device, random.layout()), random.layout())});
      default: return gradcheck([](const auto& a) { return clone(a); }, {x});
    }
  }, 3 * 200);
}

TEST_CASE("gradients pass between float and double", "[ops][convert]") {
  for (const Device device : test::devices()) {
    RandomConfig random(132);
    for (int i = 0; i < 200; ++i) {
      const auto x = random.tensor<float>(random.shape(random.integer(0, 4), 1, 3), device, random.layout()).requires_grad(true);
      const auto dy = random.tensor<double>(x.shape(), device, random.layout());
      Tape tape;
      const Tensor<double> y = to<double>(x);
      CHECK(y.layout() == x.layout());
      tape.backward(y, dy);
      CHECK(x.grad().to_vector() == to<float>(dy).to_vector());
    }
  }
}

TEST_CASE("scalars convert as by static_cast", "[ops][convert]") {
  for (const Device device : test::devices()) {
    const auto x = tensor<double>({-1.75, 0.0, 2.5, 255.0}, device);
    CHECK(to<Index>(x).to_vector() == std::vector<Index>{-1, 0, 2, 255});
    CHECK(to<std::int32_t>(x).to_vector() == std::vector<std::int32_t>{-1, 0, 2, 255});
    CHECK(to<float>(x).to_vector() == std::vector<float>{-1.75f, 0, 2.5f, 255});
    CHECK(to<bool>(x).to_vector() == std::vector<bool>{true, false, true, true});
    CHECK(to<double>(tensor<bool>({true, false}, device)).to_vector() == std::vector<double>{1, 0});
    CHECK(to<float>(tensor<std::uint8_t>({0, 255}, device)).to_vector() == std::vector<float>{0, 255});
    CHECK(to<double>(x).handle() == x.handle());
  }
}

TEST_CASE("clone shares nothing, to what is there already shares all", "[ops][convert]") {
  for (const Device device : test::devices()) {
    const auto x = in_layout(ones<float>({2, 3, 2, 2}, device), Layout::channels_last);
    const auto y = clone(x);
    CHECK(y.layout() == Layout::channels_last);
    y.fill(5);
    CHECK(x.at(0, 0, 0, 0) == 1);
    CHECK(to(x, device).handle() == x.handle());
    CHECK(to_layout(x, Layout::channels_last).handle() == x.handle());
    const auto away = to(x, cpu());
    CHECK(away.device() == cpu());
    CHECK(away.layout() == Layout::channels_last);
    CHECK(to(to(arange<Index>(6), device), cpu()).to_vector() == std::vector<Index>{0, 1, 2, 3, 4, 5});
    const auto row = arange<float>(24).with_shape({2, 3, 2, 2});
    CHECK(to_layout(to(row, device), Layout::channels_last).to_vector() == row.to_vector());
    CHECK(to_layout(ones({2, 3}), Layout::channels_last).layout() == Layout::row_major);
  }
}
