// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

#include "device.hpp"
#include "epilogue.hpp"
#include "geometry.hpp"

namespace tapestry::inline TAPESTRY_ABI {

enum class Transpose : std::uint8_t { no, yes };
enum class UnaryOp : std::uint8_t {
  negate, absolute, sign, square_root, exponential, logarithm,
  power,       // x^a
  affine,      // a*x + b
  clamp,       // min(max(x, a), b); NaN stays
  relu,        // max(x, 0); NaN stays
  leaky_relu,  // x > 0 ? x : a*x
  sigmoid, tanh,
  gelu,        // x * Phi(x), Phi the normal distribution function
  gelu_tanh    // 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
};
enum class BinaryOp : std::uint8_t { add, subtract, multiply, divide, power, maximum, minimum };  // maximum, minimum: NaN wins
enum class CompareOp : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };
enum class ReduceOp : std::uint8_t { sum, maximum, minimum };  // maximum, minimum: NaN wins

/// What a device must compute for every scalar type. All arrays are contiguous; results never overlap inputs unless it is said.
/// Integer division truncates toward zero, integer powers wrap.
template <Scalar T>
class Kernels {
 public:
  virtual ~Kernels() = default;

  /// y[i] = op(x[i]); x and y may be the same. Integers know negate, absolute, sign, power, affine, clamp and relu.
  virtual void unary(UnaryOp op, Index count, const T* x, T a, T b, T* y) = 0;
  virtual void binary(BinaryOp op, const Broadcast& walk, const T* a, const T* b, T* y) = 0;
  virtual void compare(CompareOp op, const Broadcast& walk, const T* a, const T* b, bool* y) = 0;
  /// y[i] = condition[i] ? a[i] : b[i]
  virtual void where(Index count, const bool* condition, const T* a, const T* b, T* y) = 0;
  /// y[i] = alpha*x[i] + beta*y[i]; y is not read where beta is 0.
  virtual void scale_add(Index count, T alpha, const T* x, T beta, T* y) = 0;
  virtual void arange(Index count, T start, T step, T* y) = 0;
  /// y[o][i] = the reduction of x[o][.][i] over the middle axis of `size` entries. A sum over nothing is 0; max and min want size > 0.
  virtual void reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* y) = 0;
  /// The first position of the maximum or minimum along the middle axis; NaN wins. values may be null.
  virtual void arg_reduce(ReduceOp op, Index outer, Index size, Index inner, const T* x, T* values, Index* positions) = 0;
  /// The k largest (or smallest) along the middle axis, best first, equals in order of position; NaN counts as largest.
  virtual void topk(Index outer, Index size, Index inner, Index k, bool largest, const T* x, T* values, Index* positions) = 0;
  /// y[o][indices[i]][r] += x[o][i][r] for o < outer, i < count, r < inner; y's middle axis has `size` entries. Equal indices add up in order of i.
  virtual void index_add(Index outer, Index size, Index inner, const Index* indices, Index count, const T* x, T* y) = 0;
};

/// Settings of one optimiser step; the formulas stand in optim/.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, first;  // first: the momentum buffer starts as the gradient
};
struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  Index step;  // counted from 1
  bool decoupled, amsgrad, maximize;
};
struct RmsPropStep {
  double lr, alpha, eps, weight_decay, momentum;
  bool centered, maximize;
};

/// How a backend lays out a convolution's weights for itself: equal forms of the same weights are the same numbers.
struct WeightForm {
  Index size = 0;  // in numbers
  int kind = 0;
  Size2 dilation = 1;
  bool operator==(const WeightForm&) const = default;
};

/// One of several convolutions in a row, each of which reads the result of the one before; only the last may have a residual.
template <Floating T>
struct ConvLink {
  ConvGeometry g;
  const T *w, *prepared;  // as conv2d_staged has them
  Stages<T> stages;
};

