// SPDX-License-Identifier: MIT
// What is in this picture? Asks a network that cifar10_train trained.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/image_file.hpp"
#include "common/saved_model.hpp"

namespace tapestry::examples {

int main(int argc, char** argv) {
  CLI::App app("Names what PNG or JPEG pictures show, by a network that cifar10_train trained.", "classify");
  std::string checkpoint;
  std::vector<std::string> images;
  Index top = 3;
  app.add_option("--checkpoint", checkpoint, "best.safetensors, last.safetensors, or the folder with them")->required();
  app.add_option("--top", top, "how many classes to name")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("images", images, "PNG or JPEG files")->required();
  CLI11_PARSE(app, argc, argv);

  SavedModel model = load_model(checkpoint);
  top = std::min(top, static_cast<Index>(model.classes.size()));
  bool failed = false;
  for (const auto& path : images) {
    try {
      const auto [values, positions] = topk(softmax(model.net(network_input(read_image(path))), 1), top);
      std::printf("%s\n", path.c_str());
      for (Index k = 0; k < top; ++k)
        std::printf("  %5.1f%%  %s\n", 100 * static_cast<double>(values.at(0, k)), model.classes[static_cast<std::size_t>(positions.at(0, k))].c_str());
    } catch (const FileError& error) {  // the other pictures still get their answer
      std::fprintf(stderr, "classify: %s\n", error.what());
      failed = true;
    }
  }
  return failed ? 1 : 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "classify: %s\n", error.what());
  return 1;
}
