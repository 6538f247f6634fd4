// SPDX-License-Identifier: MIT
// Layers computed together: autograd/owed.hpp, as a user's modules meet it.
#include <cmath>
#include <thread>

#include "support/catch.hpp"
#include "support/counting_device.hpp"
#include "tapestry/tapestry.hpp"

using namespace tapestry;
using tapestry_test::counting_backend;
using tapestry_test::counting_device;

namespace {

/// A residual block as a user writes it, that knows nothing of fusion.
template <Floating T>
struct Block : Layer<T> {
  Conv2d<T> conv1{6, 6, {.kernel = 3, .padding = 1, .bias = false}}, conv2{6, 6, {.kernel = 3, .padding = 1}};
  BatchNorm2d<T> bn1{6}, bn2{6};
  Tensor<T> forward(const Tensor<T>& x) override {
    const auto y = relu(bn1(conv1(x)));
    return relu(bn2(conv2(y)) + x);
  }
  void members(const Members& visit) override {
    visit.child("conv1", conv1);
    visit.child("bn1", bn1);
    visit.child("conv2", conv2);
    visit.child("bn2", bn2);
  }
};

template <Floating T>
Sequential<T> network() {
  manual_seed(3);
  Sequential<T> net(Conv2d<T>(3, 6, {.kernel = 3, .stride = 2}), LeakyReLU<T>({.negative_slope = 0.1}), Block<T>(), MaxPool2d<T>(2), Flatten<T>(),
                    Linear<T>(6 * 3 * 3, 8), ReLU<T>(), Linear<T>(8, 4));
  for (auto& [name, tensor] : state_dict(net))
    if (name.find("running") != std::string::npos || name.find("bn") != std::string::npos)
      if (tensor.dtype() == dtype_of<T>()) tensor.template as<T>().copy_from(rand<T>(tensor.shape()) + 0.5);
  return net;
}

struct FusionOff {
  FusionOff() { set_fusion(false); }
  ~FusionOff() { set_fusion(true); }
};

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return largest;
}

}  // namespace

TEST_CASE("in evaluation a user's residual block makes no separate batch norm, activation, addition or pooling") {
  auto net = network<float>();
  net.eval();
  const auto x = randn({2, 3, 16, 16});
  const auto expected = [&] {
    const FusionOff off;
    return net(x).to_vector();
  }();
  net.to(counting_device());
  counting_backend().calls.clear();
  const auto y = net(to(x, counting_device()));
  CHECK(counting_backend().calls == std::map<std::string, int>{{"conv2d_staged", 2}, {"conv2d_pooled", 1}, {"linear_staged", 2}});
  CHECK(largest_difference(y.to_vector(), expected) < 1e-5);

  const FusionOff off;
  counting_backend().calls.clear();
  net(to(x, counting_device()));
  CHECK(counting_backend().calls["conv2d_staged"] == 0);
  CHECK(counting_backend().calls["normalize"] == 2);
  CHECK(counting_backend().calls["unary"] == 4);
}

TEMPLATE_TEST_CASE("a training step is the same with layers computed together or one by one", "", float, double) {
  using T = TestType;
  const auto step = [](Device device) {
    auto net = network<T>();
    net.to(device);
    const auto x = to(randn<T>({3, 3, 16, 16}), device).requires_grad(true);
    Tape tape;
    const auto loss = cross_entropy(net(x), to(zeros<Index>({3}), device));
    tape.backward(loss);
    std::vector<T> all{loss.item()};
    const auto add = [&](const AnyTensor& tensor) {
      const auto values = tensor.as<T>().to_vector();
      all.insert(all.end(), values.begin(), values.end());
    };
    add(x.grad());
    for (const auto& p : parameters<T>(net)) add(p.grad());
    for (const auto& [name, tensor] : state_dict(net))
      if (name.find("running") != std::string::npos) add(tensor);
    return all;
  };
  const auto together = step(cpu()), on_reference = step(reference());
  const FusionOff off;
  CHECK(largest_difference(together, step(cpu())) < (sizeof(T) == 4 ? 1e-5 : 1e-12));
  CHECK(largest_difference(on_reference, step(reference())) < (sizeof(T) == 4 ? 1e-5 : 1e-12));
  CHECK(largest_difference(together, on_reference) < (sizeof(T) == 4 ? 1e-3 : 1e-10));
}

