// SPDX-License-Identifier: MIT
#include "tapestry/tensor/tensor.hpp"

#include "support/catch.hpp"
#include "support/devices.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

TEST_CASE("elements are read and written by logical coordinates", "[tensor]") {
  for (const Device device : test::devices())
    for (const Layout layout : test::layouts()) {
      const Tensor<double> x(Shape{2, 3, 4, 5}, layout, device);
      CHECK(x.layout() == layout);
      double value = 0;
      for (Index n = 0; n < 2; ++n)
        for (Index c = 0; c < 3; ++c)
          for (Index h = 0; h < 4; ++h)
            for (Index w = 0; w < 5; ++w) x.set({n, c, h, w}, value++);
      CHECK(x.to_vector() == arange<double>(120).to_vector());
      CHECK(x.at(1, 2, 3, 4) == 119);
      CHECK(x.at(-1, -3, 0, -5) == 60);
      CHECK(x.at(Shape{0, 1, 0, 2}) == 22);
      CHECK_THROWS_WITH(x.at(0, 3, 0, 0), "at: coordinate 3 of axis 1 must be from -3 to 2 (shape [2, 3, 4, 5])");
      CHECK_THROWS_AS(x.at(0, 0, 0, -6), IndexError);
      CHECK_THROWS_WITH(x.at(0, 0), "at: 2 coordinates for a tensor with 4 axes (shape [2, 3, 4, 5])");
      const auto version = x.body().storage->version;
      CHECK_THROWS_AS(x.set({0, 0, 4, 0}, 1), IndexError);
      CHECK(x.body().storage->version == version);
    }
}

TEST_CASE("what a tensor says of itself", "[tensor]") {
  const Tensor<float> none;
  CHECK_FALSE(none.defined());
  CHECK_FALSE(none.requires_grad());
  CHECK_THROWS_WITH(none.shape(), "tensor: used before it was given a value");
  for (const Device device : test::devices()) {
    const auto x = zeros<std::int32_t>({2, 3, 4}, device);
    CHECK(x.rank() == 3);
    CHECK(x.numel() == 24);
    CHECK(x.bytes() == 96);
    CHECK(x.dim(-1) == 4);
    CHECK(x.dtype() == DType::int32);
    CHECK(x.device() == device);
    CHECK(x.strides() == Shape{12, 4, 1});
    CHECK(Tensor<float>(Shape{2, 3, 4, 5}, Layout::channels_last, device).strides() == Shape{60, 1, 15, 3});
    CHECK(Tensor<float>(Shape{2, 3}, Layout::channels_last, device).layout() == Layout::row_major);
    CHECK_THROWS_AS(x.dim(3), IndexError);
    CHECK(tensor(2.5, device).item() == 2.5f);
    CHECK(full<double>({1, 1}, 3, device).item() == 3);
    CHECK_THROWS_WITH(x.item(), "item: tensor must hold one element, got shape [2, 3, 4]");
    CHECK_THROWS_AS(zeros({0}, device).item(), ShapeError);
  }
}

TEST_CASE("handles share elements; fill and copy_from write them", "[tensor]") {
  for (const Device device : test::devices())
    for (const Layout layout : test::layouts()) {
      const Tensor<float> x(Shape{1, 2, 2, 2}, layout, device);
      const Tensor<float> same = x;
      x.fill(3);
      CHECK(same.to_vector() == std::vector<float>(8, 3));
      for (const Device from : test::devices())
        for (const Layout other : test::layouts()) {
          const auto source = in_layout(tensor<float>({1, 2, 3, 4, 5, 6, 7, 8}, from).with_shape({1, 2, 2, 2}), other);
          x.fill(0);
          x.copy_from(source);
          CHECK(x.to_vector() == source.to_vector());
          CHECK(x.layout() == layout);
          CHECK(same.handle() == x.handle());
        }
      const auto version = x.body().storage->version;
      CHECK_THROWS_AS(x.copy_from(zeros<float>({8})), ShapeError);
      CHECK(x.body().storage->version == version);
    }
}

