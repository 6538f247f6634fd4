// SPDX-License-Identifier: MIT
// Teaches a ResNet new classes: its head is replaced, what lies below is kept as it is, or trained along with `--train-all`.
// `finetune --help` explains the options, docs/transfer_learning.md the method.
//
// The heart is Run::train_head and Run::train_images. Where nothing below the head changes and every epoch sees the same images, the network
// below the head is asked once an image, and the epochs work on its answers: that is train_head. Else every step runs the whole network.
// Around them stands what a run needs that may be stopped at any moment: everything that decides the result is in Run::save.
#include <cstdio>

#include <tapestry/models/resnet.hpp>
#include <tapestry/tapestry.hpp>

#include "common/history.hpp"
#include "common/interrupt.hpp"
#include "common/labelled_images.hpp"
#include "common/progress.hpp"
#include "common/recipe_command.hpp"
#include "common/run_directory.hpp"
#include "common/svg_plot.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

struct FinetuneOptions {
  // What decides the result, and so is kept in the checkpoint.
  std::string model = "resnet18", weights, augment = "none", batch_norm = "keep";
  bool train_all = false;
  Index epochs = 5, batch_size = 32, size = 0, limit = -1;
  double lr = 1e-3, valid = 0.2;
  std::uint64_t seed = 1;

  // What does not.
  std::string data, out, resume;
  Index workers = 3;
  bool offline = false, progress = true;

  /// Whether the head alone is asked anew each epoch, since what lies below it always gives the same.
  bool on_features() const { return !train_all && augment == "none" && batch_norm == "keep"; }
};