TEST_CASE("a tensor in between that is read after all has its own values") {
  struct Peek : Layer<float> {
    Conv2d<> conv{2, 2, {.kernel = 1}};
    Tensor<> before, sum;
    float first = 0;
    Tensor<> forward(const Tensor<>& x) override {
      before = conv(x);          // kept beyond the call
      const auto y = relu(before);
      first = y.at(0, 0, 0, 0);  // read at once
      sum = y + before;
      return sum;
    }
    void members(const Members& visit) override { visit.child("conv", conv); }
  } peek;
  const auto x = randn({1, 2, 3, 3});
  const auto y = peek(x);
  const auto before = conv2d(x, peek.conv.weight, peek.conv.bias);
  CHECK(largest_difference(peek.before.to_vector(), before.to_vector()) == 0);
  CHECK(peek.first == relu(before).at(0, 0, 0, 0));
  CHECK(largest_difference(y.to_vector(), (relu(before) + before).to_vector()) < 1e-6);
}

TEST_CASE("a write to what an owed tensor depends on comes after it, in the module and behind it") {
  struct Writes : Layer<float> {
    Conv2d<> conv{1, 1, {.kernel = 1, .bias = false}};
    Tensor<> forward(const Tensor<>& x) override {
      const auto y = relu(conv(x));
      conv.weight.fill(-5);
      x.fill(100);
      return y;
    }
    void members(const Members& visit) override { visit.child("conv", conv); }
  } writes;
  writes.conv.weight.fill(2);
  const auto x = full({1, 1, 2, 2}, 3.f);
  CHECK(writes(x).to_vector() == std::vector<float>(4, 6.f));

  Conv2d<> conv(1, 1, {.kernel = 1, .bias = false});
  conv.weight.fill(2);
  const auto images = full({1, 1, 2, 2}, 3.f);
  const auto y = conv(images);
  images.fill(7);
  CHECK(y.to_vector() == std::vector<float>(4, 6.f));
}

TEST_CASE("an error in a module leaves what was owed readable") {
  struct Fails : Layer<float> {
    Conv2d<> conv{1, 1, {.kernel = 1, .bias = false}};
    Tensor<> kept;
    Tensor<> forward(const Tensor<>& x) override {
      kept = relu(conv(x));
      return conv(zeros({1, 2, 2, 2}));  // one channel too many
    }
    void members(const Members& visit) override { visit.child("conv", conv); }
  } fails;
  fails.conv.weight.fill(2);
  const auto x = full({1, 1, 2, 2}, 3.f);
  CHECK_THROWS_AS(fails(x), ShapeError);
  fails.conv.weight.fill(50);
  CHECK(fails.kept.to_vector() == std::vector<float>(4, 6.f));
}

TEST_CASE("two threads run one network") {
  auto net = network<float>();
  net.eval();
  const auto x = randn({2, 3, 16, 16});
  const auto expected = net(x).to_vector();
  std::vector<float> results[2];
  std::thread threads[2];
  for (int i = 0; i < 2; ++i)
    threads[i] = std::thread([&, i] {
      for (int round = 0; round < 20; ++round) results[i] = net(x).to_vector();
    });
  for (auto& thread : threads) thread.join();
  CHECK(results[0] == expected);
  CHECK(results[1] == expected);
}

TEST_CASE("head replacement, changed weights and train mode count at once") {
  auto net = network<float>();
  net.eval();
  const auto x = randn({2, 3, 16, 16});
  const auto before = net(x).to_vector();
  auto& conv = net.at<Conv2d<>>(0);
  float* pointer = conv.weight.mutable_data();
  net(x);
  pointer[0] += 1;  // by a pointer from before
  const auto after = net(x).to_vector();
  CHECK(after != before);
  const FusionOff off;
  CHECK(largest_difference(after, net(x).to_vector()) < 1e-5);
}

