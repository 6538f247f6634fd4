// SPDX-License-Identifier: MIT
// Which word comes next? Trains the character-aware language model of Kim et al. (2016) on any text, and compares it with what counting
// words and pairs of words predicts. `char_lm_train --help` explains the options; `bash examples/run_text char_lm_train` builds and starts it.
//
// The heart is Run::train_epoch: the text is read in pieces, many places of it side by side; the LSTM's state goes on from piece to piece,
// the gradients end at a piece's begin (truncated backpropagation through time).
#include <cstdio>
#include <iostream>

#include <tapestry/data/text/delimited_text.hpp>
#include <tapestry/models/char_cnn.hpp>
#include <tapestry/tapestry.hpp>

#include "common/interrupt.hpp"
#include "common/metrics_csv.hpp"
#include "common/progress.hpp"
#include "common/recipe_command.hpp"
#include "common/run_directory.hpp"
#include "common/svg_plot.hpp"
#include "common/word_text.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

/// What the user asks of the program. The defaults are the paper's small model.
struct Options {
  Index epochs = 20, batch_size = 20, steps = 35, hidden = 300, layers = 2, min_count = 2, max_characters = 40;
  double lr = 1, clip = 5, dropout = 0.5;
  std::string model = "small";
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
    decides("lr", o.lr, "learning rate of SGD; halved after an epoch that does not improve the validation perplexity by 1")->check(CLI::PositiveNumber);
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

class Run {
 public:
  Run(const Command& command, const std::vector<std::string>& texts, fs::path out)
      : command_(command), options_(command.options), out_(std::move(out)), text_(texts, options_.min_count, options_.max_characters),
        data_fingerprint_(fingerprint(text_)), train_(text_.train, options_.batch_size), valid_(streams_for_evaluation(text_.valid)),
        test_(streams_for_evaluation(text_.test)), net_(seeded_net(options_, text_)), lr_(options_.lr),
        optimizer_(parameters<float>(net_), {.lr = options_.lr}), progress_(options_.progress) {}

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

  /// Trains to the last epoch. Returns false if it was interrupted; the run is saved either way.
  bool train() {
    fs::create_directories(out_);
    MetricsCsv metrics = resumed_ ? MetricsCsv::resume(out_ / "metrics.csv", history_, language_model_metrics_header)
                                  : MetricsCsv::create(out_ / "metrics.csv", language_model_metrics_header);
    while (epoch() < options_.epochs) {
      const auto start = Progress::Clock::now();
      const Index before = step_;
      const bool finished = train_epoch();
      const double train_seconds = std::chrono::duration<double>(Progress::Clock::now() - start).count();
      const double valid_loss = finished ? evaluate(valid_, "validation") : 0;
      progress_.clear();
      if (interrupted) {
        save();
        return false;
      }
      MetricsRow row{epoch() + 1, loss_sum_ / static_cast<double>(train_.predicted()), valid_loss, std::exp(valid_loss),
                     static_cast<double>((step_ - before) * train_.batch()) / train_seconds, std::chrono::duration<double>(Progress::Clock::now() - start).count()};
      const bool best = history_.empty() || row.valid_loss < best_loss_;
      if (!history_.empty() && std::exp(history_.back().valid_loss) - row.valid_accuracy < 1) lr_ /= 2;
      optimizer_.set_lr(lr_);
      history_.push_back(row);
      if (best) best_loss_ = row.valid_loss;
      step_ = 0;
      loss_sum_ = 0;
      state_.reset();
      if (best) save_safetensors((out_ / "best.safetensors").string(), state_dict(net_), metadata("tapestry model 1"));
      save();
      metrics.append(row);
      char line[200];
      std::snprintf(line, sizeof line, "epoch %lld/%lld  train perplexity %.2f  valid perplexity %.2f  %.0f words/s  %s%s", static_cast<long long>(row.epoch),
                    static_cast<long long>(options_.epochs), std::exp(row.train_loss), row.valid_accuracy, row.images_per_second, format_duration(row.seconds).c_str(),
                    best ? "  best" : "");
      progress_.finish(line);
    }
    return true;
  }

