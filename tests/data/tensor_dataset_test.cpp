// SPDX-License-Identifier: MIT
#include <tapestry/data/tensor_dataset.hpp>

#include <tapestry/data/loader.hpp>

#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("TensorDataset gives a tensor's images whatever their layout", "[data]") {
  Tensor<float> rows({2, 2, 1, 3});
  for (Index i = 0; i < 12; ++i) rows.mutable_data()[i] = static_cast<float>(i);
  Tensor<Index> labels(Shape{2});
  labels.set({0}, 4);
  labels.set({1}, 5);
  for (const auto& images : {rows, in_layout(rows, Layout::channels_last)}) {
    const TensorDataset dataset(images, labels);
    CHECK(dataset.size() == 2);
    CHECK(std::get<FloatImage>(dataset.sample(1).image) == FloatImage{1, 3, 2, {6, 9, 7, 10, 8, 11}});
    CHECK(dataset.sample(1).label == 5);
    CHECK_THROWS_WITH(dataset.sample(2), "TensorDataset: index 2 must be from 0 to 1");
    DataLoader loader(dataset, {.batch_size = 2});
    for (auto& batch : loader) CHECK(batch.images.to_vector() == rows.to_vector());
  }
  CHECK_THROWS_WITH(TensorDataset(rows, Tensor<Index>(Shape{3})),
                    "TensorDataset: images must have shape [N, C, H, W] and labels [N], got [2, 2, 1, 3] and [3]");
}
