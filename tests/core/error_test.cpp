// SPDX-License-Identifier: MIT
#include <tapestry/core/error.hpp>
#include <tapestry/core/shape.hpp>

#include <cstdint>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("message joins texts, numbers, truth values and whatever has to_string") {
  CHECK(message("linear: got ", 3, " features") == "linear: got 3 features");
  CHECK(message(std::string("a"), std::string_view("b"), 'c') == "abc");
  CHECK(message("shape ", Shape{1, 2}, " at axis -", std::int64_t{1}) == "shape [1, 2] at axis -1");
  CHECK(message("lr ", 0.1, " and ", -2.5f) == "lr 0.1 and -2.5");
  CHECK(message(true, " ", false) == "true false");
  CHECK(message(std::uint8_t{200}) == "200");
  CHECK(message(INT64_MIN) == "-9223372036854775808");
  CHECK(message() == "");
}

TEST_CASE("a text literal is a text, not a truth value") {
  const char* text = "plain";
  CHECK(message(text) == "plain");
  CHECK(message("literal") == "literal");
}

TEST_CASE("every error is an Error and a std::runtime_error with its own text") {
  CHECK_THROWS_AS(throw ShapeError("x"), Error);
  CHECK_THROWS_AS(throw ValueError("x"), Error);
  CHECK_THROWS_AS(throw IndexError("x"), Error);
  CHECK_THROWS_AS(throw TypeError("x"), Error);
  CHECK_THROWS_AS(throw AutogradError("x"), Error);
  CHECK_THROWS_AS(throw MemoryError("x"), Error);
  CHECK_THROWS_AS(throw FileError("x"), std::runtime_error);
  CHECK_THROWS_WITH(throw FileError("load: no such file"), "load: no such file");
}

TEST_CASE("the place of an error stands before its text, the outermost one's in the end, and the type stays") {
  struct Own : ShapeError {
    using ShapeError::ShapeError;
    int kept = 7;
  };
  const auto thrown = [] {
    try {
      try {
        throw Own("conv2d: wrong");
      } catch (Error& error) {
        error.set_place("inner: ");
        CHECK(std::string(error.what()) == "inner: conv2d: wrong");
        throw;
      }
    } catch (ShapeError& error) {
      error.set_place("outermost: ");
      throw;
    }
  };
  try {
    thrown();
    FAIL("nothing was thrown");
  } catch (const Own& error) {
    CHECK(std::string(error.what()) == "outermost: conv2d: wrong");
    CHECK(error.kept == 7);
    const Own copy = error;
    CHECK(std::string(copy.what()) == "outermost: conv2d: wrong");
  }
}
