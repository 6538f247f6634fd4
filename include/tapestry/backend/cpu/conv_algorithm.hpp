// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <optional>
#include <string_view>

#include "depthwise.hpp"
#include "winograd.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// The ways to compute a convolution on the CPU.
enum class ConvAlgorithm : std::uint8_t {
  im2col,    // patches in memory and one product: the plain way
  direct,    // a product whose tiles read the patches where they lie
  product,   // 1x1: the image is its own patches
  winograd,  // 3x3, stride 1: fewer multiplications
  depthwise  // a filter a channel
};
enum class ConvPass : std::uint8_t { forward, backward_data, backward_weight };

inline constexpr std::array conv_algorithms{ConvAlgorithm::im2col, ConvAlgorithm::direct, ConvAlgorithm::product, ConvAlgorithm::winograd,
                                            ConvAlgorithm::depthwise};

constexpr std::string_view name_of(ConvAlgorithm algorithm) {
  constexpr std::array<std::string_view, 5> names{"im2col", "direct", "product", "winograd", "depthwise"};
  return names[static_cast<std::size_t>(algorithm)];
}

/// Whether the algorithm can compute the convolution at all.
inline bool convolution_fits(ConvAlgorithm algorithm, const ConvGeometry& g) {
  switch (algorithm) {
    case ConvAlgorithm::product: return g.kernel == Size2(1) && g.stride == Size2(1) && g.padding == Size2(0) && g.groups == 1 &&
                                        g.out_height == g.height && g.out_width == g.width;
    case ConvAlgorithm::winograd: return cpu_kernels::winograd_fits(g);
    case ConvAlgorithm::depthwise: return cpu_kernels::depthwise_fits(g);
    default: return true;
  }
}

namespace detail {
/// Counts what a convolution's algorithms do, in multiply-adds that fill whole vectors; measured constants are the share of the peak that each
/// reaches at them. What is not counted, memory above all, is nearly the same for all.
struct ConvCost {
  const ConvGeometry& g;
  ConvPass pass;
  static constexpr Index lanes = 32;  // as wide as a panel of the widest micro-kernel

  static double padded(Index count, Index to) { return static_cast<double>((count + to - 1) / to * to); }
  double pixels(Index across, Index down) const { return static_cast<double>(g.batch * across * down); }
  double patch() const { return static_cast<double>(g.patch()); }
  double out() const { return static_cast<double>(g.out_channels); }

  double direct() const {
    const double groups = static_cast<double>(g.groups), taps = static_cast<double>(g.taps());
    if (pass == ConvPass::backward_data)  // every pixel of x by the taps that met it, also those outside y
      return groups * pixels(g.width, g.height) * taps / static_cast<double>(g.stride.height * g.stride.width) *
             static_cast<double>(g.group_out()) * padded(g.group_in(), lanes) / 0.9;
    const double rest = groups * padded(g.group_out(), lanes) * pixels(g.out_width, g.out_height);
    if (pass == ConvPass::forward) return rest * (patch() + 8) / 0.9;
    return rest * padded(g.patch(), 4) / (g.patch() * g.out_channels < 300000 ? 0.85 : 0.75);
  }
  /// The product, and the patches, written and read.
  double im2col() const {
    const double groups = static_cast<double>(g.groups), all = pixels(g.out_width, g.out_height);
    const double copies = groups * all * patch() * (pass == ConvPass::backward_data ? 12 : 24);
    if (pass == ConvPass::forward) return groups * all * padded(g.group_out(), lanes) * patch() / 0.85 + copies;
    return groups * all * padded(g.patch(), lanes) * padded(g.group_out(), 4) / (pass == ConvPass::backward_data ? 0.85 : 0.7) + copies;
  }
  double product() const {
    const double all = pixels(g.width, g.height), in = static_cast<double>(g.in_channels);
    if (pass == ConvPass::forward) return all * padded(g.out_channels, lanes) * (in + 6) / 0.88;
    if (pass == ConvPass::backward_data) return all * padded(g.in_channels, lanes) * out() / 0.92;
    // Products between very small and large must turn A over for little work.
    const double sums = in * out();
    return all * padded(g.in_channels, lanes) * padded(g.out_channels, 4) / (sums <= 4096 ? 0.9 : sums < 300000 ? 0.65 : 0.85);
  }
  double winograd() const {
    const bool adjoint = pass == ConvPass::backward_data;
    const ConvGeometry own = adjoint ? cpu_kernels::adjoint_geometry(g) : g;
    const Index side = pass == ConvPass::backward_weight ? 4 : cpu_kernels::winograd_side(own);
    const Index tiles = g.batch * ((own.out_width + side - 1) / side) * ((own.out_height + side - 1) / side), planes = (side + 2) * (side + 2);
    const Index all = pass == ConvPass::backward_weight
                          ? tiles * planes
                          : g.batch * cpu_kernels::winograd_planes(own.out_height, side) * cpu_kernels::winograd_planes(own.out_width, side);
    const double n = static_cast<double>(all) * padded(tiles, 4) / static_cast<double>(std::max<Index>(1, tiles));
    const double in = padded(own.in_channels, 4), across = padded(own.out_channels, lanes);
    // A product a plane, the transforms of a number a plane, channel and tile, and those of a filter, or the time to read it.
    return n * in * across / 0.92 + n * (in + across) * 14 + static_cast<double>(planes) * 6 * in * across;
  }
};
}  // namespace detail

/// The algorithm expected to be fastest; a function of the sizes alone.
inline ConvAlgorithm choose_convolution(const ConvGeometry& g, ConvPass pass) {
  if (convolution_fits(ConvAlgorithm::depthwise, g)) return ConvAlgorithm::depthwise;
  const detail::ConvCost cost{g, pass};
  ConvAlgorithm best = ConvAlgorithm::direct;
  double least = cost.direct();
  const auto consider = [&](ConvAlgorithm algorithm, double c) {
    if (convolution_fits(algorithm, g) && c < least) least = c, best = algorithm;
  };
  if (convolution_fits(ConvAlgorithm::product, g)) {
    consider(ConvAlgorithm::product, cost.product());
  } else {
    consider(ConvAlgorithm::im2col, cost.im2col());
  }
  consider(ConvAlgorithm::winograd, cost.winograd());
  return best;
}

namespace detail {
inline std::atomic<int>& forced_convolution() {
  static std::atomic<int> algorithm{-1};
  return algorithm;
}
}  // namespace detail

/// Makes float convolutions on the CPU use one algorithm wherever it fits, or, with nullopt, the one that is expected to be fastest. For the whole
/// program; a pass that has begun is not changed.
inline void set_convolution_algorithm(std::optional<ConvAlgorithm> algorithm) {
  detail::forced_convolution() = algorithm ? static_cast<int>(*algorithm) : -1;
}

/// The algorithm that a pass takes now.
inline ConvAlgorithm convolution_algorithm(const ConvGeometry& g, ConvPass pass) {
  const int forced = detail::forced_convolution().load(std::memory_order_relaxed);
  if (forced >= 0 && convolution_fits(static_cast<ConvAlgorithm>(forced), g)) return static_cast<ConvAlgorithm>(forced);
  return choose_convolution(g, pass);
}

}  // namespace tapestry::inline TAPESTRY_ABI
