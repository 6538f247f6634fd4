// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/activation.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/flatten.hpp"
#include "../nn/linear.hpp"
#include "../nn/pool.hpp"
#include "../nn/sequential.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// A small network for 32x32 colour images: three rounds of batch norm, 3x3 convolution, activation and 2x2 pooling, then three linear layers.
///
///   3x32x32 -> 30x30x30 -> 30x15x15 -> 60x13x13 -> 60x6x6 -> 120x4x4 -> 120x2x2 -> 480 -> 200 -> 60 -> classes
template <Floating T = float>
Sequential<T> cifar_net(Index classes = 10) {
  return Sequential<T>(BatchNorm2d<T>(3), Conv2d<T>(3, 30, {.kernel = 3}), ReLU<T>(), MaxPool2d<T>(2),                         //
                       BatchNorm2d<T>(30), Conv2d<T>(30, 60, {.kernel = 3}), ReLU<T>(), MaxPool2d<T>(2),                       //
                       BatchNorm2d<T>(60), Conv2d<T>(60, 120, {.kernel = 3}), LeakyReLU<T>({.negative_slope = 0.1}), MaxPool2d<T>(2),  //
                       BatchNorm2d<T>(120), Flatten<T>(), Dropout<T>(0.2), Linear<T>(480, 200), ReLU<T>(),                      //
                       Dropout<T>(0.2), Linear<T>(200, 60), ReLU<T>(), Linear<T>(60, classes));
}

}  // namespace tapestry::inline TAPESTRY_ABI
