// SPDX-License-Identifier: MIT
// Teaches a ResNet new classes: its head is replaced, what lies below is kept as it is, or trained along with `--train-all`.
// `finetune --help` explains the options, docs/transfer_learning.md the method.
//
// The heart is Run::train_head and Run::train_images. Where nothing below the head changes and every epoch sees the same images, the network
// below the head is asked once an image, and the epochs work on its answers: that is train_head. Else every step runs the whole network.
#include <CLI/CLI.hpp>
#include <cstdio>

#include <tapestry/models/resnet.hpp>
#include <tapestry/tapestry.hpp>

#include "common/data_choice.hpp"
#include "common/image_folder.hpp"
#include "common/progress.hpp"
#include "common/recipe.hpp"
#include "common/zoo_model.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

struct FinetuneOptions {
  std::string model = "resnet18";
  std::string weights;
  std::string data;
  std::string out = "runs/finetune";
  std::string augment = "none";
  std::string batch_norm = "keep";
  bool train_all = false;
  bool offline = false;
  bool progress = true;
  Index epochs = 5, batch_size = 32, size = 0, limit = -1, workers = 3;
  double lr = 1e-3, valid = 0.2;
  std::uint64_t seed = 1;
};

/// Any of the sets of images behind one type, so that the rest is compiled once. Copies share it.
class AnyDataset {
 public:
  template <Dataset D>
  explicit AnyDataset(D dataset)
      : size_(dataset.size()), sample_([dataset = std::move(dataset)](Index i, SampleRandom& random) { return tapestry::detail::sample_of(dataset, i, random); }) {}
  Index size() const { return size_; }
  Sample sample(Index i, SampleRandom& random) const { return sample_(i, random); }

 private:
  Index size_;
  std::function<Sample(Index, SampleRandom&)> sample_;
};

struct LabelledImages {
  AnyDataset images;
  std::vector<std::string> classes;
  std::string description;
  ImagePreparation preparation;
};

/// A folder with a directory a class, a directory of CIFAR-10, or the embedded set.
LabelledImages find_images(const FinetuneOptions& o) {
  ImagePreparation preparation;
  const auto square = [&](Index size) { preparation.resize = preparation.crop = o.size > 0 ? o.size : size; };
  if (o.data.empty()) {
    const Index count = o.limit > 0 ? o.limit : o.limit < 0 ? 2000 : static_cast<Index>(embedded_train_count);
    Cifar10 data = make_embedded_dataset(static_cast<std::size_t>(count));
    square(64);
    std::vector<std::string> classes = data.classes;
    return {AnyDataset(image_dataset(std::move(data))), std::move(classes),
            message("the embedded set, ", count, " images drawn by this program. These are no photographs; name some by --data"), preparation};
  }
  if (has_cifar10_train(o.data)) {
    Cifar10 data = read_cifar10_train(o.data);
    square(224);
    std::vector<std::string> classes = data.classes;
    ImageDataset images = image_dataset(std::move(data), static_cast<std::size_t>(std::max<Index>(o.limit, 0)));
    const Index count = images.size();
    return {AnyDataset(std::move(images)), std::move(classes), message("CIFAR-10, ", count, " images from ", o.data), preparation};
  }
  const ImageFolder folder(o.data);
  preparation.crop = o.size > 0 ? o.size : 224;
  preparation.resize = preparation.crop * 256 / 224;
  const std::string text = message(folder.size(), " images of ", folder.classes().size(), " classes from ", o.data);
  if (o.limit <= 0 || o.limit >= folder.size()) return {AnyDataset(folder), folder.classes(), text, preparation};
  std::vector<Index> some = randperm(folder.size()).to_vector();
  some.resize(static_cast<std::size_t>(o.limit));
  return {AnyDataset(Subset(folder, std::move(some))), folder.classes(), message(o.limit, " of ", text), preparation};
}

/// The ResNet of that name with its weights, and with a new head.
ResNet<> make_net(const FinetuneOptions& o, Index classes) {
  std::unique_ptr<Layer<>> made;
  if (o.weights.empty()) {
    std::printf("Weights: random. That shows the method, not its use: what helps is a network that has seen much, --weights imagenet_v1 or a file\n");
    made = make_zoo_model(o.model);
  } else {
    made = load_zoo_model({.model = o.model, .weights = o.weights, .download = !o.offline, .progress = o.progress}).net;
    std::printf("Weights: %s\n", o.weights.c_str());
  }
  auto* net = dynamic_cast<ResNet<>*>(made.get());
  if (!net) throw ValueError(message("--model: must be one of the ResNets for ImageNet, as resnet18, got ", o.model));
  net->fc = Linear<>(net->fc.weight.dim(1), classes);
  return std::move(*net);
}

