// SPDX-License-Identifier: MIT
#pragma once

#include "conv_run.hpp"
#include "normalize.hpp"

namespace tapestry::inline TAPESTRY_ABI::cpu_kernels {

// A depthwise convolution between two of 1x1, of which either may be missing, together: the inverted residual and depthwise separable blocks of networks
// for telephones. What lies between has several times as many channels as what goes in and out, so its numbers stay in a core's cache: a thread
// expands the rows that a few rows of windows see, some channels at a time, filters them, and sums over all channels what came of it.
// Source   Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018, section 5.1, where channels are cut, not rows.

/// The links of a chain by what they do; null where there is none.
struct ChainLinks {
  const ConvLink<float>*expand, *filter, *project;

  ChainLinks(const ConvLink<float>* links, Index count)
      : expand(depthwise_fits(links->g) ? nullptr : links), filter(expand ? links + 1 : links), project(filter + 1 < links + count ? filter + 1 : nullptr) {}
};

/// Whether these convolutions are such a chain. Channels are limited so that a 1x1 convolution's sum is not cut.
inline bool chain_fits(const ConvGeometry* g, Index count) {
  const Index filter = count > 0 && depthwise_fits(g[0]) ? 0 : 1;
  if (count < 2 || count > filter + 2) return false;
  for (Index i = 0; i < count; ++i) {
    const ConvAlgorithm algorithm = convolution_algorithm(g[i], ConvPass::forward);
    if (algorithm == ConvAlgorithm::im2col || (algorithm == ConvAlgorithm::depthwise) != (i == filter)) return false;
    if (i != filter && (!convolution_fits(ConvAlgorithm::product, g[i]) || g[i].in_channels > 2048)) return false;
  }
  return true;
}

/// How a chain is cut up: a function of the sizes alone.
struct ChainPlan {
  Index ranges, range;  // an image's rows of results are cut into so many, of at most so many rows; a unit of work is one
  bool apart;           // so few ranges that a unit is a slice of one, and the sum over all channels is a pass of its own
  Index slice, slices;  // channels that are expanded and filtered at a time, whole panels of the micro-kernels'; the last slice has up to 15 more
  Index band;           // rows of results at a time
  Index held;           // rows of the expanded image that are there at a time

  ChainPlan(const ConvGeometry& g, bool expands, bool projects) {
    constexpr Index wanted_units = 16, few_units = 4, most_ranges = 8, cache = Index{512} << 10;
    const WindowAxis rows = WindowPass::forward(g).rows;
    const Index again = expands ? std::max<Index>(0, rows.span(1) - rows.step) : 0;  // rows that neighbouring ranges both expand
    const Index least = std::max<Index>({1, 6 * again / rows.step, divide_up(64, g.out_width)});
    ranges = std::clamp<Index>(g.out_height / least, 1, std::min(most_ranges, divide_up(wanted_units, std::max<Index>(1, g.batch))));
    range = divide_up(g.out_height, ranges);
    apart = expands && projects && g.batch * ranges < few_units;
    slice = apart ? 32 : 64;
    slices = std::max<Index>(1, (g.in_channels + slice - 16) / slice);
    const auto bytes = [&](Index count, Index channels) {  // of `count` rows between, with so many expanded channels
      return 4 * ((expands ? rows.span(count) * g.width * channels : 0) + (projects && !apart ? count * g.out_width * g.in_channels : 0));
    };
    band = range;
    if (bytes(band, slice) > cache)
      for (band = 1; band < range && bytes(band + 1, g.in_channels) <= cache;) ++band;
    held = std::min(rows.span(band), g.height);
  }
  Index begin(Index s) const { return s * slice; }
  Index end(Index s, Index channels) const { return s + 1 == slices ? channels : (s + 1) * slice; }
};

/// A link's filters in the form that they are used in.
class ChainWeight {
 public:
  explicit ChainWeight(const ConvLink<float>* link) : own_(link && !link->prepared ? convolution_weight_form(link->g).size : 0) {
    if (!link) return;
    if (!link->prepared) convolution_prepare_weight(link->g, link->w, own_.data());
    data = link->prepared ? link->prepared : own_.data();
  }
  const float* data = nullptr;

 private:
  Scratch<float> own_;
};

/// One row of filtered pixels, of `channels` channels, from rows of x, of which row r is the (r % held)-th that lies at r.x.
struct ChainFilter {
  WindowPass window;
  Scratch<detail::TapSegment> segments;
  Index count;

  explicit ChainFilter(const ConvGeometry& g)
      : window(WindowPass::forward(g)), segments(g.out_width), count(detail::tap_segments(window.columns, g.width, segments.data())) {}