class FinetuneCommand : public RecipeCommand {
 public:
  explicit FinetuneCommand(FinetuneOptions& o)
      : RecipeCommand("Teaches a ResNet new classes. Without options: a network with random weights on images that this program draws.", "finetune") {
    decides("model", o.model, "resnet18, resnet34, resnet50, ..., a ResNeXt or a wide ResNet");
    decides("weights", o.weights, "a file (.pth, .safetensors, .npz), or imagenet_v1 or imagenet_v2 from the cache or downloaded; by default random");
    app.add_option("--data", o.data, "a folder with a directory a class, or one with CIFAR-10's binary version; by default the embedded set");
    decides("size", o.size, "the edge of the images that the network sees; 0: 224, of the embedded set 64")->check(CLI::Range(32, 1024) | CLI::IsMember({0}));
    decides("limit", o.limit, "use so many images only, 0: all, -1: all, of the embedded set 2000")->check(CLI::Range(-1, 1'000'000'000));
    decides("valid", o.valid, "the share of the images that is kept for validation")->check(CLI::Range(0.01, 0.9));
    decides_flag("train-all", o.train_all, "train the whole network, not its head alone");
    decides("batch-norm", o.batch_norm, "keep: batch norms use the statistics that came with the weights; update: the batch's own, as in training")
        ->check(CLI::IsMember({"keep", "update"}));
    decides("augment", o.augment, "change the images at random each epoch")->check(CLI::IsMember({"none", "flip", "crop-flip"}));
    decides("epochs", o.epochs, "passes over the training images")->check(CLI::PositiveNumber);
    decides("batch-size", o.batch_size, "images a training step")->check(CLI::PositiveNumber);
    decides("lr", o.lr, "Adam's learning rate")->check(CLI::PositiveNumber);
    decides("seed", o.seed, "of the new head, the split, the order and the augmentation: the same seed gives the same network");
    app.add_option("--workers", o.workers, "threads that prepare images. The result does not depend on it")->check(CLI::NonNegativeNumber)->capture_default_str();
    app.add_option("--out", o.out, "folder for metrics.csv, best.safetensors (the epoch of the lowest validation loss), last.safetensors (all that --resume "
                   "needs) and curves.svg; default: a new folder runs/finetune-N");
    app.add_option("--resume", o.resume, "folder of an earlier run to go on with, bit for bit; its recipe is taken over, and only --epochs, --data, --workers, "
                   "--out and --no-progress may differ");
    app.add_flag("--offline", o.offline, "download nothing");
    app.add_flag("!--no-progress", o.progress, "no progress bar");
    app.footer("Ctrl-C saves the run where it is and says how to go on.");
  }
};

/// The ResNet of that name with its weights, unless a checkpoint will bring them, and with a new head. Weights that were fine-tuned for the same
/// classes keep theirs.
ResNet<> make_net(const FinetuneOptions& o, const std::vector<std::string>& classes) {
  ZooModel made;
  if (!o.resume.empty() || o.weights.empty()) {
    if (o.resume.empty())
      std::printf("Weights: random. That shows the method, not its use: what helps is a network that has seen much, --weights imagenet_v1 or a file\n");
    made.net = make_zoo_model(o.model);
  } else {
    made = load_zoo_model({.model = o.model, .weights = o.weights, .download = !o.offline, .progress = o.progress});
  }
  auto* net = dynamic_cast<ResNet<>*>(made.net.get());
  if (!net) throw ValueError(message("--model: must be one of the ResNets for ImageNet, as resnet18, got ", o.model));
  const bool same_classes = made.classes == split_at_commas(joined_by_commas(classes));
  if (!same_classes) net->fc = Linear<>(net->fc.weight.dim(1), static_cast<Index>(classes.size()));
  if (!made.classes.empty()) std::printf("Weights: %s, with %s head\n", o.weights.c_str(), same_classes ? "their" : "a new");
  return std::move(*net);
}

using Part = TransformedDataset<Subset<AnyDataset>>;

class Run {
 public:
  Run(const FinetuneOptions& options, Metadata recipe, LabelledImages images, fs::path out)
      : options_(options),
        recipe_(std::move(recipe)),
        out_(std::move(out)),
        fingerprint_(std::move(images.fingerprint)),
        classes_(std::move(images.classes)),
        preparation_(images.preparation),
        net_(make_net(options, classes_)),
        parts_(random_split(std::move(images.images), {1 - options.valid, options.valid}, options.seed)),
        train_(Part(parts_[0], training_transform()),
               {.batch_size = options.batch_size, .shuffle = true, .num_workers = options.workers, .seed = options.seed}),
        valid_(Part(parts_[1], preparation_.transform()), {.batch_size = options.batch_size, .num_workers = options.workers}),
        progress_(options.progress),
        best_head_(clone(net_.fc)) {
    if (parts_[0].size() < 2 || parts_[1].size() < 1) throw ValueError("--valid: there must be images to train and to validate");
    if (!options.train_all) freeze(net_, [](std::string_view name) { return !name.starts_with("fc."); });
    optimizer_ = std::make_unique<Adam<>>(trainable_parameters(net_), AdamOptions{.lr = options.lr});
  }

  /// Trains to the last epoch. Returns false if it was interrupted; then what has been done is saved.
  bool train() {
    Index weights = 0;
    for (const auto& parameter : trainable_parameters(net_)) weights += parameter.numel();
    std::printf("%lld images to train, %lld to validate; %lld numbers learn; %s\n", static_cast<long long>(parts_[0].size()),
                static_cast<long long>(parts_[1].size()), static_cast<long long>(weights), train_.dataset().transform().describe().c_str());
    std::fflush(stdout);
    if (epoch() >= options_.epochs) return true;
    Known seen, unseen;
    if (options_.on_features() && !(features("features", parts_[0], seen) && features("features to validate", parts_[1], unseen))) return false;
    fs::create_directories(out_);
    MetricsCsv metrics = resumed_ ? MetricsCsv::resume(out_ / "metrics.csv", history_) : MetricsCsv::create(out_ / "metrics.csv");
    auto saved = Progress::Clock::now();
    while (epoch() < options_.epochs) {
      const auto start = Progress::Clock::now();
      const Index before = images_;
      bool finished = true;
      Evaluation result;
      if (options_.on_features())
        train_head(seen);
      else
        finished = train_images();
      const double train_seconds = seconds_since(start);
      if (options_.on_features())
        result = evaluate(net_.fc(unseen.features), unseen.labels);
      else if (finished)
        result = validate(), finished = !interrupted;
      if (!finished) {
        progress_.clear();
        save();
        return false;
      }
      MetricsRow row{epoch() + 1, loss_sum_ / static_cast<double>(images_), result.loss, result.accuracy(),
                     static_cast<double>(images_ - before) / train_seconds, seconds_since(start)};
      history_.push_back(row);
      const bool best = row.valid_loss < best_loss_ || history_.size() == 1;
      if (best) best_loss_ = row.valid_loss, best_head_ = clone(net_.fc);
      report(row, result, best);
      images_ = 0, loss_sum_ = 0;
      train_.set_epoch(epoch());
      // An epoch on features is shorter than writing the network, so that is done now and then.
      const bool last = epoch() == options_.epochs || interrupted;
      if (!options_.on_features() || last || seconds_since(saved) > 30) {
        if (best || options_.on_features()) save_best();
        save();
        saved = Progress::Clock::now();
      }
      metrics.append(row);
      write_curves(out_ / "curves.svg", message(options_.model, ", fine-tuned"), metrics.rows());
      if (interrupted && epoch() < options_.epochs) return false;
    }
    return true;
  }

  /// Goes on where last.safetensors was written.
  void load(const Checkpoint& checkpoint) {
    if (find(checkpoint.metadata, "data_fingerprint") != fingerprint_)
      throw ValueError("--data: the images are not those that the run to resume was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    load_state_dict(best_head_, checkpoint.part("best_head"));
    optimizer_->load_state(checkpoint.part("optimizer"));
    train_.load_state(checkpoint.part("loader"));
    const NamedTensors state = checkpoint.part("progress");
    const auto entry = [&](const char* name) -> const AnyTensor& {
      if (const AnyTensor* found = find(state, name)) return *found;
      throw ValueError(message("--resume: the checkpoint has no entry ", name));
    };
    images_ = entry("images").as<Index>().item();
    loss_sum_ = entry("loss_sum").as<double>().item();
    best_loss_ = entry("best_loss").as<double>().item();
    history_ = history_rows(entry("history").as<double>());
    resumed_ = true;
  }

  Index epoch() const { return static_cast<Index>(history_.size()); }
  Index position() const { return train_.position(); }

 private:
  Transform training_transform() const {
    std::vector<Transform> steps{Resize(preparation_.resize)};
    const bool flips = options_.augment == "flip" || options_.augment == "crop-flip";
    if (options_.augment == "crop-flip")
      steps.push_back(RandomCrop(preparation_.crop, {.padding = preparation_.crop == preparation_.resize ? preparation_.crop / 8 : 0}));
    else
      steps.push_back(CenterCrop(preparation_.crop));
    if (flips) steps.push_back(RandomHorizontalFlip());
    steps.push_back(ToTensor());
    steps.push_back(Normalize(preparation_.mean, preparation_.std));
    return Compose(std::move(steps));
  }

  /// What the frozen network says about images, [images, features], and what they show.
  struct Known {
    Tensor<> features;
    Tensor<Index> labels;
  };
  /// Returns false if it was interrupted.
  bool features(const std::string& what, const Subset<AnyDataset>& images, Known& known) {
    net_.eval();
    DataLoader loader(Part(images, preparation_.transform()), {.batch_size = options_.batch_size, .num_workers = options_.workers});
    progress_.begin(what, images.size());
    std::vector<Tensor<>> rows;
    std::vector<Tensor<Index>> labels;
    Index done = 0;
    for (auto& [x, label] : loader) {
      rows.push_back(net_.features(x));
      labels.push_back(label);
      progress_.update(done += label.dim(0));
      if (interrupted) return false;
    }
    char line[120];
    std::snprintf(line, sizeof line, "%s of %lld images, %.1f images/s", what.c_str(), static_cast<long long>(done), progress_.speed(done));
    progress_.finish(line);
    known = {concat(rows, 0), concat(labels, 0)};
    return true;
  }

  /// One epoch of the head alone, on what lies below it.
  void train_head(const Known& known) {
    Generator order(options_.seed + static_cast<std::uint64_t>(epoch()));
    const Tensor<Index> shuffled = randperm(known.labels.dim(0), order);
    for (Index first = 0; first < shuffled.dim(0); first += options_.batch_size) {
      const Tensor<Index> chosen = slice(shuffled, 0, {first, first + options_.batch_size});
      step([&] { return net_.fc(index_select(known.features, 0, chosen)); }, index_select(known.labels, 0, chosen));
    }
  }

  /// One epoch of the whole network, of which only what is not frozen learns, from where the loader stands. Returns false if it was interrupted.
  bool train_images() {
    net_.train(options_.batch_norm == "update");  // dropout there is none: the mode matters to batch norm alone
    // A loader that has handed out its last batch stands at the next epoch; then only the validation is left to do.
    train_.set_epoch(epoch(), train_.epoch() > epoch() ? train_.size() : train_.position());
    progress_.begin(message("epoch ", epoch() + 1, "/", options_.epochs), parts_[0].size(), "images", images_);
    for (auto& [x, labels] : train_) {
      step([&, &images = x] { return net_(images); }, labels);
      progress_.update(images_, loss_sum_ / static_cast<double>(images_));
      if (interrupted) return false;
    }
    return true;
  }

  /// Forward, loss, backward, step.
  template <class Forward>
  void step(const Forward& forward, const Tensor<Index>& labels) {
    Tape tape;
    const Tensor<> loss = cross_entropy(forward(), labels);
    optimizer_->zero_grad();
    tape.backward(loss);
    optimizer_->step();
    loss_sum_ += static_cast<double>(loss.item()) * static_cast<double>(labels.dim(0));
    images_ += labels.dim(0);
  }

  static Evaluation evaluate(const Tensor<>& logits, const Tensor<Index>& labels) {
    Evaluation result{static_cast<double>(cross_entropy(logits, labels, {.reduction = Reduction::sum}).item()), 0, labels.dim(0)};
    const std::vector<Index> truth = labels.to_vector(), guess = predictions(logits);
    for (std::size_t i = 0; i < truth.size(); ++i) result.right += truth[i] == guess[i];
    result.loss /= static_cast<double>(result.images);
    return result;
  }
  Evaluation validate() {
    net_.eval();
    progress_.begin("validation", parts_[1].size());
    Evaluation all;
    valid_.set_epoch(0);
    for (auto& [x, labels] : valid_) {
      const Evaluation batch = evaluate(net_(x), labels);
      all.loss += batch.loss * static_cast<double>(batch.images);
      all.right += batch.right;
      all.images += batch.images;
      progress_.update(all.images);
      if (interrupted) break;
    }
    all.loss /= static_cast<double>(all.images);
    return all;
  }

  /// last.safetensors: all that decides how the run goes on, and nothing else, so that a resumed run writes the same bytes. What reads networks,
  /// classify for one, finds this one in it.
  void save() {
    const auto whole = [](Index value) { return Tensor<Index>(Shape{}).fill(value); };
    const auto real = [](double value) { return Tensor<double>(Shape{}).fill(value); };
    Checkpoint checkpoint;
    checkpoint.metadata = fine_tuned_metadata(options_.model, classes_, preparation_);
    checkpoint.metadata.insert(checkpoint.metadata.end(), recipe_.begin(), recipe_.end());
    checkpoint.metadata.emplace_back("format", "tapestry fine-tuning state 1");
    checkpoint.metadata.emplace_back("data_fingerprint", fingerprint_);
    checkpoint.add("model", state_dict(net_));
    checkpoint.add("best_head", state_dict(best_head_));
    checkpoint.add("optimizer", optimizer_->state());
    checkpoint.add("loader", train_.state());
    checkpoint.add("progress", {{"images", whole(images_)}, {"loss_sum", real(loss_sum_)}, {"best_loss", real(best_loss_)}, {"history", history_tensor(history_)}});
    checkpoint.save((out_ / "last.safetensors").string());
  }

  /// best.safetensors: the network alone, for classify, evaluate, and PyTorch's load_state_dict. Where only the head learns, the best network is this one
  /// with the best head.
  void save_best() {
    NamedTensors state = state_dict(net_);
    if (options_.on_features())
      for (auto& [name, tensor] : state)
        if (name.starts_with("fc.")) tensor = *find(state_dict(best_head_), std::string_view(name).substr(3));
    save_safetensors((out_ / "best.safetensors").string(), state, fine_tuned_metadata(options_.model, classes_, preparation_));
  }

  void report(const MetricsRow& row, const Evaluation& valid, bool best) {
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train loss %.4f  valid loss %.4f  valid accuracy %.4f (%lld of %lld)  %s%s",
                  static_cast<long long>(row.epoch), static_cast<long long>(options_.epochs), row.train_loss, row.valid_loss, row.valid_accuracy,
                  static_cast<long long>(valid.right), static_cast<long long>(valid.images), format_duration(row.seconds).c_str(), best ? "  best loss" : "");
    progress_.finish(line);
  }
  static double seconds_since(Progress::Clock::time_point start) { return std::chrono::duration<double>(Progress::Clock::now() - start).count(); }

  FinetuneOptions options_;
  Metadata recipe_;
  fs::path out_;
  std::string fingerprint_;
  std::vector<std::string> classes_;
  ImagePreparation preparation_;
  ResNet<> net_;
  std::array<Subset<AnyDataset>, 2> parts_;
  DataLoader<Part> train_, valid_;
  std::unique_ptr<Adam<>> optimizer_;
  Progress progress_;

  std::vector<MetricsRow> history_;  // of whole epochs
  double loss_sum_ = 0;              // of the epoch in progress
  Index images_ = 0;                 // likewise
  double best_loss_ = std::numeric_limits<double>::infinity();
  Linear<> best_head_;
  bool resumed_ = false;
};

int main(int argc, char** argv) {
  FinetuneOptions o;
  FinetuneCommand command(o);
  if (!command.parse(argc, argv)) return command.exit_code;
  std::optional<Checkpoint> checkpoint;
  if (!o.resume.empty()) {
    checkpoint = Checkpoint::load((fs::path(o.resume) / "last.safetensors").string());
    command.adopt(checkpoint->metadata);
  }
  const fs::path out = run_directory(o.out, o.resume, "runs/finetune-");
  manual_seed(o.seed);
  LabelledImages images = find_labelled_images(o.data, o.limit, o.size);
  std::printf("Data: %s\n", images.description.c_str());
  Run run(o, command.recipe(), std::move(images), out);
  if (checkpoint) {
    run.load(*checkpoint);
    std::printf("Resuming after %lld epochs and %lld batches\n", static_cast<long long>(run.epoch()), static_cast<long long>(run.position()));
    const fs::path best = fs::path(o.resume) / "best.safetensors";
    if (fs::exists(best) && !fs::exists(out / "best.safetensors")) {
      fs::create_directories(out);
      fs::copy_file(best, out / "best.safetensors");
    }
  }
  std::printf("Results go to %s\n", out.c_str());
  watch_for_interrupt();
  const bool news = run.epoch() < o.epochs;
  if (!run.train()) {
    if (fs::exists(out / "last.safetensors"))
      std::printf("Interrupted after %lld whole epochs and %lld batches of the next; saved. Go on with:\n  %s --resume %s%s\n",
                  static_cast<long long>(run.epoch()), static_cast<long long>(run.position()), argv[0], out.c_str(),
                  o.data.empty() ? "" : (" --data " + o.data).c_str());
    else
      std::printf("Interrupted before the first epoch: nothing was saved\n");
    return 130;
  }
  if (!news) std::printf("Nothing was left to do: --epochs counts those of the whole run, and all %lld are done\n", static_cast<long long>(run.epoch()));
  const fs::path programs = fs::path(argv[0]).parent_path();
  std::printf("Done. Ask the network what a picture shows:\n  %s --weights %s IMAGE\n", (programs / "classify").c_str(), (out / "best.safetensors").c_str());
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "finetune: %s\n", error.what());
  return 1;
}