TEST_CASE("every write raises the version, and no reading does", "[tensor]") {
  const auto x = zeros({2, 2});
  auto last = x.body().storage->version;
  const auto raised = [&] { return std::exchange(last, x.body().storage->version) != x.body().storage->version; };
  x.fill(1);
  CHECK(raised());
  x.set({0, 1}, 2);
  CHECK(raised());
  x.copy_from(ones({2, 2}));
  CHECK(raised());
  x.mutable_data()[0] = 5;
  CHECK(raised());
  x.detach().fill(1);  // shares the storage
  CHECK(raised());
  x.with_shape({4}).fill(1);
  CHECK(raised());
  CHECK(x.data()[0] == 1);
  x.to_vector();
  x.at(0, 0);
  copy_of(x, x.layout());
  CHECK_FALSE(raised());
}

TEST_CASE("with_shape keeps the number of elements", "[tensor]") {
  const auto x = arange(6);
  CHECK(x.with_shape({2, 3}).at(1, 0) == 3);
  CHECK_THROWS_WITH(x.with_shape({4}), "with_shape: shape [4] does not hold the 6 elements of shape [6]");
  CHECK_THROWS_AS(x.with_shape({-2, -3}), ShapeError);
}

TEST_CASE("layouts convert there and back", "[tensor][layout]") {
  for (const Device device : test::devices()) {
    const auto x = arange<double>(2 * 3 * 4 * 5, device).with_shape({2, 3, 4, 5});
    const auto last = in_layout(x, Layout::channels_last);
    CHECK(last.layout() == Layout::channels_last);
    CHECK(last.to_vector() == x.to_vector());
    CHECK(in_layout(last, Layout::row_major).to_vector() == x.to_vector());
    CHECK(in_layout(x, Layout::row_major).handle() == x.handle());
    // In memory it lies as N, H, W, C.
    const auto memory = Tensor<double>(detail::make_body(last.body().storage, {2, 4, 5, 3}, DType::float64, Layout::row_major));
    CHECK(memory.at(1, 2, 3, 1) == x.at(1, 1, 2, 3));
  }
}

TEST_CASE("a tensor whose type is known at run time gives back its own type only", "[tensor][any]") {
  const AnyTensor x = tensor<Index>({1, 2});
  CHECK(x.as<Index>().at(1) == 2);
  CHECK_THROWS_WITH(x.as<float>(), "as: tensor holds int64 but was asked for float32");
  const NamedTensors named{{"a", x}, {"b", ones({2})}};
  CHECK(find(named, "b")->dtype() == DType::float32);
  CHECK(find(named, "c") == nullptr);
  for (const DType type : {DType::float32, DType::float64, DType::int64, DType::int32, DType::uint8, DType::boolean}) {
    const AnyTensor y = empty_any(type, {3}, Layout::row_major, cpu());
    CHECK(y.dtype() == type);
    CHECK(y.bytes() == 3 * size_of(type));
  }
}

TEST_CASE("gradients are set and read under rules", "[tensor]") {
  const auto x = in_layout(zeros({1, 2, 2, 2}), Layout::channels_last);
  x.requires_grad(true);
  x.set_grad(arange(8).with_shape({1, 2, 2, 2}));
  CHECK(x.grad().layout() == Layout::channels_last);
  CHECK(x.grad().at(0, 1, 0, 1) == 5);
  CHECK_THROWS_AS(x.set_grad(ones({8})), ShapeError);
  CHECK_THROWS_AS(x.set_grad(ones({1, 2, 2, 2}, reference())), TypeError);
  CHECK(x.grad().at(0, 1, 0, 1) == 5);
  x.set_grad({});
  CHECK_FALSE(x.has_grad());
  CHECK_THROWS_WITH(static_cast<const AnyTensor&>(tensor<Index>({1})).set_requires_grad(true),
                    "requires_grad: only floating point has gradients, tensor holds int64");
}
