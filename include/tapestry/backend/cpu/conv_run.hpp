// SPDX-License-Identifier: MIT
#pragma once

#include "conv_algorithm.hpp"
#include "conv_direct.hpp"
#include "im2col.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// The three passes of a convolution in float, by the algorithm that is chosen or forced.

namespace detail {
/// A few images' patches of one group at a time, in memory: the plain way.
template <class F>
void for_each_patches(const ConvGeometry& g, const F& f) {
  const Index step = tapestry::detail::images_per_chunk(g, sizeof(float));
  const Scratch<float> patches(step * g.out_pixels() * g.patch());
  for (Index n = 0; n < g.batch; n += step)
    for (Index group = 0; group < g.groups; ++group) f(g.with_batch(std::min(step, g.batch - n)), n, group, patches.data());
}

inline void im2col_forward(const ConvGeometry& g, const float* x, const float* w, const Epilogue<float>& epilogue, float* y) {
  for_each_patches(g, [&](const ConvGeometry& part, Index n, Index group, float* patches) {
    im2col(part, group, x + n * g.in_pixels() * g.in_channels, patches);
    const Index at = n * g.out_pixels() * g.out_channels + group * g.group_out();
    Epilogue<float> e = epilogue.from_channel(group * g.group_out());
    if (e.residual) e.residual += at;
    gemm<float>({Transpose::no, Transpose::yes, part.batch * g.out_pixels(), g.group_out(), g.patch(), patches, g.patch(),
                 w + group * g.group_out() * g.patch(), g.patch(), 0, y + at, g.out_channels, e.empty() ? nullptr : &e});
  });
}
inline void im2col_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  std::fill(dx, dx + g.batch * g.in_pixels() * g.in_channels, 0.f);
  for_each_patches(g, [&](const ConvGeometry& part, Index n, Index group, float* patches) {
    gemm<float>({Transpose::no, Transpose::no, part.batch * g.out_pixels(), g.patch(), g.group_out(),
                 dy + n * g.out_pixels() * g.out_channels + group * g.group_out(), g.out_channels, w + group * g.group_out() * g.patch(),
                 g.patch(), 0, patches, g.patch()});
    col2im(part, group, patches, dx + n * g.in_pixels() * g.in_channels);
  });
}
inline void im2col_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  if (g.batch == 0) std::fill(dw, dw + g.out_channels * g.patch(), 0.f);
  for_each_patches(g, [&](const ConvGeometry& part, Index n, Index group, float* patches) {
    im2col(part, group, x + n * g.in_pixels() * g.in_channels, patches);
    gemm<float>({Transpose::yes, Transpose::no, g.group_out(), g.patch(), part.batch * g.out_pixels(),
                 dy + n * g.out_pixels() * g.out_channels + group * g.group_out(), g.out_channels, patches, g.patch(), n == 0 ? 0.f : 1.f,
                 dw + group * g.group_out() * g.patch(), g.patch()});
  });
}
}  // namespace detail

/// How many numbers the weights of a forward pass have in the form that its algorithm wants; 0 if it takes them as they are.
inline Index convolution_weight_size(const ConvGeometry& g) {
  switch (convolution_algorithm(g, ConvPass::forward)) {
    case ConvAlgorithm::winograd: return winograd_weight_size(g);
    case ConvAlgorithm::direct: return direct_weight_size(DirectPass<float>::forward(g, nullptr));
    default: return 0;
  }
}
/// Brings weights into that form, which is good for as long as they, the instruction set and the choice of the algorithm stay the same; the
/// last depends on the batch, so keep the geometry that was asked with.
inline void convolution_prepare_weight(const ConvGeometry& g, const float* w, float* prepared) {
  switch (convolution_algorithm(g, ConvPass::forward)) {
    case ConvAlgorithm::winograd: return winograd_weight({g, w}, prepared);
    case ConvAlgorithm::direct: return direct_weight(DirectPass<float>::forward(g, w), prepared);
    default: return;
  }
}

/// y = epilogue(x * w); `prepared` is null or comes from convolution_prepare_weight.
inline void convolution_forward(const ConvGeometry& g, const float* x, const float* w, const float* prepared, const Epilogue<float>& epilogue,
                                float* y) {
  switch (convolution_algorithm(g, ConvPass::forward)) {
    case ConvAlgorithm::depthwise: return depthwise_forward(g, x, w, epilogue, y);
    case ConvAlgorithm::winograd: return winograd_forward({g, w, false, prepared}, x, epilogue, y);
    case ConvAlgorithm::product:
      return gemm<float>({Transpose::no, Transpose::yes, g.batch * g.out_pixels(), g.out_channels, g.in_channels, x, g.in_channels, w,
                          g.in_channels, 0, y, g.out_channels, epilogue.empty() ? nullptr : &epilogue});
    case ConvAlgorithm::direct:
      if (!prepared) return direct_convolution(g, x, w, epilogue, y);
      return direct_forward(DirectPass<float>::forward(g, w), x, prepared, epilogue, y);
    case ConvAlgorithm::im2col: return detail::im2col_forward(g, x, w, epilogue, y);
  }
}

/// dx from dy.
inline void convolution_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  switch (convolution_algorithm(g, ConvPass::backward_data)) {
    case ConvAlgorithm::depthwise: return depthwise_backward_data(g, dy, w, dx);
    case ConvAlgorithm::winograd: {
      const ConvGeometry adjoint = adjoint_geometry(g);
      return winograd_forward({adjoint, w, true}, dy, {}, dx);
    }
    case ConvAlgorithm::product:
      return gemm<float>({Transpose::no, Transpose::no, g.batch * g.out_pixels(), g.in_channels, g.out_channels, dy, g.out_channels, w,
                          g.in_channels, 0, dx, g.in_channels});
    case ConvAlgorithm::direct: return direct_backward_data(g, dy, w, dx);
    case ConvAlgorithm::im2col: return detail::im2col_backward_data(g, dy, w, dx);
  }
}

/// dw from x and dy.
inline void convolution_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  switch (convolution_algorithm(g, ConvPass::backward_weight)) {
    case ConvAlgorithm::depthwise: return depthwise_backward_weight(g, x, dy, dw);
    case ConvAlgorithm::winograd: return winograd_backward_weight(g, x, dy, dw);
    case ConvAlgorithm::product:
      return gemm<float>({Transpose::yes, Transpose::no, g.out_channels, g.in_channels, g.batch * g.out_pixels(), dy, g.out_channels, x,
                          g.in_channels, 0, dw, g.in_channels});
    case ConvAlgorithm::direct: return direct_backward_weight(g, x, dy, dw);
    case ConvAlgorithm::im2col: return detail::im2col_backward_weight(g, x, dy, dw);
  }
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
