// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <vector>

#include "../tensor/tensor.hpp"
#include "dataset.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Images and labels that are tensors already; copies share them.
///
/// Shapes   images [N, C, H, W], labels [N]
/// Throws   ShapeError if they do not fit together.
/// Source   torch.utils.data.TensorDataset.
class TensorDataset {
 public:
  TensorDataset(const Tensor<float>& images, const Tensor<Index>& labels) {
    if (images.rank() != 4 || labels.shape() != Shape{images.dim(0)})
      throw ShapeError(message("TensorDataset: images must have shape [N, C, H, W] and labels [N], got ", images.shape(), " and ",
                               labels.shape()));
    images_ = Tensor<float>(images.shape(), Layout::channels_last);
    images_.copy_from(images);
    labels_ = Tensor<Index>(labels.shape());
    labels_.copy_from(labels);
  }

  Index size() const { return images_.dim(0); }
  Sample sample(Index i) const {
    detail::check_position("TensorDataset", *this, i);
    const Shape& shape = images_.shape();
    const Index count = shape[1] * shape[2] * shape[3];
    const float* first = images_.data() + i * count;
    return {FloatImage{shape[2], shape[3], shape[1], std::vector<float>(first, first + count)}, labels_.data()[i]};
  }

 private:
  Tensor<float> images_;
  Tensor<Index> labels_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
