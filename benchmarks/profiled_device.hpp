// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <chrono>
#include <map>
#include <string>

namespace benchmarks {

using namespace tapestry;

/// Where the time of a step goes: seconds and calls of each primitive, and of each shape of convolution or product.
class Profile {
 public:
  struct Entry {
    double seconds = 0;
    long calls = 0;
  };
  std::map<std::string, Entry> primitives, shapes;

  static Profile& instance() {
    static Profile profile;
    return profile;
  }

  /// Times a primitive until the end of the scope; what it calls in turn counts as its own.
  class Timer {
   public:
    explicit Timer(const char* primitive, std::string shape = {}) : primitive_(primitive), shape_(std::move(shape)) { ++depth(); }
    ~Timer() {
      if (--depth() > 0) return;
      const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
      add(instance().primitives[primitive_], seconds);
      if (!shape_.empty()) add(instance().shapes[message(primitive_, ' ', shape_)], seconds);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    using Clock = std::chrono::steady_clock;
    static int& depth() {
      thread_local int depth = 0;
      return depth;
    }
    static void add(Entry& entry, double seconds) { entry.seconds += seconds, ++entry.calls; }
    const char* primitive_;
    std::string shape_;
    Clock::time_point start_ = Clock::now();
  };
};

inline std::string shape_of(const ConvGeometry& g) {
  return message(g.in_channels, " to ", g.out_channels, ", ", g.kernel.height, 'x', g.kernel.width, " on ", g.height, 'x', g.width, ", stride ", g.stride.height,
                 g.groups > 1 ? message(", ", g.groups, " groups") : "");
}

/// The CPU's kernels of float, each timed.
class ProfiledBackend final : public CpuBackend<float> {
  using T = float;
  using Timer = Profile::Timer;