namespace {

/// Convolutions that are pooled: after an activation, before one, and without any.
template <Floating T>
Sequential<T> pooling_network() {
  manual_seed(8);
  return Sequential<T>(Conv2d<T>(3, 6, {.kernel = 3}), ReLU<T>(), MaxPool2d<T>(2), Conv2d<T>(6, 5, {.kernel = 3, .padding = 1}), MaxPool2d<T>(2), ReLU<T>(),
                       Conv2d<T>(5, 7, {.kernel = 3, .padding = 1}), LeakyReLU<T>({.negative_slope = 0.1}), MaxPool2d<T>(3, {.stride = 2, .padding = 1}),
                       Flatten<T>(), Linear<T>(28, 4));
}

template <Floating T>
std::vector<T> pooling_step(Device device) {
  auto net = pooling_network<T>();
  net.to(device);
  const auto x = to(randn<T>({3, 3, 17, 17}), device).requires_grad(true);
  Tape tape;
  const auto loss = cross_entropy(net(x), to(tensor<Index>({0, 3, 1}), device));
  tape.backward(loss);
  std::vector<T> all{loss.item()};
  const auto add = [&](const Tensor<T>& tensor) {
    const auto values = tensor.to_vector();
    all.insert(all.end(), values.begin(), values.end());
  };
  add(x.grad());
  for (const auto& p : parameters<T>(net)) add(p.grad());
  return all;
}

/// What a layer's output is needed for beside the pooling.
struct Branch : Layer<float> {
  Conv2d<> conv{2, 4, {.kernel = 3, .padding = 1}}, after{4, 4, {.kernel = 1}};
  bool before_pooling = false, keeps = false;
  Tensor<> kept;
  Tensor<> forward(const Tensor<>& x) override {
    const auto y = relu(conv(x));
    if (keeps) {
      kept = y;
      kept.retain_grad();
    }
    const auto skip = before_pooling ? mean(after(y), {2, 3}) : Tensor<>();
    const auto pooled = max_pool2d(y, 2);
    const auto deep = mean(after(pooled), {2, 3});
    return deep + (skip.defined() ? skip : mean(square(y), {2, 3}));
  }
  void members(const Members& visit) override {
    visit.child("conv", conv);
    visit.child("after", after);
  }
};

}  // namespace

TEST_CASE("in evaluation batch norm and activations behind a max pooling are part of the convolution before it") {
  manual_seed(6);
  Sequential<> net(Conv2d(2, 6, {.kernel = 3}), ReLU(), MaxPool2d(2), BatchNorm2d(6), LeakyReLU({.negative_slope = 0.2}), Conv2d(6, 5, {.kernel = 2}), MaxPool2d(2),
                   ReLU(), BatchNorm2d(5));
  for (auto& [name, tensor] : state_dict(net))
    if (name.starts_with("3.") || name.starts_with("8."))
      if (tensor.dtype() == DType::float32) tensor.as<float>().copy_from(rand(tensor.shape()) + 0.5);
  net.eval();
  const auto x = randn({2, 2, 13, 15});
  const auto expected = [&] {
    const FusionOff off;
    return net(x).to_vector();
  }();
  net.to(counting_device());
  counting_backend().calls.clear();
  const auto y = net(to(x, counting_device()));
  // A normalisation behind an activation goes over the numbers once more, as there is no place for it.
  CHECK(counting_backend().calls == std::map<std::string, int>{{"conv2d_pooled", 2}, {"normalize_staged", 1}});
  CHECK(largest_difference(y.to_vector(), expected) < 1e-5);
  net.to(reference());
  CHECK(largest_difference(net(to(x, reference())).to_vector(), expected) < 1e-5);
}

