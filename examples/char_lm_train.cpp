// SPDX-License-Identifier: MIT
// Which word comes next? Trains the character-aware language model of Kim et al. (2016) on any text, and compares it with what counting
// words and pairs of words predicts. `char_lm_train --help` explains the options; `bash examples/run_text char_lm_train` builds and starts it.
//
// The heart is Run::train_epoch: the text is read in pieces, many places of it side by side; the LSTM's state goes on from piece to piece,
// the gradients end at a piece's begin (truncated backpropagation through time).
#include <cstdio>
#include <iostream>
#include <variant>

#include <tapestry/data/text/delimited_text.hpp>
#include <tapestry/models/char_cnn.hpp>
#include <tapestry/tapestry.hpp>

#include "common/recipe_command.hpp"
#include "common/run_directory.hpp"
#include "common/training_run.hpp"
#include "common/word_text.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

/// What the user asks of the program. The defaults are the paper's small model, but learned by Adam: SGD, as in the paper, takes a text of a million words
/// to come far.
struct Options {
  Index epochs = 40, batch_size = 20, steps = 35, hidden = 300, layers = 2, min_count = 2, max_characters = 40;
  double lr = 0.002, clip = 5, dropout = 0.5;
  std::string model = "small", optimizer = "adam";
  std::uint64_t seed = 1;

  std::vector<std::string> data;
  std::string out, resume;
  bool progress = true;
  int threads = 0;
};

struct Command : RecipeCommand {
  Options options;
  Command() : RecipeCommand("Trains the character-aware language model of Kim et al. (2016) on any text.", "char_lm_train") {
    Options& o = options;
    app.add_option("--data", o.data, "text files; default: the licences in /usr/share/common-licenses, which every Debian machine has");
    decides("model", o.model, "character CNN: small, large or lecture")->check(CLI::IsMember({"small", "large", "lecture"}));
    decides("hidden", o.hidden, "size of the LSTM's states; the paper's large model has 650")->check(CLI::PositiveNumber);
    decides("layers", o.layers, "of the LSTM")->check(CLI::PositiveNumber);
    decides("epochs", o.epochs, "passes over the training text")->check(CLI::PositiveNumber);
    decides("batch-size", o.batch_size, "places of the text that are read side by side")->check(CLI::PositiveNumber);
    decides("steps", o.steps, "words that are read between two updates, and so how far gradients go back")->check(CLI::PositiveNumber);
    decides("optimizer", o.optimizer, "adam; or sgd, as in the paper, with --lr 1")->check(CLI::IsMember({"adam", "sgd"}));
    decides("lr", o.lr, "learning rate; halved after an epoch that does not improve the validation perplexity by 1")->check(CLI::PositiveNumber);
    decides("clip", o.clip, "largest norm of the gradients together")->check(CLI::PositiveNumber);
    decides("dropout", o.dropout, "between the LSTM's layers and before the scores")->check(CLI::Range(0.0, 1.0));
    decides("min-count", o.min_count, "a word that comes up less often in the training text is predicted as 'a rare word'")->check(CLI::PositiveNumber);
    decides("max-characters", o.max_characters, "longer words are cut there, and counted")->check(CLI::PositiveNumber);
    decides("seed", o.seed, "of initial weights and dropout: the same seed gives the same network");
    app.add_option("--threads", o.threads, "threads that compute; 0: one a processor. The result does not depend on it")->check(CLI::Range(0, 4096))->capture_default_str();
    app.add_option("--out", o.out, "folder for metrics.csv, best.safetensors and last.safetensors; default: a new folder runs/char_lm-N");
    app.add_option("--resume", o.resume, "folder of an earlier run to go on with, bit for bit; its recipe is taken over, and only --epochs may differ");
    app.add_flag("!--no-progress", o.progress, "one plain line an epoch instead of a progress bar");
    app.footer("Of each file the first eight tenths are trained on, the ninth chooses the epoch, the last is reported.\n"
               "Ctrl-C saves the run where it is and says how to go on.");
  }
};

/// The texts to read: those that are named, or the licences of this machine.
std::vector<std::string> read_texts(const Options& o) {
  std::vector<fs::path> paths(o.data.begin(), o.data.end());
  if (paths.empty() && fs::is_directory("/usr/share/common-licenses")) {
    for (const auto& entry : fs::directory_iterator("/usr/share/common-licenses"))
      if (entry.is_regular_file() && !entry.is_symlink()) paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
  }
  if (paths.empty()) throw ValueError("--data: name a text file, since /usr/share/common-licenses is not there");
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (const fs::path& path : paths) {
    texts.push_back(read_text(path.string()));
    if (words_and_marks(texts.back()).empty()) throw FileError(message(path.string(), ": expects a text, but there is no word"));
    bytes += texts.back().size();
  }
  std::printf("Data: %zu texts, %zu bytes, from %s\n", texts.size(), bytes, paths.size() == 1 ? paths[0].c_str() : paths[0].parent_path().c_str());
  return texts;
}

