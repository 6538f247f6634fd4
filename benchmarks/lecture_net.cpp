// SPDX-License-Identifier: MIT
// How many images a second does the lecture's network learn from, and how many does it classify? The same workloads, in the same form,
// as benchmarks/pytorch_lecture_net.py:
//
//   lecture_net_train     forward, cross-entropy, zero_grad, backward and an Adam step, in training mode (dropout on)
//   lecture_net_forward   the forward pass alone, in evaluation mode, without a tape
//
// lecture_net [--threads 2] [--batch 128] [--seconds 2] [--rounds 5]; prints `name images/s`, the median of the rounds.
#include <tapestry/tapestry.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>

using namespace tapestry;

namespace {

struct Options {
  int threads = 2;
  Index batch = 128;
  double seconds = 2;
  int rounds = 5;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const double value = std::atof(argv[i + 1]);
    if (name == "--threads")
      options.threads = static_cast<int>(value);
    else if (name == "--batch")
      options.batch = static_cast<Index>(value);
    else if (name == "--seconds")
      options.seconds = value;
    else if (name == "--rounds")
      options.rounds = static_cast<int>(value);
    else
      throw ValueError(message("lecture_net: unknown option ", name, "; known are --threads, --batch, --seconds, --rounds"));
  }
  return options;
}

template <class Step>
double images_per_second(const Step& step, const Options& options) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  double elapsed = 0;
  Index steps = 0;
  while (elapsed < options.seconds) {
    step();
    ++steps;
    elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return static_cast<double>(steps * options.batch) / elapsed;
}

template <class Step>
void measure(const char* name, const Step& step, const Options& options) {
  for (int i = 0; i < 5; ++i) step();  // caches and the allocator fill
  std::vector<double> speeds;
  for (int i = 0; i < options.rounds; ++i) speeds.push_back(images_per_second(step, options));
  std::sort(speeds.begin(), speeds.end());
  std::printf("%s %.0f\n", name, speeds[speeds.size() / 2]);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  const Options options = parse(argc, argv);
  set_num_threads(options.threads);
  manual_seed(1);
  auto net = cifar_net();
  const auto images = in_layout(randn({options.batch, 3, 32, 32}), Layout::channels_last);  // as the loader gives them
  const auto labels = randint(0, 10, {options.batch});
  Adam optimizer(parameters(net), {.lr = 0.01});

  measure("lecture_net_train", [&] {
    Tape tape;
    const auto loss = cross_entropy(net(images), labels);
    optimizer.zero_grad();
    tape.backward(loss);
    optimizer.step();
  }, options);

  net.eval();
  measure("lecture_net_forward", [&] { net(images); }, options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
