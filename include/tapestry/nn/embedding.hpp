// SPDX-License-Identifier: MIT
#pragma once

#include "../ops/embedding.hpp"
#include "describe.hpp"
#include "init.hpp"
#include "module.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct EmbeddingOptions {
  std::optional<Index> padding_idx{};  ///< a row that begins as zeros and never gets a gradient; negative counts from the end
  std::optional<double> max_norm{};    ///< rows longer than this are shortened to it, in weight itself, when they are looked up
  double norm_type = 2;                ///< the order of that norm, up to infinity
  bool scale_grad_by_freq = false;     ///< divide each row's gradient by how often the batch asks for it
};

/// A table of vectors, one for each index: y = weight[indices]. A Module, not a Layer: it takes integers. Gradients are dense: PyTorch's `sparse`
/// does not exist.
///
/// Shapes   indices [*] -> [*, embedding_dim]; weight [num_embeddings, embedding_dim]
/// Begins   weight standard normal
/// Throws   ValueError for a size below 1, a padding_idx that is no row, a negative max_norm or a norm_type not above 0.
template <Floating T = float>
class Embedding : public Module {
 public:
  Tensor<T> weight;

  Embedding(Index num_embeddings, Index embedding_dim, EmbeddingOptions options = {}) : options_(options) {
    auto& padding_idx = options_.padding_idx;
    if (num_embeddings < 1 || embedding_dim < 1)
      throw ValueError(message("Embedding: num_embeddings and embedding_dim must be at least 1, got ", num_embeddings, " and ", embedding_dim));
    if (padding_idx && (*padding_idx < -num_embeddings || *padding_idx >= num_embeddings))
      throw ValueError(message("Embedding: padding_idx must be from ", -num_embeddings, " to ", num_embeddings - 1, ", got ", *padding_idx));
    if (options.max_norm && !(*options.max_norm >= 0)) throw ValueError(message("Embedding: max_norm must be at least 0, got ", *options.max_norm));
    if (!(options.norm_type > 0)) throw ValueError(message("Embedding: norm_type must be above 0, got ", options.norm_type));
    if (padding_idx && *padding_idx < 0) *padding_idx += num_embeddings;
    weight = Tensor<T>(Shape{num_embeddings, embedding_dim});
    init::normal(weight);
    if (padding_idx)
      for (Index i = 0; i < embedding_dim; ++i) weight.set({*padding_idx, i}, T{0});
    weight.requires_grad(true);
  }

  Tensor<T> forward(const Tensor<Index>& indices) {
    if (options_.max_norm) renormalize_rows(indices, weight, *options_.max_norm, options_.norm_type);
    return embedding(indices, weight, {options_.padding_idx, options_.scale_grad_by_freq});
  }
  Tensor<T> operator()(const Tensor<Index>& indices) {
    return detail::observed(*this, indices.shape(), [&] { return forward(indices); });
  }
  void members(const Members& visit) override { visit.parameter("weight", weight); }
  std::string name() const override { return "Embedding"; }
  std::string description() const override {
    return message(weight.dim(0), ", ", weight.dim(1), options_.padding_idx ? message(", padding_idx=", *options_.padding_idx) : "",
                   options_.max_norm ? ", max_norm=" + detail::python_number(*options_.max_norm) : "",
                   options_.norm_type != 2 ? ", norm_type=" + detail::python_number(options_.norm_type) : "",
                   options_.scale_grad_by_freq ? ", scale_grad_by_freq=True" : "");
  }

 private:
  EmbeddingOptions options_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
