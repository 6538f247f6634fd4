// SPDX-License-Identifier: MIT
#include <tapestry/core/callback.hpp>

#include <string>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("Callback: calls what it was made of, with the variables that were captured by reference") {
  int total = 0;
  std::string seen;
  Callback<int(int, const std::string&)> add = [&](int n, const std::string& name) {
    total += n;
    seen += name;
    return total;
  };
  CHECK(add(2, "a") == 2);
  CHECK(add(3, "b") == 5);
  CHECK(total == 5);
  CHECK(seen == "ab");
}

TEST_CASE("Callback: without a function it is false; assigning another replaces it; a copy calls the same") {
  int first = 0, second = 0;
  Callback<void()> callback;
  CHECK_FALSE(callback);
  callback = [&] { ++first; };
  CHECK(callback);
  const Callback<void()> copy = callback;
  callback = [&] { ++second; };
  copy();
  callback();
  callback();
  CHECK(first == 1);
  CHECK(second == 2);
}

TEST_CASE("Callback: captures of four words, results converted, arguments passed on as they are") {
  float a = 1, b = 2, c = 3, d = 4;
  const Callback<double(int&)> sum = [&](int& n) {
    n = 7;
    return a + b + c + d;
  };
  int n = 0;
  CHECK(sum(n) == 10.0);
  CHECK(n == 7);
}
