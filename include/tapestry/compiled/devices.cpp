// SPDX-License-Identifier: MIT
// The part of tapestry::compiled for integers, for what has no scalar type, and for the devices that stand for no hardware.
#include "../backend/kernels.hpp"
#include "../backend/meta/meta_backend.hpp"
#include "../backend/reference/reference_backend.hpp"
#include "../nn/print.hpp"
#include "../tensor/creation.hpp"

namespace tapestry::inline TAPESTRY_ABI {
template class CpuKernels<Index, Standalone>;
template class CpuKernels<std::int32_t, Standalone>;
template class CpuKernels<std::uint8_t, Standalone>;
template class CpuKernels<bool, Standalone>;
template class CpuMemory<void>;
template Tensor<Index> zeros<Index>(const Shape&, Device);
template void detail::print_module<void>(const Module&, std::size_t, std::string&);
template detail::DeviceEntry* detail::new_reference_entry<void>();
template detail::DeviceEntry* detail::new_meta_entry<void>();
}  // namespace tapestry::inline TAPESTRY_ABI
