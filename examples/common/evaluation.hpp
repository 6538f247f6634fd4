// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <algorithm>
#include <vector>

namespace tapestry::examples {

/// Mean loss over the examples, and how many were classified right.
struct Evaluation {
  double loss = 0;
  Index right = 0, images = 0;
  double accuracy() const { return static_cast<double>(right) / static_cast<double>(images); }
};

/// The class with the largest score, for each row.
inline std::vector<Index> predictions(const Tensor<>& logits) {
  const std::vector<float> scores = logits.to_vector();
  const Index classes = logits.dim(1);
  std::vector<Index> best;
  for (auto row = scores.begin(); row != scores.end(); row += classes) best.push_back(std::max_element(row, row + classes) - row);
  return best;
}

}  // namespace tapestry::examples
