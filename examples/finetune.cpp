// SPDX-License-Identifier: MIT
// Teaches a ResNet new classes: its head is replaced, what lies below is kept as it is, or trained along with `--train-all`.
// `finetune --help` explains the options, docs/transfer_learning.md the method.
//
// The heart is Run::train_head and Run::train_images. Where nothing below the head changes and every epoch sees the same images, the network
// below the head is asked once an image, and the epochs work on its answers: that is train_head. Else every step runs the whole network.
// Around them stands what a run needs that may be stopped at any moment (common/training_run.hpp): everything that decides the result is in its checkpoint.
#include <cstdio>

#include <tapestry/models/resnet.hpp>
#include <tapestry/tapestry.hpp>

#include "common/labelled_images.hpp"
#include "common/recipe_command.hpp"
#include "common/run_directory.hpp"
#include "common/svg_plot.hpp"
#include "common/training_run.hpp"

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

class Run : public TrainingRun {
 public:
  Run(const FinetuneOptions& options, Metadata recipe, LabelledImages images, fs::path out)
      : TrainingRun({.out = std::move(out),
                     .epochs = options.epochs,
                     .progress = options.progress,
                     .to_go_on = options.data.empty() ? std::string() : " --data " + options.data}),
        options_(options),
        recipe_(std::move(recipe)),
        fingerprint_(std::move(images.fingerprint)),
        classes_(std::move(images.classes)),
        preparation_(images.preparation),
        net_(make_net(options, classes_)),
        parts_(random_split(std::move(images.images), {1 - options.valid, options.valid}, options.seed)),
        train_(Part(parts_[0], training_transform()),
               {.batch_size = options.batch_size, .shuffle = true, .num_workers = options.workers, .seed = options.seed}),
        valid_(Part(parts_[1], preparation_.transform()), {.batch_size = options.batch_size, .num_workers = options.workers}),
        best_head_(clone(net_.fc)) {
    if (parts_[0].size() < 2 || parts_[1].size() < 1) throw ValueError("--valid: there must be images to train and to validate");
    if (!options.train_all) freeze(net_, [](std::string_view name) { return !name.starts_with("fc."); });
    optimizer_ = std::make_unique<Adam<>>(trainable_parameters(net_), AdamOptions{.lr = options.lr});
  }

  void describe() {
    Index weights = 0;
    for (const auto& parameter : trainable_parameters(net_)) weights += parameter.numel();
    std::printf("%lld images to train, %lld to validate; %lld numbers learn; %s\n", static_cast<long long>(parts_[0].size()),
                static_cast<long long>(parts_[1].size()), static_cast<long long>(weights), train_.dataset().transform().describe().c_str());
  }

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
  bool prepare() override {
    saved_ = Progress::Clock::now();
    return !options_.on_features() || (features("features", parts_[0], seen_) && features("features to validate", parts_[1], unseen_));
  }
  /// Returns false if it was interrupted.
  bool features(const std::string& what, const Subset<AnyDataset>& images, Known& known) {
    net_.eval();
    DataLoader loader(Part(images, preparation_.transform()), {.batch_size = options_.batch_size, .num_workers = options_.workers});
    progress().begin(what, images.size());
    std::vector<Tensor<>> rows;
    std::vector<Tensor<Index>> labels;
    Index done = 0;
    for (auto& [x, label] : loader) {
      rows.push_back(net_.features(x));
      labels.push_back(label);
      progress().update(done += label.dim(0));
      if (interrupted) return false;
    }
    char line[120];
    std::snprintf(line, sizeof line, "%s of %lld images, %.1f images/s", what.c_str(), static_cast<long long>(done), progress().speed(done));
    progress().finish(line);
    known = {concat(rows, 0), concat(labels, 0)};
    return true;
  }

  bool train_epoch() override { return options_.on_features() ? train_head() : train_images(); }

  /// One epoch of the head alone, on what lies below it. It is over soon, so that nothing stops it.
  bool train_head() {
    if (images_ > 0) return true;  // only the validation is left to do
    const Known& known = seen_;
    Generator order(options_.seed + static_cast<std::uint64_t>(epoch()));
    const Tensor<Index> shuffled = randperm(known.labels.dim(0), order);
    for (Index first = 0; first < shuffled.dim(0); first += options_.batch_size) {
      const Tensor<Index> chosen = slice(shuffled, 0, {first, first + options_.batch_size});
      step([&] { return net_.fc(index_select(known.features, 0, chosen)); }, index_select(known.labels, 0, chosen));
    }
    return true;
  }