 public:
  // BENCHMARKS_TIMED(primitive, (its parameters), its arguments...)
#define BENCHMARKS_TIMED(primitive, parameters, ...)  \
  void primitive parameters override {                \
    const Timer timer(#primitive);                    \
    CpuBackend::primitive(__VA_ARGS__);               \
  }
#define BENCHMARKS_TIMED_SHAPE(primitive, shape, parameters, ...) \
  void primitive parameters override {                            \
    const Timer timer(#primitive, shape);                         \
    CpuBackend::primitive(__VA_ARGS__);                           \
  }
  BENCHMARKS_TIMED(unary, (UnaryOp op, Index count, const T* x, T a, T b, T* y), op, count, x, a, b, y)
  BENCHMARKS_TIMED(unary_backward, (UnaryOp op, Index count, const T* x, const T* y, const T* dy, T a, T b, T* dx), op, count, x, y, dy, a, b, dx)
  BENCHMARKS_TIMED(binary, (BinaryOp op, const Broadcast& walk, const T* a, const T* b, T* y), op, walk, a, b, y)
  BENCHMARKS_TIMED(scale_add, (Index count, T alpha, const T* x, T beta, T* y), count, alpha, x, beta, y)
  BENCHMARKS_TIMED(reduce, (ReduceOp op, Index outer, Index size, Index inner, const T* x, T* y), op, outer, size, inner, x, y)
  BENCHMARKS_TIMED(add_rows, (Index rows, Index columns, const T* bias, T* y), rows, columns, bias, y)
  BENCHMARKS_TIMED_SHAPE(gemm, message(m, " x ", n, " x ", k),
                         (Transpose a_op, Transpose b_op, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T beta, T* c, Index ldc),
                         a_op, b_op, m, n, k, a, lda, b, ldb, beta, c, ldc)
  BENCHMARKS_TIMED_SHAPE(linear_staged, message(rows, " x ", out, " x ", in),
                         (Index rows, Index out, Index in, const T* x, const T* w, const Stages<T>& stages, T* y), rows, out, in, x, w, stages, y)
  BENCHMARKS_TIMED_SHAPE(conv2d, shape_of(g), (const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y), g, x, w, bias, y)
  BENCHMARKS_TIMED_SHAPE(conv2d_staged, shape_of(g), (const ConvGeometry& g, const T* x, const T* w, const T* prepared, const Stages<T>& stages, T* y),
                         g, x, w, prepared, stages, y)
  BENCHMARKS_TIMED_SHAPE(prepare_weight, shape_of(g), (const ConvGeometry& g, const T* w, T* prepared), g, w, prepared)
  BENCHMARKS_TIMED_SHAPE(conv2d_backward_data, shape_of(g), (const ConvGeometry& g, const T* dy, const T* w, T* dx), g, dy, w, dx)
  BENCHMARKS_TIMED_SHAPE(conv2d_backward_weight, shape_of(g), (const ConvGeometry& g, const T* x, const T* dy, T* dw), g, x, dy, dw)
  BENCHMARKS_TIMED_SHAPE(conv2d_pooled, shape_of(g),
                         (const ConvGeometry& g, const PoolGeometry& pool, const T* x, const T* w, const T* prepared, const Stages<T>& stages,
                          const Stages<T>& after, T* y, void* winners),
                         g, pool, x, w, prepared, stages, after, y, winners)
  BENCHMARKS_TIMED_SHAPE(conv2d_chain, message(count, " links to ", links[count - 1].g.out_channels, ": ", shape_of(links[0].g)),
                         (const ConvLink<T>* links, Index count, const T* x, T* y), links, count, x, y)
  BENCHMARKS_TIMED_SHAPE(conv2d_backward, shape_of(g), (const ConvGeometry& g, const T* x, const T* w, const T* dy, T* dx, T* dw, T* dbias), g, x, w, dy, dx, dw,
                         dbias)
  BENCHMARKS_TIMED_SHAPE(conv2d_pooled_backward, shape_of(g),
                         (const ConvGeometry& g, const T* x, const T* w, const PooledGradient<T>& d, T* dx, T* dw, T* dbias), g, x, w, d, dx, dw, dbias)
  BENCHMARKS_TIMED_SHAPE(conv2d_normalized_backward, shape_of(g),
                         (const ConvGeometry& g, const T* x, const T* w, const NormalizedGradient<T>& d, T* dx, T* dw, T* dbias), g, x, w, d, dx, dw, dbias)
  BENCHMARKS_TIMED(pooled_gradient, (const PooledGradient<T>& d, T* dx), d, dx)
  BENCHMARKS_TIMED(max_pool2d, (const PoolGeometry& g, const T* x, T* y, std::int32_t* where), g, x, y, where)
  BENCHMARKS_TIMED(max_pool2d_kept, (const PoolGeometry& g, const T* x, T* y, void* winners), g, x, y, winners)
  BENCHMARKS_TIMED(max_pool2d_backward, (const PoolGeometry& g, const T* dy, const std::int32_t* where, T* dx), g, dy, where, dx)
  BENCHMARKS_TIMED(avg_pool2d, (const PoolGeometry& g, bool padding, Index divisor, const T* x, T* y), g, padding, divisor, x, y)
  BENCHMARKS_TIMED(avg_pool2d_backward, (const PoolGeometry& g, bool padding, Index divisor, const T* dy, T* dx), g, padding, divisor, dy, dx)
  BENCHMARKS_TIMED(adaptive_avg_pool2d, (const PoolGeometry& g, const T* x, T* y), g, x, y)
  BENCHMARKS_TIMED(adaptive_avg_pool2d_backward, (const PoolGeometry& g, const T* dy, T* dx), g, dy, dx)
  BENCHMARKS_TIMED(batch_statistics, (Index rows, Index channels, const T* x, T* mean, T* variance), rows, channels, x, mean, variance)
  BENCHMARKS_TIMED(normalize, (Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, T* y), rows,
                   channels, x, mean, variance, eps, gamma, beta, y)
  BENCHMARKS_TIMED(normalize_staged, (Index rows, Index channels, const T* x, const Stages<T>& stages, T* y), rows, channels, x, stages, y)
  BENCHMARKS_TIMED(normalize_backward,
                   (Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* dy, bool of_batch, T* dx,
                    T* dgamma, T* dbeta),
                   rows, channels, x, mean, variance, eps, gamma, dy, of_batch, dx, dgamma, dbeta)
  BENCHMARKS_TIMED(normalization_sums, (const NormalizedGradient<T>& d, T* dgamma, T* dbeta), d, dgamma, dbeta)
  BENCHMARKS_TIMED(normalization_gradient, (const NormalizedGradient<T>& d, T* dx), d, dx)
  BENCHMARKS_TIMED(softmax, (Index rows, Index columns, bool logarithm, const T* x, T* y), rows, columns, logarithm, x, y)
  BENCHMARKS_TIMED(softmax_backward, (Index rows, Index columns, bool logarithm, const T* y, const T* dy, T* dx), rows, columns, logarithm, y, dy, dx)
  BENCHMARKS_TIMED(nll_loss, (Index rows, Index classes, const T* log_p, const Index* target, const T* weight, Index ignore, T* loss, T* scale), rows, classes,
                   log_p, target, weight, ignore, loss, scale)
  BENCHMARKS_TIMED(nll_loss_backward, (Index rows, Index classes, const Index* target, const T* scale, const T* dloss, T* dlog_p), rows, classes, target,
                   scale, dloss, dlog_p)
  BENCHMARKS_TIMED(mask_scale, (Index count, const bool* keep, T scale, const T* x, T* y), count, keep, scale, x, y)
  BENCHMARKS_TIMED(adam_step, (const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w), s, count, dw, first, second, largest, w)
#undef BENCHMARKS_TIMED
#undef BENCHMARKS_TIMED_SHAPE
};

/// The host's memory, its primitives timed.
class ProfiledMemory final : public CpuMemory<> {
  using Timer = Profile::Timer;

 public:
  std::string_view name() const override { return "profiled"; }
  void* allocate(std::size_t bytes) override {
    const Timer timer("allocate");
    return CpuMemory::allocate(bytes);
  }
  void deallocate(void* memory, std::size_t bytes) noexcept override {
    const Timer timer("deallocate");
    CpuMemory::deallocate(memory, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    const Timer timer("copy");
    CpuMemory::copy(to, from, bytes);
  }
  void fill(DType type, const void* value, Index count, void* to) override {
    const Timer timer("fill");
    CpuMemory::fill(type, value, count, to);
  }
  void cast(DType from_type, const void* from, DType to_type, void* to, Index count) override {
    const Timer timer("cast");
    CpuMemory::cast(from_type, from, to_type, to, count);
  }
  void strided_copy(std::size_t element_size, const Shape& shape, const void* from, const Shape& from_stride, void* to, const Shape& to_stride) override {
    const Timer timer("strided_copy");
    CpuMemory::strided_copy(element_size, shape, from, from_stride, to, to_stride);
  }
  void gather(std::size_t element_size, Index outer, Index size, Index inner, const Index* indices, Index count, const void* from, void* to) override {
    const Timer timer("gather");
    CpuMemory::gather(element_size, outer, size, inner, indices, count, from, to);
  }
  void bernoulli(RandomStream random, double probability, Index count, bool* to) override {
    const Timer timer("bernoulli");
    CpuMemory::bernoulli(random, probability, count, to);
  }
};

/// The host as a device of its own, whose primitives are timed.
inline Device profiled_device() {
  static detail::DeviceEntry* const entry = [] {
    auto* made = new detail::DeviceEntry;
    made->memory = new ProfiledMemory;
    const auto enter = [made]<Scalar T>(T) {
      Kernels<T>* kernels = nullptr;
      if constexpr (std::same_as<T, float>)
        kernels = new ProfiledBackend;
      else if constexpr (!Floating<T>)
        kernels = new CpuKernels<T>;
      made->kernels[static_cast<std::size_t>(dtype_of<T>())] = kernels;
    };
    for (int type = 0; type < dtype_count; ++type) visit_dtype(static_cast<DType>(type), enter);
    return made;
  }();
  return Device(*entry);
}

}  // namespace benchmarks