TEST_CASE("what is pooled, normalised and needed by itself has both values") {
  struct Keeps : Layer<float> {
    Conv2d<> conv{2, 4, {.kernel = 3}};
    BatchNorm2d<> bn{4};
    Tensor<> activated, pooled;
    bool keeps_activated = false;
    Tensor<> forward(const Tensor<>& x) override {
      auto y = relu(conv(x));
      if (keeps_activated) activated = y;
      pooled = max_pool2d(y, 2);
      return relu(bn(pooled));
    }
    void members(const Members& visit) override {
      visit.child("conv", conv);
      visit.child("bn", bn);
    }
  } keeps;
  keeps.bn.running_mean.copy_from(randn({4}));
  keeps.bn.running_var.copy_from(rand({4}) + 0.5);
  keeps.eval();
  const auto x = randn({3, 2, 9, 8});
  for (const bool keeps_activated : {false, true}) {
    keeps.keeps_activated = keeps_activated;
    const auto y = keeps(x);
    const auto pooled = max_pool2d(relu(conv2d(x, keeps.conv.weight, keeps.conv.bias)), 2);
    CHECK(largest_difference(keeps.pooled.to_vector(), pooled.to_vector()) < 1e-5);
    const auto normalized = batch_norm(pooled, keeps.bn.weight, keeps.bn.bias, keeps.bn.running_mean, keeps.bn.running_var);
    CHECK(largest_difference(y.to_vector(), relu(normalized).to_vector()) < 1e-5);
    Tape tape;  // weights that learn: batch norm behind the pooling is recorded and comes by itself
    CHECK(largest_difference(keeps(x).to_vector(), y.to_vector()) < 1e-5);
  }
  const auto y = keeps(x);  // a write to the statistics comes after what they were lent to
  const auto before = y.to_vector();
  Tensor<> late;
  struct Writes : Layer<float> {
    Keeps* inner;
    Tensor<> forward(const Tensor<>& x) override {
      auto y = (*inner)(x);
      inner->bn.running_mean.fill(100);
      return y;
    }
  } writes;
  writes.inner = &keeps;
  writes.eval();
  CHECK(largest_difference(writes(x).to_vector(), before) < 1e-6);
}

TEST_CASE("in training a convolution, its activation and max pooling are one call forward and one back") {
  auto net = pooling_network<float>();
  net.to(counting_device());
  const auto x = to(randn({3, 3, 17, 17}), counting_device());
  Tape tape;
  counting_backend().calls.clear();
  const auto loss = cross_entropy(net(x), to(zeros<Index>({3}), counting_device()));
  CHECK(counting_backend().calls["conv2d_pooled"] == 3);
  CHECK(counting_backend().calls["conv2d_staged"] == 0);
  CHECK(counting_backend().calls["max_pool2d_kept"] == 0);
  CHECK(counting_backend().calls["unary"] == 1);  // the activation behind a pooling
  counting_backend().calls.clear();
  tape.backward(loss);
  CHECK(counting_backend().calls["conv2d_pooled_backward"] == 3);
  CHECK(counting_backend().calls["conv2d_backward"] == 0);
  CHECK(counting_backend().calls["pooled_gradient"] == 0);
  CHECK(counting_backend().calls["unary_backward"] == 1);
  CHECK(counting_backend().calls["conv2d_pooled"] == 0);  // nothing is computed again
  CHECK(counting_backend().calls["conv2d_staged"] == 0);
}

TEMPLATE_TEST_CASE("pooled convolutions train as their layers one by one", "", float, double) {
  using T = TestType;
  const auto together = pooling_step<T>(cpu()), on_reference = pooling_step<T>(reference());
  const FusionOff off;
  CHECK(largest_difference(together, pooling_step<T>(cpu())) < (sizeof(T) == 4 ? 1e-5 : 1e-12));
  CHECK(largest_difference(on_reference, pooling_step<T>(reference())) < (sizeof(T) == 4 ? 1e-5 : 1e-12));
  CHECK(largest_difference(together, on_reference) < (sizeof(T) == 4 ? 1e-4 : 1e-12));
}

TEST_CASE("what is pooled and needed otherwise too has its values and its whole gradient") {
  for (const bool before_pooling : {false, true})
    for (const bool keeps : {false, true}) {
      INFO("before_pooling " << before_pooling << ", keeps " << keeps);
      manual_seed(4);
      Branch branch;
      branch.before_pooling = before_pooling, branch.keeps = keeps;
      const auto x = randn({2, 2, 6, 6}).requires_grad(true);
      const auto run = [&] {
        for (const auto& p : parameters<float>(branch)) p.drop_grad();
        x.drop_grad();
        Tape tape;
        const auto loss = sum(branch(x));
        tape.backward(loss);
        std::vector<float> all{loss.item()};
        const auto add = [&](const Tensor<>& tensor) {
          const auto values = tensor.to_vector();
          all.insert(all.end(), values.begin(), values.end());
        };
        add(x.grad());
        for (const auto& p : parameters<float>(branch)) add(p.grad());
        if (keeps) add(branch.kept), add(branch.kept.grad());
        return all;
      };
      const auto together = run();
      const FusionOff off;
      CHECK(largest_difference(together, run()) < 1e-5);
    }
}

