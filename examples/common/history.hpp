// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <vector>

#include "metrics_csv.hpp"

namespace tapestry::examples {

/// What a checkpoint keeps of the rows of metrics.csv, [epochs, 3]: the losses and the accuracy, but no time.
inline Tensor<double> history_tensor(const std::vector<MetricsRow>& rows) {
  Tensor<double> history({static_cast<Index>(rows.size()), 3});
  for (Index i = 0; i < history.dim(0); ++i) {
    const MetricsRow& row = rows[static_cast<std::size_t>(i)];
    history.set({i, 0}, row.train_loss);
    history.set({i, 1}, row.valid_loss);
    history.set({i, 2}, row.valid_accuracy);
  }
  return history;
}

/// The rows again, without speed and seconds.
inline std::vector<MetricsRow> history_rows(const Tensor<double>& history) {
  const std::vector<double> numbers = history.to_vector();
  std::vector<MetricsRow> rows;
  for (std::size_t i = 0; i + 3 <= numbers.size(); i += 3)
    rows.push_back({static_cast<Index>(i / 3) + 1, numbers[i], numbers[i + 1], numbers[i + 2]});
  return rows;
}

}  // namespace tapestry::examples
