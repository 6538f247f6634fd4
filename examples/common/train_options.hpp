// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>
#include <tapestry/io/safetensors.hpp>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace tapestry::examples {

/// What the user asks of the trainer. The defaults are the lecture's recipe.
struct TrainOptions {
  // What decides the result, and so is kept in the checkpoint.
  Index epochs = 10;
  Index batch_size = 128;
  std::string optimizer = "adam";
  double lr = 0.01;
  double momentum = 0.9;
  double weight_decay = 0;
  std::string schedule = "none";
  std::string augment = "lecture";
  std::uint64_t seed = 1;
  Index limit = 0;

  // What does not.
  std::string data;
  bool download = false;
  bool embedded = false;
  int threads = 0;
  Index workers = 3;
  std::string out;
  std::string resume;
  bool progress = true;
};

namespace detail {
/// One option that decides the result: its name, its value as text, and how to set it.
struct RecipeOption {
  std::string name;
  std::string value;
  void (*set)(TrainOptions&, const std::string&);
};

inline std::vector<RecipeOption> recipe_options(const TrainOptions& o) {
  return {{"epochs", message(o.epochs), [](TrainOptions& t, const std::string& v) { t.epochs = std::stoll(v); }},
          {"batch-size", message(o.batch_size), [](TrainOptions& t, const std::string& v) { t.batch_size = std::stoll(v); }},
          {"optimizer", o.optimizer, [](TrainOptions& t, const std::string& v) { t.optimizer = v; }},
          {"lr", message(o.lr), [](TrainOptions& t, const std::string& v) { t.lr = std::stod(v); }},
          {"momentum", message(o.momentum), [](TrainOptions& t, const std::string& v) { t.momentum = std::stod(v); }},
          {"weight-decay", message(o.weight_decay), [](TrainOptions& t, const std::string& v) { t.weight_decay = std::stod(v); }},
          {"schedule", o.schedule, [](TrainOptions& t, const std::string& v) { t.schedule = v; }},
          {"augment", o.augment, [](TrainOptions& t, const std::string& v) { t.augment = v; }},
          {"seed", message(o.seed), [](TrainOptions& t, const std::string& v) { t.seed = std::stoull(v); }},
          {"limit", message(o.limit), [](TrainOptions& t, const std::string& v) { t.limit = std::stoll(v); }}};
}
}  // namespace detail

/// The recipe as texts for a checkpoint's metadata.
inline Metadata recipe_metadata(const TrainOptions& options) {
  Metadata metadata;
  for (const auto& option : detail::recipe_options(options)) metadata.emplace_back(option.name, option.value);
  return metadata;
}

/// The command line. Options that were given and contradict a resumed run's recipe are told apart from defaults by the parser.
class TrainCommand {
 public:
  TrainCommand() : app_("Trains the lecture's convolutional network on CIFAR-10 and shows how it learns.", "cifar10_train") {
    auto& o = options;
    app_.add_option("--data", o.data, "folder with the binary version of CIFAR-10 (data_batch_1.bin ...)");
    app_.add_flag("--download", o.download, "fetch the official data set (163 MB) into the cache folder; verified, fetched once");
    app_.add_flag("--embedded", o.embedded, "use the ten-class data set that this program draws itself: no network needed");
    app_.add_option("--epochs", o.epochs, "passes over the training images")->check(CLI::Range(1, 1'000'000))->capture_default_str();
    app_.add_option("--batch-size", o.batch_size, "images a training step")->check(CLI::Range(2, 1'000'000))->capture_default_str();
    app_.add_option("--optimizer", o.optimizer, "how weights move")->check(CLI::IsMember({"adam", "adamw", "sgd", "rmsprop"}))->capture_default_str();
    app_.add_option("--lr", o.lr, "learning rate; the peak for --schedule one-cycle")->check(CLI::NonNegativeNumber)->capture_default_str();
    app_.add_option("--momentum", o.momentum, "momentum, for sgd and rmsprop")->check(CLI::Range(0.0, 1.0))->capture_default_str();
    app_.add_option("--weight-decay", o.weight_decay, "weight decay")->check(CLI::NonNegativeNumber)->capture_default_str();
    app_.add_option("--schedule", o.schedule,
                    "learning rate over the run: none; step (a tenth at 1/2 and 3/4 of the epochs); exponential (0.9 an epoch); cosine; "
                    "warmup-cosine (5% warm-up); one-cycle")
        ->check(CLI::IsMember({"none", "step", "exponential", "cosine", "warmup-cosine", "one-cycle"}))
        ->capture_default_str();
    app_.add_option("--augment", o.augment,
                    "training transform: lecture (Resize 44, RandomCrop 32 with padding 4); crop-flip (RandomCrop 32 with padding 4, "
                    "RandomHorizontalFlip); none")
        ->check(CLI::IsMember({"lecture", "crop-flip", "none"}))
        ->capture_default_str();
    app_.add_option("--seed", o.seed, "of split, initial weights, order, augmentation and dropout: the same seed gives the same network")->capture_default_str();
    app_.add_option("--limit", o.limit, "use only so many images of the data set; 0: all")->check(CLI::NonNegativeNumber)->capture_default_str();
    app_.add_option("--threads", o.threads, "threads that compute; 0: one a processor. The result does not depend on it")->check(CLI::Range(0, 4096))->capture_default_str();
    app_.add_option("--workers", o.workers, "threads that load and transform images. The result does not depend on it")->check(CLI::Range(0, 256))->capture_default_str();
    app_.add_option("--out", o.out, "folder for metrics.csv, best.safetensors (the epoch of the lowest validation loss), last.safetensors (all that --resume needs) "
                    "and curves.svg; default: a new folder runs/cifar10-N");
    app_.add_option("--resume", o.resume,
                    "folder of an earlier run to go on with, bit for bit; its recipe is taken over, and only --epochs, --threads, --workers, --out, "
                    "--data and --no-progress may differ");
    app_.add_flag("!--no-progress", o.progress, "one plain line an epoch instead of a progress bar");
    app_.footer("Without --data, --download or --embedded it looks in the cache folder (~/.cache/cifar10), then tries the download, then draws the\n"
                "embedded set. Ctrl-C saves the run where it is and says how to go on.");
  }

  /// Returns true if the program should go on; else `exit_code` is what it should return (help, or an option that does not fit).
  bool parse(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
      if ((options.embedded && (options.download || !options.data.empty())) || (options.download && !options.data.empty()))
        throw CLI::ValidationError("--data, --download and --embedded exclude one another");
      return true;
    } catch (const CLI::ParseError& error) {
      exit_code = app_.exit(error);
      return false;
    }
  }

  /// Takes the recipe of a checkpoint over.
  /// Throws   ValueError naming the option if one was given that contradicts it.
  void adopt(const Metadata& recipe) {
    for (const auto& option : detail::recipe_options(options)) {
      const std::string saved(find(recipe, option.name));
      if (saved.empty()) throw ValueError(message("--resume: the checkpoint does not say its ", option.name));
      const bool given = app_.count("--" + option.name) > 0;
      if (given && option.name == "epochs") continue;
      if (given && option.value != saved)
        throw ValueError(message("--", option.name, ": the run to resume has ", saved, ", got ", option.value, "; leave the option out, or start a new run"));
      option.set(options, saved);
    }
  }
  bool given(const std::string& option) const { return app_.count(option) > 0; }

  TrainOptions options;
  int exit_code = 0;

 private:
  CLI::App app_;
};

}  // namespace tapestry::examples