TEST_CASE("the gradient of a sum that is pooled does not pass for that of one of its terms") {
  struct SumThenPool : Layer<float> {
    Conv2d<> conv{1, 4, {.kernel = 1}};
    Tensor<> forward(const Tensor<>& x) override { return max_pool2d(relu(conv(x)) + 3, 2); }
    void members(const Members& visit) override { visit.child("conv", conv); }
  } net;
  const auto x = randn({1, 1, 4, 4}).requires_grad(true);
  const auto run = [&] {
    x.drop_grad();
    Tape tape;
    tape.backward(sum(net(x)));
    return x.grad().to_vector();
  };
  const auto together = run();
  const FusionOff off;
  CHECK(together == run());
}

TEST_CASE("weights that are written to before what was kept for backward is read were read first") {
  auto conv = Conv2d<>(1, 4, {.kernel = 1, .bias = false});
  Sequential<> net(std::move(conv), ReLU<>());
  const auto x = full({1, 1, 2, 2}, 3.f);
  net.at<Conv2d<>>(0).weight.fill(2);
  Tape tape;
  const auto y = net(x), z = max_pool2d(y, 2);
  net.at<Conv2d<>>(0).weight.fill(-1);
  CHECK(y.to_vector() == std::vector<float>(16, 6.f));
  CHECK(z.to_vector() == std::vector<float>(4, 6.f));
}

TEST_CASE("a tape that ends without backward leaves nothing owed") {
  auto net = pooling_network<float>();
  const auto x = randn({1, 3, 17, 17});
  const Tensor<> weight = net.at<Conv2d<>>(0).weight;
  {
    Tape tape;
    net(x);
    CHECK(weight.body().storage->lent > 0);  // relu keeps its result for a backward that never comes
  }
  CHECK(weight.body().storage->lent == 0);
}

TEST_CASE("the bytes of prepared weights are those that are kept: made by the first call that does not learn, gone with the weights") {
  const std::size_t before = prepared_weight_bytes();
  {
    Conv2d conv(16, 24, {.kernel = 3, .padding = 1});
    const auto x = randn({2, 16, 12, 12});
    {
      const Tape tape;
      conv(x);
    }
    CHECK(prepared_weight_bytes() == before);  // its weights are learning
    freeze(conv);
    const ConvGeometry g = conv2d_geometry(x.shape(), conv.weight.shape(), {.padding = 1});
    const auto bytes = static_cast<std::size_t>(cpu_kernels::convolution_weight_form(g).size) * sizeof(float);
    REQUIRE(bytes > 0);
    for (int i = 0; i < 2; ++i) {
      conv(x);
      CHECK(prepared_weight_bytes() == before + bytes);
    }
    conv.weight.fill(1);
    conv(x);
    CHECK(prepared_weight_bytes() == before + bytes);
    Conv2d other(16, 24, {.kernel = 3, .padding = 1});
    freeze(other);
    other(x);
    CHECK(prepared_weight_bytes() == before + 2 * bytes);
  }
  CHECK(prepared_weight_bytes() == before);
}

namespace {

/// An inverted residual block as a user writes it.
struct Narrow : Layer<float> {
  Conv2d<> expand{6, 24, {.kernel = 1, .bias = false}}, filter{24, 24, {.kernel = 3, .padding = 1, .groups = 24}}, project{24, 6, {.kernel = 1}};
  BatchNorm2d<> bn1{24}, bn2{24}, bn3{6};
  bool keeps = false, reads = false, writes = false, branches = false;
  Tensor<> kept;
  Tensor<> forward(const Tensor<>& x) override {
    auto y = relu6(bn1(expand(x)));
    if (keeps) kept = y;
    if (reads) y.at(0, 0, 0, 0);
    auto z = relu6(bn2(filter(y)));
    if (writes) {
      y.fill(50);
      expand.weight.fill(0);
    }
    if (branches) return bn3(project(z)) + bn3(project(filter(y)));
    return bn3(project(z)) + x;
  }
  void members(const Members& visit) override {
    visit.child("expand", expand);
    visit.child("filter", filter);
    visit.child("project", project);
    visit.child("bn1", bn1);
    visit.child("bn2", bn2);
    visit.child("bn3", bn3);
  }
};

Narrow narrow() {
  manual_seed(12);
  Narrow block;
  for (BatchNorm2d<>* bn : {&block.bn1, &block.bn2, &block.bn3}) bn->running_mean.copy_from(rand(bn->running_mean.shape()));
  block.eval();
  return block;
}

}  // namespace

