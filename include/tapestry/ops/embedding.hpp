// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "broadcast.hpp"
#include "classes.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What an embedding does with the gradients of its rows; the values do not depend on it.
struct EmbeddingGradOptions {
  std::optional<Index> padding_idx{};  ///< a row that never gets a gradient; counted from the end where negative
  bool scale_grad_by_freq = false;     ///< divide each row's gradient by how often the batch asks for it
};

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
  if (weight.rank() != 2) throw ShapeError(message("embedding: weight must be [num_embeddings, embedding_dim], got ", weight.shape()));
  const Index size = weight.shape()[0], width = weight.shape()[1], count = indices.numel();
  if (const auto row = options.padding_idx; row && (*row < -size || *row >= size))
    throw IndexError(message("embedding: padding_idx must be from ", -size, " to ", size - 1, " for weight ", weight.shape(), ", got ",
                             *row));
  check_same_device("embedding", indices, weight);
  if (size == 0 && count > 0) throw IndexError(message("embedding: weight ", weight.shape(), " has no rows to look up"));
  detail::check_range("embedding", "index", indices, 0, size, 0);
  const Tensor<Index> rows = in_layout(indices, Layout::row_major);
  Shape shape = indices.shape();
  shape.push_back(width);
  Tensor<T> y(shape, Layout::row_major, weight.device());
  weight.device().memory().gather(sizeof(T), 1, size, width, rows.data(), count, weight.data(), y.mutable_data());

  return record("embedding", y, {indices, weight},
                [size, width, count, options, rows, weight_grad = grad_of(weight)](const Tensor<T>& dy_any) {
    if (!weight_grad.wanted()) return;
    Tensor<T> dy = in_layout(dy_any, Layout::row_major).with_shape({count, width});
    auto& backend = backend_of(dy);
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
