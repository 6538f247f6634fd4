// SPDX-License-Identifier: MIT
#include "tapestry/models/zoo.hpp"

#include "golden/golden.hpp"
#include "tapestry/nn/print.hpp"
#include "tapestry/nn/state_dict.hpp"

using namespace tapestry;

namespace {

/// Length and 64-bit FNV-1a hash, as models_golden.py writes them.
std::string fnv1a(const std::string& text) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(value));
  return message(text.size(), ' ', hash);
}

std::unique_ptr<Layer<>> make(const std::string& name) {
  const init::Skip skip;
  if (name == "resnet50 dilated") return std::make_unique<ResNet<>>(resnet50({.replace_stride_with_dilation = {false, true, true}}));
  if (name == "inception_v3 without auxiliary head") return std::make_unique<Inception3<>>(inception_v3({.aux_logits = false}));
  if (name == "mobilenet_v2 0.35") return std::make_unique<MobileNetV2<>>(mobilenet_v2({.num_classes = 7, .width_mult = 0.35, .dropout = 0.3}));
  if (name == "vgg13_bn 7") return std::make_unique<VGG<>>(vgg13_bn({.num_classes = 7, .dropout = 0.25}));
  return make_model(name);
}

}  // namespace

TEST_CASE("every model prints as torchvision's, has its parameters, and its state dict's keys and shapes in their order") {
  std::vector<std::string> names;
  for (const auto& [name, golden] : test::golden_texts("models.txt")) {
    INFO(name);
    const auto net = make(name);
    Index parameters = 0;
    for (const auto& [key, parameter] : named_parameters(*net)) parameters += parameter.numel();
    std::string state;
    for (const auto& [key, value] : state_dict(*net)) state += message(key, ' ', value.shape(), '\n');
    const std::string printed = to_string(*net);
    const std::size_t line = golden.find('\n');
    if (line != std::string::npos) CHECK(printed == golden.substr(line + 1));
    CHECK(message("parameters ", parameters, ", text ", fnv1a(printed), ", state ", fnv1a(state)) == golden.substr(0, line));
    if (name.find(' ') == std::string::npos) names.push_back(name);
  }
  CHECK(names.size() == 27);
  auto known = model_names();
  std::sort(known.begin(), known.end());
  std::sort(names.begin(), names.end());
  CHECK(known == names);
}

TEST_CASE("make_model takes the classes, and refuses a name by telling those there are") {
  auto net = make_model<double>("squeezenet1_1", {.num_classes = 3});
  CHECK((*net)(zeros<double>({2, 3, 33, 33})).shape() == Shape{2, 3});
  CHECK_THROWS_WITH(make_model("resnet19"), contains_text("make_model: name must be one of alexnet, vgg11, ") && contains_text("resnet56; got resnet19"));
}

TEST_CASE("a model is copied with all its layers") {
  auto net = make_model("resnet20");
  auto& original = dynamic_cast<CifarResNet<>&>(*net);
  original.eval();
  auto copy = clone(original);
  const auto x = randn({2, 3, 32, 32});
  const auto before = copy(x).to_vector();
  CHECK(before == original(x).to_vector());
  for (auto& [name, parameter] : named_parameters(original)) parameter.as<float>().fill(0);
  CHECK(copy(x).to_vector() == before);
  auto inception = [] {
    const init::Skip skip;
    return inception_v3({.num_classes = 2});
  }();
  CHECK(to_string(clone(inception)) == to_string(inception));
}
