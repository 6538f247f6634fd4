// SPDX-License-Identifier: MIT
// The part of tapestry::compiled for float.
#include "layers.hpp"

namespace tapestry::inline TAPESTRY_ABI {
template class CpuKernels<float, Standalone>;
template class CpuBackend<float, Standalone>;
TAPESTRY_LAYERS(template, float);
}  // namespace tapestry::inline TAPESTRY_ABI
