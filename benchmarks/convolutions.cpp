// SPDX-License-Identifier: MIT
// How fast is each distinct convolution of the well-known networks, in each of its passes, by each algorithm, and is the one that is chosen the best?
// Speeds are 2 * multiply-adds of the direct sum a second, over the same program's measured peak of fused multiply-adds.
//
// convolutions [--net lecture|resnet18|vgg16|resnet50|mobilenet_v2|alexnet] [--threads 2] [--milliseconds 60] [--isa avx512|avx2|baseline]
#include <tapestry/backend/cpu/conv_run.hpp>
#include <tapestry/backend/cpu/cpu_backend.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace tapestry;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The best time of several, after one to warm up.
template <class F>
double best_seconds(const F& f, double budget) {
  f();
  double best = 1e30;
  const double end = now() + budget;
  for (int round = 0; round < 3 || now() < end; ++round) {
    const double start = now();
    f();
    best = std::min(best, now() - start);
  }
  return best;
}

/// Independent multiply-adds, as many as hide their latency.
struct Peak {
  static constexpr Index turns = 400000;
  static constexpr unsigned sums = 12;
  template <int Bytes>
  [[gnu::always_inline]] static void run(float* out) {
    using V = cpu_kernels::Vector<float, Bytes>;
    const V scale = V{} + out[0], add = V{} + out[1];
    V sum[sums], total{};
    TAPESTRY_UNROLL
    for (unsigned r = 0; r < sums; ++r) sum[r] = add * static_cast<float>(r);  // all different, or one would do for all
    for (Index i = 0; i < turns; ++i) {
      TAPESTRY_UNROLL
      for (unsigned r = 0; r < sums; ++r) sum[r] = sum[r] * scale + add;
    }
    TAPESTRY_UNROLL
    for (unsigned r = 0; r < sums; ++r) total += sum[r];
    out[2] = total[0];
  }
};

/// Floating-point operations a second of all threads.
double peak() {
  const InstructionSet set = instruction_set();
  const Index lanes = set == InstructionSet::avx512 ? 16 : set == InstructionSet::avx2 ? 8 : 4;
  const double seconds = best_seconds([] {
    parallel_for(num_threads(), 1, [](Index, Index) {
      float numbers[3] = {0.5f, 0.25f, 0};
      cpu_kernels::dispatch<Peak>(&numbers[0]);
      if (numbers[2] == 0) std::abort();
    });
  }, 0.2);
  return 2.0 * static_cast<double>(Peak::turns * lanes * Peak::sums * num_threads()) / seconds;
}

struct Layer {
  const char* net;
  Index batch, in, size, out, kernel, stride, padding, groups;
};

