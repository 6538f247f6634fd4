// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>

#include "../backend.hpp"

namespace tapestry::inline TAPESTRY_ABI::plain {

// The update rules are PyTorch's to the last detail. Settings are combined in double and then rounded once to T, as PyTorch does.

/// g = dw + weight_decay*w;  b = momentum*b + (1 - dampening)*g, at first b = g;  w -= lr * b, with Nesterov lr * (g + momentum*b).
/// Without momentum (null) w -= lr * g.
template <Floating T>
void sgd_step(const SgdStep& s, Index count, const T* dw, T* momentum, T* w) {
  const T lr = static_cast<T>(s.lr), decay = static_cast<T>(s.weight_decay), keep = static_cast<T>(s.momentum);
  for (Index i = 0; i < count; ++i) {
    T g = s.maximize ? -dw[i] : dw[i];
    if (decay != 0) g += decay * w[i];
    if (momentum) {
      momentum[i] = s.first ? g : keep * momentum[i] + static_cast<T>(1 - s.dampening) * g;
      g = s.nesterov ? g + keep * momentum[i] : momentum[i];
    }
    w[i] -= lr * g;
  }
}

/// m = beta1*m + (1 - beta1)*g;  v = beta2*v + (1 - beta2)*g^2;  w -= lr/(1 - beta1^t) * m / (sqrt(v)/sqrt(1 - beta2^t) + eps).
/// Weight decay is part of g (Adam) or, decoupled, shrinks w first (AdamW). With amsgrad the largest v so far stands under the root.
/// Source   Kingma and Ba, 2015; Loshchilov and Hutter, 2019; Reddi, Kale and Kumar, 2018.
template <Floating T>
void adam_step(const AdamStep& s, Index count, const T* dw, T* first, T* second, T* largest, T* w) {
  const double t = static_cast<double>(s.step);
  const T size = static_cast<T>(s.lr / (1 - std::pow(s.beta1, t))), root = static_cast<T>(std::sqrt(1 - std::pow(s.beta2, t)));
  const T decay = static_cast<T>(s.weight_decay), shrink = static_cast<T>(1 - s.lr * s.weight_decay);
  for (Index i = 0; i < count; ++i) {
    T g = s.maximize ? -dw[i] : dw[i];
    if (s.weight_decay != 0) {
      if (s.decoupled) w[i] *= shrink;
      else g += decay * w[i];
    }
    first[i] += static_cast<T>(1 - s.beta1) * (g - first[i]);
    second[i] = static_cast<T>(s.beta2) * second[i] + static_cast<T>(1 - s.beta2) * g * g;
    T under_root = second[i];
    if (s.amsgrad) under_root = largest[i] = std::max(largest[i], second[i]);
    w[i] -= size * first[i] / (std::sqrt(under_root) / root + static_cast<T>(s.eps));
  }
}

/// v = alpha*v + (1 - alpha)*g^2;  d = sqrt(v) + eps, centered sqrt(v - m^2) + eps with m = alpha*m + (1 - alpha)*g;
/// w -= lr * g/d, with momentum w -= lr * b, b = momentum*b + g/d.
/// Source   Hinton, lecture 6e of "Neural networks for machine learning", 2012; Graves, 2013 (centered).
template <Floating T>
void rmsprop_step(const RmsPropStep& s, Index count, const T* dw, T* square, T* mean, T* momentum, T* w) {
  const T lr = static_cast<T>(s.lr), decay = static_cast<T>(s.weight_decay), keep = static_cast<T>(s.momentum);
  const T old = static_cast<T>(s.alpha), fresh = static_cast<T>(1 - s.alpha), eps = static_cast<T>(s.eps);
  for (Index i = 0; i < count; ++i) {
    T g = s.maximize ? -dw[i] : dw[i];
    if (decay != 0) g += decay * w[i];
    square[i] = old * square[i] + fresh * g * g;
    T under_root = square[i];
    if (s.centered) {
      mean[i] += fresh * (g - mean[i]);
      under_root -= mean[i] * mean[i];
    }
    T step = g / (std::sqrt(under_root) + eps);
    if (momentum) step = momentum[i] = keep * momentum[i] + step;
    w[i] -= lr * step;
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI::plain
