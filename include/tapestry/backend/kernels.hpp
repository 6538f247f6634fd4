// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "backend.hpp"
#include "cpu/cpu_backend.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What ops compute with: the primitives of the contract page (backend.hpp) for T, on one device. On the CPU a primitive is its kernel
/// itself, so a program compiles those that its ops call and no others. Elsewhere it is the virtual function of the device's own object.
template <Scalar T>
class Primitives {
  using Contract = typename std::conditional_t<Floating<T>, std::type_identity<Backend<std::conditional_t<Floating<T>, T, float>>>,
                                               std::type_identity<Kernels<T>>>::type;
  using Cpu = typename std::conditional_t<Floating<T>, std::type_identity<CpuBackend<std::conditional_t<Floating<T>, T, float>, Standalone>>,
                                          std::type_identity<CpuKernels<T, Standalone>>>::type;

 public:
  /// Null: those of the CPU.
  explicit Primitives(Contract* device) : device_(device) {}

  DeviceMemory& memory() const { return device_ ? device_->memory() : cpu().memory(); }

#define TAPESTRY_PRIMITIVE(name)                                                            \
  template <class... Arguments>                                                             \
  auto name(const Arguments&... arguments) const {                                          \
    return device_ ? device_->name(arguments...) : Cpu().name(arguments...);                \
  }
  TAPESTRY_PRIMITIVE(unary)
  TAPESTRY_PRIMITIVE(unary_backward)
  TAPESTRY_PRIMITIVE(binary)
  TAPESTRY_PRIMITIVE(compare)
  TAPESTRY_PRIMITIVE(where)
  TAPESTRY_PRIMITIVE(scale_add)
  TAPESTRY_PRIMITIVE(arange)
  TAPESTRY_PRIMITIVE(reduce)
  TAPESTRY_PRIMITIVE(arg_reduce)
  TAPESTRY_PRIMITIVE(topk)
  TAPESTRY_PRIMITIVE(index_add)
  TAPESTRY_PRIMITIVE(uniform)
  TAPESTRY_PRIMITIVE(normal)
  TAPESTRY_PRIMITIVE(gemm)
  TAPESTRY_PRIMITIVE(add_rows)
  TAPESTRY_PRIMITIVE(sum_rows)
  TAPESTRY_PRIMITIVE(im2col)
  TAPESTRY_PRIMITIVE(col2im)
  TAPESTRY_PRIMITIVE(conv2d)
  TAPESTRY_PRIMITIVE(weight_form)
  TAPESTRY_PRIMITIVE(prepare_weight)
  TAPESTRY_PRIMITIVE(conv2d_staged)
  TAPESTRY_PRIMITIVE(conv2d_pooled)
  TAPESTRY_PRIMITIVE(chains)
  TAPESTRY_PRIMITIVE(conv2d_chain)
  TAPESTRY_PRIMITIVE(linear_staged)
  TAPESTRY_PRIMITIVE(conv2d_backward_data)
  TAPESTRY_PRIMITIVE(conv2d_backward_weight)
  TAPESTRY_PRIMITIVE(conv2d_backward)
  TAPESTRY_PRIMITIVE(conv2d_pooled_backward)
  TAPESTRY_PRIMITIVE(conv2d_normalized_backward)
  TAPESTRY_PRIMITIVE(max_pool2d)
  TAPESTRY_PRIMITIVE(max_pool2d_backward)
  TAPESTRY_PRIMITIVE(max_pool2d_kept)
  TAPESTRY_PRIMITIVE(winner_bytes)
  TAPESTRY_PRIMITIVE(pooled_gradient)
  TAPESTRY_PRIMITIVE(avg_pool2d)
  TAPESTRY_PRIMITIVE(avg_pool2d_backward)
  TAPESTRY_PRIMITIVE(adaptive_avg_pool2d)
  TAPESTRY_PRIMITIVE(adaptive_avg_pool2d_backward)
  TAPESTRY_PRIMITIVE(batch_statistics)
  TAPESTRY_PRIMITIVE(normalize)
  TAPESTRY_PRIMITIVE(normalize_staged)
  TAPESTRY_PRIMITIVE(normalize_backward)
  TAPESTRY_PRIMITIVE(normalization_sums)
  TAPESTRY_PRIMITIVE(normalization_gradient)
  TAPESTRY_PRIMITIVE(softmax)
  TAPESTRY_PRIMITIVE(softmax_backward)
  TAPESTRY_PRIMITIVE(nll_loss)
  TAPESTRY_PRIMITIVE(nll_loss_backward)
  TAPESTRY_PRIMITIVE(mask_scale)
  TAPESTRY_PRIMITIVE(sgd_step)
  TAPESTRY_PRIMITIVE(adam_step)
  TAPESTRY_PRIMITIVE(rmsprop_step)
#undef TAPESTRY_PRIMITIVE

 private:
  Contract* device_;
};

/// The primitives for T on a device. Devices other than the CPU enter theirs, a Backend<T> or Kernels<T>, in device.entry().kernels.
///
/// Throws   TypeError if the device has none for T.
template <Scalar T>
Primitives<T> kernels(Device device) {
  if (device == cpu()) return Primitives<T>(nullptr);
  auto* entered = static_cast<Kernels<T>*>(device.entry().kernels[static_cast<std::size_t>(dtype_of<T>())].load(std::memory_order_acquire));
  if (!entered) throw TypeError(message("kernels: device ", device.name(), " has no kernels for ", name_of(dtype_of<T>())));
  if constexpr (Floating<T>)
    return Primitives<T>(static_cast<Backend<T>*>(entered));
  else
    return Primitives<T>(entered);
}

/// The same for those who want all that floating point can do.
template <Floating T>
Primitives<T> backend(Device device) {
  return kernels<T>(device);
}

#ifdef TAPESTRY_COMPILED
extern template class CpuKernels<float, Standalone>;
extern template class CpuBackend<float, Standalone>;
extern template class CpuKernels<double, Standalone>;
extern template class CpuBackend<double, Standalone>;
extern template class CpuKernels<Index, Standalone>;
extern template class CpuKernels<std::int32_t, Standalone>;
extern template class CpuKernels<std::uint8_t, Standalone>;
extern template class CpuKernels<bool, Standalone>;
#endif

}  // namespace tapestry::inline TAPESTRY_ABI
