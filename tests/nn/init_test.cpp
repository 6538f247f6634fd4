// SPDX-License-Identifier: MIT
#include "tapestry/nn/init.hpp"

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

struct Moments {
  double mean, deviation, least, most;
};
Moments moments(const Tensor<double>& x) {
  Moments m{0, 0, 1e300, -1e300};
  const auto values = x.to_vector();
  const double n = static_cast<double>(values.size());
  for (double value : values) {
    m.mean += value / n;
    m.least = std::min(m.least, value);
    m.most = std::max(m.most, value);
  }
  for (double value : values) m.deviation += (value - m.mean) * (value - m.mean) / n;
  m.deviation = std::sqrt(m.deviation);
  return m;
}

/// Uniform in +-bound: near both ends, never beyond, with the deviation that belongs to it.
void check_uniform(const Tensor<double>& x, double bound) {
  const Moments m = moments(x);
  CHECK(m.least >= -bound);
  CHECK(m.most < bound);
  CHECK(m.least < -0.99 * bound);
  CHECK(m.most > 0.99 * bound);
  CHECK(std::abs(m.mean) < 0.05 * bound);
  CHECK(m.deviation == Approx(bound / std::sqrt(3.0)).epsilon(0.03));
}
void check_normal(const Tensor<double>& x, double mean, double deviation) {
  const Moments m = moments(x);
  CHECK(std::abs(m.mean - mean) < 0.05 * deviation);
  CHECK(m.deviation == Approx(deviation).epsilon(0.03));
  CHECK(m.most > mean + 3 * deviation);  // more than 6000 numbers: a uniform would not reach it
  CHECK(m.least < mean - 3 * deviation);
}

}  // namespace

TEST_CASE("fans count what an output reads and an input feeds") {
  const auto conv = init::fans({30, 4, 3, 5}), linear = init::fans({7, 2}), sequence = init::fans({6, 2, 4});
  CHECK(conv.in == 60);
  CHECK(conv.out == 450);
  CHECK(linear.in == 2);
  CHECK(linear.out == 7);
  CHECK(sequence.in == 8);
  CHECK(sequence.out == 24);
  CHECK_THROWS_WITH(init::fans({7}), "init: weight must have at least 2 axes to have fans, got shape [7]");
  CHECK_THROWS_AS(init::fans({}), ShapeError);
}

TEST_CASE("each initialiser has the spread of its formula") {
  Generator generator(3);
  const Tensor<double> w(Shape{40, 20, 3, 3});  // fan_in 180, fan_out 360
  init::constant(w, 2.5);
  for (double value : w.to_vector()) REQUIRE(value == 2.5);
  init::uniform(w, -0.5, 0.5, generator);
  check_uniform(w, 0.5);
  init::normal(w, 3, 0.25, generator);
  check_normal(w, 3, 0.25);
  init::xavier_uniform(w, 1, generator);
  check_uniform(w, std::sqrt(6.0 / 540));
  init::xavier_uniform(w, 2, generator);
  check_uniform(w, 2 * std::sqrt(6.0 / 540));
  init::xavier_normal(w, 0.5, generator);
  check_normal(w, 0, 0.5 * std::sqrt(2.0 / 540));
  init::kaiming_uniform(w, 0, init::Fan::in, generator);
  check_uniform(w, std::sqrt(6.0 / 180));
  init::kaiming_uniform(w, std::sqrt(5.0), init::Fan::in, generator);
  check_uniform(w, 1 / std::sqrt(180.0));
  init::kaiming_normal(w, 0.1, init::Fan::out, generator);
  check_normal(w, 0, std::sqrt(2.0 / (1.01 * 360)));
  const Tensor<double> bias(Shape{40});
  init::torch_default(w, bias, generator);
  check_uniform(w, 1 / std::sqrt(180.0));
  const Moments m = moments(bias);
  CHECK(m.most < 1 / std::sqrt(180.0));
  CHECK(m.least >= -1 / std::sqrt(180.0));
  CHECK(m.deviation > 0.3 / std::sqrt(180.0));
}

