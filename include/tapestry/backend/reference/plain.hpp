// SPDX-License-Identifier: MIT
#pragma once

// All plain kernels: namespace plain, host pointers.
#include "convolution.hpp"
#include "element.hpp"
#include "elementwise.hpp"
#include "gemm.hpp"
#include "loss.hpp"
#include "memory.hpp"
#include "normalize.hpp"
#include "number.hpp"
#include "optimizer.hpp"
#include "pool.hpp"
#include "random.hpp"
#include "reduce.hpp"
#include "softmax.hpp"
