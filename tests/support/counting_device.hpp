// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "tapestry/backend/kernels.hpp"

namespace tapestry_test {

using namespace tapestry;

/// The CPU's kernels of float, with a note of every call that goes over a layer's numbers.
class CountingBackend final : public CpuBackend<float> {
 public:
  std::map<std::string, int> calls;

  void unary(UnaryOp op, Index count, const float* x, float a, float b, float* y) override {
    ++calls["unary"];
    CpuBackend::unary(op, count, x, a, b, y);
  }
  void binary(BinaryOp op, const Broadcast& walk, const float* a, const float* b, float* y) override {
    ++calls["binary"];
    CpuBackend::binary(op, walk, a, b, y);
  }
  void conv2d(const ConvGeometry& g, const float* x, const float* w, const float* bias, float* y) override {
    ++calls["conv2d"];
    CpuBackend::conv2d(g, x, w, bias, y);
  }
  void conv2d_staged(const ConvGeometry& g, const float* x, const float* w, const float* prepared, const Stages<float>& stages,
                     float* y) override {
    ++calls["conv2d_staged"];
    CpuBackend::conv2d_staged(g, x, w, prepared, stages, y);
  }
  void conv2d_pooled(const ConvGeometry& g, const PoolGeometry& pool, const float* x, const float* w, const float* prepared,
                     const Stages<float>& stages, const Stages<float>& after, float* y, void* winners) override {
    ++calls["conv2d_pooled"];
    const std::map<std::string, int> before = calls;  // what it calls in turn is not a layer's call
    CpuBackend::conv2d_pooled(g, pool, x, w, prepared, stages, after, y, winners);
    calls = before;
  }
  void conv2d_chain(const ConvLink<float>* links, Index count, const float* x, float* y) override {
    ++calls["conv2d_chain"];
    const std::map<std::string, int> before = calls;
    CpuBackend::conv2d_chain(links, count, x, y);
    calls = before;
  }
  void max_pool2d_kept(const PoolGeometry& g, const float* x, float* y, void* winners) override {
    ++calls["max_pool2d_kept"];
    CpuBackend::max_pool2d_kept(g, x, y, winners);
  }
  void unary_backward(UnaryOp op, Index count, const float* x, const float* y, const float* dy, float a, float b, float* dx) override {
    ++calls["unary_backward"];
    CpuBackend::unary_backward(op, count, x, y, dy, a, b, dx);
  }
  void pooled_gradient(const PooledGradient<float>& d, float* dx) override {
    ++calls["pooled_gradient"];
    CpuBackend::pooled_gradient(d, dx);
  }
  void conv2d_backward(const ConvGeometry& g, const float* x, const float* w, const float* dy, float* dx, float* dw, float* dbias) override {
    ++calls["conv2d_backward"];
    CpuBackend::conv2d_backward(g, x, w, dy, dx, dw, dbias);
  }
  void conv2d_pooled_backward(const ConvGeometry& g, const float* x, const float* w, const PooledGradient<float>& d, float* dx, float* dw,
                              float* dbias) override {
    ++calls["conv2d_pooled_backward"];
    const std::map<std::string, int> before = calls;
    CpuBackend::conv2d_pooled_backward(g, x, w, d, dx, dw, dbias);
    calls = before;
  }
  void conv2d_normalized_backward(const ConvGeometry& g, const float* x, const float* w, const NormalizedGradient<float>& d, float* dx, float* dw,
                                  float* dbias) override {
    ++calls["conv2d_normalized_backward"];
    const std::map<std::string, int> before = calls;
    CpuBackend::conv2d_normalized_backward(g, x, w, d, dx, dw, dbias);
    calls = before;
  }
  void normalization_sums(const NormalizedGradient<float>& d, float* dgamma, float* dbeta) override {
    ++calls["normalization_sums"];
    CpuBackend::normalization_sums(d, dgamma, dbeta);
  }
  void normalization_gradient(const NormalizedGradient<float>& d, float* dx) override {
    ++calls["normalization_gradient"];
    CpuBackend::normalization_gradient(d, dx);
  }
  void linear_staged(Index rows, Index out, Index in, const float* x, const float* w, const Stages<float>& stages, float* y) override {
    ++calls["linear_staged"];
    CpuBackend::linear_staged(rows, out, in, x, w, stages, y);
  }
  void normalize(Index rows, Index channels, const float* x, const float* mean, const float* variance, float eps, const float* gamma,
                 const float* beta, float* y) override {
    ++calls["normalize"];
    CpuBackend::normalize(rows, channels, x, mean, variance, eps, gamma, beta, y);
  }
  void normalize_staged(Index rows, Index channels, const float* x, const Stages<float>& stages, float* y) override {
    ++calls["normalize_staged"];
    CpuBackend::normalize_staged(rows, channels, x, stages, y);
  }
};

class CountingMemory final : public CpuMemory<> {
 public:
  std::string_view name() const override { return "counting"; }
};

inline CountingBackend& counting_backend() {
  static CountingBackend& backend = *new CountingBackend;  // never destroyed, as every backend
  return backend;
}

/// The host as a device of its own, whose calls are counted.
inline Device counting_device() {
  static detail::DeviceEntry* const entry = [] {
    auto* made = new detail::DeviceEntry;
    made->memory = new CountingMemory;
    made->kernels[static_cast<std::size_t>(DType::float32)] = static_cast<Kernels<float>*>(&counting_backend());
    return made;
  }();
  return Device(*entry);
}

}  // namespace tapestry_test
