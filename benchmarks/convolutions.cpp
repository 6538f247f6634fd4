// SPDX-License-Identifier: MIT
// How fast is each distinct convolution of the well-known networks, in each of its passes, by each algorithm, and is the one that is chosen the best?
// Speeds are 2 * multiply-adds of the direct sum a second.
//
//   convolutions [OPTION VALUE...]          a line for each convolution and pass
//   convolutions --list [OPTION VALUE...]   a line of numbers for each convolution; see print_convolution()
//   convolutions --serve [OPTION VALUE...]  reads a line's number in that list and a pass, measures, and prints the speeds as JSON
// Options: --only NETWORK, --threads 2, --milliseconds 60, --isa avx512|avx2|baseline
#include <tapestry/backend/cpu/conv_run.hpp>
#include <tapestry/models/cifar_net.hpp>
#include <tapestry/models/zoo.hpp>
#include <tapestry/tapestry.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
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

struct Convolution {
  std::string network;
  ConvGeometry geometry;
};

/// The host's kernels, but for convolutions, which are written down instead of computed.
class RecordingBackend final : public CpuBackend<float> {
 public:
  std::vector<ConvGeometry> seen;
  void conv2d(const ConvGeometry& g, const float*, const float*, const float*, float*) override { seen.push_back(g); }
};

std::array<Index, 15> sizes_of(const ConvGeometry& g) {
  return {g.batch, g.in_channels, g.height, g.width, g.out_channels, g.groups, g.kernel.height, g.kernel.width, g.stride.height, g.stride.width,
          g.dilation.height, g.dilation.width, g.padding.height, g.padding.width, g.out_height};
}

/// The distinct convolutions of a network, in the order in which they are first used.
std::vector<Convolution> convolutions_of(const std::string& network, Index batch, Index size) {
  static RecordingBackend& backend = *new RecordingBackend;
  static const Device device = [] {
    auto* entry = new detail::DeviceEntry;
    entry->memory = new CpuMemory;
    entry->kernels[static_cast<std::size_t>(DType::float32)] = &backend;
    entry->kernels[static_cast<std::size_t>(DType::int64)] = new CpuKernels<Index>;
    return Device(*entry);
  }();
  backend.seen.clear();
  const init::Skip skip;
  const std::unique_ptr<Layer<>> net = network == "lecture" ? std::make_unique<Sequential<>>(cifar_net(10)) : make_model(network, {});
  net->to(device);
  net->eval();
  (*net)(Tensor<>(Shape{1, 3, size, size}, Layout::channels_last, device));
  std::vector<Convolution> convolutions;
  for (const ConvGeometry& g : backend.seen) {
    const ConvGeometry whole = g.with_batch(batch);
    const auto same = [&](const Convolution& convolution) { return sizes_of(convolution.geometry) == sizes_of(whole); };
    if (std::none_of(convolutions.begin(), convolutions.end(), same)) convolutions.push_back({network, whole});
  }
  return convolutions;
}

std::vector<Convolution> all_convolutions(const std::string& only) {
  struct Network {
    const char* name;
    Index batch, size;
  };
  set_fusion(false);  // each convolution by itself
  std::vector<Convolution> all;
  for (const Network& network : {Network{"lecture", 128, 32}, {"resnet18", 8, 224}, {"resnet18", 1, 224}, {"vgg16", 4, 224}, {"resnet50", 8, 224},
                                 {"inception_v3", 4, 299}, {"alexnet", 8, 224}, {"mobilenet_v2", 8, 224}, {"mobilenet_v2", 1, 224}}) {
    if (!only.empty() && only != network.name) continue;
    for (Convolution& convolution : convolutions_of(network.name, network.batch, network.size)) all.push_back(std::move(convolution));
  }
  if (all.empty()) throw ValueError(message("convolutions: no network is named ", only));
  return all;
}

/// Network, then batch, channels, height, width, filters, groups, and kernel, stride, dilation and padding in both directions.
void print_convolution(const Convolution& convolution) {
  std::printf("%s", convolution.network.c_str());
  const auto sizes = sizes_of(convolution.geometry);
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) std::printf(" %ld", static_cast<long>(sizes[i]));
  std::printf("\n");
}

constexpr const char* pass_names[] = {"forward", "backward_data", "backward_weight"};

struct Speeds {
  ConvAlgorithm chosen;
  std::vector<std::pair<ConvAlgorithm, double>> all;  // floating-point operations a second
  double of_chosen() const {
    return std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == chosen; })->second;
  }
  double best() const {
    return std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; })->second;
  }
};

