// SPDX-License-Identifier: MIT
// The workloads of benchmarks/run, and this library's side of them.
//
//   workloads --list                  a line each: name, network, pass, batch, image size, classes, multiply-adds an image
//   workloads NAME FOLDER             builds the network from FOLDER/weights.safetensors, computes on FOLDER/batches.safetensors what contenders are
//                                     compared by, prints it, and then takes a sample for every number of seconds that it reads
//   workloads --profile NAME          the share of a step that each primitive takes
// and --threads N behind any of these. What is printed to contenders' common form stands in benchmarks/contenders.py.
#include <tapestry/data/text/word_batch.hpp>
#include <tapestry/io/weights.hpp>
#include <tapestry/models/char_cnn.hpp>
#include <tapestry/models/zoo.hpp>
#include <tapestry/tapestry.hpp>

#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "profiled_device.hpp"

using namespace tapestry;

namespace {

enum class Pass { forward, train, head };  // head: all frozen but the last layer
constexpr const char* pass_names[] = {"forward", "train", "head"};

struct Workload {
  const char* name;
  const char* network;
  Pass pass;
  Index batch, size, classes;
};

constexpr Workload workloads[] = {
    {"net_train_b128", "cifar_net", Pass::train, 128, 32, 10},
    {"net_fwd_b128", "cifar_net", Pass::forward, 128, 32, 10},
    {"net_fwd_b1", "cifar_net", Pass::forward, 1, 32, 10},
    {"resnet18_fwd_b8", "resnet18", Pass::forward, 8, 224, 1000},
    {"resnet18_fwd_b1", "resnet18", Pass::forward, 1, 224, 1000},
    {"resnet18_train_b8", "resnet18", Pass::train, 8, 224, 1000},
    {"resnet18_head_b8", "resnet18", Pass::head, 8, 224, 1000},
    {"resnet18_cifar_train_b32", "resnet18_cifar", Pass::train, 32, 32, 10},
    {"vgg16_fwd_b4", "vgg16", Pass::forward, 4, 224, 1000},
    {"vgg16_fwd_b1", "vgg16", Pass::forward, 1, 224, 1000},
    {"vgg16_train_b4", "vgg16", Pass::train, 4, 224, 1000},
    {"resnet50_fwd_b8", "resnet50", Pass::forward, 8, 224, 1000},
    {"resnet50_train_b8", "resnet50", Pass::train, 8, 224, 1000},
    {"inception_fwd_b4", "inception_v3", Pass::forward, 4, 299, 1000},
    {"alexnet_fwd_b8", "alexnet", Pass::forward, 8, 224, 1000},
    {"alexnet_train_b16", "alexnet", Pass::train, 16, 224, 1000},
    {"mobilenet_v2_fwd_b8", "mobilenet_v2", Pass::forward, 8, 224, 1000},
    {"mobilenet_v2_fwd_b1", "mobilenet_v2", Pass::forward, 1, 224, 1000},
    {"mobilenet_v2_train_b8", "mobilenet_v2", Pass::train, 8, 224, 1000},
    {"char_cnn_train_b128", "char_cnn", Pass::train, 128, 12, 12},  // size: characters a word
};

const Workload& find_workload(std::string_view name) {
  for (const Workload& workload : workloads)
    if (name == workload.name) return workload;
  throw ValueError(message("workloads: there is no workload ", name));
}

/// ResNet-18 for small images, as is usual for CIFAR-10: a 3x3 stem with stride 1 and no pooling behind it.
class SmallImageResNet : public ResNet<> {
 public:
  explicit SmallImageResNet(Index classes) : ResNet<>(ResidualBlock::basic, {2, 2, 2, 2}, {.num_classes = classes}) {
    conv1 = Conv2d(3, 64, {.kernel = 3, .padding = 1, .bias = false});
  }
  Tensor<> forward(const Tensor<>& x) override { return fc(flatten(avgpool(layer4(layer3(layer2(layer1(relu(bn1(conv1(x)))))))), 1)); }
};

/// What a network reads in a step, images or words, and what it should say.
struct Batch {
  Tensor<> images;
  Tensor<Index> words;
  std::vector<Index> lengths;
  Tensor<Index> labels;
};
constexpr Index characters = 105;  // of the word lists of twelve languages, padding and the like included

struct Network {
  std::unique_ptr<Module> module;
  std::function<Tensor<>(const Batch&)> forward;

