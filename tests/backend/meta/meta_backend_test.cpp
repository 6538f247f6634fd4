// SPDX-License-Identifier: MIT
#include "tapestry/backend/meta/meta_backend.hpp"

#include "support/catch.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/conv2d.hpp"
#include "tapestry/ops/cross_entropy.hpp"
#include "tapestry/ops/linear.hpp"
#include "tapestry/ops/matmul.hpp"
#include "tapestry/ops/max_pool2d.hpp"
#include "tapestry/ops/reduce.hpp"
#include "tapestry/ops/relu.hpp"

using namespace tapestry;

namespace {
/// Multiply-adds that f asks for.
template <class F>
std::uint64_t counted(F f) {
  const std::uint64_t before = detail::meta_multiply_adds();
  f();
  return detail::meta_multiply_adds() - before;
}
}  // namespace

TEST_CASE("the meta device holds shapes of any size and no memory") {
  CHECK(meta() == meta());
  CHECK_FALSE(meta() == cpu());
  CHECK(meta().name() == "meta");
  CHECK_FALSE(meta().memory().host_readable());
  for (int type = 0; type < dtype_count; ++type) {
    const AnyTensor huge = empty_any(static_cast<DType>(type), {1 << 20, 1 << 20, 64}, Layout::row_major, meta());
    CHECK(huge.device() == meta());
    CHECK(huge.numel() == Index{1} << 46);
  }
  const auto x = full<double>({3}, 7, meta());
  CHECK(x.to_vector() == std::vector<double>{0, 0, 0});  // there is nothing to read
  CHECK(copy_of(zeros({2, 3, 4, 5}, meta()), Layout::channels_last).layout() == Layout::channels_last);
}

TEST_CASE("ops on the meta device tell shapes, and refuse what does not fit as everywhere") {
  const auto x = zeros({1 << 20, 3, 224, 224}, meta()), w = zeros({64, 3, 7, 7}, meta()), b = zeros({64}, meta());
  const auto y = max_pool2d(relu(conv2d(x, w, b, {.stride = 2, .padding = 3})), 3, {.stride = 2, .padding = 1});
  CHECK(y.shape() == Shape{1 << 20, 64, 56, 56});
  CHECK(y.device() == meta());
  CHECK(sum(y + y).shape() == Shape{});
  CHECK_THROWS_AS(conv2d(zeros({1, 4, 8, 8}, meta()), w, b), ShapeError);
  CHECK_THROWS_AS(conv2d(zeros({1, 3, 8, 8}), w, b), TypeError);
}

TEST_CASE("multiply-adds of products and convolutions are counted, backward too") {
  const auto a = zeros<double>({5, 7}, meta()), b = zeros<double>({7, 3}, meta());
  CHECK(counted([&] { matmul(a, b); }) == 5 * 7 * 3);
  CHECK(counted([&] { matmul(zeros({4, 5, 7}, meta()), zeros({4, 7, 3}, meta())); }) == 4 * 5 * 7 * 3);
  CHECK(counted([&] { linear(a, zeros<double>({2, 7}, meta()), Tensor<double>()); }) == 5 * 7 * 2);
  const auto x = zeros({2, 4, 8, 9}, meta()), w = zeros({6, 2, 3, 3}, meta());
  const std::uint64_t forward = 2 * 6 * 7 * 6 * (2 * 9);  // images, pixels, filters, numbers under one filter
  CHECK(counted([&] { conv2d(x, w, Tensor<>(), {.groups = 2}); }) == forward);
  CHECK(counted([&] { relu(x); }) == 0);
  CHECK(counted([&] {
          Tape tape;
          x.requires_grad(true);
          w.requires_grad(true);
          const auto y = conv2d(x, w, Tensor<>(), {.groups = 2});
          tape.backward(y, zeros(y.shape(), meta()));
        }) == 3 * forward);
  CHECK(counted([&] { matmul(zeros({5, 7}), zeros({7, 3})); }) == 0);  // other devices do not count
}
