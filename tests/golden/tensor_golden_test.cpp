// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/compare.hpp"
#include "tapestry/ops/concat.hpp"
#include "tapestry/ops/extremum.hpp"
#include "tapestry/ops/indexing.hpp"
#include "tapestry/ops/matmul.hpp"
#include "tapestry/ops/pad.hpp"
#include "tapestry/ops/permute.hpp"
#include "tapestry/ops/pow.hpp"
#include "tapestry/ops/reduce.hpp"
#include "tapestry/ops/slice.hpp"
#include "tapestry/ops/topk.hpp"
#include "tapestry/ops/variance.hpp"

using namespace tapestry;

namespace {
using Inputs = std::vector<Tensor<double>>;
using Strings = std::vector<std::string>;

void check_unary(test::Golden& golden, const std::string& name, const std::function<Tensor<double>(const Tensor<double>&)>& function) {
  test::check_case(golden, name, {"x"}, [&](const Inputs& in, Device) { return function(in[0]); });
}
void check_binary(test::Golden& golden, const std::string& name,
                  const std::function<Tensor<double>(const Tensor<double>&, const Tensor<double>&)>& function) {
  test::check_case(golden, name, {"a", "b"}, [&](const Inputs& in, Device) { return function(in[0], in[1]); });
}
}  // namespace

TEST_CASE("matmul computes what PyTorch computes: vectors, matrices, batches that broadcast") {
  test::Golden golden("tensor");
  for (const std::string name : {"matrices", "batched", "broadcast_batch", "broadcast_left", "broadcast_both", "vectors", "vector_matrix",
                                 "matrix_vector", "batch_vector", "vector_batch", "inner_zero"})
    check_binary(golden, "matmul." + name, [](const auto& a, const auto& b) { return matmul(a, b); });
  CHECK(golden.unused("matmul.") == Strings());
}

TEST_CASE("arithmetic, pow and where broadcast as in PyTorch, forward and backward") {
  test::Golden golden("tensor");
  for (const std::string name : {"same", "row", "column", "outer", "scalar", "left_smaller", "middle"}) {
    check_binary(golden, "add." + name, [](const auto& a, const auto& b) { return a + b; });
    check_binary(golden, "sub." + name, [](const auto& a, const auto& b) { return a - b; });
    check_binary(golden, "mul." + name, [](const auto& a, const auto& b) { return a * b; });
    check_binary(golden, "div." + name, [](const auto& a, const auto& b) { return a / b; });
    check_binary(golden, "pow." + name, [](const auto& a, const auto& b) { return tapestry::pow(a, b); });
    check_binary(golden, "where." + name, [&](const auto& a, const auto& b) {
      return where(golden.get<bool>("where." + name, "condition", a.device()), a, b);
    });
  }
  check_binary(golden, "pow.zero_base", [](const auto& a, const auto& b) { return tapestry::pow(a, b); });
  for (const char* exponent : {"2.0", "3.0", "0.5", "-1.0", "0.0", "1.0", "-0.5"})
    check_unary(golden, std::string("pow.exponent") + exponent, [&](const auto& x) { return tapestry::pow(x, std::stod(exponent)); });
  for (const char* prefix : {"add.", "sub.", "mul.", "div.", "pow.", "where."}) CHECK(golden.unused(prefix) == Strings());
}

TEST_CASE("functions of each element compute what PyTorch computes") {
  test::Golden golden("tensor");
  check_unary(golden, "clamp.both", [](const auto& x) { return clamp(x, -1, 1); });
  check_unary(golden, "clamp.min", [](const auto& x) { return clamp_min(x, 0); });
  check_unary(golden, "clamp.max", [](const auto& x) { return clamp_max(x, 0.5); });
  check_unary(golden, "abs", [](const auto& x) { return tapestry::abs(x); });
  check_unary(golden, "neg", [](const auto& x) { return -x; });
  check_unary(golden, "exp", [](const auto& x) { return tapestry::exp(x); });
  check_unary(golden, "sqrt", [](const auto& x) { return tapestry::sqrt(x); });
  check_unary(golden, "log", [](const auto& x) { return tapestry::log(x); });
}

TEST_CASE("sum, mean and variance compute what PyTorch computes") {
  test::Golden golden("tensor");
  const auto both = [&](const std::string& name, const Axes& axes, const ReduceOptions& options) {
    check_unary(golden, "sum." + name, [&](const auto& x) { return sum(x, axes, options); });
    check_unary(golden, "mean." + name, [&](const auto& x) { return mean(x, axes, options); });
  };
  both("all", {}, {});
  both("axis0", 0, {});
  both("axis_last", -1, {});
  both("axes_keepdim", {0, 2}, {.keep_dim = true});
  const auto var = [&](const std::string& name, const Axes& axes, const VarianceOptions& options) {
    check_unary(golden, "var." + name, [&](const auto& x) { return variance(x, axes, options); });
  };
  var("all", {}, {});
  var("all0", {}, {.correction = 0});
  var("axis0", 0, {});
  var("axis1_correction0", 1, {.correction = 0});
  var("axis_last_keepdim", -1, {.keep_dim = true});
  var("axes", {0, 2}, {.correction = 1});
  var("axes_correction2", {1, 2}, {.correction = 2});
  for (const char* prefix : {"sum.", "mean.", "var."}) CHECK(golden.unused(prefix) == Strings());
}