TEST_CASE("in evaluation a 1x1, a depthwise and a 1x1 convolution are one call") {
  auto block = narrow();
  const auto x = in_layout(randn({2, 6, 9, 10}), Layout::channels_last);
  const auto expected = [&] {
    const FusionOff off;
    return block(x).to_vector();
  }();
  block.to(counting_device());
  const auto images = to(x, counting_device());
  counting_backend().calls.clear();
  CHECK(largest_difference(block(images).to_vector(), expected) < 1e-5);
  CHECK(counting_backend().calls == std::map<std::string, int>{{"conv2d_chain", 1}});

  // What is learning or to be switched off goes its own way.
  {
    Tape tape;
    counting_backend().calls.clear();
    CHECK(largest_difference(block(images).to_vector(), expected) < 1e-5);
    CHECK(counting_backend().calls["conv2d_chain"] == 0);
  }
  const FusionOff off;
  counting_backend().calls.clear();
  block(images);
  CHECK(counting_backend().calls["conv2d_chain"] == 0);
}

TEST_CASE("convolutions in a row go together three at a time, and in pairs") {
  manual_seed(5);
  const auto filter = [] { return Conv2d<>(8, 8, {.kernel = 3, .padding = 1, .groups = 8}); };
  const auto point = [] { return Conv2d<>(8, 8, {.kernel = 1}); };
  Sequential<> net(filter(), point(), ReLU<>(), filter(), point(), ReLU<>(), point(), filter(), MaxPool2d<>(2));
  net.eval();
  const auto x = randn({1, 8, 8, 8});
  const auto expected = [&] {
    const FusionOff off;
    return net(x).to_vector();
  }();
  net.to(counting_device());
  counting_backend().calls.clear();
  CHECK(largest_difference(net(to(x, counting_device())).to_vector(), expected) < 1e-5);
  CHECK(counting_backend().calls == std::map<std::string, int>{{"conv2d_chain", 3}, {"max_pool2d_kept", 1}});
}

TEST_CASE("what lies between convolutions that are computed together, and is needed otherwise too, is computed once and has its values") {
  const auto x = in_layout(randn({1, 6, 7, 5}), Layout::channels_last);
  for (const bool keeps : {false, true})
    for (const bool reads : {false, true})
      for (const bool branches : {false, true})
        for (const bool writes : {false, true}) {
          INFO("keeps " << keeps << ", reads " << reads << ", branches " << branches << ", writes " << writes);
          const auto run = [&](Device device, Narrow& block) {
            block.keeps = keeps, block.reads = reads && !(device == counting_device()), block.branches = branches, block.writes = writes;
            const auto y = block(to(x, device));
            auto all = y.to_vector();
            const auto between = keeps ? block.kept.to_vector() : std::vector<float>();
            all.insert(all.end(), between.begin(), between.end());
            return all;
          };
          auto block = narrow();
          const auto together = run(cpu(), block);
          auto counted = narrow();
          counted.to(counting_device());
          counting_backend().calls.clear();
          CHECK(largest_difference(run(counting_device(), counted), together) < 1e-6);
          const auto calls = counting_backend().calls;
          const int all = (calls.contains("conv2d_chain") ? calls.at("conv2d_chain") : 0) + (calls.contains("conv2d_staged") ? calls.at("conv2d_staged") : 0);
          CHECK(all == (branches ? 3 + writes : writes ? 3 : keeps ? 2 : 1));
          const FusionOff off;
          auto plain = narrow();
          CHECK(largest_difference(together, run(cpu(), plain)) < 1e-5);
        }
}

TEST_CASE("a frozen block that is evaluated under a tape is computed together, and what follows has its gradients") {
  auto block = narrow();
  freeze(block);
  Conv2d<> head(6, 2, {.kernel = 1});
  const auto x = randn({1, 6, 6, 6});
  const auto run = [&] {
    head.weight.drop_grad();
    Tape tape;
    tape.backward(sum(square(head(block(x)))));
    return head.weight.grad().to_vector();
  };
  const auto together = run();
  const FusionOff off;
  CHECK(largest_difference(together, run()) < 1e-3);
}