const Layer layers[] = {
    {"lecture", 128, 3, 32, 30, 3, 1, 0, 1},        {"lecture", 128, 30, 15, 60, 3, 1, 0, 1},       {"lecture", 128, 60, 6, 120, 3, 1, 0, 1},
    {"resnet18", 8, 3, 224, 64, 7, 2, 3, 1},        {"resnet18", 8, 64, 56, 64, 3, 1, 1, 1},        {"resnet18", 8, 64, 56, 128, 3, 2, 1, 1},
    {"resnet18", 8, 64, 56, 128, 1, 2, 0, 1},       {"resnet18", 8, 128, 28, 128, 3, 1, 1, 1},      {"resnet18", 8, 128, 28, 256, 3, 2, 1, 1},
    {"resnet18", 8, 128, 28, 256, 1, 2, 0, 1},      {"resnet18", 8, 256, 14, 256, 3, 1, 1, 1},      {"resnet18", 8, 256, 14, 512, 3, 2, 1, 1},
    {"resnet18", 8, 256, 14, 512, 1, 2, 0, 1},      {"resnet18", 8, 512, 7, 512, 3, 1, 1, 1},       {"resnet18_b1", 1, 64, 56, 64, 3, 1, 1, 1},
    {"resnet18_b1", 1, 128, 28, 128, 3, 1, 1, 1},   {"resnet18_b1", 1, 256, 14, 256, 3, 1, 1, 1},   {"resnet18_b1", 1, 512, 7, 512, 3, 1, 1, 1},
    {"vgg16", 4, 3, 224, 64, 3, 1, 1, 1},           {"vgg16", 4, 64, 224, 64, 3, 1, 1, 1},          {"vgg16", 4, 64, 112, 128, 3, 1, 1, 1},
    {"vgg16", 4, 128, 112, 128, 3, 1, 1, 1},        {"vgg16", 4, 128, 56, 256, 3, 1, 1, 1},         {"vgg16", 4, 256, 56, 256, 3, 1, 1, 1},
    {"vgg16", 4, 256, 28, 512, 3, 1, 1, 1},         {"vgg16", 4, 512, 28, 512, 3, 1, 1, 1},         {"vgg16", 4, 512, 14, 512, 3, 1, 1, 1},
    {"resnet50", 8, 64, 56, 64, 1, 1, 0, 1},        {"resnet50", 8, 64, 56, 256, 1, 1, 0, 1},       {"resnet50", 8, 256, 56, 64, 1, 1, 0, 1},
    {"resnet50", 8, 256, 56, 128, 1, 1, 0, 1},      {"resnet50", 8, 128, 56, 128, 3, 2, 1, 1},      {"resnet50", 8, 128, 28, 512, 1, 1, 0, 1},
    {"resnet50", 8, 256, 56, 512, 1, 2, 0, 1},      {"resnet50", 8, 512, 28, 256, 1, 1, 0, 1},      {"resnet50", 8, 256, 14, 1024, 1, 1, 0, 1},
    {"resnet50", 8, 1024, 14, 512, 1, 1, 0, 1},     {"resnet50", 8, 512, 7, 2048, 1, 1, 0, 1},      {"resnet50", 8, 2048, 7, 512, 1, 1, 0, 1},
    {"alexnet", 8, 3, 224, 64, 11, 4, 2, 1},        {"alexnet", 8, 64, 27, 192, 5, 1, 2, 1},        {"alexnet", 8, 192, 13, 384, 3, 1, 1, 1},
    {"alexnet", 8, 384, 13, 256, 3, 1, 1, 1},       {"alexnet", 8, 256, 13, 256, 3, 1, 1, 1},       {"mobilenet_v2", 8, 3, 224, 32, 3, 2, 1, 1},
    {"mobilenet_v2", 8, 32, 112, 32, 3, 1, 1, 32},  {"mobilenet_v2", 8, 32, 112, 16, 1, 1, 0, 1},   {"mobilenet_v2", 8, 16, 112, 96, 1, 1, 0, 1},
    {"mobilenet_v2", 8, 96, 112, 96, 3, 2, 1, 96},  {"mobilenet_v2", 8, 96, 56, 24, 1, 1, 0, 1},    {"mobilenet_v2", 8, 24, 56, 144, 1, 1, 0, 1},
    {"mobilenet_v2", 8, 144, 56, 144, 3, 1, 1, 144}, {"mobilenet_v2", 8, 192, 28, 192, 3, 1, 1, 192}, {"mobilenet_v2", 8, 192, 28, 32, 1, 1, 0, 1},
    {"mobilenet_v2", 8, 384, 14, 384, 3, 1, 1, 384}, {"mobilenet_v2", 8, 384, 14, 64, 1, 1, 0, 1},   {"mobilenet_v2", 8, 576, 14, 576, 3, 2, 1, 576},
    {"mobilenet_v2", 8, 960, 7, 960, 3, 1, 1, 960}, {"mobilenet_v2", 8, 960, 7, 320, 1, 1, 0, 1},   {"mobilenet_v2", 8, 320, 7, 1280, 1, 1, 0, 1},
};

ConvGeometry geometry(const Layer& l) {
  const Index out = window_positions(l.size, 2 * l.padding, l.kernel, l.stride, 1);
  return {l.batch, l.in, l.size, l.size, l.out, l.groups, l.kernel, l.stride, 1, l.padding, out, out};
}

