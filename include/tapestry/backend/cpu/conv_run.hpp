// SPDX-License-Identifier: MIT
#pragma once

#include "conv_algorithm.hpp"
#include "conv_direct.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// The three passes of a convolution in float, by the algorithm that is chosen or forced. Each returns false, and has done nothing, where that
// is im2col: the plain way through other primitives, which Backend has in its defaults.

/// The form of a forward pass's weights that its algorithm wants; of no size if it takes them as they are.
inline WeightForm convolution_weight_form(const ConvGeometry& g, ConvAlgorithm algorithm) {
  const int kind = 4 * static_cast<int>(algorithm) + static_cast<int>(instruction_set());
  if (algorithm == ConvAlgorithm::winograd) return {winograd_weight_size({g, nullptr}), kind, g.dilation};
  if (algorithm == ConvAlgorithm::direct || algorithm == ConvAlgorithm::product) return {direct_weight_size(DirectPass<float>::forward(g, nullptr)), kind, g.dilation};
  if (algorithm == ConvAlgorithm::depthwise) return {g.taps() * g.in_channels, kind, g.dilation};
  return {};
}
inline WeightForm convolution_weight_form(const ConvGeometry& g) { return convolution_weight_form(g, convolution_algorithm(g, ConvPass::forward)); }
/// Brings weights into that form.
inline void convolution_prepare_weight(const ConvGeometry& g, const float* w, float* prepared) {
  switch (convolution_algorithm(g, ConvPass::forward)) {
    case ConvAlgorithm::winograd: return winograd_weight({g, w}, prepared);
    case ConvAlgorithm::product:
    case ConvAlgorithm::direct: return direct_weight(DirectPass<float>::forward(g, w), prepared);
    case ConvAlgorithm::depthwise: return depthwise_weight(g, w, prepared);
    case ConvAlgorithm::im2col: return;
  }
}

/// y = epilogue(x * w); `prepared` is null or comes from convolution_prepare_weight.
inline bool convolution_forward(ConvAlgorithm algorithm, const ConvGeometry& g, const float* x, const float* w, const float* prepared,
                                const Epilogue<float>& epilogue, float* y) {
  switch (algorithm) {
    case ConvAlgorithm::depthwise:
      if (prepared)
        depthwise_forward(g, x, prepared, epilogue, y);
      else
        depthwise_convolution(g, x, w, epilogue, y);
      break;
    case ConvAlgorithm::winograd: winograd_forward({g, w, false, prepared}, x, epilogue, y); break;
    case ConvAlgorithm::product:
      gemm<float>({Transpose::no, Transpose::yes, g.batch * g.out_pixels(), g.out_channels, g.in_channels, x, g.in_channels, w, g.in_channels, 0,
                   y, g.out_channels, epilogue.empty() ? nullptr : &epilogue, prepared});
      break;
    case ConvAlgorithm::direct:
      if (prepared)
        direct_forward(DirectPass<float>::forward(g, w), x, prepared, epilogue, y);
      else
        direct_convolution(g, x, w, epilogue, y);
      break;
    case ConvAlgorithm::im2col: return false;
  }
  return true;
}

/// The same by the algorithm that is chosen or forced.
inline bool convolution_forward(const ConvGeometry& g, const float* x, const float* w, const float* prepared, const Epilogue<float>& epilogue,
                                float* y) {
  return convolution_forward(convolution_algorithm(g, ConvPass::forward), g, x, w, prepared, epilogue, y);
}

/// dx from dy.
inline bool convolution_backward_data(const ConvGeometry& g, const float* dy, const float* w, float* dx) {
  switch (convolution_algorithm(g, ConvPass::backward_data)) {
    case ConvAlgorithm::depthwise: depthwise_backward_data(g, dy, w, dx); break;
    case ConvAlgorithm::winograd: winograd_forward({adjoint_geometry(g), w, true}, dy, {}, dx); break;
    case ConvAlgorithm::product:
      gemm<float>({Transpose::no, Transpose::no, g.batch * g.out_pixels(), g.in_channels, g.out_channels, dy, g.out_channels, w, g.in_channels, 0,
                   dx, g.in_channels});
      break;
    case ConvAlgorithm::direct: direct_backward_data(g, dy, w, dx); break;
    case ConvAlgorithm::im2col: return false;
  }
  return true;
}

/// dw from x and dy.
inline bool convolution_backward_weight(const ConvGeometry& g, const float* x, const float* dy, float* dw) {
  switch (convolution_algorithm(g, ConvPass::backward_weight)) {
    case ConvAlgorithm::depthwise: depthwise_backward_weight(g, x, dy, dw); break;
    case ConvAlgorithm::winograd: winograd_backward_weight(g, x, dy, dw); break;
    case ConvAlgorithm::product:
      gemm<float>({Transpose::yes, Transpose::no, g.out_channels, g.in_channels, g.batch * g.out_pixels(), dy, g.out_channels, x, g.in_channels,
                   0, dw, g.in_channels});
      break;
    case ConvAlgorithm::direct: direct_backward_weight(g, x, dy, dw); break;
    case ConvAlgorithm::im2col: return false;
  }
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