  /// One epoch of the whole network, of which only what is not frozen learns, from where the loader stands. Returns false if it was interrupted.
  bool train_images() {
    net_.train(options_.batch_norm == "update");  // dropout there is none: the mode matters to batch norm alone
    // A loader that has handed out its last batch stands at the next epoch; then only the validation is left to do.
    train_.set_epoch(epoch(), train_.epoch() > epoch() ? train_.size() : train_.position());
    progress().begin(epoch_label(), parts_[0].size(), "images", images_);
    for (auto& [x, labels] : train_) {
      step([&, &images = x] { return net_(images); }, labels);
      progress().update(images_, loss_sum_ / static_cast<double>(images_));
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
  Evaluation validate() override {
    if (options_.on_features()) return result_ = evaluate(net_.fc(unseen_.features), unseen_.labels);
    net_.eval();
    progress().begin("validation", parts_[1].size());
    Evaluation all;
    valid_.set_epoch(0);
    for (auto& [x, labels] : valid_) {
      const Evaluation batch = evaluate(net_(x), labels);
      all.loss += batch.loss * static_cast<double>(batch.images);
      all.right += batch.right;
      all.images += batch.images;
      progress().update(all.images);
      if (interrupted) break;
    }
    all.loss /= static_cast<double>(all.images);
    return result_ = all;
  }

  void next_epoch() override {
    images_ = 0;
    train_.set_epoch(epoch());
  }
  Index seen() const override { return images_; }
  std::string place() const override { return message(images_, " images"); }

  /// What reads networks, classify for one, finds this one in last.safetensors.
  Checkpoint state() override {
    Checkpoint checkpoint;
    checkpoint.metadata = fine_tuned_metadata(options_.model, classes_, preparation_);
    checkpoint.metadata.insert(checkpoint.metadata.end(), recipe_.begin(), recipe_.end());
    checkpoint.metadata.emplace_back("format", "tapestry fine-tuning state 1");
    checkpoint.metadata.emplace_back("data_fingerprint", fingerprint_);
    checkpoint.add("model", state_dict(net_));
    checkpoint.add("best_head", state_dict(best_head_));
    checkpoint.add("optimizer", optimizer_->state());
    checkpoint.add("loader", train_.state());
    return checkpoint;
  }
  void load(const Checkpoint& checkpoint) override {
    if (find(checkpoint.metadata, "data_fingerprint") != fingerprint_)
      throw ValueError("--data: the images are not those that the run to resume was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    load_state_dict(best_head_, checkpoint.part("best_head"));
    optimizer_->load_state(checkpoint.part("optimizer"));
    train_.load_state(checkpoint.part("loader"));
  }
  NamedTensors position() const override { return {{"images", whole(images_)}}; }
  void load_position(const NamedTensors& position) override { images_ = number<Index>(position, "images"); }

  /// An epoch on features is shorter than writing the network, so that is done now and then.
  bool worth_saving() override {
    const auto now = Progress::Clock::now();
    if (options_.on_features() && now - saved_ < std::chrono::seconds(30)) return false;
    saved_ = now;
    return true;
  }
  void keep_best() override { best_head_ = clone(net_.fc); }

  /// best.safetensors: the network alone, for classify, evaluate, and PyTorch's load_state_dict. Where only the head learns, the best network is this one
  /// with the best head.
  void save_best() override {
    NamedTensors state = state_dict(net_);
    if (options_.on_features())
      for (auto& [name, tensor] : state)
        if (name.starts_with("fc.")) tensor = *find(state_dict(best_head_), std::string_view(name).substr(3));
    save_safetensors(file("best.safetensors").string(), state, fine_tuned_metadata(options_.model, classes_, preparation_));
  }

  void report(const std::vector<MetricsRow>& rows, bool best) override {
    write_curves(file("curves.svg"), message(options_.model, ", fine-tuned"), rows);
    const MetricsRow& row = rows.back();
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train loss %.4f  valid loss %.4f  valid accuracy %.4f (%lld of %lld)  %s%s",
                  static_cast<long long>(row.epoch), static_cast<long long>(options_.epochs), row.train_loss, row.valid_loss, row.valid_accuracy,
                  static_cast<long long>(result_.right), static_cast<long long>(result_.images), format_duration(row.seconds).c_str(),
                  best ? "  best loss" : "");
    progress().finish(line);
  }

  FinetuneOptions options_;
  Metadata recipe_;
  std::string fingerprint_;
  std::vector<std::string> classes_;
  ImagePreparation preparation_;
  ResNet<> net_;
  std::array<Subset<AnyDataset>, 2> parts_;
  DataLoader<Part> train_, valid_;
  std::unique_ptr<Adam<>> optimizer_;
  Linear<> best_head_;
  Known seen_, unseen_;    // where the head alone learns
  Evaluation result_;      // of the last validation
  Index images_ = 0;       // of the epoch in progress
  Progress::Clock::time_point saved_;
};

int main(int argc, char** argv) {
  FinetuneOptions o;
  FinetuneCommand command(o);
  if (!command.parse(argc, argv)) return command.exit_code;
  const std::optional<Checkpoint> checkpoint = checkpoint_to_resume(o.resume);
  if (checkpoint) command.adopt(checkpoint->metadata);
  const fs::path out = run_directory(o.out, o.resume, "runs/finetune-");
  manual_seed(o.seed);
  LabelledImages images = find_labelled_images(o.data, o.limit, o.size);
  std::printf("Data: %s\n", images.description.c_str());
  Run run(o, command.recipe(), std::move(images), out);
  run.describe();
  if (checkpoint) run.resume(*checkpoint, o.resume);
  const bool news = run.epoch() < o.epochs;
  if (!run.train(argv[0])) return 130;
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
