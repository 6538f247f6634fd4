// SPDX-License-Identifier: MIT
#include "tapestry/models/pretrained.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "tapestry/io/save_pth.hpp"

using namespace tapestry;
namespace fs = std::filesystem;

namespace {

/// A home directory of its own for as long as the test lasts.
class Home {
 public:
  Home() : path_(fs::temp_directory_path() / message("tapestry_home_", getpid())) {
    fs::create_directories(path_);
    setenv("HOME", path_.c_str(), 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("TORCH_HOME");
  }
  ~Home() {
    weights_fetcher() = {};
    fs::remove_all(path_);
  }
  fs::path operator/(const std::string& part) const { return path_ / part; }
  std::string string() const { return path_.string(); }

 private:
  fs::path path_;
};

void touch(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "x";
}

}  // namespace

TEST_CASE("weights are found under torchvision's names, V2's with its resize") {
  CHECK(std::size(published_weights) == 31);
  CHECK(find_published("resnet18", Weights::imagenet).file == "resnet18-f37072fd.pth");
  CHECK(find_published("resnet50", Weights::imagenet_v2).url() == "https://download.pytorch.org/models/resnet50-11ad3fa6.pth");
  CHECK(find_published("resnet50", Weights::imagenet_v2).transform().describe() ==
        "Compose(Resize(232), CenterCrop(224), ToTensor(), Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]))");
  CHECK(find_published("inception_v3", Weights::imagenet_v1).resize == 342);
  CHECK(find_published("inception_v3", Weights::imagenet_v1).crop == 299);
  CHECK_THROWS_WITH(find_published("alexnet", Weights::imagenet_v2), "weights: there are no imagenet_v2 weights of alexnet; there are imagenet_v1");
  CHECK_THROWS_WITH(find_published("resnet20", Weights::imagenet), "weights: there are no imagenet_v1 weights of resnet20");
  const auto known = model_names();
  for (const PublishedWeights& entry : published_weights) {
    INFO(entry.file);
    CHECK(hash_in_name(entry.file).size() == 8);
    CHECK((entry.older.empty() || hash_in_name(entry.older).size() == 8));
    CHECK(std::find(known.begin(), known.end(), entry.model) != known.end());
  }
}

TEST_CASE("the hash stands after the last dash of a file's name") {
  CHECK(hash_in_name("alexnet-owt-7be5be79.pth") == "7be5be79");
  CHECK(hash_in_name("/a-b/resnet18-f37072fd.pth") == "f37072fd");
  CHECK(hash_in_name("resnet18.pth") == "");
  CHECK(hash_in_name("my-resnet.pth") == "");
  CHECK(hash_in_name("resnet-1234abcd") == "");
  CHECK(hash_in_name("a-DEADBEEF.pth") == "");
}

TEST_CASE("weights lie in this library's cache, in PyTorch's, or under an older name") {
  const Home home;
  const PublishedWeights& weights = find_published("resnet18", Weights::imagenet);
  CHECK(cached_weights(weights) == "");
  const fs::path older = home / ".cache/torch/hub/checkpoints/resnet18-5c106cde.pth", torch = home / ".cache/torch/hub/checkpoints/resnet18-f37072fd.pth",
                 own = home / ".cache/tapestry/weights/resnet18-f37072fd.pth", elsewhere = home / "torch/hub/checkpoints/resnet18-f37072fd.pth";
  touch(older);
  CHECK(cached_weights(weights) == older);
  touch(torch);
  CHECK(cached_weights(weights) == torch);
  touch(elsewhere);
  setenv("TORCH_HOME", (home / "torch").c_str(), 1);
  CHECK(cached_weights(weights) == elsewhere);
  touch(own);
  CHECK(cached_weights(weights) == own);
  setenv("XDG_CACHE_HOME", (home / "cache").c_str(), 1);
  CHECK(cached_weights(weights) == elsewhere);
  setenv("XDG_CACHE_HOME", "relative", 1);  // the standard: to be ignored
  CHECK(cached_weights(weights) == own);
  unsetenv("XDG_CACHE_HOME");
  unsetenv("TORCH_HOME");
}

TEST_CASE("a model with published weights: offline it says where to put which file, with a fetcher it fetches") {
  const Home home;
  const std::string path = (home / ".cache/tapestry/weights/squeezenet1_1-b8a52dc0.pth").string();
  CHECK_THROWS_WITH(squeezenet1_1(Weights::imagenet),
                    "weights: squeezenet1_1-b8a52dc0.pth is not in the cache; fetch https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth "
                    "by other means and put it at " + path);
  weights_fetcher() = [](const std::string&, const std::string&, const std::string&) { throw FileError("no network"); };
  CHECK_THROWS_WITH(squeezenet1_1(Weights::imagenet), contains_text("no network; fetch https://") && contains_text("put it at " + path));

  auto published = squeezenet1_1();
  int fetched = 0;
  weights_fetcher() = [&](const std::string& url, const std::string& target, const std::string& hash) {
    ++fetched;
    CHECK(url == "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth");
    CHECK(target == path);
    CHECK(hash == "b8a52dc0");
    fs::create_directories(fs::path(target).parent_path());
    save_pth(target, state_dict(published));
  };
  auto net = squeezenet1_1(Weights::imagenet);
  CHECK_FALSE(net.training());
  published.eval();
  const auto x = randn({1, 3, 33, 33});
  CHECK(net(x).to_vector() == published(x).to_vector());
  squeezenet1_1(Weights::imagenet_v1);
  CHECK(fetched == 1);
  CHECK_THROWS_WITH(squeezenet1_1(Weights::imagenet, {.num_classes = 10}),
                    "squeezenet1_1: num_classes must be 1000 with published weights, got 10; replace the head afterwards");
  CHECK_THROWS_AS(squeezenet1_1(Weights::imagenet_v2), ValueError);
  touch(path);  // not a checkpoint any more
  CHECK_THROWS_AS(squeezenet1_1(Weights::imagenet), FileError);
}

TEST_CASE("inception_v3 with published weights transforms its input and takes them without auxiliary head too") {
  const Home home;
  Inception3<> published = [] {
    const init::Skip skip;
    return inception_v3();
  }();
  for (auto& [name, value] : state_dict(published))
    if (value.dtype() == DType::float32) init::normal(value.as<float>(), name.ends_with("running_var") ? 1 : 0, 0.05);
  const fs::path path = home / ".cache/torch/hub/checkpoints/inception_v3_google-0cc3c7bd.pth";
  fs::create_directories(path.parent_path());
  save_pth(path.string(), state_dict(published));
  published.eval();
  auto net = inception_v3(Weights::imagenet, {.aux_logits = false});
  CHECK_FALSE(net.AuxLogits.has_value());
  const auto x = randn({1, 3, 75, 75});
  std::vector<Tensor<>> channels;
  const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  for (Index c = 0; c < 3; ++c) channels.push_back((slice(x, 1, {c, c + 1}) * deviation[c] + mean[c] - 0.5) / 0.5);
  const auto expected = published(concat(channels, 1)).to_vector(), got = net(x).to_vector();
  for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == Approx(expected[i]).epsilon(1e-3).margin(1e-4));
}
