// SPDX-License-Identifier: MIT
#pragma once

#include <type_traits>

#include "backend.hpp"
#include "cpu/cpu_backend.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The kernels for T on a device. Those of the CPU are made where a program first asks for them, so only the scalar types that it
/// uses are compiled; other devices enter theirs in device.entry().kernels.
///
/// Throws   TypeError if the device has none for T.
template <Scalar T>
Kernels<T>& kernels(Device device) {
  if (device == cpu()) {
    using Cpu = typename std::conditional_t<Floating<T>, std::type_identity<CpuBackend<std::conditional_t<Floating<T>, T, float>>>,
                                            std::type_identity<CpuKernels<T>>>::type;
    static Cpu& made = *new Cpu;  // never destroyed
    return made;
  }
  void* entered = device.entry().kernels[static_cast<std::size_t>(dtype_of<T>())].load(std::memory_order_acquire);
  if (!entered) throw TypeError(message("kernels: device ", device.name(), " has no kernels for ", name_of(dtype_of<T>())));
  return *static_cast<Kernels<T>*>(entered);
}

/// The same with all that floating point can do.
template <Floating T>
Backend<T>& backend(Device device) {
  return static_cast<Backend<T>&>(kernels<T>(device));
}

#ifdef TAPESTRY_COMPILED
extern template class CpuKernels<float, Backend<float>>;
extern template class CpuBackend<float>;
extern template class CpuKernels<double, Backend<double>>;
extern template class CpuBackend<double>;
extern template class CpuKernels<Index>;
extern template class CpuKernels<std::int32_t>;
extern template class CpuKernels<std::uint8_t>;
extern template class CpuKernels<bool>;
#endif

}  // namespace tapestry::inline TAPESTRY_ABI
