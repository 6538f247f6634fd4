// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/loss.hpp>

#include <vector>

#include "support/catch.hpp"

using namespace tapestry;
using Doubles = std::vector<double>;

TEST_CASE("plain nll_loss takes the target's log-probability, weighted, and skips what is ignored") {
  const Doubles log_p{-1, -2, -3, -4, -5, -6, -7, -8, -9};
  const std::vector<Index> target{2, -100, 0};
  const Doubles weight{0.5, 9, 2};
  Doubles loss(3), scale(3);

  plain::nll_loss<double>(3, 3, log_p.data(), target.data(), nullptr, -100, loss.data(), scale.data());
  CHECK(loss == Doubles{3, 0, 7});
  CHECK(scale == Doubles{1, 0, 1});

  plain::nll_loss(3, 3, log_p.data(), target.data(), weight.data(), -100, loss.data(), scale.data());
  CHECK(loss == Doubles{6, 0, 3.5});
  CHECK(scale == Doubles{2, 0, 0.5});

  const std::vector<Index> within{2, 1, 0};  // the ignored label may be a class
  plain::nll_loss(3, 3, log_p.data(), within.data(), weight.data(), 1, loss.data(), scale.data());
  CHECK(loss == Doubles{6, 0, 3.5});
}

TEST_CASE("plain nll_loss_backward writes the target's place alone") {
  const std::vector<Index> target{2, -100, 0};
  const Doubles scale{2, 0, 0.5}, dloss{3, 5, 10};
  Doubles dlog_p(9, 99);
  plain::nll_loss_backward(3, 3, target.data(), scale.data(), dloss.data(), dlog_p.data());
  CHECK(dlog_p == Doubles{0, 0, -6, 0, 0, 0, -5, 0, 0});
}