  template <class M>
  explicit Network(std::unique_ptr<M> made) : forward([net = made.get()](const Batch& batch) { return outputs(*net, batch); }) {
    module = std::move(made);
  }

 private:
  static Tensor<> outputs(Layer<>& net, const Batch& batch) { return net(batch.images); }
  static Tensor<> outputs(CharCnnClassifier<>& net, const Batch& batch) { return net(batch.words, batch.lengths); }
};

Network make_network(const Workload& workload) {
  const std::string_view name = workload.network;
  if (name == "char_cnn") return Network(std::make_unique<CharCnnClassifier<>>(characters, workload.classes, char_cnn_options("small")));
  if (name == "cifar_net") return Network(std::make_unique<Sequential<>>(cifar_net(workload.classes)));
  if (name == "resnet18_cifar") return Network(std::make_unique<SmallImageResNet>(workload.classes));
  return Network(make_model(name, {.num_classes = workload.classes}));
}

/// A batch of noise, for what asks only for time or counts.
Batch make_batch(const Workload& workload, Device device) {
  const Tensor<Index> labels = on_device(randint(0, workload.classes, {workload.batch}), device).as<Index>();
  if (workload.network == std::string_view("char_cnn"))
    return {{}, on_device(randint(4, characters, {workload.batch, workload.size}), device).as<Index>(),
            std::vector<Index>(static_cast<std::size_t>(workload.batch), workload.size), labels};
  return {on_device(in_layout(randn({workload.batch, 3, workload.size, workload.size}), Layout::channels_last), device).as<float>(), {}, {}, labels};
}

/// A network and what a step of its workload does with it.
class Run {
 public:
  Run(const Workload& workload, Network network) : pass_(workload.pass), net_(std::move(network)) {
    if (pass_ == Pass::head) freeze(*net_.module, [](std::string_view name) { return !name.starts_with("fc."); });
    if (pass_ == Pass::forward)
      net_.module->eval();
    else
      optimizer_.emplace(trainable_parameters(*net_.module), AdamOptions{.lr = 3e-6});
  }
  /// Computes outputs or, in training, the loss, and reads them.
  void step(const Batch& batch) {
    if (pass_ == Pass::forward) {
      numbers = net_.forward(batch).to_vector();
      return;
    }
    Tape tape;
    const auto loss = cross_entropy(net_.forward(batch), batch.labels);
    optimizer_->zero_grad();
    tape.backward(loss);
    optimizer_->step();
    numbers.assign(1, loss.item());
  }
  const Network& net() const { return net_; }
  void set_dropout(bool on) {
    for_each_module<Dropout<>>(*net_.module, [on](Dropout<>& dropout) { dropout.train(on); });
  }
  std::vector<float> numbers;