  /// The best epoch's network on the words that nothing was chosen by, beside what counting predicts.
  void test() {
    load_state_dict(net_, load_safetensors((out_ / "best.safetensors").string()).tensors);
    const double loss = evaluate(test_, "test");
    progress_.clear();
    if (interrupted) return;
    report_baselines("Test", test_);
    std::printf("Test perplexity a word of the character-aware language model: %.2f\n", std::exp(loss));
  }

  /// Goes on where last.safetensors was written.
  void load(const Checkpoint& checkpoint) {
    if (find(checkpoint.metadata, "data_fingerprint") != data_fingerprint_) throw ValueError("--resume: the text is not the one that the run was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    optimizer_.load_state(checkpoint.part("optimizer"));
    const NamedTensors random = checkpoint.part("random"), state = checkpoint.part("progress");
    const auto whole = [](const NamedTensors& part, const char* name) { return entry(part, name).as<Index>().item(); };
    const auto real = [](const NamedTensors& part, const char* name) { return entry(part, name).as<double>().item(); };
    default_generator().set(static_cast<std::uint64_t>(whole(random, "seed")), static_cast<std::uint64_t>(whole(random, "position")));
    step_ = whole(state, "step");
    loss_sum_ = real(state, "loss_sum");
    best_loss_ = real(state, "best_loss");
    lr_ = real(state, "lr");
    optimizer_.set_lr(lr_);
    if (find(state, "h")) state_ = LSTMState<>{entry(state, "h").as<float>(), entry(state, "c").as<float>()};
    const std::vector<double> rows = entry(state, "history").as<double>().to_vector();
    for (std::size_t i = 0; i + 3 <= rows.size(); i += 3) history_.push_back({static_cast<Index>(i / 3) + 1, rows[i], rows[i + 1], rows[i + 2]});
    resumed_ = true;
  }

  Index epoch() const { return static_cast<Index>(history_.size()); }
  Index step() const { return step_; }

 private:
  /// As few streams as is not slow, since each begins without knowing what stood before.
  static TextStreams streams_for_evaluation(const std::vector<Index>& words) {
    return {words, std::clamp<Index>(static_cast<Index>(words.size()) / 5000, 1, 20)};
  }

  /// One pass over the training text, from where the last one stopped. Returns false if it was interrupted.
  bool train_epoch() {
    net_.train();
    progress_.begin(message("epoch ", epoch() + 1, "/", options_.epochs), train_.predicted(), "words", step_ * train_.batch());
    while (step_ < train_.steps()) {
      const Index end = std::min(step_ + options_.steps, train_.steps());
      const TextPiece piece = text_piece(train_, text_.inventory, step_, end);
      Tape tape;
      const auto y = net_(piece.words.characters, piece.words.lengths, piece.text, state_);
      const Tensor<> loss = cross_entropy(flatten(y.scores, 0, 1), piece.targets);
      optimizer_.zero_grad();
      tape.backward(loss);
      clip_grad_norm(parameters<float>(net_), options_.clip);
      optimizer_.step();
      state_ = y.state.detach();
      loss_sum_ += static_cast<double>(loss.item()) * static_cast<double>((end - step_) * train_.batch());
      step_ = end;
      progress_.update(step_ * train_.batch(), loss_sum_ / static_cast<double>(step_ * train_.batch()));
      if (interrupted) return false;
    }
    return true;
  }

  /// The mean loss a word.
  double evaluate(const TextStreams& streams, const char* name) {
    net_.eval();
    double sum = 0;
    std::optional<LSTMState<>> state;
    progress_.begin(name, streams.predicted(), "words");
    for (Index step = 0; step < streams.steps() && !interrupted; step += options_.steps) {
      const Index end = std::min(step + options_.steps, streams.steps());
      const TextPiece piece = text_piece(streams, text_.inventory, step, end);
      const auto y = net_(piece.words.characters, piece.words.lengths, piece.text, state);
      sum += static_cast<double>(cross_entropy(flatten(y.scores, 0, 1), piece.targets, {.reduction = Reduction::sum}).item());
      state = y.state;
      progress_.update(end * streams.batch());
    }
    return sum / static_cast<double>(streams.predicted());
  }

  void report_baselines(const char* part, const TextStreams& streams) const {
    const auto [unigram, bigram] = NgramBaseline(text_.train, text_.inventory).perplexity(streams);
    std::printf("%s perplexity a word by counting words: %.2f, by counting pairs: %.2f\n", part, unigram, bigram);
  }

  Metadata metadata(std::string format) const {
    Metadata metadata = command_.recipe();
    metadata.emplace_back("format", std::move(format));
    metadata.emplace_back("architecture", "char_cnn_language_model");
    metadata.emplace_back("data_fingerprint", data_fingerprint_);
    return metadata;
  }
  /// last.safetensors: all that decides how the run goes on, and nothing else, so that a resumed run writes the same bytes.
  void save() {
    const auto whole = [](Index value) { return Tensor<Index>(Shape{}).fill(value); };
    const auto real = [](double value) { return Tensor<double>(Shape{}).fill(value); };
    Tensor<double> history({epoch(), 3});
    for (Index i = 0; i < epoch(); ++i) {
      const MetricsRow& row = history_[static_cast<std::size_t>(i)];
      history.set({i, 0}, row.train_loss);
      history.set({i, 1}, row.valid_loss);
      history.set({i, 2}, row.valid_accuracy);
    }
    Checkpoint checkpoint;
    checkpoint.metadata = metadata("tapestry training state 1");
    checkpoint.add("model", state_dict(net_));
    checkpoint.add("optimizer", optimizer_.state());
    checkpoint.add("random", {{"seed", whole(static_cast<Index>(default_generator().seed()))}, {"position", whole(static_cast<Index>(default_generator().position()))}});
    NamedTensors progress{{"step", whole(step_)}, {"loss_sum", real(loss_sum_)}, {"best_loss", real(best_loss_)}, {"lr", real(lr_)}, {"history", history}};
    if (state_) progress.insert(progress.end(), {{"h", state_->h}, {"c", state_->c}});
    checkpoint.add("progress", progress);
    checkpoint.save((out_ / "last.safetensors").string());
  }
  static const AnyTensor& entry(const NamedTensors& part, const char* name) {
    if (const AnyTensor* found = find(part, name)) return *found;
    throw ValueError(message("--resume: the checkpoint has no entry ", name));
  }

  const Command& command_;
  Options options_;
  fs::path out_;
  WordText text_;
  std::string data_fingerprint_;
  TextStreams train_, valid_, test_;
  CharCnnLanguageModel<> net_;
  double lr_;
  SGD<> optimizer_;
  Progress progress_;

  std::vector<MetricsRow> history_;    // of whole epochs; accuracy stands for perplexity
  std::optional<LSTMState<>> state_;   // of the epoch in progress: what the LSTM remembers
  Index step_ = 0;                     // likewise: how far every stream is read
  double loss_sum_ = 0;                // likewise
  double best_loss_ = std::numeric_limits<double>::infinity();
  bool resumed_ = false;
};

int main(int argc, char** argv) {
  Command command;
  if (!command.parse(argc, argv)) return command.exit_code;
  Options& options = command.options;
  std::optional<Checkpoint> checkpoint;
  if (!options.resume.empty()) {
    checkpoint = Checkpoint::load((fs::path(options.resume) / "last.safetensors").string());
    if (find(checkpoint->metadata, "architecture") != "char_cnn_language_model") throw ValueError(message("--resume: ", options.resume, " holds no run of char_lm_train"));
    command.adopt(checkpoint->metadata);
  }
  if (options.threads > 0) set_num_threads(options.threads);
  const fs::path out = run_directory(options.out, options.resume, "runs/char_lm-");
  Run run(command, read_texts(options), out);
  run.describe();
  if (checkpoint) {
    run.load(*checkpoint);
    std::printf("Resuming after %lld epochs and %lld words of each stream\n", static_cast<long long>(run.epoch()), static_cast<long long>(run.step()));
    if (const fs::path best = fs::path(options.resume) / "best.safetensors"; fs::exists(best) && !fs::exists(out / "best.safetensors")) {
      fs::create_directories(out);
      fs::copy_file(best, out / "best.safetensors");
    }
  }
  std::printf("Results go to %s\n", out.c_str());
  std::fflush(stdout);
  watch_for_interrupt();
  if (!run.train()) {
    std::printf("Interrupted after %lld whole epochs; saved. Go on with:\n  %s --resume %s\n", static_cast<long long>(run.epoch()), argv[0], out.c_str());
    return 130;
  }
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