using Part = TransformedDataset<Subset<AnyDataset>>;

class Run {
 public:
  Run(const FinetuneOptions& options, LabelledImages images)
      : options_(options),
        classes_(std::move(images.classes)),
        preparation_(images.preparation),
        net_(make_net(options, static_cast<Index>(classes_.size()))),
        parts_(random_split(std::move(images.images), {1 - options.valid, options.valid}, options.seed)),
        train_(Part(parts_[0], training_transform()),
               {.batch_size = options.batch_size, .shuffle = true, .num_workers = options.workers, .seed = options.seed}),
        valid_(Part(parts_[1], preparation_.transform()), {.batch_size = options.batch_size, .num_workers = options.workers}),
        progress_(options.progress) {
    if (parts_[0].size() < 2 || parts_[1].size() < 1) throw ValueError("--valid: there must be images to train and to validate");
    if (!options.train_all) freeze(net_, [](std::string_view name) { return !name.starts_with("fc."); });
    optimizer_ = std::make_unique<Adam<>>(trainable_parameters(net_), AdamOptions{.lr = options.lr});
  }

  void train() {
    fs::create_directories(options_.out);
    Index weights = 0;
    for (const auto& parameter : trainable_parameters(net_)) weights += parameter.numel();
    std::printf("%lld images to train, %lld to validate; %lld numbers learn; %s\n", static_cast<long long>(parts_[0].size()),
                static_cast<long long>(parts_[1].size()), static_cast<long long>(weights), preparation_.transform().describe().c_str());
    const bool cached = !options_.train_all && options_.augment == "none" && options_.batch_norm == "keep";
    if (cached) {
      const auto [seen, seen_labels] = features("features", parts_[0]);
      const auto [unseen, unseen_labels] = features("features to validate", parts_[1]);
      for (Index epoch = 0; epoch < options_.epochs; ++epoch) {
        const auto start = Progress::Clock::now();
        const double loss = train_head(epoch, seen, seen_labels);
        if (report(epoch, loss, evaluate(net_.fc(unseen), unseen_labels), start)) best_head_ = clone(net_.fc);
      }
      save("last.safetensors");  // an epoch is shorter than writing the network: that is done at the end
      net_.fc = std::move(*best_head_);
      save("best.safetensors");
    } else {
      for (Index epoch = 0; epoch < options_.epochs; ++epoch) {
        const auto start = Progress::Clock::now();
        const double loss = train_images(epoch);
        if (report(epoch, loss, validate(), start)) save("best.safetensors");
        save("last.safetensors");
      }
    }
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

  /// What the frozen network says about every image: [images, features], and the labels.
  std::pair<Tensor<>, Tensor<Index>> features(const std::string& what, const Subset<AnyDataset>& images) {
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
    }
    char line[120];
    std::snprintf(line, sizeof line, "%s of %lld images, %.1f images/s", what.c_str(), static_cast<long long>(done), progress_.speed(done));
    progress_.finish(line);
    return {concat(rows, 0), concat(labels, 0)};
  }

  /// One epoch of the head alone, on what lies below it. Returns the mean loss.
  double train_head(Index epoch, const Tensor<>& x, const Tensor<Index>& labels) {
    Generator order(options_.seed + static_cast<std::uint64_t>(epoch));
    const Tensor<Index> shuffled = randperm(x.dim(0), order);
    double sum = 0;
    for (Index first = 0; first < x.dim(0); first += options_.batch_size) {
      const Tensor<Index> chosen = slice(shuffled, 0, {first, first + options_.batch_size});
      sum += step([&] { return net_.fc(index_select(x, 0, chosen)); }, index_select(labels, 0, chosen));
    }
    return sum / static_cast<double>(x.dim(0));
  }

  /// One epoch of the whole network, of which only what is not frozen learns. Returns the mean loss.
  double train_images(Index epoch) {
    net_.train(options_.batch_norm == "update");  // dropout there is none: the mode matters to batch norm alone
    progress_.begin(message("epoch ", epoch + 1, "/", options_.epochs), parts_[0].size());
    double sum = 0;
    Index done = 0;
    train_.set_epoch(epoch);
    for (auto& [x, labels] : train_) {
      sum += step([&, &images = x] { return net_(images); }, labels);
      done += labels.dim(0);
      progress_.update(done, sum / static_cast<double>(done));
    }
    return sum / static_cast<double>(done);
  }