/// The gradient of what went through an activation (or none) and a max pooling, told by that of the pooling's result y:
/// dx[winner] += dy * activation'(y). The sign of y and whether it was clamped tell what the activation's argument would.
template <Floating T>
struct PooledGradient {
  PoolGeometry pool;
  const T *dy, *y;
  const void* winners;  // from conv2d_pooled or max_pool2d_kept
  Activation activation = Activation::none;
  T slope{}, low{}, high{};
};

/// The gradient of a normalisation's input x, told by that of its result, or of an activation of its result: with
///   h = (x - mean) / sqrt(variance + eps),   v = h*gamma + beta,   d = dy * activation'(v)
///   dbeta = sum of d,   dgamma = sum of d*h
///   dx = gamma / sqrt(variance + eps) * (d - dbeta/rows - h*dgamma/rows)
/// where the last two terms are left out unless mean and variance are the batch's own. gamma and beta may be null.
template <Floating T>
struct NormalizedGradient {
  Index rows, channels;
  const T *x, *mean, *variance, *gamma, *beta;
  T eps;
  bool of_batch;
  const T* dy;
  Activation activation = Activation::none;
  T slope{}, low{}, high{};
  const T *dgamma = nullptr, *dbeta = nullptr;  // from normalization_sums, which does not read them
};

/// What a device must compute for floating point: the contract page. Images lie channels-last, see geometry.hpp.
/// Backward primitives write their results; they do not add to them. Where a primitive has a body here, it is the plain way
/// through others, and a backend overrides it only to be faster.
template <Floating T>
class Backend : public Kernels<T> {
 public:
  virtual DeviceMemory& memory() = 0;

  /// dx[i] = dy[i] * op'(x[i]); y = op(x) is given too. dx and dy may be the same.
  virtual void unary_backward(UnaryOp op, Index count, const T* x, const T* y, const T* dy, T a, T b, T* dx) = 0;
  virtual void uniform(RandomStream random, T low, T high, Index count, T* y) = 0;   ///< y[i] = low + (high - low)*random.uniform(i)
  virtual void normal(RandomStream random, T mean, T deviation, Index count, T* y) = 0;  ///< y[i] = mean + deviation*random.normal(i)

  /// C = op(A) op(B) + beta C: op(A) is m x k, op(B) is k x n; rows of A, B and C lie lda, ldb, ldc apart. C is not read where beta is 0.
  virtual void gemm(Transpose a_op, Transpose b_op, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T beta, T* c,
                    Index ldc) = 0;

  /// y[r][c] += bias[c]
  virtual void add_rows(Index rows, Index columns, const T* bias, T* y) = 0;
  /// y[c] = sum over r of x[r][c]
  void sum_rows(Index rows, Index columns, const T* x, T* y) { this->reduce(ReduceOp::sum, 1, rows, columns, x, y); }

  /// patches[pixel][u][v][c]: what one group's filters see, a row an output pixel of all images; 0 outside the image.
  virtual void im2col(const ConvGeometry& g, Index group, const T* x, T* patches) = 0;
  /// x += the adjoint of im2col: every patch entry is added to the pixel it came from.
  virtual void col2im(const ConvGeometry& g, Index group, const T* patches, T* x) = 0;

