// SPDX-License-Identifier: MIT
#include "tapestry/nn/summary.hpp"

#include <sys/resource.h>

#include <chrono>

#include "nn/layer_checks.hpp"
#include "tapestry/nn/activation.hpp"
#include "tapestry/nn/batch_norm.hpp"
#include "tapestry/nn/conv2d.hpp"
#include "tapestry/nn/dropout.hpp"
#include "tapestry/nn/embedding.hpp"
#include "tapestry/nn/flatten.hpp"
#include "tapestry/nn/linear.hpp"
#include "tapestry/nn/pool.hpp"
#include "tapestry/nn/sequential.hpp"
#include "tapestry/ops/arithmetic.hpp"
#include "tapestry/ops/matmul.hpp"

using namespace tapestry;

namespace {

struct Residual : Layer<> {
  Conv2d<> conv1{4, 4, {.kernel = 3, .padding = 1, .bias = false}}, conv2{4, 4, {.kernel = 3, .padding = 1, .groups = 2}};
  Tensor<> forward(const Tensor<>& x) override { return relu(conv2(relu(conv1(x))) + x); }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("conv2", conv2);
  }
};

/// Text in, scores out: a Module that is no Layer.
struct Reader : Module {
  Embedding<> table{10, 6};
  Linear<> head{6, 3};
  Tensor<> forward(const Tensor<Index>& text) { return head(table(text)); }
  void members(const Members& visit) override {
    visit.child("table", table);
    visit.child("head", head);
  }
};

struct TwoResults : Module {
  Linear<> a{2, 3}, b{2, 4};
  std::pair<Tensor<>, Tensor<>> operator()(const Tensor<>& x) { return {a(x), b(x)}; }
  void members(const Members& visit) override {
    visit.child("a", a);
    visit.child("b", b);
  }
};

/// members() as a person leaves it who added a layer and a scale later.
struct Forgetful : Layer<> {
  Linear<> first{2, 3}, second{3, 4};
  BatchNorm1d<> norm{3, {.affine = false}};
  Tensor<> scale = ones({3}).requires_grad(true);
  enum { nothing, child, buffers, tensor, activation } forgotten = nothing;
  Tensor<> forward(const Tensor<>& x) override {
    Tensor<> y = first(x);
    if (forgotten == child) y = second(y);
    if (forgotten == buffers) y = norm(y);
    if (forgotten == tensor) y = y * scale;
    if (forgotten == activation) y = ReLU<>()(y);
    return y;
  }
  void members(const Members& visit) override { visit.child("first", first); }
};

struct Tied : Layer<> {
  Linear<> one{3, 3}, two{3, 3, {.bias = false}};
  Tied() { two.weight = one.weight; }
  Tensor<> forward(const Tensor<>& x) override { return matmul(two(one(x)), x); }
  void members(const Members& visit) override {
    visit.child("one", one);
    visit.child("two", two);
  }
};

}  // namespace

TEST_CASE("summary: shapes, parameters and FLOPs of a residual network, counted by hand") {
  Sequential net(Conv2d(3, 4, {.kernel = 3, .stride = 2}), BatchNorm2d(4), Residual(), MaxPool2d(2), Flatten(), Dropout(0.5), Linear(4 * 3 * 3, 10));
  const Summary s = summary(net, {2, 3, 13, 13});
  struct Row {
    const char *name, *type;
    Index depth;
    Shape output;
    Index parameters;
    std::uint64_t flops;
    bool leaf;
  };
  const std::uint64_t first = 2 * 2 * 6 * 6 * 4 * 27, one = 2 * 2 * 6 * 6 * 4 * 36, two = 2 * 2 * 6 * 6 * 4 * 18, head = 2 * 2 * 36 * 10;
  const std::vector<Row> expected{{"", "Sequential", 0, {2, 10}, 112 + 8 + 144 + 76 + 370, first + one + two + head, false},
                                  {"0", "Conv2d", 1, {2, 4, 6, 6}, 112, first, true},
                                  {"1", "BatchNorm2d", 1, {2, 4, 6, 6}, 8, 0, true},
                                  {"2", "Residual", 1, {2, 4, 6, 6}, 144 + 76, one + two, false},
                                  {"2.conv1", "Conv2d", 2, {2, 4, 6, 6}, 144, one, true},
                                  {"2.conv2", "Conv2d", 2, {2, 4, 6, 6}, 76, two, true},
                                  {"3", "MaxPool2d", 1, {2, 4, 3, 3}, 0, 0, true},
                                  {"4", "Flatten", 1, {2, 36}, 0, 0, true},
                                  {"5", "Dropout", 1, {2, 36}, 0, 0, true},
                                  {"6", "Linear", 1, {2, 10}, 370, head, true}};
  REQUIRE(s.rows.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("row " << i);
    CHECK(s.rows[i].name == expected[i].name);
    CHECK(s.rows[i].type == expected[i].type);
    CHECK(s.rows[i].depth == expected[i].depth);
    CHECK(s.rows[i].output == expected[i].output);
    CHECK(s.rows[i].parameters == expected[i].parameters);
    CHECK(s.rows[i].trainable == expected[i].parameters);
    CHECK(s.rows[i].flops == expected[i].flops);
    CHECK(s.rows[i].leaf == expected[i].leaf);
  }
  CHECK(s.input == Shape{2, 3, 13, 13});
  CHECK(s.parameters == 710);
  CHECK(s.trainable == 710);
  CHECK(s.flops == first + one + two + head);
  CHECK(s.parameter_bytes == 710 * 4);
  CHECK(s.activation_bytes == 4 * (4 * 288 + 72 + 72 + 72 + 20));
}