/// Prints a line for each pass and counts the choices within 5% of the best.
void measure(const Layer& l, double peak, double seconds, int& good, int& all) {
  static CpuBackend<float>& plain = *new CpuBackend<float>;
  const ConvGeometry g = geometry(l);
  const auto numbers = [](Index count, float value) { return std::vector<float>(static_cast<std::size_t>(count), value); };
  const std::vector<float> x = numbers(g.batch * g.in_pixels() * g.in_channels, 0.5f), w = numbers(g.out_channels * g.patch(), 0.25f);
  const std::vector<float> dy = numbers(g.batch * g.out_pixels() * g.out_channels, 0.125f);
  std::vector<float> dx = x, dw = w, y = dy;
  const double operations = 2.0 * static_cast<double>(dy.size()) * static_cast<double>(g.patch());
  const char* names[] = {"forward", "backward_data", "backward_weight"};
  for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weight}) {
    const ConvAlgorithm chosen = choose_convolution(g, pass);
    std::string others;
    double best = 0, of_chosen = 0;
    for (const ConvAlgorithm algorithm : conv_algorithms) {
      if (!convolution_fits(algorithm, g)) continue;
      set_convolution_algorithm(algorithm);
      std::vector<float> prepared = numbers(cpu_kernels::convolution_weight_form(g).size, 0);
      if (pass == ConvPass::forward) cpu_kernels::convolution_prepare_weight(g, w.data(), prepared.data());
      const double speed = operations / best_seconds([&] {
        if (pass == ConvPass::forward) {
          if (!cpu_kernels::convolution_forward(g, x.data(), w.data(), prepared.empty() ? nullptr : prepared.data(), {}, y.data()))
            plain.Backend<float>::conv2d(g, x.data(), w.data(), nullptr, y.data());
        } else if (pass == ConvPass::backward_data) {
          if (!cpu_kernels::convolution_backward_data(g, dy.data(), w.data(), dx.data()))
            plain.Backend<float>::conv2d_backward_data(g, dy.data(), w.data(), dx.data());
        } else if (!cpu_kernels::convolution_backward_weight(g, x.data(), dy.data(), dw.data())) {
          plain.Backend<float>::conv2d_backward_weight(g, x.data(), dy.data(), dw.data());
        }
      }, seconds);
      best = std::max(best, speed);
      if (algorithm == chosen) of_chosen = speed;
      others += message(' ', name_of(algorithm), ' ', static_cast<int>(speed * 1e-9));
    }
    set_convolution_algorithm(std::nullopt);
    ++all, good += of_chosen >= 0.95 * best;
    std::printf("%-12s b%-3ld %4ld->%-4ld %3ldx%-3ld k%ld s%ld %-15s %-9s %4.0f GF/s %4.2f of peak %s|%s\n", l.net, static_cast<long>(l.batch),
                static_cast<long>(l.in), static_cast<long>(l.out), static_cast<long>(l.size), static_cast<long>(l.size),
                static_cast<long>(l.kernel), static_cast<long>(l.stride), names[static_cast<int>(pass)], name_of(chosen).data(), of_chosen * 1e-9,
                of_chosen / peak, of_chosen >= 0.95 * best ? "" : "NOT BEST ", others.c_str());
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  std::string net;
  double seconds = 0.06;
  set_num_threads(2);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--net")
      net = value;
    else if (name == "--threads")
      set_num_threads(std::atoi(argv[i + 1]));
    else if (name == "--milliseconds")
      seconds = std::atof(argv[i + 1]) / 1000;
    else if (name == "--isa") {
      for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512})
        if (name_of(set) == value) set_instruction_set(set);
    } else
      throw ValueError(message("convolutions: unknown option ", name, "; known are --net, --threads, --milliseconds, --isa"));
  }
  const double top = peak();
  std::printf("%s, %d threads, peak %.0f GF/s\n", name_of(instruction_set()).data(), num_threads(), top * 1e-9);
  int good = 0, all = 0;
  for (const Layer& layer : layers)
    if (net.empty() || net == layer.net) measure(layer, top, seconds, good, all);
  std::printf("the choice is within 5%% of the best in %d of %d passes\n", good, all);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
