// SPDX-License-Identifier: MIT
#pragma once

#include "../nn/activation.hpp"
#include "../nn/batch_norm.hpp"
#include "../nn/conv2d.hpp"
#include "../nn/dropout.hpp"
#include "../nn/embedding.hpp"
#include "../nn/flatten.hpp"
#include "../nn/linear.hpp"
#include "../nn/pool.hpp"
#include "../nn/sequential.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/cross_entropy.hpp"
#include "../optim/adam.hpp"
#include "../optim/rmsprop.hpp"
#include "../optim/sgd.hpp"
#include "../tensor/creation.hpp"
#include "../tensor/print.hpp"

// What tapestry::compiled holds ready beside the kernels, for a floating-point type: `declare` is `template` there and `extern template`
// where it is used.
#define TAPESTRY_LAYERS(declare, T)                                                                                                    \
  declare class Tensor<T>;                                                                                                             \
  declare class Grad<T>;                                                                                                               \
  declare class Layer<T>;                                                                                                              \
  declare class ReLU<T>;                                                                                                               \
  declare class LeakyReLU<T>;                                                                                                          \
  declare class Sigmoid<T>;                                                                                                            \
  declare class Tanh<T>;                                                                                                               \
  declare class GELU<T>;                                                                                                               \
  declare class Softmax<T>;                                                                                                            \
  declare class LogSoftmax<T>;                                                                                                         \
  declare class BatchNorm<T>;                                                                                                          \
  declare class BatchNorm1d<T>;                                                                                                        \
  declare class BatchNorm2d<T>;                                                                                                        \
  declare class Conv2d<T>;                                                                                                             \
  declare class Dropout<T>;                                                                                                            \
  declare class Embedding<T>;                                                                                                          \
  declare class Flatten<T>;                                                                                                            \
  declare class Linear<T>;                                                                                                             \
  declare class MaxPool2d<T>;                                                                                                          \
  declare class AvgPool2d<T>;                                                                                                          \
  declare class AdaptiveAvgPool2d<T>;                                                                                                  \
  declare class Sequential<T>;                                                                                                         \
  declare class Optimizer<T, SgdOptions>;                                                                                              \
  declare class Optimizer<T, AdamOptions>;                                                                                             \
  declare class Optimizer<T, AdamWOptions>;                                                                                            \
  declare class Optimizer<T, RmsPropOptions>;                                                                                          \
  declare class SGD<T>;                                                                                                                \
  declare class detail::AdamFamily<T, AdamOptions, false>;                                                                             \
  declare class detail::AdamFamily<T, AdamWOptions, true>;                                                                             \
  declare class Adam<T>;                                                                                                               \
  declare class AdamW<T>;                                                                                                              \
  declare class RMSprop<T>;                                                                                                            \
  declare void Tape::backward<T>(const Tensor<T>&);                                                                                    \
  declare void Tape::backward<T>(const Tensor<T>&, const Tensor<T>&);                                                                  \
  declare Tensor<T> zeros<T>(const Shape&, Device);                                                                                    \
  declare std::string to_string<T>(const Tensor<T>&);                                                                                  \
  declare Tensor<T> cross_entropy<T>(const Tensor<T>&, const Tensor<Index>&, const CrossEntropyOptions<T>&);                           \
  declare std::vector<Tensor<T>> parameters<T>(Module&)

namespace tapestry::inline TAPESTRY_ABI {
#ifdef TAPESTRY_COMPILED
TAPESTRY_LAYERS(extern template, float);
TAPESTRY_LAYERS(extern template, double);
extern template Tensor<Index> zeros<Index>(const Shape&, Device);
#endif
}  // namespace tapestry::inline TAPESTRY_ABI
