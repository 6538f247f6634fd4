// SPDX-License-Identifier: MIT
// Trains the lecture's network on CIFAR-10. `cifar10_train --help` explains the options; `bash examples/run` builds and starts it.
//
// The heart is Run::train_epoch: shuffle, transform and batch (the loader), then for each batch forward, loss, backward, step. Around it
// stands what a run needs that may be stopped at any moment: everything that decides the result is in Run::save.
#include <cstdio>
#include <iostream>

#include "common/data_choice.hpp"
#include "common/interrupt.hpp"
#include "common/metrics_csv.hpp"
#include "common/progress.hpp"
#include "common/recipe.hpp"
#include "common/run_directory.hpp"
#include "common/svg_plot.hpp"
#include "common/train_options.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

using TrainSet = TransformedDataset<Subset<ImageDataset>>;

class Run {
 public:
  Run(const TrainOptions& options, DataChoice choice, fs::path out)
      : options_(options),
        out_(std::move(out)),
        data_kind_(choice.kind),
        data_fingerprint_(message(fingerprint(choice.data))),
        classes_(choice.data.classes),
        parts_(random_split(image_dataset(std::move(choice.data), static_cast<std::size_t>(options.limit)), {0.95, 0.05}, options.seed)),
        train_(TrainSet(parts_[0], training_transform(options.augment)),
               {.batch_size = options.batch_size, .shuffle = true, .num_workers = options.workers, .seed = options.seed}),
        valid_(parts_[1], {.batch_size = options.batch_size, .num_workers = options.workers, .seed = options.seed}),
        net_(seeded_net(options.seed)),
        optimizer_(options.optimizer, net_, options),
        schedule_(make_schedule(options, optimizer_.schedulable(), train_.size())),
        progress_(options.progress) {
    if (parts_[0].size() < 2 || parts_[1].size() < 1)
      throw ValueError(message("--limit: images must be enough to train and to validate, at least 20, got ", parts_[0].size() + parts_[1].size()));
  }

  void describe() {
    std::cout << net_ << '\n' << summary(net_, {1, 3, 32, 32});
    std::printf("%lld images to train, %lld to validate; %s\n", static_cast<long long>(parts_[0].size()), static_cast<long long>(parts_[1].size()),
                train_.dataset().transform().describe().c_str());
  }

  /// Trains to the last epoch. Returns false if it was interrupted; the run is saved either way.
  bool train() {
    fs::create_directories(out_);
    MetricsCsv metrics = resumed_ ? MetricsCsv::resume(out_ / "metrics.csv", history_) : MetricsCsv::create(out_ / "metrics.csv");
    while (epoch() < options_.epochs) {
      const auto start = Progress::Clock::now();
      const Index before = images_;
      const bool finished = train_epoch();
      const double train_seconds = std::chrono::duration<double>(Progress::Clock::now() - start).count();
      const Evaluation result = finished ? validate() : Evaluation{};
      progress_.clear();
      if (interrupted) {
        save();
        return false;
      }
      MetricsRow row{epoch() + 1, loss_sum_ / static_cast<double>(images_), result.loss, result.accuracy(),
                     static_cast<double>(images_ - before) / train_seconds, std::chrono::duration<double>(Progress::Clock::now() - start).count()};
      history_.push_back(row);
      const bool best = row.valid_loss < best_loss_ || history_.size() == 1;
      if (best) best_loss_ = row.valid_loss;
      next_epoch();
      if (best) save_best();
      save();
      metrics.append(row);
      write_curves(out_ / "curves.svg", data_kind_ == "cifar10" ? "CIFAR-10" : "the embedded data set", metrics.rows());
      report(row, best);
    }
    return true;
  }

