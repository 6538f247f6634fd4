// SPDX-License-Identifier: MIT
#include "tapestry/optim/clip.hpp"

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Parameters whose gradients hold 3, -4, 0 and 12, and one without gradient.
std::vector<Tensor<double>> parameters_with_gradients(Device device, Layout layout) {
  std::vector<Tensor<double>> p{zeros<double>({3}, device), in_layout(zeros<double>({1, 1, 1, 1}, device), layout), zeros<double>({2}, device),
                                zeros<double>({0}, device)};
  p[0].set_grad(tensor<double>({3, -4, 0}, {3}, device));
  p[1].set_grad(full<double>({1, 1, 1, 1}, 12, device));
  p[3].set_grad(zeros<double>({0}, device));
  return p;
}
std::vector<double> gradients(const std::vector<Tensor<double>>& p) {
  CHECK_FALSE(p[2].has_grad());
  std::vector<double> all = p[0].grad().to_vector();
  all.push_back(p[1].grad().item());
  return all;
}

}  // namespace

TEST_CASE("the common norm is returned, and gradients beyond max_norm are scaled to it") {
  for (const Device device : test::devices())
    for (const Layout layout : test::layouts())
      for (const auto& [p, norm] : {std::pair(2.0, 13.0), std::pair(1.0, 19.0), std::pair(infinity, 12.0), std::pair(3.0, std::cbrt(27.0 + 64 + 1728)),
                                    std::pair(0.5, std::pow(std::sqrt(3.0) + 2 + std::sqrt(12.0), 2))}) {
        INFO("p " << p << " on " << device.name());
        auto given = parameters_with_gradients(device, layout);
        CHECK(clip_grad_norm(given, 100, p) == Approx(norm).epsilon(1e-12));
        CHECK(gradients(given) == std::vector<double>{3, -4, 0, 12});
        CHECK(clip_grad_norm(given, 6.5, p) == Approx(norm).epsilon(1e-12));
        const double scale = 6.5 / (norm + 1e-6);
        const auto clipped = gradients(given);
        const std::vector<double> before{3, -4, 0, 12};
        for (std::size_t i = 0; i < before.size(); ++i) CHECK(clipped[i] == Approx(before[i] * scale).epsilon(1e-12));
        CHECK(clip_grad_norm(given, 100, p) == Approx(6.5).epsilon(1e-5));
      }
}

TEST_CASE("a max_norm of 0 silences, no gradients have norm 0") {
  auto given = parameters_with_gradients(cpu(), Layout::row_major);
  clip_grad_norm(given, 0);
  for (double value : gradients(given)) CHECK(value == 0);
  CHECK(clip_grad_norm(std::vector<Tensor<double>>{zeros<double>({2})}, 1) == 0);
  CHECK(clip_grad_norm(std::vector<Tensor<double>>{}, 1) == 0);
}

TEST_CASE("values are clamped from both sides") {
  for (const Device device : test::devices()) {
    auto given = parameters_with_gradients(device, Layout::channels_last);
    clip_grad_value(given, 3.5);
    CHECK(gradients(given) == std::vector<double>{3, -3.5, 0, 3.5});
    clip_grad_value(given, 0);
    for (double value : gradients(given)) CHECK(value == 0);
  }
}

TEST_CASE("limits outside their range are refused by name, and nothing changes") {
  auto given = parameters_with_gradients(cpu(), Layout::row_major);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (double bad : {-1.0, nan}) {
    CHECK_THROWS_WITH(clip_grad_norm(given, bad), contains_text("clip_grad_norm: max_norm must be at least 0"));
    CHECK_THROWS_WITH(clip_grad_value(given, bad), contains_text("clip_grad_value: limit must be at least 0"));
  }
  for (double bad : {0.0, -2.0, nan}) CHECK_THROWS_WITH(clip_grad_norm(given, 1, bad), contains_text("clip_grad_norm: p must be above 0"));
  CHECK(gradients(given) == std::vector<double>{3, -4, 0, 12});
}
