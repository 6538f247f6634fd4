// SPDX-License-Identifier: MIT
#include "tapestry/tensor/creation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "support/catch.hpp"
#include "support/devices.hpp"

using namespace tapestry;

TEST_CASE("constant tensors", "[tensor][creation]") {
  for (const Device device : test::devices()) {
    CHECK(zeros({2, 3}, device).to_vector() == std::vector<float>(6, 0));
    CHECK(ones<double>({2}, device).to_vector() == std::vector<double>{1, 1});
    CHECK(full<Index>({3}, -7, device).to_vector() == std::vector<Index>{-7, -7, -7});
    CHECK(full<bool>({2}, true, device).to_vector() == std::vector<bool>{true, true});
    CHECK(full<std::uint8_t>({2}, 200, device).to_vector() == std::vector<std::uint8_t>{200, 200});
    CHECK(full<std::int32_t>({}, 5, device).item() == 5);
    CHECK(zeros({0, 3}, device).to_vector().empty());
    CHECK(empty({4, 5}, device).shape() == Shape{4, 5});
    CHECK(zeros({2}, device).device() == device);
    CHECK(zeros({2, 3, 4, 5}, device).layout() == Layout::row_major);
    CHECK(eye(2, 3, device).to_vector() == std::vector<float>{1, 0, 0, 0, 1, 0});
    CHECK(eye<Index>(2, -1, device).to_vector() == std::vector<Index>{1, 0, 0, 1});
    CHECK(eye(0, -1, device).numel() == 0);
  }
  CHECK_THROWS_WITH(zeros({2, -1}), "zeros: shape must have sizes of at least 0, got [2, -1]");
  CHECK_THROWS_AS(ones({Index{1} << 40, Index{1} << 40}), ShapeError);
  CHECK_THROWS_WITH(empty({-3}), "empty: shape must have sizes of at least 0, got [-3]");
}

TEST_CASE("a tensor for which there is no room names operation, bytes and shape", "[tensor][creation]") {
  // Beyond what the allocator asks the system for: refused by itself, under sanitizers too.
  const Shape huge{Index{1} << 20, Index{1} << 20, Index{1} << 19};
  const std::string text = "cannot allocate 4611686018427387904 bytes on cpu for a tensor of float64 of shape [1048576, 1048576, 524288]";
  CHECK_THROWS_WITH(zeros<double>(huge), "zeros: " + text);
  CHECK_THROWS_WITH(randn<double>(huge), "normal: " + text);
  CHECK_THROWS_WITH(Tensor<double>(huge), text);
  CHECK_THROWS_AS(full<double>(huge, 1), MemoryError);
  CHECK_THROWS_AS(arange<Index>(Index{1} << 59), MemoryError);
  double one = 1;
  CHECK_THROWS_AS(empty_like(from_blob(&one, huge)), MemoryError);
}

TEST_CASE("tensors like another keep its shape, layout, device and type", "[tensor][creation]") {
  for (const Device device : test::devices()) {
    const Tensor<double> x(Shape{2, 3, 2, 2}, Layout::channels_last, device);
    for (const auto& y : {empty_like(x), zeros_like(x), ones_like(x), full_like(x, 2.5), rand_like(x), randn_like(x)}) {
      CHECK(y.shape() == x.shape());
      CHECK(y.layout() == Layout::channels_last);
      CHECK(y.device() == device);
      CHECK(y.handle() != x.handle());
    }
    CHECK(full_like(x, 2.5).at(1, 2, 1, 0) == 2.5);
  }
}

