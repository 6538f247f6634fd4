// SPDX-License-Identifier: MIT
#pragma once

#include "../backend.hpp"
#include "plain.hpp"
#include "reference_memory.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The primitives of every scalar type on the reference device: pointers are translated, then the plain kernel runs.
template <Scalar T, class Contract = Kernels<T>>
class ReferenceKernels : public Contract {
 public:
  void unary(UnaryOp op, Index count, const T* x, T a, T b, T* y) override { plain::unary(op, count, host(x), a, b, host(y)); }
  void binary(BinaryOp op, const Broadcast& walk, const T* a, const T* b, T* y) override {
    plain::binary(op, walk, host(a), host(b), host(y));
  }
  void compare(CompareOp op, const Broadcast& walk, const T* a, const T* b, bool* y) override {
    plain::compare(op, walk, host(a), host(b), host(y));
  }
  void where(Index count, const bool* condition, const T* a, const T* b, T* y) override {
    plain::where(count, host(condition), host(a), host(b), host(y));
  }
  void scale_add(Index count, T alpha, const T* x, T beta, T* y) override { plain::scale_add(count, alpha, host(x), beta, host(y)); }
  void arange(Index count, T start, T step, T* y) override { plain::arange(count, start, step, host(y)); }
  void reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* y) override {
    plain::reduce(op, outer, size, inner, host(x), host(y));
  }
  void arg_reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* values, Index* positions) override {
    plain::arg_reduce(op, outer, size, inner, host(x), host(values), host(positions));
  }
  void topk(Index outer, Index size, Index inner, Index k, bool largest, const T* x, T* values, Index* positions) override {
    plain::topk(outer, size, inner, k, largest, host(x), host(values), host(positions));
  }
  void index_add(Index outer, Index size, Index inner, const Index* indices, Index count, const T* x, T* y) override {
    plain::index_add(outer, size, inner, host(indices), count, host(x), host(y));
  }

 protected:
  template <class P>
  static P* host(P* pointer) {
    return detail::host(pointer);
  }
};

/// The primitives of floating point on the reference device.
template <Floating T>
class ReferenceBackend final : public ReferenceKernels<T, Backend<T>> {
 public:
  explicit ReferenceBackend(DeviceMemory& memory) : memory_(memory) {}
  DeviceMemory& memory() override { return memory_; }

  void unary_backward(UnaryOp op, Index count, const T* x, const T* y, const T* dy, T a, T b, T* dx) override {
    plain::unary_backward(op, count, host(x), host(y), host(dy), a, b, host(dx));
  }
  void uniform(RandomStream random, T low, T high, Index count, T* y) override { plain::uniform(random, low, high, count, host(y)); }
  void normal(RandomStream random, T mean, T deviation, Index count, T* y) override {
    plain::normal(random, mean, deviation, count, host(y));
  }

  void gemm(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T beta, T* c,
            Index ldc) override {
    plain::gemm(a_op, b_op, m, n, k, host(a), lda, host(b), ldb, beta, host(c), ldc);
  }
  void add_rows(Index rows, Index columns, const T* bias, T* y) override { plain::add_rows(rows, columns, host(bias), host(y)); }