TEST_CASE("a weight gets the same numbers in any layout and on any device, from the seed alone") {
  const auto draw = [](std::uint64_t seed, Layout layout, Device device) {
    const Tensor<double> w({5, 3, 2, 4}, layout, device);
    Generator generator(seed);
    init::kaiming_normal(w, 0, init::Fan::in, generator);
    return w.to_vector();
  };
  const auto expected = draw(7, Layout::row_major, cpu());
  for (const Device device : test::devices())
    for (const Layout layout : test::layouts()) {
      const auto got = draw(7, layout, device);
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(expected[i]).epsilon(1e-12));
    }
  CHECK(draw(8, Layout::row_major, cpu()) != expected);
}

TEST_CASE("a truncated normal has the spread of its formula and nothing beyond its bounds") {
  Generator generator(4);
  const Tensor<double> w(Shape{200, 100, 3});
  init::truncated_normal(w, 0, 1, -2, 2, generator);
  Moments m = moments(w);
  CHECK(m.least >= -2);
  CHECK(m.most <= 2);
  CHECK(m.least < -1.99);
  CHECK(m.most > 1.99);
  CHECK(m.mean == Approx(0).margin(0.02));
  CHECK(m.deviation == Approx(0.8796).epsilon(0.01));  // sqrt(1 - 4 phi(2) / (Phi(2) - Phi(-2)))
  init::truncated_normal(w, 1, 0.5, 1, 8, generator);  // the upper half of a normal
  m = moments(w);
  CHECK(m.least >= 1);
  CHECK(m.mean == Approx(1 + 0.5 * std::sqrt(2 / 3.14159265358979)).epsilon(0.01));
  init::truncated_normal(w, 0, 0.1, -2, 2, generator);  // so wide that nothing is cut off
  check_normal(w, 0, 0.1);
  CHECK_THROWS_WITH(init::truncated_normal(w, 0, 1, 5, 8),
                    contains_text("init: truncated_normal must have a thousandth of its numbers between low and high, got mean 0, deviation 1, low 5, high 8"));
  CHECK_THROWS_AS(init::truncated_normal(w, 0, 0, -2, 2), ValueError);
  CHECK_THROWS_AS(init::truncated_normal(w, 0, 1, 2, -2), ValueError);
}

TEST_CASE("a truncated normal is drawn the same in any layout and on any device") {
  const auto draw = [](Layout layout, Device device) {
    const Tensor<double> w({5, 3, 2, 4}, layout, device);
    Generator generator(9);
    init::truncated_normal(w, 0, 1, -0.5, 0.5, generator);
    CHECK(generator.position() == 120);
    return w.to_vector();
  };
  const auto expected = draw(Layout::row_major, cpu());
  for (const Device device : test::devices())
    for (const Layout layout : test::layouts()) CHECK(draw(layout, device) == expected);
}

TEST_CASE("while skipped, initialisers write nothing and draw nothing") {
  const Tensor<float> w = full<float>({3, 4}, 5);
  const Tensor<float> bias = full<float>({3}, 5);
  Generator generator(5);
  {
    const init::Skip skip;
    {
      const init::Skip within;
      init::constant(w, 1);
    }
    init::uniform(w, 0, 1, generator);
    init::normal(w, 0, 1, generator);
    init::truncated_normal(w, 0, 1, -2, 2, generator);
    init::kaiming_normal(w, 0, init::Fan::in, generator);
    init::xavier_uniform(w, 1, generator);
    init::torch_default(w, bias, generator);
    CHECK_THROWS_AS(init::kaiming_normal(bias), ShapeError);  // what is wrong stays wrong
  }
  CHECK(generator.position() == 0);
  CHECK(w.to_vector() == std::vector<float>(12, 5));
  CHECK(bias.to_vector() == std::vector<float>(3, 5));
  init::constant(w, 1);
  CHECK(w.to_vector() == std::vector<float>(12, 1));
}
