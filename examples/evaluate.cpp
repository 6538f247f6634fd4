// SPDX-License-Identifier: MIT
// How good is a network that cifar10_train trained, on a file of CIFAR-10's binary version?
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>

#include "common/confusion.hpp"
#include "common/embedded_dataset.hpp"
#include "common/saved_model.hpp"

namespace tapestry::examples {

int main(int argc, char** argv) {
  CLI::App app("Measures a network that cifar10_train trained on a file of CIFAR-10's binary version.", "evaluate");
  std::string checkpoint, data, csv;
  bool embedded = false;
  Index batch_size = 500;
  app.add_option("--checkpoint", checkpoint, "best.safetensors, last.safetensors, or the folder with them")->required();
  auto* from_file = app.add_option("--data", data, "a file such as test_batch.bin or data_batch_1.bin");
  auto* from_seed = app.add_flag("--embedded", embedded, "instead: 10,000 images of the embedded set that no training has seen");
  from_file->excludes(from_seed);
  app.add_option("--csv", csv, "where to write the confusion matrix");
  app.add_option("--batch-size", batch_size, "images at a time")->check(CLI::PositiveNumber)->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  SavedModel model = load_model(checkpoint);
  if (data.empty() && !embedded) throw ValueError("--data: a file is needed, or --embedded");
  Cifar10 images = embedded ? make_embedded_dataset(embedded_test_count, embedded_seed, embedded_train_count) : read_cifar10_file(data);
  if (!embedded && model.data == "embedded")
    std::printf("Note: this network was trained on the embedded set, not on CIFAR-10; --embedded is what suits it.\n");
  ConfusionMatrix confusion(model.classes);
  double loss = 0;
  DataLoader loader(image_dataset(std::move(images)), {.batch_size = batch_size});
  for (auto& [x, labels] : loader) {
    const Tensor<> logits = model.net(x);
    loss += static_cast<double>(cross_entropy(logits, labels, {.reduction = Reduction::sum}).item());
    const std::vector<Index> truth = labels.to_vector(), guess = predictions(logits);
    for (std::size_t i = 0; i < truth.size(); ++i) confusion.add(truth[i], guess[i]);
  }
  std::printf("loss %.4f, %lld of %lld right (%.2f%%)\n\n%s", loss / static_cast<double>(confusion.total()), static_cast<long long>(confusion.correct()),
              static_cast<long long>(confusion.total()), 100 * static_cast<double>(confusion.correct()) / static_cast<double>(confusion.total()),
              confusion.to_table().c_str());
  if (!csv.empty()) {
    std::ofstream file(csv);
    file << confusion.to_csv();
    file.close();
    if (!file) throw FileError(message("cannot write ", csv));
    std::printf("\nThe confusion matrix is in %s\n", csv.c_str());
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