  /// y = x * w + bias; bias may be null.
  virtual void conv2d(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y);
  /// The form in which conv2d_staged likes to have its weights; size 0: as they are.
  virtual WeightForm weight_form(const ConvGeometry&) { return {}; }
  /// Brings weights into that form. It is good for every convolution that asks for the same one.
  virtual void prepare_weight(const ConvGeometry&, const T*, T*) {}
  /// y = stages(x * w); prepared: w in the form asked for, or null.
  virtual void conv2d_staged(const ConvGeometry& g, const T* x, const T* w, const T* prepared, const Stages<T>& stages, T* y);
  /// y = after(the max pooling of stages(x * w)), as max_pool2d_kept has it; prepared may be null. `after` has no bias and no residual.
  virtual void conv2d_pooled(const ConvGeometry& g, const PoolGeometry& pool, const T* x, const T* w, const T* prepared, const Stages<T>& stages,
                             const Stages<T>& after, T* y, void* winners);
  /// Whether conv2d_chain does better by these convolutions, each of the result of the one before, than one after the other would.
  virtual bool chains(const ConvGeometry*, Index) const { return false; }
  /// y = what the last of `count` links makes of x.
  virtual void conv2d_chain(const ConvLink<T>* links, Index count, const T* x, T* y);
  /// y[rows][out] = stages(x[rows][in] * w[out][in]^T)
  virtual void linear_staged(Index rows, Index out, Index in, const T* x, const T* w, const Stages<T>& stages, T* y);
  /// dx from dy.
  virtual void conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx);
  /// dw from x and dy.
  virtual void conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw);

  /// All three, of which each may be null (not wanted); dbias is the sum of dy's rows.
  virtual void conv2d_backward(const ConvGeometry& g, const T* x, const T* w, const T* dy, T* dx, T* dw, T* dbias);
  /// The same where the result was activated and pooled, from the gradient of that.
  virtual void conv2d_pooled_backward(const ConvGeometry& g, const T* x, const T* w, const PooledGradient<T>& d, T* dx, T* dw, T* dbias);

  /// The same where the result was normalised, or normalised and activated, from the gradient of that.
  virtual void conv2d_normalized_backward(const ConvGeometry& g, const T* x, const T* w, const NormalizedGradient<T>& d, T* dx, T* dw, T* dbias);

  /// y = the largest under each window, where (if not null) = its pixel y*width + x in the input; the first among equals, NaN wins. Padding never
  /// wins.
  virtual void max_pool2d(const PoolGeometry& g, const T* x, T* y, std::int32_t* where) = 0;
  virtual void max_pool2d_backward(const PoolGeometry& g, const T* dy, const std::int32_t* where, T* dx) = 0;
  /// The same for a backward pass alone: winners (if not null) gets, in a form of the backend's own, what pooled_gradient needs to know of them.
  virtual void max_pool2d_kept(const PoolGeometry& g, const T* x, T* y, void* winners);
  /// How many bytes that takes.
  virtual Index winner_bytes(const PoolGeometry& g) const { return g.batch * g.out_pixels() * g.channels * 4; }
  /// dx as PooledGradient has it.
  virtual void pooled_gradient(const PooledGradient<T>& d, T* dx);
  /// y = sum under each window / divisor. divisor 0: the window's size, clipped to the padded image if count_padding, else to the image.
  virtual void avg_pool2d(const PoolGeometry& g, bool count_padding, Index divisor, const T* x, T* y) = 0;
  virtual void avg_pool2d_backward(const PoolGeometry& g, bool count_padding, Index divisor, const T* dy, T* dx) = 0;
  /// Output row i averages input rows floor(i*H/H') to ceil((i+1)*H/H'); columns likewise. Uses sizes only, no window.
  virtual void adaptive_avg_pool2d(const PoolGeometry& g, const T* x, T* y) = 0;
  virtual void adaptive_avg_pool2d_backward(const PoolGeometry& g, const T* dy, T* dx) = 0;

  /// Mean and biased variance of each column of x[rows][channels].
  virtual void batch_statistics(Index rows, Index channels, const T* x, T* mean, T* variance) = 0;
  /// y = (x - mean) / sqrt(variance + eps) * gamma + beta, by column; gamma and beta may be null, x and y the same.
  virtual void normalize(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma, const T* beta, T* y) = 0;
  /// y = stages(x), whose bias is null.
  virtual void normalize_staged(Index rows, Index channels, const T* x, const Stages<T>& stages, T* y);
  /// With h = (x - mean) / sqrt(variance + eps):  dbeta = sum of dy,  dgamma = sum of dy*h, and
  /// dx = gamma / sqrt(variance + eps) * (dy - dbeta/rows - h*dgamma/rows) if mean and variance are the batch's own, else only gamma / sqrt(...) * dy.
  /// gamma may be null (then 1), dx may be null (not wanted).
  virtual void normalize_backward(Index rows, Index channels, const T* x, const T* mean, const T* variance, T eps, const T* gamma,
                                  const T* dy, bool of_batch, T* dx, T* dgamma, T* dbeta) = 0;

  /// dgamma and dbeta as NormalizedGradient has them.
  virtual void normalization_sums(const NormalizedGradient<T>& d, T* dgamma, T* dbeta);
  /// dx as NormalizedGradient has it.
  virtual void normalization_gradient(const NormalizedGradient<T>& d, T* dx);

  /// By row: y = exp(x - max) / sum, or its logarithm.
  virtual void softmax(Index rows, Index columns, bool logarithm, const T* x, T* y) = 0;
  virtual void softmax_backward(Index rows, Index columns, bool logarithm, const T* y, const T* dy, T* dx) = 0;

  /// scale[r] = weight[target[r]] (1 if weight is null), 0 where target[r] is ignore; loss[r] = -scale[r] * log_p[r][target[r]].
  virtual void nll_loss(Index rows, Index classes, const T* log_p, const Index* target, const T* weight, Index ignore, T* loss, T* scale) = 0;
  /// dlog_p[r][target[r]] = -dloss[r] * scale[r], 0 elsewhere.
  virtual void nll_loss_backward(Index rows, Index classes, const Index* target, const T* scale, const T* dloss, T* dlog_p) = 0;

  /// y[i] = keep[i] ? x[i]*scale : 0
  virtual void mask_scale(Index count, const bool* keep, T scale, const T* x, T* y) = 0;

  virtual void sgd_step(const SgdStep& s, Index count, const T* dw, T* momentum, T* w) = 0;  ///< momentum may be null
  virtual void adam_step(const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w) = 0;  ///< largest: null unless amsgrad
  virtual void rmsprop_step(const RmsPropStep& s, Index count, const T* dw, T* square, T* mean, T* momentum, T* w) = 0;  ///< mean, momentum may be null
};