  /// Forward, loss, backward, step. Returns the sum of the losses.
  template <class Forward>
  double step(const Forward& forward, const Tensor<Index>& labels) {
    Tape tape;
    const Tensor<> loss = cross_entropy(forward(), labels);
    optimizer_->zero_grad();
    tape.backward(loss);
    optimizer_->step();
    return static_cast<double>(loss.item()) * static_cast<double>(labels.dim(0));
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
    }
    all.loss /= static_cast<double>(all.images);
    return all;
  }

  void save(const char* file) {
    save_safetensors((fs::path(options_.out) / file).string(), state_dict(net_), fine_tuned_metadata(options_.model, classes_, preparation_));
  }

  /// Tells how an epoch went. Returns whether it was the best so far.
  bool report(Index epoch, double train_loss, const Evaluation& valid, Progress::Clock::time_point start) {
    const bool best = epoch == 0 || valid.loss < best_loss_;
    if (best) best_loss_ = valid.loss;
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train loss %.4f  valid loss %.4f  valid accuracy %.4f (%lld of %lld)  %s%s",
                  static_cast<long long>(epoch + 1), static_cast<long long>(options_.epochs), train_loss, valid.loss, valid.accuracy(),
                  static_cast<long long>(valid.right), static_cast<long long>(valid.images),
                  format_duration(std::chrono::duration<double>(Progress::Clock::now() - start).count()).c_str(), best ? "  best loss" : "");
    progress_.finish(line);
    return best;
  }

  FinetuneOptions options_;
  std::vector<std::string> classes_;
  ImagePreparation preparation_;
  ResNet<> net_;
  std::array<Subset<AnyDataset>, 2> parts_;
  DataLoader<Part> train_, valid_;
  std::unique_ptr<Adam<>> optimizer_;
  Progress progress_;
  double best_loss_ = 0;
  std::optional<Linear<>> best_head_;
};

int main(int argc, char** argv) {
  CLI::App app("Teaches a ResNet new classes. Without options: a network with random weights on images that this program draws.", "finetune");
  FinetuneOptions o;
  app.add_option("--model", o.model, "resnet18, resnet34, resnet50, ..., a ResNeXt or a wide ResNet")->capture_default_str();
  app.add_option("--weights", o.weights, "a file (.pth, .safetensors, .npz), or imagenet_v1 or imagenet_v2 from the cache or downloaded; by default random");
  app.add_option("--data", o.data, "a folder with a directory a class, or one with CIFAR-10's binary version; by default the embedded set");
  app.add_option("--size", o.size, "the edge of the images that the network sees; by default 224, of the embedded set 64")->check(CLI::Range(32, 1024));
  app.add_option("--limit", o.limit, "use so many images only, 0 for all; by default all, of the embedded set 2000")->check(CLI::NonNegativeNumber);
  app.add_option("--valid", o.valid, "the share of the images that is kept for validation")->check(CLI::Range(0.01, 0.9))->capture_default_str();
  app.add_flag("--train-all", o.train_all, "train the whole network, not its head alone");
  app.add_option("--batch-norm", o.batch_norm, "keep: batch norms use the statistics that came with the weights; update: the batch's own, as in training")
      ->check(CLI::IsMember({"keep", "update"}))->capture_default_str();
  app.add_option("--augment", o.augment, "change the images at random each epoch")->check(CLI::IsMember({"none", "flip", "crop-flip"}))->capture_default_str();
  app.add_option("--epochs", o.epochs)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--batch-size", o.batch_size)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--lr", o.lr, "Adam's learning rate")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--seed", o.seed)->capture_default_str();
  app.add_option("--workers", o.workers, "threads that prepare images")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--out", o.out, "folder for best.safetensors and last.safetensors")->capture_default_str();
  app.add_flag("--offline", o.offline, "download nothing");
  app.add_flag("!--no-progress", o.progress, "no progress bar");
  CLI11_PARSE(app, argc, argv);

  manual_seed(o.seed);
  LabelledImages images = find_images(o);
  std::printf("Data: %s\n", images.description.c_str());
  Run run(o, std::move(images));
  run.train();
  const fs::path programs = fs::path(argv[0]).parent_path();
  std::printf("Done. Ask the network what a picture shows:\n  %s --weights %s IMAGE\n", (programs / "classify").c_str(),
              (fs::path(o.out) / "best.safetensors").c_str());
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "finetune: %s\n", error.what());
  return 1;
}
