// SPDX-License-Identifier: MIT
// The part of tapestry::compiled for integers and for the devices that stand for no hardware.
#include "../backend/kernels.hpp"
#include "../backend/meta/meta_backend.hpp"
#include "../backend/reference/reference_backend.hpp"

namespace tapestry::inline TAPESTRY_ABI {
template class CpuKernels<Index, Standalone>;
template class CpuKernels<std::int32_t, Standalone>;
template class CpuKernels<std::uint8_t, Standalone>;
template class CpuKernels<bool, Standalone>;
template detail::DeviceEntry* detail::new_reference_entry<void>();
template detail::DeviceEntry* detail::new_meta_entry<void>();
}  // namespace tapestry::inline TAPESTRY_ABI
