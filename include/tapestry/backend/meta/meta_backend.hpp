// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>

#include "../backend.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A device that holds nothing and computes nothing: tensors on it have shapes only. Running a model there tells every size, and how many
/// multiply-adds the real thing would take, at no cost. summary() does so.
class MetaMemory final : public DeviceMemory {
 public:
  std::string_view name() const override { return "meta"; }
  bool host_readable() const override { return false; }
  void* allocate(std::size_t) override { return &nowhere_; }
  void deallocate(void*, std::size_t) noexcept override {}
  void release_cache() override {}
  void copy_from_host(void*, const void*, std::size_t) override {}
  void copy_to_host(void* to, const void*, std::size_t bytes) override { std::memset(to, 0, bytes); }
  void copy(void*, const void*, std::size_t) override {}
  void fill(DType, const void*, Index, void*) override {}
  void cast(DType, const void*, DType, void*, Index) override {}
  void strided_copy(std::size_t, const Shape&, const void*, const Shape&, void*, const Shape&) override {}
  void gather(std::size_t, Index, Index, Index, const Index*, Index, const void*, void*) override {}
  Index first_outside(const Index*, Index, Index, Index, Index) override { return -1; }
  void bernoulli(RandomStream, double, Index, bool*) override {}
  void random_integers(RandomStream, Index, Index, Index, Index*) override {}

 private:
  char nowhere_ = 0;
};

namespace detail {
/// Multiply-adds asked of the meta device by this thread.
inline std::uint64_t& meta_multiply_adds() {
  thread_local std::uint64_t count = 0;
  return count;
}
inline void count_multiply_adds(Index a, Index b) { meta_multiply_adds() += static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b); }
}  // namespace detail

template <Scalar T, class Base>
class MetaKernels : public Base {
 public:
  void unary(UnaryOp, Index, const T*, T, T, T*) override {}
  void binary(BinaryOp, const Broadcast&, const T*, const T*, T*) override {}
  void compare(CompareOp, const Broadcast&, const T*, const T*, bool*) override {}
  void where(Index, const bool*, const T*, const T*, T*) override {}
  void scale_add(Index, T, const T*, T, T*) override {}
  void arange(Index, T, T, T*) override {}
  void reduce(ReduceOp, Index, Index, Index, const T*, T*) override {}
  void arg_reduce(ReduceOp, Index, Index, Index, const T*, T*, Index*) override {}
  void topk(Index, Index, Index, Index, bool, const T*, T*, Index*) override {}
  void index_add(Index, Index, Index, const Index*, Index, const T*, T*) override {}
};

template <Floating T>
class MetaBackend final : public MetaKernels<T, Backend<T>> {
 public:
  explicit MetaBackend(DeviceMemory& memory) : memory_(memory) {}
  DeviceMemory& memory() override { return memory_; }
  void unary_backward(UnaryOp, Index, const T*, const T*, const T*, T, T, T*) override {}
  void uniform(RandomStream, T, T, Index, T*) override {}
  void normal(RandomStream, T, T, Index, T*) override {}
  void gemm(Transpose, Transpose, Index m, Index n, Index k, const T*, Index, const T*, Index, T, T*, Index) override {
    detail::count_multiply_adds(m * n, k);
  }
  void add_rows(Index, Index, const T*, T*) override {}
  void im2col(const ConvGeometry&, Index, const T*, T*) override {}
  void col2im(const ConvGeometry&, Index, const T*, T*) override {}
  void conv2d(const ConvGeometry& g, const T*, const T*, const T*, T*) override { count(g); }
  void conv2d_backward_data(const ConvGeometry& g, const T*, const T*, T*) override { count(g); }
  void conv2d_backward_weight(const ConvGeometry& g, const T*, const T*, T*) override { count(g); }
  void max_pool2d(const PoolGeometry&, const T*, T*, std::int32_t*) override {}
  void max_pool2d_backward(const PoolGeometry&, const T*, const std::int32_t*, T*) override {}
  void avg_pool2d(const PoolGeometry&, bool, Index, const T*, T*) override {}
  void avg_pool2d_backward(const PoolGeometry&, bool, Index, const T*, T*) override {}
  void adaptive_avg_pool2d(const PoolGeometry&, const T*, T*) override {}
  void adaptive_avg_pool2d_backward(const PoolGeometry&, const T*, T*) override {}
  void batch_statistics(Index, Index, const T*, T*, T*) override {}
  void normalize(Index, Index, const T*, const T*, const T*, T, const T*, const T*, T*) override {}
  void normalize_backward(Index, Index, const T*, const T*, const T*, T, const T*, const T*, bool, T*, T*, T*) override {}
  void softmax(Index, Index, bool, const T*, T*) override {}
  void softmax_backward(Index, Index, bool, const T*, const T*, T*) override {}
  void nll_loss(Index, Index, const T*, const Index*, const T*, Index, T*, T*) override {}
  void nll_loss_backward(Index, Index, const Index*, const T*, const T*, T*) override {}
  void mask_scale(Index, const bool*, T, const T*, T*) override {}
  void sgd_step(const SgdStep&, Index, const T*, T*, T*) override {}
  void adam_step(const AdamStep&, Index, const T*, T*, T*, T*, T*) override {}
  void rmsprop_step(const RmsPropStep&, Index, const T*, T*, T*, T*, T*) override {}

 private:
  static void count(const ConvGeometry& g) { detail::count_multiply_adds(g.batch * g.out_pixels() * g.out_channels, g.patch()); }
  DeviceMemory& memory_;
};

namespace detail {
template <class = void>
DeviceEntry* new_meta_entry() {
  auto* entry = new DeviceEntry;
  entry->memory = new MetaMemory;
  const auto enter = [entry]<Scalar T>(T) {
    Kernels<T>* kernels = nullptr;
    if constexpr (Floating<T>)
      kernels = new MetaBackend<T>(*entry->memory);
    else
      kernels = new MetaKernels<T, Kernels<T>>;
    entry->kernels[static_cast<std::size_t>(dtype_of<T>())] = kernels;
  };
  for (int type = 0; type < dtype_count; ++type) visit_dtype(static_cast<DType>(type), enter);
  return entry;
}
#ifdef TAPESTRY_COMPILED
extern template DeviceEntry* new_meta_entry<void>();
#endif
}  // namespace detail

/// The device without memory. A template, so that only programs that use it compile it.
template <class = void>
Device meta() {
  static detail::DeviceEntry* const entry = detail::new_meta_entry();
  return Device(*entry);
}

}  // namespace tapestry::inline TAPESTRY_ABI