TEST_CASE("summary: a module that takes indices, and one that returns several tensors") {
  Embedding<> table(10, 6);
  const Summary alone = summary<Index>(table, {4, 7});
  REQUIRE(alone.rows.size() == 1);
  CHECK(alone.rows[0].type == "Embedding");
  CHECK(alone.rows[0].output == Shape{4, 7, 6});
  CHECK(alone.rows[0].parameters == 60);
  CHECK(alone.parameters == 60);
  CHECK(alone.activation_bytes == 4 * 4 * 7 * 6);
  Reader reader;
  const Summary s = summary<Index>(reader, {4, 7});
  REQUIRE(s.rows.size() == 3);
  CHECK(s.rows[0].type == "Reader");
  CHECK(s.rows[0].output == Shape{4, 7, 3});
  CHECK(s.rows[0].parameters == 81);
  CHECK(s.rows[1].name == "table");
  CHECK(s.rows[1].output == Shape{4, 7, 6});
  CHECK(s.rows[2].name == "head");
  CHECK(s.flops == 2 * 28 * 6 * 3);
  CHECK(s.activation_bytes == 4 * (28 * 6 + 28 * 3));
  TwoResults two;
  const Summary t = summary(two, {5, 2});
  REQUIRE(t.rows.size() == 3);
  CHECK(t.rows[1].output == Shape{5, 3});
  CHECK(t.rows[2].output == Shape{5, 4});
  CHECK(t.flops == 2 * 5 * 2 * 7);
}

TEST_CASE("summary: double, frozen and shared parameters") {
  Sequential<double> wide(Linear<double>(3, 4), ReLU<double>());
  freeze(wide, [](std::string_view name) { return name == "0.weight"; });
  const Summary s = summary(wide, {2, 3});
  CHECK(s.parameters == 16);
  CHECK(s.trainable == 4);
  CHECK(s.rows[1].parameters == 16);
  CHECK(s.rows[1].trainable == 4);
  CHECK(s.parameter_bytes == 16 * 8);
  CHECK(s.activation_bytes == 8 * (8 + 8));
  Tied tied;
  const Summary t = summary(tied, {3, 3});
  CHECK(t.parameters == 12);
  CHECK(t.rows[0].parameters == 12);
  CHECK(t.rows[2].parameters == 9);
  CHECK(t.flops == 3 * 2 * 27);  // the matrix product outside the layers too
}

