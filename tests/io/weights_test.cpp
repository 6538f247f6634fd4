// SPDX-License-Identifier: MIT
#include "tapestry/io/weights.hpp"

#include "io/scratch_file.hpp"
#include "support/catch.hpp"
#include "tapestry/io/checkpoint.hpp"
#include "tapestry/io/save_pth.hpp"
#include "tapestry/nn/activation.hpp"
#include "tapestry/nn/batch_norm.hpp"
#include "tapestry/nn/conv2d.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/sequential.hpp"

using namespace tapestry;

namespace {

const std::string checkpoints = std::string(TAPESTRY_TEST_DATA) + "/io/data/pth/";

/// The network of make_pth.py.
struct Block : Layer<float> {
  Conv2d<> conv{1, 2, {.kernel = {1, 2}, .bias = false}};
  BatchNorm2d<> bn{2};
  Tensor<Index> shown = zeros<Index>({2});
  Tensor<> forward(const Tensor<>& x) override { return bn(conv(x)); }
  void members(const Members& visit) override {
    visit.buffer("shown", shown);
    visit.child("conv", conv);
    visit.child("bn", bn);
  }
};
struct Net : Module {
  Sequential<> blocks{Block(), ReLU<>()};
  Linear<> head{2, 1};
  void members(const Members& visit) override {
    visit.child("blocks", blocks);
    visit.child("head", head);
  }
};
std::vector<std::string> names_of(const NamedTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("a state dict of any wrapping loads by rule") {
  const std::pair<const char*, float> files[] = {{"state.pth", 0.5F}, {"module.pth", 0.5F}, {"module_stream.pth", 0.5F}, {"deflated.pth", 0.5F}, {"root.pth", 0.5F},
                                                 // after a step of Adam
                                                 {"training.pth", 0.499F}, {"training_stream.pth", 0.499F}, {"training_model.pth", 0.499F},
                                                 {"training_net.pth", 0.499F}};
  for (const auto& [name, weight] : files) {
    INFO(name);
    Net net;
    CHECK(load_weights(net, checkpoints + name).complete());
    CHECK(net.head.weight.to_vector() == std::vector<float>{weight, weight});
    CHECK(static_cast<Block&>(net.blocks[0]).shown.to_vector() == std::vector<Index>{0, 1});
    CHECK(read_weights(checkpoints + name).format == "pth");
  }
}

TEST_CASE("the format is told by content, not by suffix") {
  const test::ScratchFolder scratch;
  Net net;
  const std::string path = scratch.file("weights.bin");
  const NamedTensors state = state_dict(net);
  const auto check = [&](std::string_view format) {
    const WeightFile file = read_weights(path);
    CHECK(file.format == format);
    CHECK(names_of(file.tensors) == names_of(state));
    Net other;
    CHECK(load_weights(other, path).complete());
    CHECK(other.head.weight.to_vector() == net.head.weight.to_vector());
  };
  save_pth(path, state), check("pth");
  save_npz(path, state), check("npz");
  save_safetensors(path, state), check("safetensors");
  Checkpoint run;
  run.add("model", state);
  run.add("optimizer", {{"step", zeros({1})}});
  run.save(path), check("safetensors");
  const auto refused = [&](const std::string& bytes, const std::string& cause) {
    test::write_bytes(path, bytes);
    CHECK_THROWS_WITH(read_weights(path), contains_text(cause) && contains_text(path));
  };
  refused("", "neither a PyTorch checkpoint nor safetensors nor npz");
  refused("<!DOCTYPE html>", "a web page");
  refused("version https://git-lfs.github.com/spec/v1", "Git LFS");
  refused("\x93NUMPY...", "a single array");
}

TEST_CASE("module is taken off wherever it stands as a part of a name") {
  const test::ScratchFolder scratch;
  const auto one = ones({1});
  save_pth(scratch.file("a"), {{"module.a.weight", one}, {"b.module.weight", one}, {"module.c.module.bias", one}, {"submodule.x", one}, {"modules.module_y", one}, {"module", one}});
  CHECK(names_of(read_weights(scratch.file("a")).tensors) ==
        std::vector<std::string>{"a.weight", "b.weight", "c.bias", "submodule.x", "modules.module_y", "module"});
  save_pth(scratch.file("a"), {{"module.a", one}, {"a", one}});
  CHECK_THROWS_WITH(read_weights(scratch.file("a")), contains_text("two tensors are named a"));
}

TEST_CASE("a missing num_batches_tracked reads 0, strict too, and AuxLogits goes if the network has none") {
  const test::ScratchFolder scratch;
  Net net, other;
  static_cast<Block&>(net.blocks[0]).bn.num_batches_tracked.fill(5);
  NamedTensors state = state_dict(other);
  std::erase_if(state, [](const auto& entry) { return entry.first.ends_with("num_batches_tracked"); });
  state.emplace_back("AuxLogits.conv0.weight", ones({1}));
  save_pth(scratch.file("a"), state);
  CHECK(load_weights(net, scratch.file("a")).complete());
  CHECK(static_cast<Block&>(net.blocks[0]).bn.num_batches_tracked.item() == 0);
  std::erase_if(state, [](const auto& entry) { return entry.first.ends_with("running_mean"); });
  save_pth(scratch.file("a"), state);
  CHECK_THROWS_WITH(load_weights(net, scratch.file("a")), contains_text("load_weights: " + scratch.file("a")) && contains_text("missing 2: blocks.0.bn.running_mean, blocks.0.bn.num_batches_tracked"));
}
