// SPDX-License-Identifier: MIT
#include "tapestry/ops/dropout.hpp"

#include "check_op.hpp"
#include "tapestry/ops/reduce.hpp"

using namespace tapestry;
using namespace test;

TEST_CASE("dropout: gradients, layouts and devices over random configurations") {
  RandomConfig random(501);
  Index configurations = 0, compared = 0;
  for (; configurations < 200; ++configurations) {
    const double p = random.pick({0.1, 0.3, 0.5, 0.9, 1.0});
    const std::uint64_t seed = static_cast<std::uint64_t>(random.integer(0, 1 << 20));
    const Inputs inputs{random.distinct(random.shape(random.integer(0, 5), 1, 3), cpu(), Layout::row_major)};
    const auto f = [&](const Inputs& in) {
      Generator generator(seed);  // the same numbers at each call
      return dropout(in[0], p, true, generator);
    };
    compared += check_op(random, f, inputs, {.allow_zero = true});  // all may be silenced
  }
  CHECK(configurations == 200);
  CHECK(compared > 1000);
}

TEST_CASE("dropout silences a share p of the elements and scales the others") {
  for (const Device& device : devices())
    for (const double p : {0.2, 0.5, 0.75}) {
      Generator generator(7);
      const auto y = dropout(ones<double>({100, 100}, device), p, true, generator).to_vector();
      double silenced = 0;
      bool scaled = true;
      for (const double value : y) {
        silenced += value == 0;
        scaled = scaled && (value == 0 || value == Approx(1 / (1 - p)));
      }
      CHECK(scaled);
      CHECK(silenced / 10000 == Approx(p).margin(0.025));  // five standard deviations
    }
}

TEST_CASE("dropout draws anew at each call, reproducibly, and not at all outside training") {
  const auto x = ones({2, 50});
  Generator generator(3);
  const auto first = dropout(x, 0.5, true, generator).to_vector(), second = dropout(x, 0.5, true, generator).to_vector();
  CHECK(generator.position() == 200);
  CHECK(first != second);
  generator.set(3);
  CHECK(dropout(x, 0.5, true, generator).to_vector() == first);
  CHECK(dropout(x, 0.5, false, generator).handle() == x.handle());
  CHECK(dropout(x, 0, true, generator).handle() == x.handle());
  CHECK(generator.position() == 100);
  CHECK(dropout(x, 1).to_vector() == std::vector<float>(100, 0.f));
  CHECK(dropout(zeros({0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("dropout: no channel is favoured, and none shares another's fate") {
  Generator generator(11);
  const auto y = dropout(in_layout(ones<double>({50, 4, 10, 10}), Layout::channels_last), 0.5, true, generator);
  for (const double share : mean(y, {0, 2, 3}).to_vector()) CHECK(share == Approx(1).margin(0.08));
  Index differing = 0;
  for (Index n = 0; n < 50; ++n)
    for (Index i = 0; i < 10; ++i) differing += y.at(n, 0, i, 0) != y.at(n, 1, i, 0);
  CHECK(differing > 180);
}

TEST_CASE("dropout: NaN passes where it is kept, and what is silenced is 0 even where it was NaN") {
  Generator generator(5);
  const auto y = dropout(full<double>({1000}, std::nan("")), 0.5, true, generator).to_vector();
  Index kept = 0, silenced = 0;
  for (const double value : y) (std::isnan(value) ? kept : silenced) += std::isnan(value) || value == 0;
  CHECK(kept + silenced == 1000);
  CHECK(kept > 400);
  CHECK(silenced > 400);
}

TEST_CASE("dropout refuses what is no probability, and draws nothing") {
  Generator generator(1);
  for (const double p : {-0.1, 1.1, std::nan("")})
    CHECK_THROWS_WITH(dropout(ones({3}), p, true, generator), contains_text("dropout: p must be from 0 to 1"));
  CHECK(generator.position() == 0);
}
