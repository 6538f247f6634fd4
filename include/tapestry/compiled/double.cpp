// SPDX-License-Identifier: MIT
// The part of tapestry::compiled for double.
#include "layers.hpp"

namespace tapestry::inline TAPESTRY_ABI {
template class CpuKernels<double, Backend<double>>;
template class CpuBackend<double>;
TAPESTRY_LAYERS(template, double);
}  // namespace tapestry::inline TAPESTRY_ABI
