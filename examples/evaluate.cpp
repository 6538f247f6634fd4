// SPDX-License-Identifier: MIT
// How good is a network on labelled images: a model of the zoo, or one that cifar10_train trained?
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "common/confusion.hpp"
#include "common/embedded_dataset.hpp"
#include "common/image_folder.hpp"
#include "common/saved_model.hpp"
#include "common/zoo_model.hpp"

namespace tapestry::examples {

struct EvaluateOptions {
  ZooChoice choice;
  std::string data, csv;
  bool embedded = false, offline = false;
  Index batch_size = 0, workers = 3;
  std::optional<Index> resize, crop;
  std::vector<double> mean, std;
};

/// Asks the network about every image, and prints loss, hits and the confusion matrix.
template <Dataset D>
void measure(Layer<>& net, D images, const std::vector<std::string>& classes, const EvaluateOptions& options) {
  ConfusionMatrix confusion(classes);
  double loss = 0;
  DataLoader loader(std::move(images), {.batch_size = options.batch_size, .num_workers = options.workers});
  for (auto& [x, labels] : loader) {
    const Tensor<> logits = net(x);
    loss += static_cast<double>(cross_entropy(logits, labels, {.reduction = Reduction::sum}).item());
    const std::vector<Index> truth = labels.to_vector(), guess = predictions(logits);
    for (std::size_t i = 0; i < truth.size(); ++i) confusion.add(truth[i], guess[i]);
  }
  std::printf("loss %.4f, %lld of %lld right (%.2f%%)\n", loss / static_cast<double>(confusion.total()), static_cast<long long>(confusion.correct()),
              static_cast<long long>(confusion.total()), 100 * static_cast<double>(confusion.correct()) / static_cast<double>(confusion.total()));
  if (classes.size() <= 20) std::printf("\n%s", confusion.to_table().c_str());
  if (options.csv.empty()) return;
  std::ofstream file(options.csv);
  file << confusion.to_csv();
  file.close();
  if (!file) throw FileError(message("cannot write ", options.csv));
  std::printf("\nThe confusion matrix is in %s\n", options.csv.c_str());
}

/// A network that cifar10_train trained, on a file or on the embedded set.
void evaluate_trained(EvaluateOptions options) {
  if (options.batch_size == 0) options.batch_size = 500;
  if (options.data.empty() && !options.embedded) throw ValueError("--data: a file is needed, or --embedded");
  if (options.resize || options.crop || !options.mean.empty() || !options.std.empty())
    throw ValueError("--resize, --crop, --mean, --std: go with --model only; the trainer's networks take images as they are");
  SavedModel model = load_model(options.choice.weights);
  Cifar10 images = options.embedded ? make_embedded_dataset(embedded_test_count, embedded_seed, embedded_train_count) : read_cifar10_file(options.data);
  if (!options.embedded && model.data == "embedded")
    std::printf("Note: this network was trained on the embedded set, not on CIFAR-10; --embedded is what suits it.\n");
  measure(model.net, image_dataset(std::move(images)), model.classes, options);
}

/// A model of the zoo, on a file of CIFAR-10's binary version or on a folder with a directory a class.
void evaluate_zoo(EvaluateOptions options) {
  if (options.batch_size == 0) options.batch_size = is_cifar_resnet(options.choice.model) ? 500 : 32;
  if (options.embedded) throw ValueError("--embedded: goes with a network that cifar10_train trained, not with --model");
  if (options.data.empty()) throw ValueError("--data: a file of CIFAR-10 is needed, or a folder with a directory a class");
  ZooModel model = load_zoo_model(options.choice);
  ImagePreparation& preparation = model.preparation;
  if (options.crop) preparation.crop = *options.crop;
  if (options.resize)
    preparation.resize = *options.resize;
  else if (options.crop)
    preparation.resize = *options.crop;
  if (!options.mean.empty()) preparation.mean = options.mean;
  if (!options.std.empty()) preparation.std = options.std;
  const auto check_classes = [&](const std::vector<std::string>& found, std::string_view what) {
    if (found.size() != model.classes.size())
      throw ValueError(message("--data: ", options.data, " has ", found.size(), " classes, ", what, ", but the model has ", model.classes.size()));
  };
  if (std::filesystem::is_directory(options.data)) {
    const ImageFolder folder(options.data);
    check_classes(folder.classes(), "a directory each");
    measure(*model.net, TransformedDataset(folder, preparation.transform()), folder.classes(), options);
  } else {
    Cifar10 images = read_cifar10_file(options.data);
    const std::vector<std::string> classes = images.classes;
    check_classes(classes, "as CIFAR-10 has");
    measure(*model.net, TransformedDataset(image_dataset(std::move(images)), preparation.transform()), classes, options);
  }
}

int main(int argc, char** argv) {
  CLI::App app("Measures a network on labelled images.", "evaluate");
  EvaluateOptions options;
  app.add_option("--model", options.choice.model, "a model of the zoo, as resnet18 or resnet20; left out for a network that cifar10_train or finetune trained");
  app.add_option("--weights,--checkpoint", options.choice.weights,
                 "of the model: a file (.pth, .safetensors, .npz), imagenet_v1 or imagenet_v2. Of the trainer: best.safetensors, last.safetensors, or "
                 "the folder with them");
  auto* from_file = app.add_option("--data", options.data, "a file such as test_batch.bin or data_batch_1.bin; with --model also a folder with a directory a class");
  auto* from_seed = app.add_flag("--embedded", options.embedded, "instead: 10,000 images of the embedded set that no training has seen");
  from_file->excludes(from_seed);
  app.add_option("--csv", options.csv, "where to write the confusion matrix");
  app.add_option("--batch-size", options.batch_size, "images at a time; by default 500 of 32 pixels, 32 of more")->check(CLI::PositiveNumber);
  app.add_option("--workers", options.workers, "threads that prepare images")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--resize", options.resize, "the smaller edge before the middle is cut out; by default what belongs to the model")->check(CLI::PositiveNumber);
  app.add_option("--crop", options.crop, "the edge of the middle")->check(CLI::PositiveNumber);
  app.add_option("--mean", options.mean, "of each channel, to be taken off; by default ImageNet's")->expected(3)->delimiter(',');
  app.add_option("--std", options.std, "of each channel, to divide by; by default ImageNet's")->expected(3)->delimiter(',');
  app.add_flag("--transform-input", options.choice.transform_input, "of inception_v3 with weights from a file: undo ImageNet's normalisation first");
  app.add_flag("--offline", options.offline, "download nothing");
  CLI11_PARSE(app, argc, argv);
  options.choice.download = !options.offline;
  adopt_model(options.choice);
  if (!options.choice.model.empty()) {
    evaluate_zoo(std::move(options));
  } else {
    if (options.choice.weights.empty()) throw ValueError("--model: a name is needed, or --weights with a checkpoint of cifar10_train");
    evaluate_trained(std::move(options));
  }
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "evaluate: %s\n", error.what());
  return 1;
}