std::string fingerprint(const WordText& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto* part : {&text.train, &text.valid, &text.test})
    for (const Index word : *part)
      for (const Index id : text.inventory.spelled[static_cast<std::size_t>(word)]) hash = (hash ^ static_cast<std::uint64_t>(id)) * 0x100000001b3u;
  return message(hash);
}

CharCnnLanguageModel<> seeded_net(const Options& o, const WordText& text) {
  manual_seed(o.seed);
  CharCnnLanguageModel<> net(text.vocabulary.size(), text.inventory.classes, char_cnn_options(o.model),
                             {.hidden_size = o.hidden, .num_layers = o.layers, .dropout = o.dropout});
  for (const auto& [name, parameter] : named_parameters(net))  // the paper's: all within 0.05, but gates begin by passing their input on
    if (!name.ends_with("gate.bias")) init::uniform(parameter.as<float>(), -0.05, 0.05);
  const Tensor<>& characters = net.encoder.characters.weight;
  for (Index i = 0; i < characters.dim(1); ++i) characters.set({Vocabulary::padding, i}, 0);
  return net;
}

using Optimizer = std::variant<Adam<>, SGD<>>;

Optimizer make_optimizer(const Options& o, Module& net) {
  if (o.optimizer == "sgd") return SGD<>(parameters<float>(net), {.lr = o.lr});
  return Adam<>(parameters<float>(net), {.lr = o.lr});
}

class Run : public TrainingRun {
 public:
  Run(const Command& command, const std::vector<std::string>& texts, fs::path out)
      : TrainingRun({.out = std::move(out), .epochs = command.options.epochs, .progress = command.options.progress, .header = language_model_metrics_header}),
        command_(command), options_(command.options), text_(texts, options_.min_count, options_.max_characters),
        data_fingerprint_(fingerprint(text_)), train_(text_.train, options_.batch_size), valid_(streams_for_evaluation(text_.valid)),
        test_(streams_for_evaluation(text_.test)), net_(seeded_net(options_, text_)), lr_(options_.lr),
        optimizer_(make_optimizer(options_, net_)) {}

  void describe() {
    std::cout << net_;
    Index learned = 0;
    for (const auto& [name, parameter] : named_parameters(net_)) learned += parameter.numel();
    std::printf("\n%lld numbers are learned\n%zu words to train, %zu to validate, %zu to test; %lld different ones that come up %lld times or more, all others are one; %lld characters\n",
                static_cast<long long>(learned), text_.train.size(), text_.valid.size(), text_.test.size(), static_cast<long long>(text_.inventory.classes - 1),
                static_cast<long long>(options_.min_count), static_cast<long long>(text_.vocabulary.size()));
    if (text_.report.invalid + text_.report.unknown + text_.report.cut > 0)
      std::printf("Of the different words, %lld pieces were no UTF-8, %lld characters are unknown, %lld words are cut to %lld characters\n",
                  static_cast<long long>(text_.report.invalid), static_cast<long long>(text_.report.unknown), static_cast<long long>(text_.report.cut),
                  static_cast<long long>(options_.max_characters));
    report_baselines("Validation", valid_);
  }

  /// The best epoch's network on the words that nothing was chosen by, beside what counting predicts.
  void test() {
    load_state_dict(net_, load_safetensors(file("best.safetensors").string()).tensors);
    const double loss = evaluate(test_, "test");
    progress().clear();
    if (interrupted) return;
    report_baselines("Test", test_);
    std::printf("Test perplexity a word of the character-aware language model: %.2f\n", std::exp(loss));
  }

 private:
  /// As few streams as is not slow, since each begins without knowing what stood before.
  static TextStreams streams_for_evaluation(const std::vector<Index>& words) {
    return {words, std::clamp<Index>(static_cast<Index>(words.size()) / 5000, 1, 20)};
  }

  bool train_epoch() override {
    net_.train();
    progress().begin(epoch_label(), train_.predicted(), "words", step_ * train_.batch());
    while (step_ < train_.steps()) {
      const Index end = std::min(step_ + options_.steps, train_.steps());
      const TextPiece piece = text_piece(train_, text_.inventory, step_, end);
      Tape tape;
      const auto y = net_(piece.words.characters, piece.words.lengths, piece.text, state_);
      const Tensor<> loss = cross_entropy(flatten(y.scores, 0, 1), piece.targets);
      std::visit([](auto& optimizer) { optimizer.zero_grad(); }, optimizer_);
      tape.backward(loss);
      clip_grad_norm(parameters<float>(net_), options_.clip);
      std::visit([](auto& optimizer) { optimizer.step(); }, optimizer_);
      state_ = y.state.detach();
      loss_sum_ += static_cast<double>(loss.item()) * static_cast<double>((end - step_) * train_.batch());
      step_ = end;
      progress().update(step_ * train_.batch(), loss_sum_ / static_cast<double>(step_ * train_.batch()));
      if (interrupted) return false;
    }
    return true;
  }

