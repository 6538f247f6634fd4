// SPDX-License-Identifier: MIT
// A convolution's gradients from that of its normalised and activated result, of which a part is made at a time.
#include <tapestry/backend/cpu/cpu_backend.hpp>
#include <tapestry/backend/reference/normalize.hpp>

#include <vector>

#include "convolution_cases.hpp"

using namespace tapestry;
using Floats = std::vector<float>;

namespace {

Floats unwritten(std::size_t size) { return Floats(size, std::nanf("")); }

/// A normalisation of what g computes, its gradient by plain loops and the convolution's by those from that.
struct Case {
  ConvGeometry g;
  Index rows = g.batch * g.out_pixels(), channels = g.out_channels;
  Floats images = random_values<float>(g.batch * g.in_pixels() * g.in_channels, 1), w = random_values<float>(g.out_channels * g.patch(), 2);
  Floats x = random_values<float>(rows * channels, 3), dy = random_values<float>(rows * channels, 4);
  Floats mean = random_values<float>(channels, 5), variance = random_values<float>(channels, 6), gamma = random_values<float>(channels, 7),
         beta = random_values<float>(channels, 8), dgamma = unwritten(mean.size()), dbeta = unwritten(mean.size());
  Floats plain_dx = unwritten(x.size()), plain_dgamma = unwritten(mean.size()), plain_dbeta = unwritten(mean.size());
  NormalizedGradient<float> gradient;

  Case(const ConvGeometry& geometry, Activation activation, bool of_batch) : g(geometry) {
    if (of_batch)
      plain::batch_statistics(rows, channels, x.data(), mean.data(), variance.data());
    else
      for (float& v : variance) v = v * v + 0.5f;
    gradient = {rows,     channels,   x.data(), mean.data(), variance.data(), gamma.data(), beta.data(), 1e-3f,
                of_batch, dy.data(), activation, 0.1f,       -0.2f,           0.3f};
    Floats v = unwritten(x.size()), masked = dy;
    plain::normalize(rows, channels, x.data(), mean.data(), variance.data(), 1e-3f, gamma.data(), beta.data(), v.data());
    for (std::size_t i = 0; i < v.size(); ++i) {
      // Where the mask changes, rounding decides: there nothing comes back, so that either is right.
      const double edge = activation == Activation::clamp ? std::min(std::abs(v[i] + 0.2), std::abs(v[i] - 0.3)) : std::abs(v[i]);
      if (activation != Activation::none && edge < 1e-5) dy[i] = masked[i] = 0;
      if (activation == Activation::relu && v[i] <= 0) masked[i] = 0;
      if (activation == Activation::leaky_relu && v[i] <= 0) masked[i] *= 0.1f;
      if (activation == Activation::clamp && (v[i] <= -0.2f || v[i] >= 0.3f)) masked[i] = 0;
    }
    plain::normalize_backward(rows, channels, x.data(), mean.data(), variance.data(), 1e-3f, gamma.data(), masked.data(), of_batch, plain_dx.data(),
                              plain_dgamma.data(), plain_dbeta.data());
    gradient.dgamma = dgamma.data(), gradient.dbeta = dbeta.data();
  }
  Case(const Case&) = delete;  // the gradient points into it

  struct Result {
    Floats dx, dw, dbias;
  };
  Result run(bool dx = true, bool dw = true, bool dbias = true) const {
    CpuBackend<float> backend;
    Result r{unwritten(images.size()), unwritten(w.size()), unwritten(mean.size())};
    backend.conv2d_normalized_backward(g, images.data(), w.data(), gradient, dx ? r.dx.data() : nullptr, dw ? r.dw.data() : nullptr,
                                       dbias ? r.dbias.data() : nullptr);
    return r;
  }

