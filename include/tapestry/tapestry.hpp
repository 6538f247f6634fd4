// SPDX-License-Identifier: MIT
#pragma once

// Everything but what needs another library (interop/, backend/cpu/gemm_eigen.hpp), floor by floor.

#include "core/config.hpp"
#include "core/error.hpp"
#include "core/random.hpp"
#include "core/scalar.hpp"
#include "core/shape.hpp"

#include "backend/backend.hpp"
#include "backend/device.hpp"
#include "backend/geometry.hpp"
#include "backend/kernels.hpp"

#include "backend/reference/convolution.hpp"
#include "backend/reference/elementwise.hpp"
#include "backend/reference/gemm.hpp"
#include "backend/reference/loss.hpp"
#include "backend/reference/memory.hpp"
#include "backend/reference/normalize.hpp"
#include "backend/reference/number.hpp"
#include "backend/reference/optimizer.hpp"
#include "backend/reference/plain.hpp"
#include "backend/reference/pool.hpp"
#include "backend/reference/random.hpp"
#include "backend/reference/reduce.hpp"
#include "backend/reference/reference_backend.hpp"
#include "backend/reference/reference_memory.hpp"
#include "backend/reference/softmax.hpp"

#include "backend/cpu/allocator.hpp"
#include "backend/cpu/cast.hpp"
#include "backend/cpu/cpu_backend.hpp"
#include "backend/cpu/memory.hpp"
#include "backend/cpu/parallel_for.hpp"
#include "backend/cpu/strided_copy.hpp"

#include "tensor/any_tensor.hpp"
#include "tensor/layout.hpp"
#include "tensor/tensor.hpp"

#include "autograd/tape.hpp"

#include "nn/init.hpp"
#include "nn/module.hpp"
#include "nn/sequential.hpp"
#include "nn/state_dict.hpp"

#include "data/crop.hpp"
#include "data/dataset.hpp"
#include "data/flip.hpp"
#include "data/image.hpp"
#include "data/normalize.hpp"
#include "data/prefetcher.hpp"
#include "data/resize.hpp"
#include "data/sample_random.hpp"
#include "data/transform.hpp"
