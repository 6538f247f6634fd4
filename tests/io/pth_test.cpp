// SPDX-License-Identifier: MIT
#include "tapestry/io/pth.hpp"

#include <fstream>
#include <map>
#include <sstream>

#include "io/scratch_file.hpp"
#include "io/values.hpp"
#include "support/catch.hpp"
#include "tapestry/io/save_pth.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

const std::string pth_folder = std::string(TAPESTRY_TEST_DATA) + "/io/data/pth/";

struct Expected {
  std::string name, dtype, shape;
  std::vector<double> values;
};
/// What make_pth.py wrote down of each file, in the order of the state dict.
std::map<std::string, std::vector<Expected>> expectations() {
  std::map<std::string, std::vector<Expected>> all;
  std::ifstream in(pth_folder + "expected.txt");
  std::string line, file;
  while (std::getline(in, line)) {
    if (line.starts_with("=== ")) {
      all[file = line.substr(4)];
      continue;
    }
    std::istringstream words(line);
    Expected tensor;
    words >> tensor.name >> tensor.dtype >> tensor.shape;
    for (std::string word; words >> word;) tensor.values.push_back(std::strtod(word.c_str(), nullptr));
    all[file].push_back(std::move(tensor));
  }
  return all;
}
std::string shape_text(const Shape& shape) {
  std::string text;
  for (const Index size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}
/// `module.` is taken off by read_weights, not by load_pth.
std::string without_wrapper(std::string name) {
  if (const auto at = name.find("module."); at == 0) name.erase(0, 7);
  return name;
}
std::string pth_refusal(const std::string& path) {
  try {
    load_pth(path);
  } catch (const FileError& error) {
    CHECK_THAT(error.what(), contains_text(path));
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every container, form and element type reads as PyTorch reads it") {
  const auto all = expectations();
  REQUIRE(all.size() >= 25);
  for (const auto& [file, expected] : all) {
    INFO(file);
    const Pth pth = load_pth(pth_folder + file);
    REQUIRE(pth.tensors.size() == expected.size());
    REQUIRE_FALSE(expected.empty());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const auto& [name, tensor] = pth.tensors[i];
      INFO(expected[i].name);
      CHECK(without_wrapper(name) == expected[i].name);
      CHECK(name_of(tensor.dtype()) == expected[i].dtype);
      CHECK(shape_text(tensor.shape()) == expected[i].shape);
      CHECK(tensor.layout() == Layout::row_major);
      CHECK(test::values(tensor) == expected[i].values);
    }
  }
}

TEST_CASE("unknown globals run nothing, swallow what is built on them and are listed") {
  const Pth pth = load_pth(pth_folder + "opaque.pth");
  CHECK(pth.unknown == std::vector<std::string>{"nowhere.Thing", "posix.system"});
  REQUIRE(pth.tensors.size() == 1);
  CHECK(pth.tensors[0].first == "weight");
  const Pth training = load_pth(pth_folder + "training.pth");
  CHECK(std::find(training.unknown.begin(), training.unknown.end(), "argparse.Namespace") != training.unknown.end());
  CHECK(std::find(training.unknown.begin(), training.unknown.end(), "__main__.Nothing") != training.unknown.end());
  CHECK(load_pth(pth_folder + "zip_protocol4.pth").skipped == std::vector<std::string>{"bytes", "text", "big", "set"});
}

TEST_CASE("one tensor under two names stays one") {
  const NamedTensors tensors = load_pth(pth_folder + "zip.pth").tensors;
  CHECK(find(tensors, "whole")->raw_data() == find(tensors, "same")->raw_data());
}

TEST_CASE("what cannot be read is refused by name") {
  CHECK_THAT(pth_refusal(pth_folder + "script.pt"), contains_text("TorchScript"));
  CHECK_THAT(pth_refusal(pth_folder + "sparse.pth"), contains_text("tensor weight depends on torch._utils._rebuild_sparse_tensor"));
  CHECK_THAT(pth_refusal(pth_folder + "complex.pth"), contains_text("tensor weight holds complex64"));
  CHECK_THAT(pth_refusal(pth_folder + "expected.txt"), contains_text("no checkpoint of torch.save"));
  CHECK_THAT(pth_refusal(pth_folder + "none"), contains_text("No such file"));
}

TEST_CASE("a checkpoint written here comes back, whatever the layout, shared elements shared") {
  const test::ScratchFolder scratch;
  const auto x = arange<float>(120).with_shape({2, 3, 4, 5});
  const NamedTensors saved{{"x", x},
                           {"images", in_layout(x, Layout::channels_last)},
                           {"again", x},
                           {"float64", tensor<double>({0.1, -1e300})},
                           {"int64", tensor<Index>({1, -2})},
                           {"int32", tensor<std::int32_t>({{3, -4}})},
                           {"uint8", tensor<std::uint8_t>({5, 255})},
                           {"bool", tensor<bool>({true, false})},
                           {"scalar", tensor(2.5)},
                           {"empty", zeros({300, 0})},
                           {"name \xC3\xA9 \"quoted\"", zeros({70000})}};
  save_pth(scratch.file("a.pth"), saved);
  const Pth back = load_pth(scratch.file("a.pth"));
  REQUIRE(back.tensors.size() == saved.size());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    INFO(saved[i].first);
    CHECK(back.tensors[i].first == saved[i].first);
    CHECK(back.tensors[i].second.dtype() == saved[i].second.dtype());
    CHECK(back.tensors[i].second.shape() == saved[i].second.shape());
    CHECK(test::values(back.tensors[i].second) == test::values(saved[i].second));
  }
  CHECK(back.unknown.empty());
  save_pth(scratch.file("b.pth"), {{"x", x}, {"again", x}});
  save_pth(scratch.file("c.pth"), {{"x", x}, {"again", copy_of(x, Layout::row_major)}});
  CHECK(test::read_bytes(scratch.file("b.pth")).size() + 400 < test::read_bytes(scratch.file("c.pth")).size());
  CHECK_THROWS_AS(save_pth(scratch.file("d.pth"), {{"x", x}, {"x", x}}), ValueError);
  CHECK_THROWS_AS(save_pth(scratch.file("d.pth"), {{"\xff", x}}), ValueError);
  CHECK_THROWS_AS(save_pth(scratch.file("d.pth"), {{"x", AnyTensor()}}), ValueError);
  CHECK(scratch.entries() == 3);
}
