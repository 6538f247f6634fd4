// SPDX-License-Identifier: MIT
#include "tapestry/io/checkpoint.hpp"

#include "io/scratch_file.hpp"
#include "support/catch.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

TEST_CASE("parts come back under their own names, with the metadata") {
  const test::ScratchFolder folder;
  Checkpoint out;
  out.metadata = {{"epoch", "3"}};
  out.add("model", {{"0.weight", tensor({1.0, 2.0})}, {"0.bias", tensor({3.0})}});
  out.add("model2", {{"0.weight", tensor<double>(7)}});
  out.add("position", {{"batches", tensor<Index>(12)}});
  out.save(folder.file("a"));
  const Checkpoint in = Checkpoint::load(folder.file("a"));
  CHECK(in.metadata == out.metadata);
  CHECK(in.tensors().size() == 4);
  const NamedTensors model = in.part("model");
  REQUIRE(model.size() == 2);
  CHECK(model[0].first == "0.weight");
  CHECK(model[0].second.as<float>().to_vector() == std::vector<float>{1, 2});
  CHECK(model[1].first == "0.bias");
  CHECK(in.part("model2")[0].second.as<double>().item() == 7);
  CHECK(in.part("position")[0].second.as<Index>().item() == 12);
  CHECK_THROWS_WITH(in.part("mod"), "checkpoint: it has no part mod");
  CHECK_THROWS_AS(in.part("optimizer"), ValueError);
}

TEST_CASE("equal states make equal bytes, and a failed save leaves the old file") {
  const test::ScratchFolder folder;
  const auto checkpoint = [](float value) {
    Checkpoint out;
    out.add("model", {{"w", full({3}, value)}});
    return out;
  };
  checkpoint(1).save(folder.file("a"));
  checkpoint(1).save(folder.file("b"));
  CHECK(test::read_bytes(folder.file("a")) == test::read_bytes(folder.file("b")));
  Checkpoint twice = checkpoint(2);
  twice.add("model", {{"w", zeros({3})}});
  CHECK_THROWS_WITH(twice.save(folder.file("a")), contains_text("model.w stands twice"));
  CHECK(Checkpoint::load(folder.file("a")).part("model")[0].second.as<float>().at(0) == 1);
  checkpoint(2).save(folder.file("a"));
  CHECK(Checkpoint::load(folder.file("a")).part("model")[0].second.as<float>().at(0) == 2);
  CHECK(folder.entries() == 2);
}
