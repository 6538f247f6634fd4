// SPDX-License-Identifier: MIT
#include "golden.hpp"
#include "tapestry/models/char_cnn.hpp"
#include "tapestry/nn/state_dict.hpp"
#include "tapestry/ops/cross_entropy.hpp"
#include "tapestry/optim/adam.hpp"
#include "tapestry/optim/clip.hpp"
#include "tapestry/optim/sgd.hpp"

using namespace tapestry;

namespace {

constexpr double rounding = 1e-9;
const CharCnnOptions narrow_options{.widths = {1, 2, 3, 6}, .filters = {3, 4, 5, 3}, .embedding_dim = 5, .highway_layers = 2};

void begin(test::Golden& golden, const std::string& name, Module& net, Device device) {
  for (const auto& [key, value] : state_dict(net)) assign(value, golden.get(name, "initial." + key));
  net.to(device);
}
void check_gradients(test::Golden& golden, const std::string& name, Module& net) {
  for (const auto& [key, parameter] : named_parameters(net)) {
    INFO("gradient of " << key);
    CHECK(test::difference(parameter.template as<double>().grad(), golden.get(name, "gradient." + key), rounding) == "");
  }
}
void check_end(test::Golden& golden, const std::string& name, Module& net) {
  for (const auto& [key, value] : state_dict(net)) {
    INFO("final " << key);
    CHECK(test::difference(value.template as<double>(), golden.get(name, "final." + key), rounding) == "");
  }
  CHECK(golden.unused(name) == std::vector<std::string>());
}

}  // namespace

TEST_CASE("ten steps of training the character CNN's classifier give PyTorch's losses, gradients and weights") {
  const std::string name = "classifier";
  for (const Device device : test::devices()) {
    INFO("on " << device.name());
    test::Golden golden("char_cnn");
    CharCnnClassifier<double> net(12, 4, narrow_options, 0.0);
    begin(golden, name, net, device);
    const auto words = golden.get<Index>(name, "words", device), labels = golden.get<Index>(name, "labels", device);
    const std::vector<Index> lengths = golden.get<Index>(name, "lengths").to_vector();
    const std::vector<double> losses = golden.get(name, "losses").to_vector();
    REQUIRE(losses.size() == 10);
    Adam<double> optimizer(parameters<double>(net), {.lr = 0.01});
    for (std::size_t step = 0; step < losses.size(); ++step) {
      INFO("step " << step);
      Tape tape;
      const auto logits = net(words, lengths), loss = cross_entropy(logits, labels);
      optimizer.zero_grad();
      tape.backward(loss);
      if (step == 0) {
        CHECK(test::difference(logits, golden.get(name, "logits"), rounding) == "");
        check_gradients(golden, name, net);
      }
      optimizer.step();
      CHECK(loss.item() == Approx(losses[step]).epsilon(rounding).margin(0));
    }
    check_end(golden, name, net);
  }
}

TEST_CASE("ten steps of training the character CNN's language model with carried state give PyTorch's losses, gradients and weights") {
  const std::string name = "language_model";
  for (const Device device : test::devices()) {
    INFO("on " << device.name());
    test::Golden golden("char_cnn");
    CharCnnLanguageModel<double> net(12, 7, narrow_options, {.hidden_size = 4, .dropout = 0});
    begin(golden, name, net, device);
    const auto words = golden.get<Index>(name, "words", device), text = golden.get<Index>(name, "text", device);
    const std::vector<Index> lengths = golden.get<Index>(name, "lengths").to_vector();
    const std::vector<double> losses = golden.get(name, "losses").to_vector(), norms = golden.get(name, "norms").to_vector();
    REQUIRE(losses.size() == 10);
    SGD<double> optimizer(parameters<double>(net), {.lr = 1.0});
    std::optional<LSTMState<double>> state;
    for (std::size_t step = 0; step < losses.size(); ++step) {
      INFO("step " << step);
      const Index at = 3 * static_cast<Index>(step);
      Tape tape;
      const auto y = net(words, lengths, slice(text, 0, {at, at + 3}), state);
      const auto loss = cross_entropy(reshape(y.scores, {6, 7}), reshape(slice(text, 0, {at + 1, at + 4}), {6}));
      optimizer.zero_grad();
      tape.backward(loss);
      if (step == 1) {
        CHECK(test::difference(y.scores, golden.get(name, "scores"), rounding) == "");
        check_gradients(golden, name, net);
      }
      CHECK(static_cast<double>(clip_grad_norm(parameters<double>(net), 0.5)) == Approx(norms[step]).epsilon(rounding));
      optimizer.step();
      state = y.state.detach();
      CHECK(loss.item() == Approx(losses[step]).epsilon(rounding).margin(0));
    }
    CHECK(test::difference(state->h, golden.get(name, "h"), rounding) == "");
    CHECK(test::difference(state->c, golden.get(name, "c"), rounding) == "");
    check_end(golden, name, net);
  }
}
