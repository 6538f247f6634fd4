// SPDX-License-Identifier: MIT
// What is in this picture? Asks a model of the zoo, with ImageNet's classes, or a network that cifar10_train trained.
#include <CLI/CLI.hpp>
#include <cstdio>

#include <tapestry/io/npy.hpp>

#include "common/image_file.hpp"
#include "common/saved_model.hpp"
#include "common/zoo_model.hpp"

namespace tapestry::examples {

/// A network, what makes its input of a picture, and the names of its classes.
struct Asked {
  std::unique_ptr<Layer<>> net;
  std::function<Tensor<>(Image)> input;
  std::vector<std::string> classes;
};

Asked load(const ZooChoice& choice) {
  if (choice.model.empty()) {
    SavedModel saved = load_model(choice.weights);
    if (!choice.labels.empty()) saved.classes = read_lines(choice.labels);
    return {std::make_unique<Sequential<>>(std::move(saved.net)), network_input, std::move(saved.classes)};
  }
  ZooModel zoo = load_zoo_model(choice);
  return {std::move(zoo.net), [transform = zoo.preparation.transform()](Image image) { return prepared_batch(transform, std::move(image)); },
          std::move(zoo.classes)};
}

int main(int argc, char** argv) {
  CLI::App app("Names what PNG or JPEG pictures show.", "classify");
  ZooChoice choice;
  std::vector<std::string> images;
  std::string logits_file;
  Index top = 3;
  bool offline = false;
  app.add_option("--model", choice.model, "one of " + [] {
    std::string names;
    for (const std::string& name : zoo_names()) names.append(names.empty() ? "" : ", ").append(name);
    return names;
  }() + "; left out for a network that cifar10_train or finetune trained");
  app.add_option("--weights,--checkpoint", choice.weights,
                 "of the model: a file (.pth, .safetensors, .npz), imagenet_v1 or imagenet_v2; without, imagenet_v1 from the cache or downloaded. Of the "
                 "trainer: best.safetensors, last.safetensors, or the folder with them");
  app.add_option("--labels", choice.labels, "a file with the name of a class a line");
  app.add_option("--top", top, "how many classes to name")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--logits", logits_file, "where to write what the network answers, an array [pictures, classes] in numpy's format");
  app.add_flag("--transform-input", choice.transform_input, "of inception_v3 with weights from a file: undo ImageNet's normalisation first");
  app.add_flag("--offline", offline, "download nothing");
  app.add_option("images", images, "PNG or JPEG files")->required();
  CLI11_PARSE(app, argc, argv);
  if (choice.model.empty() && choice.weights.empty()) throw ValueError("--model: a name is needed, or --weights with a checkpoint of cifar10_train");
  choice.download = !offline;
  adopt_model(choice);

  Asked asked = load(choice);
  top = std::min(top, static_cast<Index>(asked.classes.size()));
  bool failed = false;
  std::vector<Tensor<>> answers;
  for (const auto& path : images) {
    try {
      const Tensor<> logits = (*asked.net)(asked.input(read_image(path)));
      const auto [values, positions] = topk(softmax(logits, 1), top);
      std::printf("%s\n", path.c_str());
      for (Index k = 0; k < top; ++k)
        std::printf("  %5.1f%%  %s\n", 100 * static_cast<double>(values.at(0, k)), asked.classes[static_cast<std::size_t>(positions.at(0, k))].c_str());
      answers.push_back(logits);
    } catch (const FileError& error) {  // the other pictures still get their answer
      std::fprintf(stderr, "classify: %s\n", error.what());
      failed = true;
    }
  }
  if (failed && !logits_file.empty()) throw FileError(message("--logits: ", logits_file, " was not written, since a picture could not be read"));
  if (!logits_file.empty()) save_npy(logits_file, concat(answers, 0));
  return failed ? 1 : 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "classify: %s\n", error.what());
  return 1;
}
