// SPDX-License-Identifier: MIT
#include "tapestry/nn/dropout.hpp"

#include "nn/layer_checks.hpp"

using namespace tapestry;

TEST_CASE("Dropout: drops and scales in training, passes on in evaluation") {
  manual_seed(1);
  Dropout<double> layer(0.25);
  const auto x = ones<double>({10000});
  Index kept = 0;
  for (double value : layer(x).to_vector()) {
    CHECK((value == 0 || value == Approx(1 / 0.75)));
    kept += value != 0;
  }
  CHECK(std::abs(static_cast<double>(kept) - 7500) < 200);
  CHECK(layer(x).to_vector() != layer(x).to_vector());
  manual_seed(9);
  const auto first = layer(x).to_vector();
  manual_seed(9);
  CHECK(layer(x).to_vector() == first);
  layer.eval();
  const auto position = default_generator().position();
  CHECK(layer(x).to_vector() == x.to_vector());
  CHECK(default_generator().position() == position);  // evaluation draws no numbers
  layer.train();
  CHECK(layer(x).to_vector() != x.to_vector());
}

TEST_CASE("Dropout: the ends, and what lies beyond") {
  const auto x = ones({100});
  CHECK(Dropout(0.0)(x).to_vector() == x.to_vector());
  for (float value : Dropout(1.0)(x).to_vector()) CHECK(value == 0);
  CHECK_THROWS_WITH(Dropout(1.5), "Dropout: p must be from 0 to 1, got 1.5");
  CHECK_THROWS_AS(Dropout({.p = -0.1}), ValueError);
  CHECK_THROWS_AS(Dropout(std::numeric_limits<double>::quiet_NaN()), ValueError);
}

TEST_CASE("Dropout: prints its options") {
  CHECK(test::printed(Dropout()) == "Dropout(p=0.5, inplace=False)");
  CHECK(test::printed(Dropout<double>({.p = 0.2, .inplace = true})) == "Dropout(p=0.2, inplace=True)");
}
