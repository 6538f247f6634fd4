// SPDX-License-Identifier: MIT
// The part of tapestry::compiled for double.
#include "layers.hpp"

namespace tapestry::inline TAPESTRY_ABI {
template class CpuKernels<double, Standalone>;
template class CpuBackend<double, Standalone>;
TAPESTRY_LAYERS(template, double);
}  // namespace tapestry::inline TAPESTRY_ABI
