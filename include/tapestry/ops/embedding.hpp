// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "broadcast.hpp"
#include "classes.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What an embedding does with the gradients of its rows; the values do not depend on it.
struct EmbeddingGradOptions {
  std::optional<Index> padding_idx{};  ///< a row that never gets a gradient; counted from the end where negative
  bool scale_grad_by_freq = false;     ///< divide each row's gradient by how often the batch asks for it
};

namespace detail {
inline void check_embedding(const Tensor<Index>& indices, const AnyTensor& weight) {
  if (weight.rank() != 2) throw ShapeError(message("embedding: weight must be [num_embeddings, embedding_dim], got ", weight.shape()));
  check_same_device("embedding", indices, weight);
  if (weight.dim(0) == 0 && indices.numel() > 0) throw IndexError(message("embedding: weight ", weight.shape(), " has no rows to look up"));
  check_range("embedding", "index", indices, 0, weight.dim(0), 0);
}
}  // namespace detail

/// Shortens, in place and recorded by no tape, those of the rows asked for that are longer than max_norm:
///
///   weight[r, .] *= max_norm / (norm(weight[r, .]) + 1e-7)   where norm is that of order norm_type, up to infinity
///
/// It writes to weight, so a tape that read weight before refuses to walk back, as with every write.
/// Throws   ValueError for a negative max_norm or a norm_type not above 0; else as embedding().
/// Source   torch.nn.functional.embedding.
template <Floating T>
void renormalize_rows(const Tensor<Index>& indices, const Tensor<T>& weight, double max_norm, double norm_type = 2) {
  if (!(max_norm >= 0)) throw ValueError(message("embedding: max_norm must be at least 0, got ", max_norm));
  if (!(norm_type > 0)) throw ValueError(message("embedding: norm_type must be above 0, got ", norm_type));
  detail::check_embedding(indices, weight);
  std::vector<Index> asked = indices.to_vector();
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  std::vector<T> row(static_cast<std::size_t>(weight.dim(1)));
  const std::size_t bytes = row.size() * sizeof(T);
  DeviceMemory& memory = weight.device().memory();
  for (const Index r : asked) {
    const Index first = r * weight.dim(1);
    memory.copy_to_host(row.data(), weight.data() + first, bytes);
    double norm = 0;
    for (const T value : row) {
      const double size = std::abs(static_cast<double>(value));
      norm = std::isinf(norm_type) ? std::max(norm, size) : norm + (norm_type == 2 ? size * size : std::pow(size, norm_type));
    }
    if (norm_type == 2) norm = std::sqrt(norm);
    else if (!std::isinf(norm_type)) norm = std::pow(norm, 1 / norm_type);
    if (!(norm > max_norm)) continue;
    for (T& value : row) value = static_cast<T>(static_cast<double>(value) * (max_norm / (norm + 1e-7)));
    memory.copy_from_host(weight.mutable_data() + first, row.data(), bytes);
  }
}

/// Looks rows of a table up by number: a learnt vector for each word or character.
///
///   y[..., d] = weight[indices[...], d]
///
/// Shapes   indices [*], weight [V, D], returns [*, D]
/// Method   forward   gathers rows     backward  dweight[indices[.]] += dy[.], row padding_idx stays 0.   Only indices are kept.
/// Throws   ShapeError if weight is no matrix, IndexError naming an index that is no row and its position, TypeError if devices differ.
/// Source   Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", 2003.
template <Floating T>
Tensor<T> embedding(const Tensor<Index>& indices, const Tensor<T>& weight, const EmbeddingGradOptions& options = {}) {
  detail::check_embedding(indices, weight);
  const Index size = weight.shape()[0], width = weight.shape()[1], count = indices.numel();
  if (const auto row = options.padding_idx; row && (*row < -size || *row >= size))
    throw IndexError(message("embedding: padding_idx must be from ", -size, " to ", size - 1, " for weight ", weight.shape(), ", got ",
                             *row));
  const Tensor<Index> rows = in_layout(indices, Layout::row_major);
  Shape shape = indices.shape();
  shape.push_back(width);
  Tensor<T> y(shape, Layout::row_major, weight.device());
  weight.device().memory().gather(sizeof(T), 1, size, width, rows.data(), count, weight.data(), y.mutable_data());

  return record("embedding", y, {indices, weight},
                [size, width, count, options, rows, weight_grad = grad_of(weight)](const Tensor<T>& dy_any) {
    if (!weight_grad.wanted()) return;
    Tensor<T> dy = in_layout(dy_any, Layout::row_major).with_shape({count, width});
    const auto backend = backend_of(dy);
    auto& memory = dy.device().memory();
    if (options.scale_grad_by_freq) {  // dy[i] / how often indices hold indices[i]
      const Tensor<T> one = ones<T>({count}, dy.device()), frequency = zeros<T>({size}, dy.device());
      const Tensor<T> each({count, 1}, Layout::row_major, dy.device());
      backend.index_add(1, size, 1, rows.data(), count, one.data(), frequency.mutable_data());
      memory.gather(sizeof(T), 1, size, 1, rows.data(), count, frequency.data(), each.mutable_data());
      dy = detail::binary("embedding", BinaryOp::divide, dy, each);
    }
    Tensor<T> dweight = zeros<T>({size, width}, dy.device());
    backend.index_add(1, size, width, rows.data(), count, dy.data(), dweight.mutable_data());
    if (const auto row = options.padding_idx) {
      const T zero{0};
      memory.fill(dtype_of<T>(), &zero, width, dweight.mutable_data() + (*row < 0 ? *row + size : *row) * width);
    }
    weight_grad.add(dweight);
  });
}

}  // namespace tapestry::inline TAPESTRY_ABI
