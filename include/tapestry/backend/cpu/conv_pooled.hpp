// SPDX-License-Identifier: MIT
#pragma once

#include "conv_backward_parts.hpp"
#include "conv_few_channels.hpp"
#include "conv_pooled_bands.hpp"
#include "conv_run.hpp"
#include "conv_small.hpp"
#include "normalize.hpp"
#include "pool.hpp"
#include "pool_gradient.hpp"
#include "winograd_backward.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// A convolution whose result is activated and pooled, a few images at a time or, of large images, a few of Winograd's tiles: what is pooled stays in a
// core's cache and never goes to memory. How many is a function of the sizes alone.

/// How many images a thread takes at a time; 0 where the results are small enough to stay in a cache anyway, or one image's are too large.
inline Index pooled_images(const ConvGeometry& g) {
  const Index bytes = g.out_pixels() * g.out_channels * 4;
  if (bytes * g.batch < Index{2} << 20 || bytes > Index{1} << 20 || g.batch < 16) return 0;
  return std::clamp<Index>((Index{320} << 10) / bytes, 1, g.batch / 16);
}

/// The same for windows that overlap, a band of rows at a time.
inline bool convolution_pooled_in_bands(const ConvGeometry& g, const PoolGeometry& pool, const float* x, const float* w, const float* prepared,
                                        const Stages<float>& stages, float* y, std::int32_t* where) {
  const PooledBands bands{g, pool};
  if (stages.residual || !bands.fit()) return false;
  const FoldedStages<float> folded(g.out_channels, stages);
  const Scratch<float> own(prepared ? 0 : convolution_weight_form(g).size);
  if (!prepared) convolution_prepare_weight(g, w, own.data());
  direct_pooled_bands(bands, x, prepared ? prepared : own.data(), folded.epilogue(), y, where);
  return true;
}

/// y = after(the max pooling of stages(x * w)); false, and nothing done, where it is better done one after the other. `winners`, if not null, are noted
/// as max_pool2d_kept does.
inline bool convolution_pooled(const ConvGeometry& g, const PoolGeometry& pool, const float* x, const float* w, const float* prepared,
                               const Stages<float>& stages, const Stages<float>& after, float* y, std::int8_t* winners) {
  const ConvAlgorithm algorithm = convolution_algorithm(g, ConvPass::forward);
  if (algorithm == ConvAlgorithm::direct && !windows_apart(pool))
    return after.empty() && convolution_pooled_in_bands(g, pool, x, w, prepared, stages, y, reinterpret_cast<std::int32_t*>(winners));
  if (algorithm == ConvAlgorithm::im2col || !windows_apart(pool)) return false;
  const Index images = pooled_images(g), side = algorithm == ConvAlgorithm::winograd ? winograd_side(g) : 0;
  const bool crops = !stages.residual && (algorithm == ConvAlgorithm::winograd || algorithm == ConvAlgorithm::direct);
  const ConvGeometry seen = crops ? seen_by_windows(g, pool, algorithm, side) : g;
  const FoldedStages<float> folded(g.out_channels, stages), folded_after(g.out_channels, after);
  const Epilogue<float>* last = after.empty() ? nullptr : &folded_after.epilogue();
  const Index weight_size = convolution_weight_form(g, algorithm).size;
  const SmallParts parts(g, pool, algorithm, side, weight_size);
  const bool small = images == 0 && parts.suit(g, pool, folded.epilogue());
  if (images == 0 && !small) {
    if (algorithm != ConvAlgorithm::winograd || !crops || !WinogradPool::fits(pool, side)) return false;
    const WinogradPool taken{pool, y, winners, last};
    winograd_forward({.g = seen, .w = w, .u = prepared, .side = side}, x, folded.epilogue(), nullptr, 6, &taken);
    return true;
  }
  const Scratch<float> own(prepared ? 0 : weight_size);
  if (!prepared && weight_size > 0) {
    convolution_prepare_weight(g, w, own.data());
    prepared = own.data();
  }
  if (small) {
    small_convolution_pooled(parts, g, pool, x, prepared, folded.epilogue(), last, y, winners);
    return true;
  }
  const Index x_image = g.in_pixels() * g.in_channels, whole_image = seen.out_pixels() * g.out_channels, y_image = pool.out_pixels() * pool.channels;
  // Tiles of a direct convolution that have no epilogue are written as they stand in registers; bias and activation wait for the few that win.
  const Index columns = gemm_kernels<float>().columns;
  const bool waits = algorithm == ConvAlgorithm::direct && g.groups == 1 && !stages.mean && !stages.residual &&
                     (g.out_channels < columns || g.out_channels % columns == 0);
  parallel_for(g.batch, images, [&](Index begin, Index end) {
    const Scratch<float> whole((end - begin) * whole_image + columns);
    Epilogue<float> epilogue = folded.epilogue();
    if (epilogue.residual) epilogue.residual += begin * whole_image;
    PoolGeometry part = pool;
    part.batch = end - begin, part.height = seen.out_height, part.width = seen.out_width;
    if (waits) {
      direct_forward(DirectPass<float>::forward(seen.with_batch(part.batch), w), x + begin * x_image, prepared, {}, whole.data(), g.out_channels < columns);
      return max_pool_rows(part, whole.data(), y + begin * y_image, nullptr, winners ? winners + begin * y_image : nullptr, &epilogue, last);
    }
    const ConvGeometry here = seen.with_batch(part.batch);
    if (algorithm == ConvAlgorithm::winograd)  // in the tiles of the whole convolution, for which the filters are prepared
      winograd_forward({.g = here, .w = w, .u = prepared, .side = side}, x + begin * x_image, epilogue, whole.data(), 1);
    else
      convolution_forward(algorithm, here, x + begin * x_image, w, prepared, epilogue, whole.data());
    max_pool_rows(part, whole.data(), y + begin * y_image, nullptr, winners ? winners + begin * y_image : nullptr, nullptr, last);
  });
  return true;
}

/// dx, dw and dbias, of which each may be null, together; false, and nothing done, where they are better done one after the other.
inline bool convolution_backward(const ConvGeometry& g, const float* x, const float* w, const ResultGradient& dy, float* dx, float* dw, float* dbias) {
  if (dy.pooled && !windows_apart(dy.pooled->pool)) return false;
  const ConvGeometry seen = dy.pooled ? cropped_to_windows(g, dy.pooled->pool) : g;
  if (tapestry::detail::forced_convolution() < 0 && few_channels_backward(seen, x, w, dy, dx, dw, dbias)) return true;
  if (!dy.pooled && (depthwise_backward(g, x, w, dy, dx, dw, dbias) || product_backward(g, x, w, dy, dx, dw, dbias))) return true;
  if (!dw || convolution_algorithm(seen, ConvPass::backward_weight) != ConvAlgorithm::winograd) return false;
  return winograd_backward(seen, x, w, dy, dx, dw, dbias);
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