  void check() {
    INFO(g << ", activation " << static_cast<int>(gradient.activation) << ", of the batch " << gradient.of_batch);
    CpuBackend<float> backend;
    backend.normalization_sums(gradient, dgamma.data(), dbeta.data());
    CHECK(error_over_rms(dgamma, plain_dgamma) < 1e-5);
    CHECK(error_over_rms(dbeta, plain_dbeta) < 1e-5);
    Floats whole = unwritten(x.size());
    backend.normalization_gradient(gradient, whole.data());
    CHECK(error_over_rms(whole, plain_dx) < 1e-5);

    Floats expected_dx(images.size()), expected_dw(w.size());
    plain::conv2d_backward_data(g, plain_dx.data(), w.data(), expected_dx.data());
    plain::conv2d_backward_weight(g, images.data(), plain_dx.data(), expected_dw.data());
    const Result all = run(true, true, false), dx_alone = run(true, false, false), dw_alone = run(false, true, false), with_bias = run();
    for (const Result* r : {&all, &dx_alone, &with_bias}) CHECK(error_over_rms(r->dx, expected_dx) < 1e-4);
    for (const Result* r : {&all, &dw_alone, &with_bias}) CHECK(error_over_rms(r->dw, expected_dw) < 1e-4);
    if (!gradient.of_batch) CHECK(error_over_rms(with_bias.dbias, bias_gradient()) < 1e-4);  // of the batch's own statistics it is 0 but for rounding
    Result direct{unwritten(images.size()), unwritten(w.size()), {}};
    backend.conv2d_backward(g, images.data(), w.data(), plain_dx.data(), direct.dx.data(), direct.dw.data(), nullptr);
    CHECK(error_over_rms(direct.dx, expected_dx) < 1e-4);
    CHECK(error_over_rms(direct.dw, expected_dw) < 1e-4);

    const int before = num_threads();
    for (const int threads : {1, 3}) {
      set_num_threads(threads);
      const Result again = run(true, true, false);
      CHECK(again.dx == all.dx);
      CHECK(again.dw == all.dw);
    }
    set_num_threads(before);
  }
  Floats bias_gradient() const {
    std::vector<double> sums(mean.size());
    for (std::size_t i = 0; i < plain_dx.size(); ++i) sums[i % sums.size()] += static_cast<double>(plain_dx[i]);
    return Floats(sums.begin(), sums.end());
  }
};

}  // namespace

TEST_CASE("a convolution's gradients from that of its normalised result are those one gets step by step") {
  EachInstructionSet().run([] {
    Case(convolution(9, 16, 24, 22, 96, 1), Activation::clamp, true).check();            // 1x1, many pixels, in parts; to a few more channels
    Case(convolution(5, 50, 31, 29, 18, 1), Activation::relu, true).check();             // and to fewer, parts of unequal size
    Case(convolution(8, 24, 24, 24, 144, 1), Activation::none, false).check();           //
    Case(convolution(8, 36, 23, 25, 36, 1), Activation::leaky_relu, true).check();       //
    Case(convolution(3, 40, 9, 9, 24, 1), Activation::relu, false).check();              // few pixels
    Case(convolution(20, 48, 9, 7, 48, 3, 1, 1, 48), Activation::clamp, true).check();   // depthwise, several images a part
    Case(convolution(5, 20, 12, 11, 20, 3, 2, 1, 20), Activation::relu, true).check();   // strided, an odd number of pixels
    Case(convolution(4, 17, 8, 8, 17, {5, 3}, 1, 2, 17), Activation::relu, false).check();
    Case(convolution(2, 24, 10, 9, 24, 3, 1, 1, 24), Activation::relu, true).check();    // two images
    Case(convolution(16, 3, 14, 14, 20, 3, 1, 1), Activation::relu, true).check();       // few channels
    Case(convolution(24, 20, 6, 6, 50, 3, 1, 1), Activation::relu, true).check();        // Winograd by planes
    Case(convolution(48, 12, 15, 15, 68, 3, 1, 1), Activation::relu, true).check();      // and in parts
    Case(convolution(3, 8, 10, 10, 24, 3, 2, 1), Activation::clamp, true).check();       // direct
    Case(convolution(3, 8, 10, 9, 5, 3, 1, 1), Activation::leaky_relu, true).check();    // less than a vector of channels
  });
}

TEST_CASE("the plain way of a normalisation's gradients, through other primitives, is the CPU's") {
  struct Plain : CpuBackend<float> {  // the contract's defaults
    void normalization_sums(const NormalizedGradient<float>& d, float* dgamma, float* dbeta) override { Backend<float>::normalization_sums(d, dgamma, dbeta); }
    void normalization_gradient(const NormalizedGradient<float>& d, float* dx) override { Backend<float>::normalization_gradient(d, dx); }
  } plain;
  for (const Activation activation : {Activation::none, Activation::relu, Activation::leaky_relu, Activation::clamp}) {
    const Case c(convolution(2, 4, 6, 5, 20, 3, 1, 1), activation, true);
    Floats dgamma = unwritten(c.mean.size()), dbeta = dgamma, dx = unwritten(c.x.size());
    plain.normalization_sums(c.gradient, dgamma.data(), dbeta.data());
    plain.normalization_gradient(c.gradient, dx.data());
    CHECK(error_over_rms(dgamma, c.plain_dgamma) < 1e-5);
    CHECK(error_over_rms(dbeta, c.plain_dbeta) < 1e-5);
    CHECK(error_over_rms(dx, c.plain_dx) < 1e-5);
  }
}