/// How fast each algorithm that can is at one pass.
Speeds measure(const ConvGeometry& g, ConvPass pass, double seconds) {
  static CpuBackend<float>& plain = *new CpuBackend<float>;
  const auto numbers = [](Index count, float value) { return std::vector<float>(static_cast<std::size_t>(count), value); };
  const std::vector<float> x = numbers(g.batch * g.in_pixels() * g.in_channels, 0.5f), w = numbers(g.out_channels * g.patch(), 0.25f);
  const std::vector<float> dy = numbers(g.batch * g.out_pixels() * g.out_channels, 0.125f);
  std::vector<float> result = pass == ConvPass::forward ? dy : pass == ConvPass::backward_data ? x : w;
  const double operations = 2.0 * static_cast<double>(dy.size()) * static_cast<double>(g.patch());
  Speeds speeds{choose_convolution(g, pass), {}};
  std::vector<std::vector<float>> prepared;
  for (const ConvAlgorithm algorithm : conv_algorithms) {
    if (!convolution_fits(algorithm, g)) continue;
    speeds.all.emplace_back(algorithm, 0);
    set_convolution_algorithm(algorithm);
    prepared.push_back(numbers(cpu_kernels::convolution_weight_form(g).size, 0));
    if (pass == ConvPass::forward) cpu_kernels::convolution_prepare_weight(g, w.data(), prepared.back().data());
  }
  const auto compute = [&](const float* prepared_weight) {
    if (pass == ConvPass::forward) {
      if (!cpu_kernels::convolution_forward(g, x.data(), w.data(), prepared_weight, {}, result.data()))
        plain.Backend<float>::conv2d(g, x.data(), w.data(), nullptr, result.data());
    } else if (pass == ConvPass::backward_data) {
      if (!cpu_kernels::convolution_backward_data(g, dy.data(), w.data(), result.data()))
        plain.Backend<float>::conv2d_backward_data(g, dy.data(), w.data(), result.data());
    } else if (!cpu_kernels::convolution_backward_weight(g, x.data(), dy.data(), result.data())) {
      plain.Backend<float>::conv2d_backward_weight(g, x.data(), dy.data(), result.data());
    }
  };
  // In turn, so that a disturbance meets all of them; the first round warms up.
  const double end = now() + seconds * static_cast<double>(speeds.all.size());
  for (int round = 0; round < 4 || now() < end; ++round)
    for (std::size_t i = 0; i < speeds.all.size(); ++i) {
      auto& [algorithm, speed] = speeds.all[i];
      set_convolution_algorithm(algorithm);
      const double start = now();
      compute(prepared[i].empty() ? nullptr : prepared[i].data());
      if (round > 0) speed = std::max(speed, operations / (now() - start));
    }
  set_convolution_algorithm(std::nullopt);
  return speeds;
}

/// A line for each convolution and pass, and how often the choice is within 5% of the best.
void print_table(const std::vector<Convolution>& convolutions, double seconds) {
  const double top = peak();
  std::printf("%s, %d threads, peak %.0f GF/s\n", name_of(instruction_set()).data(), num_threads(), top * 1e-9);
  int good = 0, all = 0;
  for (const Convolution& convolution : convolutions)
    for (const ConvPass pass : {ConvPass::forward, ConvPass::backward_data, ConvPass::backward_weight}) {
      const ConvGeometry& g = convolution.geometry;
      const Speeds speeds = measure(g, pass, seconds);
      const bool is_good = speeds.of_chosen() >= 0.95 * speeds.best();
      ++all, good += is_good;
      std::string others;
      for (const auto& [algorithm, speed] : speeds.all) others += message(' ', name_of(algorithm), ' ', static_cast<int>(speed * 1e-9));
      const std::string shape = message('b', g.batch, ' ', g.in_channels, "->", g.out_channels, ' ', g.height, 'x', g.width, " k", g.kernel.height, 'x',
                                        g.kernel.width, " s", g.stride.height);
      std::printf("%-12s %-30s %-15s %-9s %4.0f GF/s %4.2f of peak %s|%s\n", convolution.network.c_str(), shape.c_str(), pass_names[static_cast<int>(pass)],
                  name_of(speeds.chosen).data(), speeds.of_chosen() * 1e-9, speeds.of_chosen() / top, is_good ? "" : "NOT BEST ", others.c_str());
      std::fflush(stdout);
    }
  std::printf("the choice is within 5%% of the best in %d of %d passes\n", good, all);
}

void serve(const std::vector<Convolution>& convolutions, double seconds) {
  std::size_t number = 0;
  int pass = 0;
  while (std::scanf("%zu %d", &number, &pass) == 2) {
    if (number >= convolutions.size() || pass < 0 || pass > 2) throw ValueError(message("convolutions: there is no pass ", pass, " of convolution ", number));
    const Speeds speeds = measure(convolutions[number].geometry, static_cast<ConvPass>(pass), seconds);
    std::printf("{\"chosen\": \"%s\", \"speeds\": {", name_of(speeds.chosen).data());
    const char* separator = "";
    for (const auto& [algorithm, speed] : speeds.all) std::printf("%s\"%s\": %.4g", std::exchange(separator, ", "), name_of(algorithm).data(), speed);
    std::printf("}}\n");
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  std::string only, mode;
  double seconds = 0.06;
  set_num_threads(2);
  int i = 1;
  if (argc > 1 && (argv[1] == std::string_view("--list") || argv[1] == std::string_view("--serve"))) mode = argv[i++];
  for (; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i], value = argv[i + 1];
    if (name == "--only")
      only = value;
    else if (name == "--threads")
      set_num_threads(std::atoi(argv[i + 1]));
    else if (name == "--milliseconds")
      seconds = std::atof(argv[i + 1]) / 1000;
    else if (name == "--isa") {
      for (const InstructionSet set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512})
        if (name_of(set) == value) set_instruction_set(set);
    } else
      throw ValueError(message("convolutions: unknown option ", name, "; known are --only, --threads, --milliseconds, --isa"));
  }
  if (i < argc) throw ValueError(message("convolutions: ", argv[i], " takes a value"));
  const std::vector<Convolution> convolutions = all_convolutions(only);
  if (mode == "--list")
    for (const Convolution& convolution : convolutions) print_convolution(convolution);
  else if (mode == "--serve")
    serve(convolutions, seconds);
  else
    print_table(convolutions, seconds);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