  void operator()(Index i, Index held, DepthwiseRow r, const float* filter, Index* offsets) const {
    const WindowAxis &rows = window.rows, &columns = window.columns;
    const detail::TapRange down(rows, i, window.height);
    const Index pixel = r.x_step / columns.step, row_size = window.width * pixel;
    const float* const x = r.x;
    float* const y = r.y;
    r.taps_across = columns.taps, r.tap_rows = down.end - down.begin;
    for (Index u = down.begin; u < down.end; ++u)
      for (Index v = 0; v < columns.taps; ++v)
        offsets[u * columns.taps + v] = (i * rows.step + rows.tap(u).offset) % held * row_size + columns.tap(v).offset * pixel;
    for (Index segment = 0; segment < count; ++segment) {
      const auto& [begin, end, across] = segments[segment];
      const Index tap = down.begin * columns.taps + across.begin;
      r.pixels = end - begin, r.tap_columns = across.end - across.begin;
      r.offset = offsets + tap, r.filter = filter + tap * r.w_step;
      r.x = x + begin * r.x_step, r.y = y + begin * r.y_step;
      depthwise_row<DepthwiseForward>(r);
    }
  }
};

/// y = the last link's result; false, and nothing done, where these links are not such a chain.
/// Scratch   about 512 KB a thread, or the numbers between where images are few and small; filters that are not prepared.
inline bool convolution_chain(const ConvLink<float>* links, Index count, const float* x, float* y) {
  const ConvGeometry geometries[]{links[0].g, links[count > 1 ? 1 : 0].g, links[count - 1].g};
  if (count > 3 || !chain_fits(geometries, count)) return false;
  const ChainLinks chain(links, count);
  const ConvLink<float>*const expand = chain.expand, *const filter = chain.filter, *const project = chain.project;
  const ConvGeometry& g = filter->g;
  const Index hidden = g.in_channels, in = links[0].g.in_channels, out = links[count - 1].g.out_channels;
  const ChainPlan plan(g, expand, project);
  const GemmKernels<float>& kernels = gemm_kernels<float>();
  const ChainWeight expanding(expand), filters(filter), projecting(project);
  const auto fold = [](const ConvLink<float>* link) { return FoldedStages<float>(link ? link->g.out_channels : 0, link ? link->stages : Stages<float>{}); };
  const FoldedStages<float> expand_stages = fold(expand), filter_stages = fold(filter), project_stages = fold(project);
  const ChainFilter filter_row(g);
  const WindowAxis& rows = filter_row.window.rows;
  const Scratch<float> all(plan.apart ? g.batch * g.out_pixels() * hidden : 0);

  const auto product = [&](Index m, Index n, Index k, const float* a, const float* panels, const Epilogue<float>& epilogue, float* c, Index ldc) {
    const Index columns = kernels.columns;
    gemm_unit<float>({Transpose::no, Transpose::yes, m, n, k, a, k, nullptr, k, 0, c, ldc, epilogue.empty() ? nullptr : &epilogue, panels}, kernels, 0, m, 0,
                     n, 0, k, panels, columns, k * columns);
  };
  const Index parts = plan.apart ? plan.slices : 1;  // units of a range
  parallel_for(g.batch * plan.ranges * parts, 1, [&](Index unit, Index) {
    const Index n = unit / parts / plan.ranges, range = unit / parts % plan.ranges;
    const Index first = range * g.out_height / plan.ranges, last = (range + 1) * g.out_height / plan.ranges;
    const Index first_slice = plan.apart ? unit % parts : 0, last_slice = plan.apart ? first_slice + 1 : plan.slices;
    const float* const image = x + n * g.in_pixels() * in;
    // With one band, all slices share a place; with several, each keeps the rows that the next band sees again.
    const Index slice_size = plan.held * g.width * (plan.slice + 15), places = plan.band < plan.range ? last_slice - first_slice : 1;
    const Scratch<float> expanded(expand ? places * slice_size : 0), between(project && !plan.apart ? plan.band * g.out_width * hidden : 0);
    const Scratch<Index> offsets(filter_row.window.taps());
    for (Index i = first, there = 0; i < last; i += plan.band) {
      const Index band = std::min(plan.band, last - i);
      const Index see = std::clamp<Index>(i * rows.step + rows.low(), 0, g.height), seen = std::clamp<Index>((i + band - 1) * rows.step + rows.high() + 1, 0, g.height);
      float* const filtered = (project ? (plan.apart ? all.data() + n * g.out_pixels() * hidden + i * g.out_width * hidden : between.data())
                                       : y + (n * g.out_height + i) * g.out_width * hidden);
      const Index from = std::max(i == first ? 0 : there, see);
      for (Index s = first_slice; s < last_slice; ++s) {
        const Index channel = plan.begin(s), width = plan.end(s, hidden) - channel;
        DepthwiseRow r{};
        r.channels = width, r.w_step = hidden, r.y_step = hidden;
        Index pixel = hidden, held = g.height;
        if (expand) {
          float* const to = expanded.data() + (places > 1 ? (s - first_slice) * slice_size : 0);
          const Epilogue<float> epilogue = expand_stages.epilogue().from_channel(channel);
          for (Index row = from, piece; row < seen; row += piece) {
            piece = std::min(seen - row, plan.held - row % plan.held);
            product(piece * g.width, width, in, image + row * g.width * in, expanding.data + channel * in, epilogue, to + row % plan.held * g.width * width,
                    width);
          }
          r.x = to, pixel = width, held = plan.held;
        } else {
          r.x = image + channel;
        }
        r.x_step = filter_row.window.columns.step * pixel;
        const Epilogue<float> epilogue = filter_stages.epilogue().from_channel(channel);
        r.epilogue = epilogue.empty() ? nullptr : &epilogue;
        if (epilogue.residual) r.residual = epilogue.residual - y;
        for (Index row = 0; row < band; ++row) {
          r.y = filtered + row * g.out_width * hidden + channel;
          filter_row(i + row, held, r, filters.data + channel, offsets.data());
        }
      }
      there = std::max(from, seen);
      if (project && !plan.apart) {
        const Index at = (n * g.out_height + i) * g.out_width * out;
        Epilogue<float> epilogue = project_stages.epilogue();
        if (epilogue.residual) epilogue.residual += at;
        product(band * g.out_width, out, hidden, filtered, projecting.data, epilogue, y + at, out);
      }
    }
  });
  if (plan.apart) {
    const Epilogue<float>& epilogue = project_stages.epilogue();
    gemm<float>({Transpose::no, Transpose::yes, g.batch * g.out_pixels(), out, hidden, all.data(), hidden, project->w, hidden, 0, y, out,
                 epilogue.empty() ? nullptr : &epilogue, projecting.data});
  }
  return true;
}

}  // namespace tapestry::inline TAPESTRY_ABI::cpu_kernels