TEST_CASE("max, min, their positions and topk are PyTorch's, equals and NaN included") {
  test::Golden golden("tensor");
  const auto positions = [&](const std::string& name, const char* role, const Tensor<Index>& got) {
    const auto expected = golden.get<Index>(name, role);
    INFO(name);
    CHECK(got.shape() == expected.shape());
    CHECK(got.to_vector() == expected.to_vector());
  };
  const auto along = [&](const std::string& name, Index axis, const ReduceOptions& options) {
    check_unary(golden, "max." + name, [&](const auto& x) {
      const auto result = tapestry::max(x, axis, options);
      positions("max." + name, "indices", result.indices);
      return result.values;
    });
    check_unary(golden, "min." + name, [&](const auto& x) {
      const auto result = tapestry::min(x, axis, options);
      positions("min." + name, "indices", result.indices);
      return result.values;
    });
    for (Device device : test::devices()) {
      positions("argmax." + name, "y", argmax(golden.get("argmax." + name, "x", device), axis, options));
      positions("argmin." + name, "y", argmin(golden.get("argmin." + name, "x", device), axis, options));
    }
  };
  along("axis0", 0, {});
  along("axis1_keepdim", 1, {.keep_dim = true});
  along("axis_last", -1, {});
  along("ties", 1, {});
  along("nan", 1, {});
  check_unary(golden, "max.all", [](const auto& x) { return tapestry::max(x); });
  check_unary(golden, "min.all", [](const auto& x) { return tapestry::min(x); });
  positions("argmax.all", "y", argmax(golden.get("argmax.all", "x")));
  positions("argmin.all", "y", argmin(golden.get("argmin.all", "x")));

  const auto top = [&](const std::string& name, Index k, const TopkOptions& options) {
    check_unary(golden, "topk." + name, [&](const auto& x) {
      const auto result = topk(x, k, options);
      positions("topk." + name, "indices", result.indices);
      return result.values;
    });
  };
  top("last", 3, {});
  top("axis0", 2, {.axis = 0});
  top("smallest", 2, {.axis = 1, .largest = false});
  top("all", 5, {.axis = -1});
  for (const char* prefix : {"max.", "min.", "argmax.", "argmin.", "topk."}) CHECK(golden.unused(prefix) == Strings());
}

TEST_CASE("selecting, cutting, padding, permuting and joining are PyTorch's") {
  test::Golden golden("tensor");
  for (const Index axis : {0, 1, -1}) {
    const std::string dim = "dim" + std::to_string(axis);
    check_unary(golden, "index_select." + dim, [&](const auto& x) {
      return index_select(x, axis, golden.get<Index>("index_select." + dim, "index", x.device()));
    });
    check_binary(golden, "stack." + dim, [&](const auto& a, const auto& b) { return stack({a, b}, axis); });
    test::check_case(golden, "cat." + dim, {"a", "b", "c"}, [&](const Inputs& in, Device) { return concat(in, axis); });
  }
  for (const Shape& order : {Shape{0, 2, 3, 1}, Shape{3, 1, 0, 2}, Shape{1, 0, 2, 3}, Shape{0, 1, 2, 3}, Shape{3, 2, 1, 0}}) {
    std::string name = "permute.";
    for (const Index axis : order) name += std::to_string(axis);
    check_unary(golden, name, [&](const auto& x) { return permute(x, order); });
  }
  check_unary(golden, "transpose.matrix", [](const auto& x) { return transpose(x, 0, 1); });
  check_unary(golden, "transpose.outer", [](const auto& x) { return transpose(x, 0, -1); });
  check_unary(golden, "slice.first", [](const auto& x) { return slice(x, 0, {.stop = 1}); });
  check_unary(golden, "slice.middle", [](const auto& x) { return slice(x, 1, {.start = 1, .stop = 4}); });
  check_unary(golden, "slice.from_end", [](const auto& x) { return slice(x, 1, {.start = -3, .stop = -1}); });
  check_unary(golden, "slice.step", [](const auto& x) { return slice(x, 1, {.step = 2}); });
  check_unary(golden, "slice.step_offset", [](const auto& x) { return slice(x, 2, {.start = 1, .stop = 4, .step = 2}); });
  check_unary(golden, "slice.beyond", [](const auto& x) { return slice(x, 1, {.start = 3, .stop = 99}); });
  check_unary(golden, "slice.empty", [](const auto& x) { return slice(x, 1, {.start = 4, .stop = 2}); });
  check_unary(golden, "pad.last", [](const auto& x) { return pad(x, {1, 2}); });
  check_unary(golden, "pad.image", [](const auto& x) { return pad(x, {1, 0, 2, 1}); });
  check_unary(golden, "pad.value", [](const auto& x) { return pad(x, {0, 1, 1, 0}, {.value = 2.5}); });
  check_unary(golden, "pad.negative", [](const auto& x) { return pad(x, {-1, 2, 1, -1}); });
  check_unary(golden, "pad.reflect", [](const auto& x) { return pad(x, {1, 2, 2, 0}, {.mode = PadMode::reflect}); });
  check_unary(golden, "pad.replicate", [](const auto& x) { return pad(x, {1, 2, 2, 0}, {.mode = PadMode::replicate}); });
  check_unary(golden, "pad.circular", [](const auto& x) { return pad(x, {1, 2, 2, 0}, {.mode = PadMode::circular}); });
  for (const char* prefix : {"index_select.", "stack.", "cat.", "permute.", "transpose.", "slice.", "pad."})
    CHECK(golden.unused(prefix) == Strings());
}