  /// Goes on where last.safetensors was written.
  void load(const Checkpoint& checkpoint) {
    if (std::string_view saved = find(checkpoint.metadata, "data_fingerprint"); saved != data_fingerprint_)
      throw ValueError("--resume: the images are not those that the run was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    optimizer_.load_state(checkpoint.part("optimizer"));
    if (schedule_) schedule_->load_state(checkpoint.part("schedule"));
    train_.load_state(checkpoint.part("loader"));
    const NamedTensors random = checkpoint.part("random"), state = checkpoint.part("progress");
    const auto whole = [](const NamedTensors& part, const char* name) { return entry(part, name).as<Index>().item(); };
    const auto real = [](const NamedTensors& part, const char* name) { return entry(part, name).as<double>().item(); };
    default_generator().set(static_cast<std::uint64_t>(whole(random, "seed")), static_cast<std::uint64_t>(whole(random, "position")));
    images_ = whole(state, "images");
    loss_sum_ = real(state, "loss_sum");
    best_loss_ = real(state, "best_loss");
    const std::vector<double> rows = entry(state, "history").as<double>().to_vector();
    for (std::size_t i = 0; i + 3 <= rows.size(); i += 3) history_.push_back({static_cast<Index>(i / 3) + 1, rows[i], rows[i + 1], rows[i + 2]});
    resumed_ = true;
  }

  Index epoch() const { return static_cast<Index>(history_.size()); }
  Index position() const { return train_.position(); }

 private:
  static Sequential<> seeded_net(std::uint64_t seed) {
    manual_seed(seed);
    return cifar_net();
  }

  /// One pass over the training images, from where the loader stands. Returns false if it was interrupted.
  bool train_epoch() {
    net_.train();
    // A loader that has handed out its last batch stands at the next epoch; then only the validation is left to do.
    train_.set_epoch(epoch(), train_.epoch() > epoch() ? train_.size() : train_.position());
    progress_.begin(message("epoch ", epoch() + 1, "/", options_.epochs), parts_[0].size(), "images", images_);
    for (auto& [images, labels] : train_) {
      Tape tape;
      const Tensor<> loss = cross_entropy(net_(images), labels);
      optimizer_.zero_grad();
      tape.backward(loss);
      optimizer_.step();
      if (schedule_) schedule_->step();
      loss_sum_ += static_cast<double>(loss.item()) * static_cast<double>(labels.dim(0));
      images_ += labels.dim(0);
      progress_.update(images_, loss_sum_ / static_cast<double>(images_));
      if (interrupted) return false;
    }
    return true;
  }

  Evaluation validate() {
    net_.eval();
    Evaluation result;
    progress_.begin("validation", parts_[1].size());
    valid_.set_epoch(0);
    for (auto& [images, labels] : valid_) {
      const Tensor<> logits = net_(images);
      result.loss += static_cast<double>(cross_entropy(logits, labels, {.reduction = Reduction::sum}).item());
      const std::vector<Index> truth = labels.to_vector(), guess = predictions(logits);
      for (std::size_t i = 0; i < truth.size(); ++i) result.right += truth[i] == guess[i];
      result.images += labels.dim(0);
      progress_.update(result.images);
      if (interrupted) break;
    }
    result.loss /= static_cast<double>(result.images);
    return result;
  }

  void next_epoch() {
    images_ = 0;
    loss_sum_ = 0;
    train_.set_epoch(epoch());
  }

  /// last.safetensors: all that decides how the run goes on, and nothing else, so that a resumed run writes the same bytes.
  void save() {
    const auto whole = [](Index value) { return Tensor<Index>(Shape{}).fill(value); };
    const auto real = [](double value) { return Tensor<double>(Shape{}).fill(value); };
    Tensor<double> history({epoch(), 3});
    for (Index i = 0; i < epoch(); ++i) {
      const MetricsRow& row = history_[static_cast<std::size_t>(i)];
      history.set({i, 0}, row.train_loss);
      history.set({i, 1}, row.valid_loss);
      history.set({i, 2}, row.valid_accuracy);
    }
    Checkpoint checkpoint;
    checkpoint.metadata = recipe_metadata(options_);
    checkpoint.metadata.emplace_back("format", "tapestry training state 1");
    checkpoint.metadata.emplace_back("architecture", architecture_name);
    checkpoint.metadata.emplace_back("data", data_kind_);
    checkpoint.metadata.emplace_back("data_fingerprint", data_fingerprint_);
    checkpoint.metadata.emplace_back("classes", joined_classes());
    checkpoint.add("model", state_dict(net_));
    checkpoint.add("optimizer", optimizer_.state());
    if (schedule_) checkpoint.add("schedule", schedule_->state());
    checkpoint.add("loader", train_.state());
    checkpoint.add("random", {{"seed", whole(static_cast<Index>(default_generator().seed()))},
                              {"position", whole(static_cast<Index>(default_generator().position()))}});
    checkpoint.add("progress", {{"images", whole(images_)}, {"loss_sum", real(loss_sum_)}, {"best_loss", real(best_loss_)}, {"history", history}});
    checkpoint.save(out_ / "last.safetensors");
  }

  /// best.safetensors: the model alone, for classify, evaluate, and PyTorch's load_state_dict.
  void save_best() {
    save_safetensors(out_ / "best.safetensors", state_dict(net_),
                     {{"architecture", std::string(architecture_name)}, {"transform", "ToTensor()"}, {"classes", joined_classes()}, {"data", data_kind_}});
  }

  void report(const MetricsRow& row, bool best) {
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train loss %.4f  valid loss %.4f  valid accuracy %.4f  %.0f images/s  %s%s",
                  static_cast<long long>(row.epoch), static_cast<long long>(options_.epochs), row.train_loss, row.valid_loss, row.valid_accuracy,
                  row.images_per_second, format_duration(row.seconds).c_str(), best ? "  best loss" : "");
    progress_.finish(line);
  }

