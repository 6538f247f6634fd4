// SPDX-License-Identifier: MIT
// Trains the lecture's network on CIFAR-10. `cifar10_train --help` explains the options; `bash examples/run` builds and starts it.
//
// The heart is Run::train_epoch: shuffle, transform and batch (the loader), then for each batch forward, loss, backward, step. Around it
// stands what a run needs that may be stopped at any moment (common/training_run.hpp): everything that decides the result is in its checkpoint.
#include <cstdio>
#include <iostream>

#include "common/data_choice.hpp"
#include "common/recipe.hpp"
#include "common/run_directory.hpp"
#include "common/svg_plot.hpp"
#include "common/train_options.hpp"
#include "common/training_run.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

using TrainSet = TransformedDataset<Subset<ImageDataset>>;

class Run : public TrainingRun {
 public:
  Run(const TrainOptions& options, DataChoice choice, fs::path out)
      : TrainingRun({.out = std::move(out), .epochs = options.epochs, .progress = options.progress}),
        options_(options),
        data_kind_(choice.kind),
        data_fingerprint_(message(fingerprint(choice.data))),
        classes_(choice.data.classes),
        parts_(random_split(image_dataset(std::move(choice.data), static_cast<std::size_t>(options.limit)), {0.95, 0.05}, options.seed)),
        train_(TrainSet(parts_[0], training_transform(options.augment)),
               {.batch_size = options.batch_size, .shuffle = true, .num_workers = options.workers, .seed = options.seed}),
        valid_(parts_[1], {.batch_size = options.batch_size, .num_workers = options.workers, .seed = options.seed}),
        net_(seeded_net(options.seed)),
        optimizer_(options.optimizer, net_, options),
        schedule_(make_schedule(options, optimizer_.schedulable(), train_.size())) {
    if (parts_[0].size() < 2 || parts_[1].size() < 1)
      throw ValueError(message("--limit: images must be enough to train and to validate, at least 20, got ", parts_[0].size() + parts_[1].size()));
  }

  void describe() {
    std::cout << net_ << '\n' << summary(net_, {1, 3, 32, 32});
    std::printf("%lld images to train, %lld to validate; %s\n", static_cast<long long>(parts_[0].size()), static_cast<long long>(parts_[1].size()),
                train_.dataset().transform().describe().c_str());
  }

 private:
  static Sequential<> seeded_net(std::uint64_t seed) {
    manual_seed(seed);
    return cifar_net();
  }

  bool train_epoch() override {
    net_.train();
    // A loader that has handed out its last batch stands at the next epoch; then only the validation is left to do.
    train_.set_epoch(epoch(), train_.epoch() > epoch() ? train_.size() : train_.position());
    progress().begin(epoch_label(), parts_[0].size(), "images", images_);
    for (auto& [images, labels] : train_) {
      Tape tape;
      const Tensor<> loss = cross_entropy(net_(images), labels);
      optimizer_.zero_grad();
      tape.backward(loss);
      optimizer_.step();
      if (schedule_) schedule_->step();
      loss_sum_ += static_cast<double>(loss.item()) * static_cast<double>(labels.dim(0));
      images_ += labels.dim(0);
      progress().update(images_, loss_sum_ / static_cast<double>(images_));
      if (interrupted) return false;
    }
    return true;
  }

  Evaluation validate() override {
    net_.eval();
    Evaluation result;
    progress().begin("validation", parts_[1].size());
    valid_.set_epoch(0);
    for (auto& [images, labels] : valid_) {
      const Tensor<> logits = net_(images);
      result.loss += static_cast<double>(cross_entropy(logits, labels, {.reduction = Reduction::sum}).item());
      const std::vector<Index> truth = labels.to_vector(), guess = predictions(logits);
      for (std::size_t i = 0; i < truth.size(); ++i) result.right += truth[i] == guess[i];
      result.images += labels.dim(0);
      progress().update(result.images);
      if (interrupted) break;
    }
    result.loss /= static_cast<double>(result.images);
    return result;
  }

  void next_epoch() override {
    images_ = 0;
    train_.set_epoch(epoch());
  }
  Index seen() const override { return images_; }
  std::string place() const override { return message(train_.position(), " batches"); }

  Checkpoint state() override {
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
    return checkpoint;
  }
  void load(const Checkpoint& checkpoint) override {
    if (find(checkpoint.metadata, "data_fingerprint") != data_fingerprint_)
      throw ValueError("--resume: the images are not those that the run was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    optimizer_.load_state(checkpoint.part("optimizer"));
    if (schedule_) schedule_->load_state(checkpoint.part("schedule"));
    train_.load_state(checkpoint.part("loader"));
  }
  NamedTensors position() const override { return {{"images", whole(images_)}}; }
  void load_position(const NamedTensors& position) override { images_ = number<Index>(position, "images"); }

  /// best.safetensors: the model alone, for classify, evaluate, and PyTorch's load_state_dict.
  void save_best() override {
    save_safetensors(file("best.safetensors"), state_dict(net_),
                     {{"architecture", std::string(architecture_name)}, {"transform", "ToTensor()"}, {"classes", joined_classes()}, {"data", data_kind_}});
  }

  void report(const std::vector<MetricsRow>& rows, bool best) override {
    write_curves(file("curves.svg"), data_kind_ == "cifar10" ? "CIFAR-10" : "the embedded data set", rows);
    const MetricsRow& row = rows.back();
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train loss %.4f  valid loss %.4f  valid accuracy %.4f  %.0f images/s  %s%s",
                  static_cast<long long>(row.epoch), static_cast<long long>(options_.epochs), row.train_loss, row.valid_loss, row.valid_accuracy,
                  row.images_per_second, format_duration(row.seconds).c_str(), best ? "  best loss" : "");
    progress().finish(line);
  }

  std::string joined_classes() const {
    std::string text;
    for (const auto& name : classes_) text.append(text.empty() ? "" : ",").append(name);
    return text;
  }

  TrainOptions options_;
  std::string data_kind_, data_fingerprint_;
  std::vector<std::string> classes_;
  std::array<Subset<ImageDataset>, 2> parts_;
  DataLoader<TrainSet> train_;
  DataLoader<Subset<ImageDataset>> valid_;
  Sequential<> net_;
  AnyOptimizer optimizer_;
  std::unique_ptr<Schedule> schedule_;
  Index images_ = 0;  // of the epoch in progress
};

int main(int argc, char** argv) {
  TrainCommand command;
  if (!command.parse(argc, argv)) return command.exit_code;
  TrainOptions& options = command.options;
  const std::optional<Checkpoint> checkpoint = checkpoint_to_resume(options.resume);
  if (checkpoint) command.adopt(checkpoint->metadata);
  const fs::path out = run_directory(options.out, options.resume, "runs/cifar10-");
  if (options.threads > 0) set_num_threads(options.threads);
  DataChoice choice = choose_data(options, checkpoint ? find(checkpoint->metadata, "data") : std::string_view());
  std::printf("Data: %s\n", choice.description.c_str());

  Run run(options, std::move(choice), out);
  run.describe();
  if (checkpoint) run.resume(*checkpoint, options.resume);
  const bool news = run.epoch() < options.epochs;
  if (!run.train(argv[0])) return 130;
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
