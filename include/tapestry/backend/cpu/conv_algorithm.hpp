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

/// The algorithm expected to be fastest; a function of the sizes alone.
inline ConvAlgorithm choose_convolution(const ConvGeometry& g, ConvPass pass) {
  if (convolution_fits(ConvAlgorithm::depthwise, g)) return ConvAlgorithm::depthwise;
  if (convolution_fits(ConvAlgorithm::product, g)) return ConvAlgorithm::product;
  (void)pass;
  if (convolution_fits(ConvAlgorithm::winograd, g)) return ConvAlgorithm::winograd;
  return ConvAlgorithm::direct;
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
