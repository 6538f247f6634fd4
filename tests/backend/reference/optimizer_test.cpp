// SPDX-License-Identifier: MIT
#include <tapestry/backend/reference/optimizer.hpp>

#include <vector>

#include "support/catch.hpp"

using namespace tapestry;

namespace {
// Three steps on two weights. The expected weights are those of torch.optim in float64 with the same settings.
const std::vector<std::vector<double>> gradients{{0.5, -1.5}, {2.0, 0.25}, {-1.0, 0.125}};

void check(const std::vector<double>& w, double first, double second) {
  CHECK(w[0] == Approx(first).epsilon(1e-13));
  CHECK(w[1] == Approx(second).epsilon(1e-13));
}

void check_sgd(SgdStep step, double first, double second) {
  std::vector<double> w{1, -2}, momentum{99, 99};  // at the first step the buffer's old content must not count
  for (std::size_t t = 0; t < gradients.size(); ++t) {
    step.first = t == 0;
    plain::sgd_step(step, 2, gradients[t].data(), step.momentum != 0 ? momentum.data() : nullptr, w.data());
  }
  check(w, first, second);
}

void check_adam(AdamStep step, double first, double second) {
  std::vector<double> w{1, -2}, m(2), v(2), largest(2);
  for (const auto& dw : gradients) {
    ++step.step;
    plain::adam_step(step, 2, dw.data(), m.data(), v.data(), step.amsgrad ? largest.data() : nullptr, w.data());
  }
  check(w, first, second);
}

void check_rmsprop(const RmsPropStep& step, double first, double second) {
  std::vector<double> w{1, -2}, square(2), mean(2), momentum(2);
  for (const auto& dw : gradients)
    plain::rmsprop_step(step, 2, dw.data(), square.data(), step.centered ? mean.data() : nullptr,
                        step.momentum != 0 ? momentum.data() : nullptr, w.data());
  check(w, first, second);
}
}  // namespace

TEST_CASE("plain sgd_step is torch.optim.SGD") {
  check_sgd({.lr = 0.1, .momentum = 0, .dampening = 0, .weight_decay = 0, .nesterov = false, .maximize = false, .first = false}, 0.85,
            -1.8875);
  check_sgd({.lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.05, .nesterov = false, .maximize = false, .first = false},
            0.6314345390624999, -1.5918855625000001);
  check_sgd({.lr = 0.1, .momentum = 0.8, .dampening = 0, .weight_decay = 0.05, .nesterov = true, .maximize = true, .first = false},
            1.4145111609999999, -2.281818612);
}

TEST_CASE("plain adam_step is torch.optim.Adam and AdamW") {
  check_adam({.lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0, .step = 0, .decoupled = false, .amsgrad = false,
              .maximize = false},
             0.7814274657937227, -1.820169454408913);
  check_adam({.lr = 0.1, .beta1 = 0.8, .beta2 = 0.5, .eps = 1e-3, .weight_decay = 0.1, .step = 0, .decoupled = false, .amsgrad = true,
              .maximize = false},
             0.7893096263317786, -1.8130165829702412);
  check_adam({.lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.1, .step = 0, .decoupled = true, .amsgrad = false,
              .maximize = true},
             1.1859816347950514, -2.1179434523879723);
}

TEST_CASE("plain rmsprop_step is torch.optim.RMSprop") {
  check_rmsprop({.lr = 0.1, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0, .momentum = 0, .centered = false, .maximize = false},
                0.5226320715296967, -1.7676892418468448);
  check_rmsprop({.lr = 0.1, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.7, .centered = true, .maximize = false},
                -0.14584443183975243, -1.2959611928531674);
  check_rmsprop({.lr = 0.1, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0, .momentum = 0.7, .centered = false, .maximize = true},
                2.066367691311177, -2.5696114887453403);
}