namespace detail {
/// How many images' patches are laid out at a time: a function of the geometry alone, so that results do not depend on anything else.
inline Index images_per_chunk(const ConvGeometry& g, std::size_t element_size) {
  constexpr Index budget = Index{16} << 20;  // bytes of patches
  const Index image = std::max<Index>(1, g.out_pixels() * g.patch() * static_cast<Index>(element_size));
  return std::clamp<Index>(budget / image, 1, std::max<Index>(1, g.batch));
}
/// Runs f(geometry of a few images, first image) over the batch.
template <class F>
void for_each_chunk(const ConvGeometry& g, std::size_t element_size, F&& f) {
  const Index step = images_per_chunk(g, element_size);
  for (Index n = 0; n < g.batch; n += step) f(g.with_batch(std::min(step, g.batch - n)), n);
}

// The plain ways, through whatever has the primitives: a backend, or the CPU's kernels by themselves.

template <class Device, Floating T>
void conv2d_by_patches(Device& device, const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  Workspace<T> patches(device.memory(), images_per_chunk(g, sizeof(T)) * g.out_pixels() * g.patch());
  for_each_chunk(g, sizeof(T), [&](const ConvGeometry& part, Index n) {
    const Index pixels = part.batch * g.out_pixels();
    T* y_part = y + n * g.out_pixels() * g.out_channels;
    for (Index group = 0; group < g.groups; ++group) {  // Y[pixels, O] = P[pixels, K*L*C] W^T
      device.im2col(part, group, x + n * g.in_pixels() * g.in_channels, patches.data());
      device.gemm(Transpose::no, Transpose::yes, pixels, g.group_out(), g.patch(), patches.data(), g.patch(),
                  w + group * g.group_out() * g.patch(), g.patch(), T{0}, y_part + group * g.group_out(), g.out_channels);
    }
    if (bias) device.add_rows(pixels, g.out_channels, bias, y_part);
  });
}

template <class Device, Floating T>
void conv2d_backward_data_by_patches(Device& device, const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  const T zero{0};
  device.memory().fill(dtype_of<T>(), &zero, g.batch * g.in_pixels() * g.in_channels, dx);
  Workspace<T> patches(device.memory(), images_per_chunk(g, sizeof(T)) * g.out_pixels() * g.patch());
  for_each_chunk(g, sizeof(T), [&](const ConvGeometry& part, Index n) {
    for (Index group = 0; group < g.groups; ++group) {  // dX += col2im(dY W)
      device.gemm(Transpose::no, Transpose::no, part.batch * g.out_pixels(), g.patch(), g.group_out(),
                  dy + n * g.out_pixels() * g.out_channels + group * g.group_out(), g.out_channels, w + group * g.group_out() * g.patch(),
                  g.patch(), T{0}, patches.data(), g.patch());
      device.col2im(part, group, patches.data(), dx + n * g.in_pixels() * g.in_channels);
    }
  });
}

template <class Device, Floating T>
void conv2d_backward_weight_by_patches(Device& device, const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  const T zero{0};
  if (g.batch == 0) device.memory().fill(dtype_of<T>(), &zero, g.out_channels * g.patch(), dw);
  Workspace<T> patches(device.memory(), images_per_chunk(g, sizeof(T)) * g.out_pixels() * g.patch());
  for_each_chunk(g, sizeof(T), [&](const ConvGeometry& part, Index n) {
    for (Index group = 0; group < g.groups; ++group) {  // dW += dY^T P
      device.im2col(part, group, x + n * g.in_pixels() * g.in_channels, patches.data());
      device.gemm(Transpose::yes, Transpose::no, g.group_out(), g.patch(), part.batch * g.out_pixels(),
                  dy + n * g.out_pixels() * g.out_channels + group * g.group_out(), g.out_channels, patches.data(), g.patch(),
                  n == 0 ? T{0} : T{1}, dw + group * g.group_out() * g.patch(), g.patch());
    }
  });
}

/// The stages after the bias, one after the other, in place.
template <class Device, Floating T>
void finish_stages(Device& device, Index rows, Index channels, const Stages<T>& s, T* y) {
  const Index count = rows * channels;
  if (s.mean) device.normalize(rows, channels, y, s.mean, s.variance, s.eps, s.gamma, s.beta, y);
  if (s.residual) device.scale_add(count, T{1}, s.residual, T{1}, y);
  switch (s.activation) {
    case Activation::none: return;
    case Activation::relu: return device.unary(UnaryOp::relu, count, y, T{}, T{}, y);
    case Activation::leaky_relu: return device.unary(UnaryOp::leaky_relu, count, y, s.slope, T{}, y);
    case Activation::clamp: return device.unary(UnaryOp::clamp, count, y, s.low, s.high, y);
  }
}
template <class Device, Floating T>
void conv2d_then_stages(Device& device, const ConvGeometry& g, const T* x, const T* w, const Stages<T>& stages, T* y) {
  device.conv2d(g, x, w, stages.bias, y);
  finish_stages(device, g.batch * g.out_pixels(), g.out_channels, stages, y);
}
template <class Device, Floating T>
void conv2d_then_pool(Device& device, const ConvGeometry& g, const PoolGeometry& pool, const T* x, const T* w, const T* prepared,
                      const Stages<T>& stages, const Stages<T>& after, T* y, void* winners) {
  const Workspace<T> whole(device.memory(), g.batch * g.out_pixels() * g.out_channels);
  device.conv2d_staged(g, x, w, prepared, stages, whole.data());
  device.max_pool2d_kept(pool, whole.data(), y, winners);
  finish_stages(device, pool.batch * pool.out_pixels(), pool.channels, after, y);
}
template <class Device, Floating T>
void conv2d_one_by_one(Device& device, const ConvLink<T>* links, Index count, const T* x, T* y) {
  const ConvLink<T>& last = links[count - 1];
  if (count == 1) return device.conv2d_staged(last.g, x, last.w, last.prepared, last.stages, y);
  const Workspace<T> before(device.memory(), last.g.batch * last.g.in_pixels() * last.g.in_channels);
  conv2d_one_by_one(device, links, count - 1, x, before.data());
  device.conv2d_staged(last.g, before.data(), last.w, last.prepared, last.stages, y);
}
template <class Device, Floating T>
void conv2d_backward_by_passes(Device& device, const ConvGeometry& g, const T* x, const T* w, const T* dy, T* dx, T* dw, T* dbias) {
  if (dx) device.conv2d_backward_data(g, dy, w, dx);
  if (dw) device.conv2d_backward_weight(g, x, dy, dw);
  if (dbias) device.sum_rows(g.batch * g.out_pixels(), g.out_channels, dy, dbias);
}
template <class Device, Floating T>
void unpool_then_conv2d_backward(Device& device, const ConvGeometry& g, const T* x, const T* w, const PooledGradient<T>& d, T* dx, T* dw, T* dbias) {
  const Workspace<T> dy(device.memory(), g.batch * g.out_pixels() * g.out_channels);
  device.pooled_gradient(d, dy.data());
  device.conv2d_backward(g, x, w, dy.data(), dx, dw, dbias);
}
/// dx = d.dy * activation'(v); nothing where there is no activation.
template <class Device, class Gradient, Floating T>
void activation_gradient(Device& device, const Gradient& d, Index count, const T* v, T* dx) {
  switch (d.activation) {
    case Activation::none: return;
    case Activation::relu: return device.unary_backward(UnaryOp::relu, count, v, v, d.dy, T{}, T{}, dx);
    case Activation::leaky_relu: return device.unary_backward(UnaryOp::leaky_relu, count, v, v, d.dy, d.slope, T{}, dx);
    case Activation::clamp: return device.unary_backward(UnaryOp::clamp, count, v, v, d.dy, d.low, d.high, dx);
  }
}
template <class Device, Floating T>
void activation_then_pool_gradient(Device& device, const PooledGradient<T>& d, T* dx) {
  const Index count = d.pool.batch * d.pool.out_pixels() * d.pool.channels;
  const Workspace<T> masked(device.memory(), d.activation == Activation::none ? 0 : count);
  activation_gradient(device, d, count, d.y, masked.data());
  device.max_pool2d_backward(d.pool, d.activation == Activation::none ? d.dy : masked.data(), static_cast<const std::int32_t*>(d.winners), dx);
}
/// What was activated is computed anew; dx may be null.
template <class Device, Floating T>
void activation_then_normalization_gradient(Device& device, const NormalizedGradient<T>& d, T* dx, T* dgamma, T* dbeta) {
  const bool masks = d.activation != Activation::none;
  const Index count = d.rows * d.channels;
  const Workspace<T> v(device.memory(), masks ? count : 0), masked(device.memory(), masks ? count : 0);
  if (masks) device.normalize(d.rows, d.channels, d.x, d.mean, d.variance, d.eps, d.gamma, d.beta, v.data());
  activation_gradient(device, d, count, v.data(), masked.data());
  device.normalize_backward(d.rows, d.channels, d.x, d.mean, d.variance, d.eps, d.gamma, masks ? masked.data() : d.dy, d.of_batch, dx, dgamma, dbeta);
}
template <class Device, Floating T>
void normalization_gradient_then_conv2d_backward(Device& device, const ConvGeometry& g, const T* x, const T* w, const NormalizedGradient<T>& d, T* dx, T* dw,
                                                 T* dbias) {
  const Workspace<T> dy(device.memory(), d.rows * d.channels);
  device.normalization_gradient(d, dy.data());
  device.conv2d_backward(g, x, w, dy.data(), dx, dw, dbias);
}
}  // namespace detail