 private:
  Pass pass_;
  Network net_;
  std::optional<Adam<>> optimizer_;
};

/// How many multiply-adds the plain sums of a step take, an image: counted by the device without memory.
double multiply_adds_per_image(const Workload& workload) {
  const init::Skip skip;
  auto network = make_network(workload);
  network.module->to(meta());
  Run run(workload, std::move(network));
  const Batch batch = make_batch(workload, meta());
  const std::uint64_t before = detail::meta_multiply_adds();
  if (workload.pass == Pass::forward) {
    run.net().forward(batch);
  } else {
    Tape tape;
    const auto y = run.net().forward(batch);
    tape.backward(y, y);
  }
  return static_cast<double>(detail::meta_multiply_adds() - before) / static_cast<double>(workload.batch);
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// A line of /proc/self/status, in MB.
double status_mb(std::string_view key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) return std::atof(line.c_str() + key.size() + 1) / 1024;
  return 0;
}
long minor_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

void print_numbers(const std::vector<float>& numbers) {
  std::printf("{\"numbers\": [");
  for (std::size_t i = 0; i < numbers.size(); ++i) std::printf(i ? ", %.9g" : "%.9g", static_cast<double>(numbers[i]));
  std::printf("]}\n");
  std::fflush(stdout);
}

void serve(const Workload& workload, const std::string& folder) {
  std::vector<Batch> batches;
  {
    const Safetensors file = load_safetensors(folder + "/batches.safetensors");
    for (const char* number : {"0", "1"}) {
      const auto part = [&](const char* name) { return find(file.tensors, message(name, '.', number)); };
      Batch& batch = batches.emplace_back();
      batch.labels = part("labels")->as<Index>();
      if (part("words")) {
        batch.words = part("words")->as<Index>();
        batch.lengths = part("lengths")->as<Index>().to_vector();
      } else {
        batch.images = in_layout(part("images")->as<float>(), Layout::channels_last);
      }
    }
  }
  cpu().memory().release_cache();
  malloc_trim(0);
  const double memory_before = status_mb("VmRSS");

  Run run = [&] {
    const init::Skip skip;
    auto network = make_network(workload);
    load_weights(*network.module, folder + "/weights.safetensors");
    return Run(workload, std::move(network));
  }();
  cpu().memory().release_cache();
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew: what the file took does not count

  std::size_t count = 0;
  const auto step = [&] {
    run.step(batches[count++ % 2]);
  };
  std::vector<float> numbers;
  if (workload.pass == Pass::forward) {
    step();
    numbers = run.numbers;
  } else {
    run.set_dropout(false);  // whose random numbers no two libraries share
    for (int i = 0; i < 10; ++i) step(), numbers.push_back(run.numbers[0]);
    run.set_dropout(true);
  }
  print_numbers(numbers);

  double seconds = 0;
  while (std::scanf("%lf", &seconds) == 1) {
    for (int i = 0; i < 3; ++i) step();
    const long faults = minor_faults();
    const double start = now();
    double elapsed = 0;
    int steps = 0;
    while (elapsed < seconds) step(), ++steps, elapsed = now() - start;
    std::printf("{\"speed\": %.6g, \"faults\": %.1f, \"memory\": %.1f, \"prepared\": %.1f}\n", static_cast<double>(steps * workload.batch) / elapsed,
                static_cast<double>(minor_faults() - faults) / steps, status_mb("VmHWM") - memory_before,
                static_cast<double>(prepared_weight_bytes()) / (1 << 20));
    std::fflush(stdout);
  }
}

void print_profile(const Workload& workload) {
  auto network = make_network(workload);
  network.module->to(benchmarks::profiled_device());
  Run run(workload, std::move(network));
  const Batch batch = make_batch(workload, benchmarks::profiled_device());
  for (int i = 0; i < 3; ++i) run.step(batch);

  auto& profile = benchmarks::Profile::instance();
  profile.primitives.clear(), profile.shapes.clear();
  const double start = now();
  int steps = 0;
  while (now() - start < 2) run.step(batch), ++steps;
  const double total = now() - start;

  const auto print = [&](const auto& entries, const char* title, std::size_t most) {
    std::vector<std::pair<std::string, benchmarks::Profile::Entry>> sorted(entries.begin(), entries.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
    std::printf("%-64s  share  ms/step  calls/step\n", title);
    for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
      const auto& [name, entry] = sorted[i];
      std::printf("%-64s %5.1f%% %8.3f %11.1f\n", name.c_str(), 100 * entry.seconds / total, 1e3 * entry.seconds / steps,
                  static_cast<double>(entry.calls) / steps);
    }
  };
  double known = 0;
  for (const auto& [name, entry] : profile.primitives) known += entry.seconds;
  profile.primitives["(outside primitives)"] = {total - known, steps};
  std::printf("%s: %.2f ms a step, %.1f images/s\n\n", workload.name, 1e3 * total / steps, static_cast<double>(steps * workload.batch) / total);
  print(profile.primitives, "primitive", 100);
  std::printf("\n");
  print(profile.shapes, "shape", 20);
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i)
    if (argv[i] == std::string_view("--threads") && i + 1 < argc)
      set_num_threads(std::atoi(argv[++i]));
    else
      words.emplace_back(argv[i]);
  manual_seed(1);
  if (words.size() == 1 && words[0] == "--list") {
    for (const Workload& w : workloads)
      std::printf("%s %s %s %d %d %d %.0f\n", w.name, w.network, pass_names[static_cast<int>(w.pass)], static_cast<int>(w.batch), static_cast<int>(w.size),
                  static_cast<int>(w.classes), multiply_adds_per_image(w));
  } else if (words.size() == 2 && words[0] == "--profile") {
    print_profile(find_workload(words[1]));
  } else if (words.size() == 2) {
    serve(find_workload(words[0]), words[1]);
  } else {
    throw ValueError("workloads: usage: workloads --list | --profile NAME | NAME FOLDER, and --threads N");
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
