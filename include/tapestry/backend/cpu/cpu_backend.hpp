// SPDX-License-Identifier: MIT
#pragma once

#include "../backend.hpp"
#include "../reference/loss.hpp"
#include "broadcast.hpp"
#include "conv_chain.hpp"
#include "conv_pooled.hpp"
#include "conv_run.hpp"
#include "elementwise.hpp"
#include "gemm.hpp"
#include "im2col.hpp"
#include "memory.hpp"
#include "normalize.hpp"
#include "optimizer.hpp"
#include "pool.hpp"
#include "random.hpp"
#include "reduce.hpp"
#include "softmax.hpp"
#include "topk.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The handle of the host's own memory and processors.
inline Device cpu() {
  static detail::DeviceEntry& entry = [&]() -> detail::DeviceEntry& {  // never destroyed: a global network may outlive every static
    detail::DeviceEntry& made = *new detail::DeviceEntry;
    made.memory = new CpuMemory<>;
    return made;
  }();
  return Device(entry);
}

/// No contract to fulfil: see CpuKernels.
struct Standalone {};

/// What every scalar type can do on the CPU. Under a contract, Kernels<T> or Backend<T>, these functions are what its virtual ones become,
/// all of them compiled. Standalone they are plain functions, each compiled in a program that calls it only.
template <Scalar T, class Contract = Kernels<T>>
class CpuKernels : public Contract {
 public:
  void unary(UnaryOp op, Index count, const T* x, T a, T b, T* y) {
    cpu_kernels::unary(op, count, x, a, b, y);
  }
  void binary(BinaryOp op, const Broadcast& walk, const T* a, const T* b, T* y) {
    cpu_kernels::binary(op, walk, a, b, y);
  }
  void compare(CompareOp op, const Broadcast& walk, const T* a, const T* b, bool* y) {
    cpu_kernels::compare(op, walk, a, b, y);
  }
  void where(Index count, const bool* condition, const T* a, const T* b, T* y) {
    cpu_kernels::where(count, condition, a, b, y);
  }
  void scale_add(Index count, T alpha, const T* x, T beta, T* y) {
    cpu_kernels::scale_add(count, alpha, x, beta, y);
  }
  void arange(Index count, T start, T step, T* y) {
    cpu_kernels::arange(count, start, step, y);
  }
  void reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* y) {
    cpu_kernels::reduce(op, outer, size, inner, x, y);
  }
  void arg_reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* values, Index* positions) {
    cpu_kernels::arg_reduce(op, outer, size, inner, x, values, positions);
  }
  void topk(Index outer, Index size, Index inner, Index k, bool largest, const T* x, T* values, Index* positions) {
    cpu_kernels::topk(outer, size, inner, k, largest, x, values, positions);
  }
  void index_add(Index outer, Index size, Index inner, const Index* indices, Index count, const T* x, T* y) {
    cpu_kernels::index_add(outer, size, inner, indices, count, x, y);
  }
};

/// What floating point can do on the CPU.
template <Floating T, class Contract = Backend<T>>
class CpuBackend : public CpuKernels<T, Contract> {
 public:
  DeviceMemory& memory() { return cpu().memory(); }