template <Floating T>
void Backend<T>::conv2d(const ConvGeometry& g, const T* x, const T* w, const T* bias, T* y) {
  detail::conv2d_by_patches(*this, g, x, w, bias, y);
}
template <Floating T>
void Backend<T>::conv2d_backward_data(const ConvGeometry& g, const T* dy, const T* w, T* dx) {
  detail::conv2d_backward_data_by_patches(*this, g, dy, w, dx);
}
template <Floating T>
void Backend<T>::conv2d_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dw) {
  detail::conv2d_backward_weight_by_patches(*this, g, x, dy, dw);
}
template <Floating T>
void Backend<T>::conv2d_staged(const ConvGeometry& g, const T* x, const T* w, const T*, const Stages<T>& stages, T* y) {
  detail::conv2d_then_stages(*this, g, x, w, stages, y);
}
template <Floating T>
void Backend<T>::conv2d_pooled(const ConvGeometry& g, const PoolGeometry& pool, const T* x, const T* w, const T* prepared, const Stages<T>& stages,
                               const Stages<T>& after, T* y, void* winners) {
  detail::conv2d_then_pool(*this, g, pool, x, w, prepared, stages, after, y, winners);
}
template <Floating T>
void Backend<T>::conv2d_chain(const ConvLink<T>* links, Index count, const T* x, T* y) {
  detail::conv2d_one_by_one(*this, links, count, x, y);
}
template <Floating T>
void Backend<T>::conv2d_backward(const ConvGeometry& g, const T* x, const T* w, const T* dy, T* dx, T* dw, T* dbias) {
  detail::conv2d_backward_by_passes(*this, g, x, w, dy, dx, dw, dbias);
}
template <Floating T>
void Backend<T>::conv2d_pooled_backward(const ConvGeometry& g, const T* x, const T* w, const PooledGradient<T>& d, T* dx, T* dw, T* dbias) {
  detail::unpool_then_conv2d_backward(*this, g, x, w, d, dx, dw, dbias);
}
template <Floating T>
void Backend<T>::conv2d_normalized_backward(const ConvGeometry& g, const T* x, const T* w, const NormalizedGradient<T>& d, T* dx, T* dw, T* dbias) {
  detail::normalization_gradient_then_conv2d_backward(*this, g, x, w, d, dx, dw, dbias);
}
template <Floating T>
void Backend<T>::normalization_sums(const NormalizedGradient<T>& d, T* dgamma, T* dbeta) {
  detail::activation_then_normalization_gradient(*this, d, static_cast<T*>(nullptr), dgamma, dbeta);
}
template <Floating T>
void Backend<T>::normalization_gradient(const NormalizedGradient<T>& d, T* dx) {
  const Workspace<T> sums(memory(), 2 * d.channels);
  detail::activation_then_normalization_gradient(*this, d, dx, sums.data(), sums.data() + d.channels);
}
template <Floating T>
void Backend<T>::max_pool2d_kept(const PoolGeometry& g, const T* x, T* y, void* winners) {
  max_pool2d(g, x, y, static_cast<std::int32_t*>(winners));
}
template <Floating T>
void Backend<T>::pooled_gradient(const PooledGradient<T>& d, T* dx) {
  detail::activation_then_pool_gradient(*this, d, dx);
}
template <Floating T>
void Backend<T>::linear_staged(Index rows, Index out, Index in, const T* x, const T* w, const Stages<T>& stages, T* y) {
  gemm(Transpose::no, Transpose::yes, rows, out, in, x, in, w, in, T{0}, y, out);
  if (stages.bias) add_rows(rows, out, stages.bias, y);
  detail::finish_stages(*this, rows, out, stages, y);
}
template <Floating T>
void Backend<T>::normalize_staged(Index rows, Index channels, const T* x, const Stages<T>& stages, T* y) {
  normalize(rows, channels, x, stages.mean, stages.variance, stages.eps, stages.gamma, stages.beta, y);
  Stages<T> rest = stages;
  rest.mean = nullptr;
  detail::finish_stages(*this, rows, channels, rest, y);
}

}  // namespace tapestry::inline TAPESTRY_ABI