  Evaluation validate() override { return {evaluate(valid_, "validation")}; }
  double quality(const Evaluation& result) const override { return std::exp(result.loss); }  // perplexity
  /// The mean loss a word.
  double evaluate(const TextStreams& streams, const char* name) {
    net_.eval();
    double sum = 0;
    std::optional<LSTMState<>> state;
    progress().begin(name, streams.predicted(), "words");
    for (Index step = 0; step < streams.steps() && !interrupted; step += options_.steps) {
      const Index end = std::min(step + options_.steps, streams.steps());
      const TextPiece piece = text_piece(streams, text_.inventory, step, end);
      const auto y = net_(piece.words.characters, piece.words.lengths, piece.text, state);
      sum += static_cast<double>(cross_entropy(flatten(y.scores, 0, 1), piece.targets, {.reduction = Reduction::sum}).item());
      state = y.state;
      progress().update(end * streams.batch());
    }
    return sum / static_cast<double>(streams.predicted());
  }

  void report_baselines(const char* part, const TextStreams& streams) const {
    const auto [unigram, bigram] = NgramBaseline(text_.train, text_.inventory).perplexity(streams);
    std::printf("%s perplexity a word by counting words: %.2f, by counting pairs: %.2f\n", part, unigram, bigram);
  }

  void next_epoch() override {
    const std::size_t n = history_.size();
    if (n > 1 && history_[n - 2].valid_accuracy - history_[n - 1].valid_accuracy < 1) lr_ /= 2;
    std::visit([this](auto& optimizer) { optimizer.set_lr(lr_); }, optimizer_);
    step_ = 0;
    state_.reset();
  }
  Index seen() const override { return step_ * train_.batch(); }
  std::string place() const override { return message(step_, " words of each stream"); }

  Metadata metadata(std::string format) const {
    Metadata metadata = command_.recipe();
    metadata.emplace_back("format", std::move(format));
    metadata.emplace_back("architecture", "char_cnn_language_model");
    metadata.emplace_back("data_fingerprint", data_fingerprint_);
    return metadata;
  }
  Checkpoint state() override {
    Checkpoint checkpoint;
    checkpoint.metadata = metadata("tapestry training state 1");
    checkpoint.add("model", state_dict(net_));
    checkpoint.add("optimizer", std::visit([](auto& optimizer) { return optimizer.state(); }, optimizer_));
    return checkpoint;
  }
  void load(const Checkpoint& checkpoint) override {
    if (find(checkpoint.metadata, "data_fingerprint") != data_fingerprint_) throw ValueError("--resume: the text is not the one that the run was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    std::visit([&](auto& optimizer) { optimizer.load_state(checkpoint.part("optimizer")); }, optimizer_);
  }
  NamedTensors position() const override {
    NamedTensors position{{"step", whole(step_)}, {"lr", real(lr_)}};
    if (state_) position.insert(position.end(), {{"h", state_->h}, {"c", state_->c}});
    return position;
  }
  void load_position(const NamedTensors& position) override {
    step_ = number<Index>(position, "step");
    lr_ = number<double>(position, "lr");
    std::visit([this](auto& optimizer) { optimizer.set_lr(lr_); }, optimizer_);
    if (find(position, "h")) state_ = LSTMState<>{entry(position, "h").as<float>(), entry(position, "c").as<float>()};
  }
  void save_best() override { save_safetensors(file("best.safetensors").string(), state_dict(net_), metadata("tapestry model 1")); }
  void report(const std::vector<MetricsRow>& rows, bool best) override {
    const MetricsRow& row = rows.back();
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train perplexity %.2f  valid perplexity %.2f  %.0f words/s  %s%s", static_cast<long long>(row.epoch),
                  static_cast<long long>(epochs()), std::exp(row.train_loss), row.valid_accuracy, row.images_per_second, format_duration(row.seconds).c_str(),
                  best ? "  best" : "");
    progress().finish(line);
  }

  const Command& command_;
  Options options_;
  WordText text_;
  std::string data_fingerprint_;
  TextStreams train_, valid_, test_;
  CharCnnLanguageModel<> net_;
  double lr_;
  Optimizer optimizer_;
  std::optional<LSTMState<>> state_;  // of the epoch in progress: what the LSTM remembers
  Index step_ = 0;                    // likewise: how far every stream is read
};

int main(int argc, char** argv) {
  Command command;
  if (!command.parse(argc, argv)) return command.exit_code;
  Options& options = command.options;
  const std::optional<Checkpoint> checkpoint = checkpoint_to_resume(options.resume);
  if (checkpoint) {
    if (find(checkpoint->metadata, "architecture") != "char_cnn_language_model") throw ValueError(message("--resume: ", options.resume, " holds no run of char_lm_train"));
    command.adopt(checkpoint->metadata);
  }
  if (options.threads > 0) set_num_threads(options.threads);
  const fs::path out = run_directory(options.out, options.resume, "runs/char_lm-");
  Run run(command, read_texts(options), out);
  run.describe();
  if (checkpoint) run.resume(*checkpoint, options.resume);
  if (!run.train(argv[0])) return 130;
  run.test();
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "char_lm_train: %s\n", error.what());
  return 1;
}