  void unary_backward(UnaryOp op, Index count, const T* x, const T* y, const T* dy, T a, T b, T* dx) {
    cpu_kernels::unary_backward(op, count, x, y, dy, a, b, dx);
  }
  void uniform(RandomStream random, T low, T high, Index count, T* y) {
    cpu_kernels::uniform(random, low, high, count, y);
  }
  void normal(RandomStream random, T mean, T deviation, Index count, T* y) {
    cpu_kernels::normal(random, mean, deviation, count, y);
  }
  void gemm(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T beta, T* c,
            Index ldc) {
    cpu_kernels::gemm<T>({a_op, b_op, m, n, k, a, lda, b, ldb, beta, c, ldc});
  }
  void add_rows(Index rows, Index columns, const T* bias, T* y) {
    cpu_kernels::add_rows(rows, columns, bias, y);
  }
  void sum_rows(Index rows, Index columns, const T* x, T* y) {
    this->reduce(ReduceOp::sum, 1, rows, columns, x, y);
  }
  void im2col(const ConvGeometry& g, Index group, const T* x, T* patches) {
    cpu_kernels::im2col(g, group, x, patches);
  }
  void col2im(const ConvGeometry& g, Index group, const T* patches, T* x) {
    cpu_kernels::col2im(g, group, patches, x);
  }
  // Convolutions of float have kernels of their own; those of double, and where im2col is forced, take the plain way.
  void conv2d(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_forward(g, x, w, nullptr, {.bias = bias}, y)) return;
    detail::conv2d_by_patches(*this, g, x, w, bias, y);
  }
  WeightForm weight_form(const ConvGeometry& g) {
    if constexpr (std::same_as<T, float>) return cpu_kernels::convolution_weight_form(g);
    return {};
  }
  void prepare_weight(const ConvGeometry& g, const T* w, T* prepared) {
    if constexpr (std::same_as<T, float>) cpu_kernels::convolution_prepare_weight(g, w, prepared);
  }
  void conv2d_staged(const ConvGeometry& g, const T* x, const T* w, const T* prepared, const Stages<T>& stages, T* y) {
    if constexpr (std::same_as<T, float>) {
      const cpu_kernels::FoldedStages<T> folded(g.out_channels, stages);
      if (cpu_kernels::convolution_forward(g, x, w, prepared, folded.epilogue(), y)) return;
    }
    detail::conv2d_then_stages(*this, g, x, w, stages, y);
  }
  void conv2d_pooled(const ConvGeometry& g, const PoolGeometry& pool, const T* x, const T* w, const T* prepared, const Stages<T>& stages,
                     const Stages<T>& after, T* y, void* winners) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_pooled(g, pool, x, w, prepared, stages, after, y, static_cast<std::int8_t*>(winners))) return;
    detail::conv2d_then_pool(*this, g, pool, x, w, prepared, stages, after, y, winners);
  }
  bool chains(const ConvGeometry* g, Index count) const { return std::same_as<T, float> && cpu_kernels::chain_fits(g, count); }
  void conv2d_chain(const ConvLink<T>* links, Index count, const T* x, T* y) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_chain(links, count, x, y)) return;
    detail::conv2d_one_by_one(*this, links, count, x, y);
  }
  void linear_staged(Index rows, Index out, Index in, const T* x, const T* w, const Stages<T>& stages, T* y) {
    const cpu_kernels::FoldedStages<T> folded(out, stages);
    const Epilogue<T>& epilogue = folded.epilogue();
    cpu_kernels::gemm<T>({Transpose::no, Transpose::yes, rows, out, in, x, in, w, in, T{0}, y, out, epilogue.empty() ? nullptr : &epilogue});
  }
  void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_backward_data(g, dy, w, dx)) return;
    detail::conv2d_backward_data_by_patches(*this, g, dy, w, dx);
  }
  void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_backward_weight(g, x, dy, dw)) return;
    detail::conv2d_backward_weight_by_patches(*this, g, x, dy, dw);
  }
  void conv2d_backward(const ConvGeometry& g, const T* x, const T* w, const T* dy, T* dx, T* dw, T* dbias) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_backward(g, x, w, {.dy = dy}, dx, dw, dbias)) return;
    detail::conv2d_backward_by_passes(*this, g, x, w, dy, dx, dw, dbias);
  }
  void conv2d_pooled_backward(const ConvGeometry& g, const T* x, const T* w, const PooledGradient<T>& d, T* dx, T* dw, T* dbias) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::convolution_backward(g, x, w, {.pooled = &d}, dx, dw, dbias)) return;
    detail::unpool_then_conv2d_backward(*this, g, x, w, d, dx, dw, dbias);
  }
  void conv2d_normalized_backward(const ConvGeometry& g, const T* x, const T* w, const NormalizedGradient<T>& d, T* dx, T* dw, T* dbias) {
    if constexpr (std::same_as<T, float>) {
      const cpu_kernels::NormalizationGradientSource<T> gradient(d);
      if (d.channels >= 16 && cpu_kernels::convolution_backward(g, x, w, {.owed = &gradient}, dx, dw, dbias)) return;
    }
    detail::normalization_gradient_then_conv2d_backward(*this, g, x, w, d, dx, dw, dbias);
  }
  void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) {
    cpu_kernels::max_pool2d(g, x, y, where);
  }
  void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* where, T* dx) {
    cpu_kernels::max_pool2d_backward(g, dy, where, dx);
  }
  void max_pool2d_kept(const PoolGeometry& g, const T* x, T* y, void* winners) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::windows_apart(g)) return cpu_kernels::max_pool_rows(g, x, y, nullptr, static_cast<std::int8_t*>(winners));
    max_pool2d(g, x, y, static_cast<std::int32_t*>(winners));
  }
  Index winner_bytes(const PoolGeometry& g) const {
    return g.batch * g.out_pixels() * g.channels * (std::same_as<T, float> && cpu_kernels::windows_apart(g) ? 1 : 4);
  }
  void pooled_gradient(const PooledGradient<T>& d, T* dx) {
    if constexpr (std::same_as<T, float>)
      if (cpu_kernels::windows_apart(d.pool)) return cpu_kernels::pooled_gradient(d, 0, d.pool.batch, {d.pool.height, d.pool.width}, d.pool.channels, dx);
    detail::activation_then_pool_gradient(*this, d, dx);
  }
  void avg_pool2d(const PoolGeometry& g, bool count_padding, Index divisor, const T* x, T* y) {
    cpu_kernels::average(g, false, count_padding, divisor, x, y);
  }
  void avg_pool2d_backward(const PoolGeometry& g, bool count_padding, Index divisor, const T* dy, T* dx) {
    cpu_kernels::average_backward(g, false, count_padding, divisor, dy, dx);
  }
  void adaptive_avg_pool2d(const PoolGeometry& g, const T* x, T* y) {
    cpu_kernels::average(g, true, false, 0, x, y);
  }
  void adaptive_avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) {
    cpu_kernels::average_backward(g, true, false, 0, dy, dx);
  }
  void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) {
    cpu_kernels::batch_statistics(rows, channels, x, mean, variance);
  }
  void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta,
                 T* y) {
    cpu_kernels::normalize(rows, channels, x, mean, variance, eps, gamma, beta, y);
  }
  void normalize_staged(Index rows, Index channels, const T* x, const Stages<T>& stages, T* y) {
    cpu_kernels::normalize_staged(rows, channels, x, stages, y);
  }
  void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy,
                          bool of_batch, T* dx, T* dgamma, T* dbeta) {
    cpu_kernels::normalize_backward(rows, channels, x, mean, variance, eps, gamma, dy, of_batch, dx, dgamma, dbeta);
  }
  void normalization_sums(const NormalizedGradient<T>& d, T* dgamma, T* dbeta) {
    cpu_kernels::normalization_sums(d, dgamma, dbeta);
  }
  void normalization_gradient(const NormalizedGradient<T>& d, T* dx) {
    cpu_kernels::NormalizationGradient<T>(d).all(dx);
  }
  void softmax(Index rows, Index columns, bool logarithm, const T* x, T* y) {
    cpu_kernels::softmax(rows, columns, logarithm, x, y);
  }
  void softmax_backward(Index rows, Index columns, bool logarithm, const T* y, const T* dy, T* dx) {
    cpu_kernels::softmax_backward(rows, columns, logarithm, y, dy, dx);
  }
  void nll_loss(Index rows, Index classes, const T* log_p, const Index* target, const T* weight, Index ignore, T* loss, T* scale) {
    plain::nll_loss(rows, classes, log_p, target, weight, ignore, loss, scale);
  }
  void nll_loss_backward(Index rows, Index classes, const Index* target, const T* scale, const T* dloss, T* dlog_p) {
    cpu_kernels::nll_loss_backward(rows, classes, target, scale, dloss, dlog_p);
  }
  void mask_scale(Index count, const bool* keep, T scale, const T* x, T* y) {
    cpu_kernels::mask_scale(count, keep, scale, x, y);
  }
  void sgd_step(const SgdStep& s, Index count, const T* dw, T* momentum, T* w) {
    cpu_kernels::sgd_step(s, count, dw, momentum, w);
  }
  void adam_step(const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w) {
    cpu_kernels::adam_step(s, count, dw, first, second, largest, w);
  }
  void rmsprop_step(const RmsPropStep& s, Index count, const T* dw, T* square, T* mean, T* momentum, T* w) {
    cpu_kernels::rmsprop_step(s, count, dw, square, mean, momentum, w);
  }
};

}  // namespace tapestry::inline TAPESTRY_ABI
