// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/normalize.hpp>

#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;

TEST_CASE("plain batch_statistics: mean and biased variance by column") {
  const Doubles x{1, 10, 2, 10, 6, 10};
  Doubles mean(2), variance(2);
  plain::batch_statistics(3, 2, x.data(), mean.data(), variance.data());
  CHECK(mean == Doubles{3, 10});
  CHECK(variance[0] == Approx(14.0 / 3));
  CHECK(variance[1] == 0);
}

TEST_CASE("plain batch_statistics keeps its digits where the mean is large") {
  const std::vector<float> x{10000, 10001, 10002, 10003};
  float mean = 0, variance = 0;
  plain::batch_statistics(4, 1, x.data(), &mean, &variance);
  CHECK(mean == 10001.5f);
  CHECK(variance == 1.25f);
}

TEST_CASE("plain normalize, with and without gamma and beta") {
  const Doubles x{1, 5, 3, 9}, mean{2, 7}, variance{3, 15}, gamma{10, 100}, beta{1, 2};
  Doubles y(4);
  plain::normalize<double>(2, 2, x.data(), mean.data(), variance.data(), 1.0, nullptr, nullptr, y.data());
  CHECK(y == Doubles{-0.5, -0.5, 0.5, 0.5});
  plain::normalize<double>(2, 2, x.data(), mean.data(), variance.data(), 1.0, gamma.data(), beta.data(), y.data());
  CHECK(y == Doubles{-4, -48, 6, 52});
  plain::normalize<double>(2, 2, x.data(), mean.data(), variance.data(), 1.0, nullptr, beta.data(), y.data());
  CHECK(y == Doubles{0.5, 1.5, 1.5, 2.5});
}

TEST_CASE("plain normalize_backward is the derivative of sum(dy * y)") {
  const Index rows = 5, channels = 3;
  const double eps = 0.1;
  const Doubles x = random_values<double>(15, 1), gamma = random_values<double>(3, 2), beta = random_values<double>(3, 3),
                dy = random_values<double>(15, 4), running_mean = random_values<double>(3, 5), running_variance{0.5, 1, 2};
  for (bool of_batch : {true, false})
    for (bool affine : {true, false}) {
      const auto loss = [&](const Doubles& at_x, const Doubles& at_gamma, const Doubles& at_beta) {
        Doubles mean = running_mean, variance = running_variance, y(15);
        if (of_batch) plain::batch_statistics(rows, channels, at_x.data(), mean.data(), variance.data());
        plain::normalize(rows, channels, at_x.data(), mean.data(), variance.data(), eps, affine ? at_gamma.data() : nullptr,
                         affine ? at_beta.data() : nullptr, y.data());
        return dot(dy, y);
      };
      Doubles mean = running_mean, variance = running_variance, dx(15), dgamma(3), dbeta(3);
      if (of_batch) plain::batch_statistics(rows, channels, x.data(), mean.data(), variance.data());
      plain::normalize_backward(rows, channels, x.data(), mean.data(), variance.data(), eps, affine ? gamma.data() : nullptr, dy.data(),
                                of_batch, dx.data(), dgamma.data(), dbeta.data());
      const double h = 1e-6;
      for (std::size_t i = 0; i < 15; ++i) {
        Doubles up = x, down = x;
        up[i] += h;
        down[i] -= h;
        CHECK(dx[i] == Approx((loss(up, gamma, beta) - loss(down, gamma, beta)) / (2 * h)).margin(1e-7));
      }
      if (!affine) continue;
      for (std::size_t c = 0; c < 3; ++c) {
        Doubles up = gamma, down = gamma;
        up[c] += h;
        down[c] -= h;
        CHECK(dgamma[c] == Approx((loss(x, up, beta) - loss(x, down, beta)) / (2 * h)).margin(1e-7));
        up = down = beta;
        up[c] += h;
        down[c] -= h;
        CHECK(dbeta[c] == Approx((loss(x, gamma, up) - loss(x, gamma, down)) / (2 * h)).margin(1e-7));
      }
    }
}

TEST_CASE("plain normalize_backward leaves out dx where it is not wanted") {
  const Doubles x{1, 3}, mean{2}, variance{1}, dy{1, 10};
  double dgamma = 0, dbeta = 0;
  plain::normalize_backward<double>(2, 1, x.data(), mean.data(), variance.data(), 0.0, nullptr, dy.data(), true, nullptr, &dgamma, &dbeta);
  CHECK(dbeta == 11);
  CHECK(dgamma == 9);
}