  std::string joined_classes() const {
    std::string text;
    for (const auto& name : classes_) text.append(text.empty() ? "" : ",").append(name);
    return text;
  }
  static const AnyTensor& entry(const NamedTensors& part, const char* name) {
    if (const AnyTensor* found = find(part, name)) return *found;
    throw ValueError(message("--resume: the checkpoint has no entry ", name));
  }

  TrainOptions options_;
  fs::path out_;
  std::string data_kind_, data_fingerprint_;
  std::vector<std::string> classes_;
  std::array<Subset<ImageDataset>, 2> parts_;
  DataLoader<TrainSet> train_;
  DataLoader<Subset<ImageDataset>> valid_;
  Sequential<> net_;
  AnyOptimizer optimizer_;
  std::unique_ptr<Schedule> schedule_;
  Progress progress_;

  std::vector<MetricsRow> history_;  // of whole epochs
  double loss_sum_ = 0;              // of the epoch in progress
  Index images_ = 0;                 // likewise
  double best_loss_ = std::numeric_limits<double>::infinity();
  bool resumed_ = false;
};

int main(int argc, char** argv) {
  TrainCommand command;
  if (!command.parse(argc, argv)) return command.exit_code;
  TrainOptions& options = command.options;
  std::optional<Checkpoint> checkpoint;
  if (!options.resume.empty()) {
    checkpoint = Checkpoint::load((fs::path(options.resume) / "last.safetensors").string());
    command.adopt(checkpoint->metadata);
  }
  const fs::path out = run_directory(options.out, options.resume, "runs/cifar10-");
  if (options.threads > 0) set_num_threads(options.threads);
  DataChoice choice = choose_data(options, checkpoint ? find(checkpoint->metadata, "data") : std::string_view());
  std::printf("Data: %s\n", choice.description.c_str());

  Run run(options, std::move(choice), out);
  run.describe();
  if (checkpoint) {
    run.load(*checkpoint);
    std::printf("Resuming after %lld epochs and %lld batches\n", static_cast<long long>(run.epoch()), static_cast<long long>(run.position()));
    const fs::path best = fs::path(options.resume) / "best.safetensors";
    if (fs::exists(best) && !fs::exists(out / "best.safetensors")) {
      fs::create_directories(out);
      fs::copy_file(best, out / "best.safetensors");
    }
  }
  std::printf("Results go to %s\n", out.c_str());
  std::fflush(stdout);
  watch_for_interrupt();
  const bool news = run.epoch() < options.epochs;
  if (!run.train()) {
    std::printf("Interrupted after %lld whole epochs and %lld batches of the next; saved. Go on with:\n  %s --resume %s\n",
                static_cast<long long>(run.epoch()), static_cast<long long>(run.position()), argv[0], out.c_str());
    return 130;
  }
  if (!news) std::printf("Nothing was left to do: --epochs counts those of the whole run, and all %lld are done\n", static_cast<long long>(run.epoch()));
  const fs::path programs = fs::path(argv[0]).parent_path();
  std::printf("Done. Ask the network what a picture shows:\n  %s --checkpoint %s IMAGE\n", (programs / "classify").c_str(),
              (out / "best.safetensors").c_str());
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "cifar10_train: %s\n", error.what());
  return 1;
}