  void im2col(const ConvGeometry& g, Index group, const T* x, T* patches) override { plain::im2col(g, group, host(x), host(patches)); }
  void col2im(const ConvGeometry& g, Index group, const T* patches, T* x) override { plain::col2im(g, group, host(patches), host(x)); }
  void conv2d(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) override {
    plain::conv2d(g, host(x), host(w), host(bias), host(y));
  }
  void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) override {
    plain::conv2d_backward_data(g, host(dy), host(w), host(dx));
  }
  void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) override {
    plain::conv2d_backward_weight(g, host(x), host(dy), host(dw));
  }

  void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) override {
    plain::max_pool2d(g, host(x), host(y), host(where));
  }
  void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* where, T* dx) override {
    plain::max_pool2d_backward(g, host(dy), host(where), host(dx));
  }
  void avg_pool2d(const PoolGeometry& g, bool count_padding, Index divisor, const T* x, T* y) override {
    plain::avg_pool2d(g, count_padding, divisor, host(x), host(y));
  }
  void avg_pool2d_backward(const PoolGeometry& g, bool count_padding, Index divisor, const T* dy, T* dx) override {
    plain::avg_pool2d_backward(g, count_padding, divisor, host(dy), host(dx));
  }
  void adaptive_avg_pool2d(const PoolGeometry& g, const T* x, T* y) override { plain::adaptive_avg_pool2d(g, host(x), host(y)); }
  void adaptive_avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) override {
    plain::adaptive_avg_pool2d_backward(g, host(dy), host(dx));
  }

  void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) override {
    plain::batch_statistics(rows, channels, host(x), host(mean), host(variance));
  }
  void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta,
                 T* y) override {
    plain::normalize(rows, channels, host(x), host(mean), host(variance), eps, host(gamma), host(beta), host(y));
  }
  void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy,
                          bool of_batch, T* dx, T* dgamma, T* dbeta) override {
    plain::normalize_backward(rows, channels, host(x), host(mean), host(variance), eps, host(gamma), host(dy), of_batch, host(dx),
                              host(dgamma), host(dbeta));
  }

  void softmax(Index rows, Index columns, bool logarithm, const T* x, T* y) override {
    plain::softmax(rows, columns, logarithm, host(x), host(y));
  }
  void softmax_backward(Index rows, Index columns, bool logarithm, const T* y, const T* dy, T* dx) override {
    plain::softmax_backward(rows, columns, logarithm, host(y), host(dy), host(dx));
  }
  void nll_loss(Index rows, Index classes, const T* log_p, const Index* target, const T* weight, Index ignore, T* loss,
                T* scale) override {
    plain::nll_loss(rows, classes, host(log_p), host(target), host(weight), ignore, host(loss), host(scale));
  }
  void nll_loss_backward(Index rows, Index classes, const Index* target, const T* scale, const T* dloss, T* dlog_p) override {
    plain::nll_loss_backward(rows, classes, host(target), host(scale), host(dloss), host(dlog_p));
  }
  void mask_scale(Index count, const bool* keep, T scale, const T* x, T* y) override {
    plain::mask_scale(count, host(keep), scale, host(x), host(y));
  }

  void sgd_step(const SgdStep& s, Index count, const T* dw, T* momentum, T* w) override {
    plain::sgd_step(s, count, host(dw), host(momentum), host(w));
  }
  void adam_step(const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w) override {
    plain::adam_step(s, count, host(dw), host(first), host(second), host(largest), host(w));
  }
  void rmsprop_step(const RmsPropStep& s, Index count, const T* dw, T* square, T* mean, T* momentum, T* w) override {
    plain::rmsprop_step(s, count, host(dw), host(square), host(mean), host(momentum), host(w));
  }

 private:
  using ReferenceKernels<T, Backend<T>>::host;
  DeviceMemory& memory_;
};

namespace detail {
template <Scalar T>
void* new_reference_kernels(DeviceMemory& memory) {
  Kernels<T>* kernels;
  if constexpr (Floating<T>) kernels = new ReferenceBackend<T>(memory);
  else kernels = new ReferenceKernels<T>;
  return kernels;
}

template <class = void>
DeviceEntry* new_reference_entry() {
  auto* entry = new DeviceEntry;
  entry->memory = new ReferenceMemory<>;
  for (int i = 0; i < dtype_count; ++i)
    visit_dtype(static_cast<DType>(i), [&]<Scalar T>(T) {
      entry->kernels[static_cast<std::size_t>(i)] = new_reference_kernels<T>(*entry->memory);
    });
  return entry;
}
#ifdef TAPESTRY_COMPILED
extern template DeviceEntry* new_reference_entry<void>();
#endif
}  // namespace detail

/// The reference device: every primitive in its plainest form, in memory the host cannot read. Slow; the truth that tests compare with.
template <class = void>
Device reference() {
  static detail::DeviceEntry* const entry = detail::new_reference_entry();  // never destroyed: tensors may outlive every static
  return Device(*entry);
}

}  // namespace tapestry::inline TAPESTRY_ABI