TEST_CASE("tensors of what is written", "[tensor][creation]") {
  for (const Device device : test::devices()) {
    CHECK(tensor({1.5, 2.5}, device).to_vector() == std::vector<float>{1.5f, 2.5f});
    CHECK(tensor({1, 2.5}, device).to_vector() == std::vector<float>{1, 2.5f});
    CHECK(tensor<double>({0.1, 0.2}, device).at(1) == 0.2);
    CHECK(tensor<Index>({{1, 2}, {3, 4}, {5, 6}}, device).shape() == Shape{3, 2});
    CHECK(tensor({{1, 2.5}, {3, 4}}, device).to_vector() == std::vector<float>{1, 2.5f, 3, 4});
    CHECK(tensor({{1}, {2}}, device).shape() == Shape{2, 1});
    CHECK(tensor<Index>({{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}, device).at(1, 0, 1) == 6);
    CHECK(tensor<bool>({true, false}, device).to_vector() == std::vector<bool>{true, false});
    CHECK(tensor(2.5, device).shape() == Shape{});
    CHECK(tensor<Index>(7, device).item() == 7);
    const std::vector<float> values{1, 2, 3, 4, 5, 6};
    CHECK(tensor(values, {2, 3}, device).at(1, 0) == 4);
    CHECK(tensor<bool>(std::vector<bool>{true, false}, {2, 1}, device).at(1, 0) == false);
    CHECK(tensor<double>(std::vector<double>{}, {0, 4}, device).shape() == Shape{0, 4});
  }
  CHECK_THROWS_WITH(tensor({{1, 2}, {3}}), "tensor: lists of axis 1 must have one length, got 2 and 1");
  CHECK_THROWS_WITH(tensor(std::vector<float>{1, 2, 3}, {2, 2}), "tensor: 3 values do not fill shape [2, 2], which holds 4");
}

TEST_CASE("arange", "[tensor][creation]") {
  for (const Device device : test::devices()) {
    CHECK(arange(4, device).to_vector() == std::vector<float>{0, 1, 2, 3});
    CHECK(arange<Index>(2, 10, 3, device).to_vector() == std::vector<Index>{2, 5, 8});
    CHECK(arange<Index>(2, 11, 3, device).to_vector() == std::vector<Index>{2, 5, 8});
    CHECK(arange<Index>(5, 0, -2, device).to_vector() == std::vector<Index>{5, 3, 1});
    CHECK(arange<double>(0, 1, 0.25, device).to_vector() == std::vector<double>{0, 0.25, 0.5, 0.75});
    CHECK(arange<Index>(0, device).shape() == Shape{0});
    CHECK(arange<Index>(3, 3, 1, device).shape() == Shape{0});
    CHECK(arange<std::uint8_t>(250, 255, 2, device).to_vector() == std::vector<std::uint8_t>{250, 252, 254});
  }
  CHECK_THROWS_WITH(arange<Index>(0, 4, 0), "arange: step must not be 0, got start 0, stop 4, step 0");
  CHECK_THROWS_WITH(arange<float>(0, 4, 0), "arange: step must not be 0, got start 0, stop 4, step 0");
  CHECK_THROWS_WITH(arange<Index>(4, 0), "arange: step must lead from start to stop, got start 4, stop 0, step 1");
  CHECK_THROWS_AS(arange<std::int32_t>(0, 4, -1), ValueError);
  CHECK_THROWS_WITH(arange<float>(0, INFINITY), "arange: start, stop and step must be finite, got start 0, stop inf, step 1");
  for (const double wrong : {static_cast<double>(NAN), HUGE_VAL, -HUGE_VAL}) {
    CHECK_THROWS_AS(arange<double>(0, wrong), ValueError);
    CHECK_THROWS_AS(arange<double>(wrong, 0), ValueError);
    CHECK_THROWS_AS(arange<double>(0, 1, wrong), ValueError);
  }
  CHECK_THROWS_WITH(arange<float>(0, 1e30F), contains_text("arange: more elements than memory can hold, got start 0, stop 1"));
  CHECK_THROWS_AS(arange<double>(-1.7e308, 1.7e308), ValueError);  // their difference is no number
  CHECK_THROWS_AS(arange<double>(0, 1, 1e-300), ValueError);
  constexpr Index lowest = std::numeric_limits<Index>::min(), highest = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(arange<Index>(lowest, highest), ValueError);
  CHECK_THROWS_AS(arange<Index>(highest, lowest, -1), ValueError);
  CHECK(arange<Index>(lowest, 0, highest).to_vector() == std::vector<Index>{lowest, -1});
  CHECK(arange<Index>(highest, lowest, lowest).to_vector() == std::vector<Index>{highest, -1});
}

TEST_CASE("borrowed memory is used in place and given back once, by the last tensor", "[tensor][creation]") {
  std::vector<float> memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  int given_back = 0;
  {
    auto x = from_blob(memory.data(), {1, 3, 2, 2}, [&](void* data) { given_back += data == memory.data(); }, Layout::channels_last);
    CHECK(x.at(0, 1, 0, 0) == 1);
    CHECK(x.at(0, 0, 1, 1) == 9);
    x.set({0, 2, 1, 1}, 50);
    CHECK(memory[11] == 50);
    const auto y = x.with_shape({12});
    x = Tensor<float>();
    CHECK(given_back == 0);
  }
  CHECK(given_back == 1);
  const std::vector<float> before = memory;
  from_blob(memory.data(), {3, 4});  // without a deleter nothing is freed
  CHECK(memory == before);
  CHECK(from_blob<float>(nullptr, {0}).numel() == 0);
  CHECK_THROWS_WITH(from_blob<float>(nullptr, {2}), "from_blob: data must not be null for shape [2]");
}

TEST_CASE("the same seed gives the same numbers on every device and in every layout", "[tensor][creation][random]") {
  Generator first(7);
  const auto expected = randn<double>({2, 3, 4, 5}, first);
  for (const Device device : test::devices()) {
    Generator again(7);
    CHECK(randn<double>({2, 3, 4, 5}, again, device).to_vector() == expected.to_vector());
    CHECK(again.position() == first.position());
    again.set(7);
    CHECK(randn_like(Tensor<double>(Shape{2, 3, 4, 5}, Layout::channels_last, device), again).to_vector() == expected.to_vector());
    CHECK(randn<double>({2, 3, 4, 5}, again, device).to_vector() != expected.to_vector());
    Generator a(3), b(3);
    CHECK(randint(0, 100, {50}, a, device).to_vector() == randint(0, 100, {50}, b).to_vector());
    CHECK(bernoulli({50}, 0.3, a, device).to_vector() == bernoulli({50}, 0.3, b).to_vector());
    CHECK(randperm(50, a, device).to_vector() == randperm(50, b).to_vector());
    CHECK(rand({50}, a, device).to_vector() == rand({50}, b).to_vector());
  }
  manual_seed(5);
  const auto x = rand({10});
  manual_seed(5);
  CHECK(rand({10}, cpu()).to_vector() == x.to_vector());
}

TEST_CASE("random numbers have the distribution asked for", "[tensor][creation][random]") {
  for (const Device device : test::devices()) {
    Generator generator(11);
    const auto moments = [](const std::vector<double>& values) {
      const double n = static_cast<double>(values.size()), mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
      double square = 0;
      for (double value : values) square += (value - mean) * (value - mean);
      return std::pair{mean, square / n};
    };
    const auto flat = uniform<double>({10000}, -1, 3, generator, device).to_vector();
    CHECK(*std::min_element(flat.begin(), flat.end()) >= -1);
    CHECK(*std::max_element(flat.begin(), flat.end()) < 3);
    CHECK(moments(flat).first == Approx(1).margin(0.06));  // five standard errors
    CHECK(moments(flat).second == Approx(16.0 / 12).epsilon(0.06));
    const auto bell = normal<double>({10000}, 5, 2, generator, device).to_vector();
    CHECK(moments(bell).first == Approx(5).margin(0.1));
    CHECK(moments(bell).second == Approx(4).epsilon(0.08));
    std::vector<int> counts(5);
    for (Index value : randint(-2, 3, {10000}, generator, device).to_vector()) counts.at(static_cast<std::size_t>(value + 2)) += 1;
    for (int count : counts) CHECK(count == Approx(2000).margin(200));
    const auto coins = bernoulli({10000}, 0.2, generator, device).to_vector();
    CHECK(std::count(coins.begin(), coins.end(), true) == Approx(2000).margin(200));
    CHECK(bernoulli({3}, 0, generator, device).to_vector() == std::vector<bool>(3, false));
    CHECK(bernoulli({3}, 1, generator, device).to_vector() == std::vector<bool>(3, true));
    auto order = randperm(100, generator, device).to_vector();
    CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
    std::sort(order.begin(), order.end());
    CHECK(order == arange<Index>(100).to_vector());
    std::vector<int> first(3);
    for (int i = 0; i < 3000; ++i) first.at(static_cast<std::size_t>(randperm(3, generator).at(0))) += 1;
    for (int count : first) CHECK(count == Approx(1000).margin(130));
    CHECK(randn({0}, generator, device).numel() == 0);
    CHECK(randperm(0, generator, device).numel() == 0);
  }
}

TEST_CASE("random options outside their range are refused, and no number is drawn", "[tensor][creation][random]") {
  Generator generator(1);
  CHECK_THROWS_WITH(uniform({2}, 1, 0, generator), "uniform: high must be at least low, got low 1, high 0");
  CHECK_THROWS_WITH(normal({2}, 0, -1, generator), "normal: deviation must be at least 0, got -1");
  CHECK_THROWS_WITH(randint(3, 3, {2}, generator), "randint: high must be above low, got low 3, high 3");
  CHECK_THROWS_WITH(bernoulli({2}, 1.5, generator), "bernoulli: probability must be from 0 to 1, got 1.5");
  CHECK_THROWS_WITH(randperm(-1, generator), "randperm: count must be at least 0, got -1");
  CHECK_THROWS_AS(bernoulli({2}, NAN, generator), ValueError);
  CHECK_THROWS_AS(randn({-2}, generator), ShapeError);
  CHECK(generator.position() == 0);
}