TEST_CASE("summary: the module is unchanged afterwards, even if its forward throws") {
  Sequential net(Conv2d(3, 4, {.kernel = 3}), BatchNorm2d(4), Dropout(0.5), Sequential(ReLU()));
  net[2].eval();
  freeze(net[0]);
  net.at<BatchNorm2d<>>(1).weight.set_grad(ones({4}));
  std::vector<const void*> places;
  for (const auto& [name, tensor] : state_dict(net)) places.push_back(tensor.raw_data());
  const auto check = [&] {
    std::size_t i = 0;
    for (const auto& [name, tensor] : state_dict(net)) {
      CHECK(tensor.raw_data() == places[i++]);
      CHECK(tensor.device() == cpu());
    }
    CHECK(net.training());
    CHECK(net[1].training());
    CHECK_FALSE(net[2].training());
    CHECK(net.at<Sequential<>>(3)[0].training());
    CHECK_FALSE(net.at<Conv2d<>>(0).weight.requires_grad());
    CHECK(net.at<BatchNorm2d<>>(1).weight.requires_grad());
    CHECK(net.at<BatchNorm2d<>>(1).weight.has_grad());
    CHECK(net.at<BatchNorm2d<>>(1).num_batches_tracked.item() == 0);
  };
  const auto position = default_generator().position();
  summary(net, {1, 3, 8, 8});
  check();
  CHECK_THROWS_AS(summary(net, {1, 5, 8, 8}), ShapeError);
  check();
  CHECK(default_generator().position() == position);
  CHECK(net(zeros({2, 3, 8, 8})).shape() == Shape{2, 4, 6, 6});  // nobody listens any more
  {
    Tape tape;
    summary(net, {1, 3, 8, 8});
    CHECK(tape.size() == 0);
  }
}

TEST_CASE("summary: what members() forgot is refused by name") {
  Forgetful net;
  CHECK(summary(net, {1, 2}).parameters == 9);
  net.forgotten = Forgetful::activation;
  CHECK(summary(net, {1, 2}).rows.size() == 3);
  net.forgotten = Forgetful::child;
  CHECK_THROWS_AS(summary(net, {1, 2}), ValueError);
  CHECK_THROWS_WITH(summary(net, {1, 2}), "summary: Forgetful calls a Linear that its members() does not name, so that no optimiser trains its weight, "
                                          "no state_dict saves it, and to() leaves it behind");
  net.forgotten = Forgetful::buffers;
  CHECK_THROWS_WITH(summary(net, {1, 2}), contains_text("Forgetful calls a BatchNorm1d that its members() does not name"));
  net.forgotten = Forgetful::tensor;
  CHECK_THROWS_AS(summary(net, {1, 2}), TypeError);
  CHECK_THROWS_WITH(summary(net, {1, 2}), contains_text("a tensor seems to be forgotten there"));
  net.forgotten = Forgetful::child;
  Sequential around{ReLU(), std::move(net)};
  CHECK_THROWS_WITH(summary(around, {1, 2}), contains_text("Forgetful calls a Linear"));
}

TEST_CASE("summary: takes neither memory nor time, however large the network's input") {
  Sequential net(Conv2d(3, 512, {.kernel = 3, .padding = 1}), ReLU(), Conv2d(512, 512, {.kernel = 3, .padding = 1}), ReLU(), MaxPool2d(2),
                 Conv2d(512, 512, {.kernel = 3, .padding = 1}), AdaptiveAvgPool2d(1), Flatten(), Linear(512, 10));
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const auto start = std::chrono::steady_clock::now();
  const Summary s = summary(net, {256, 3, 224, 224});
  const auto took = std::chrono::steady_clock::now() - start;
  getrusage(RUSAGE_SELF, &after);
  CHECK(s.activation_bytes > std::uint64_t{100} << 30);
  CHECK(s.rows[3].flops == std::uint64_t{2} * 256 * 224 * 224 * 512 * 512 * 9);
  CHECK(after.ru_maxrss - before.ru_maxrss < 8 * 1024);  // KiB
  CHECK(took < std::chrono::milliseconds(500));
}

TEST_CASE("summary: prints a table") {
  Sequential net(Conv2d(1, 2, {.kernel = 3}), Flatten(), Linear(2 * 6 * 6, 1000));
  freeze(net[0]);
  CHECK("\n" + to_string(summary(net, {1, 1, 8, 8})) == R"(
------------------------------------------------
Layer          Output shape  Parameters    FLOPs
------------------------------------------------
Sequential     [1, 1000]         73,020  145,296
  Conv2d (0)   [1, 2, 6, 6]          20    1,296
  Flatten (1)  [1, 72]                -        -
  Linear (2)   [1, 1000]         73,000  144,000
------------------------------------------------
Input [1, 1, 8, 8]
Parameters 73,020, trainable 73,000 (0.28 MiB)
Forward pass 145,296 FLOPs, activations 0.00 MiB
------------------------------------------------
)");
}
