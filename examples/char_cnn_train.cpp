// SPDX-License-Identifier: MIT
// Which language is this word? Trains the character CNN of Kim et al. (2016) to tell. `char_cnn_train --help` explains the options;
// `bash examples/run_text` installs word lists, builds and starts it.
//
// The heart is Run::train_epoch: words of about one length make a batch; then forward, loss, backward, step. Afterwards --predict asks the
// network about words, and --explain shows which n-grams its filters have come to look for.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>

#include "common/confusion.hpp"
#include "common/filter_explanation.hpp"
#include "common/recipe_command.hpp"
#include "common/run_directory.hpp"
#include "common/svg_plot.hpp"
#include "common/training_run.hpp"
#include "common/word_data.hpp"

namespace fs = std::filesystem;

namespace tapestry::examples {

/// What the user asks of the program.
struct Options : WordSource {
  // What decides the result, beside the words.
  Index epochs = 5, batch_size = 128, max_characters = 40;
  double lr = 0.001, dropout = 0.5;
  std::string model = "small";
  std::vector<Index> filters;
  // What does not.
  std::string out, resume, write_split, predict, explain;
  std::vector<std::string> explained;
  bool progress = true;
  int threads = 0, top = 3;
};

struct Command : RecipeCommand {
  Options options;
  Command() : RecipeCommand("Trains the character CNN of Kim et al. (2016) to tell which language a word is, or any other label of a short text.", "char_cnn_train") {
    Options& o = options;
    app.add_option("--data", o.data, "file of text, tab, label a line (or text,label where it ends in .csv); a label is whatever the texts are to be sorted into");
    app.add_flag("--embedded", o.embedded, "instead: words of ten invented languages, drawn by a generator of syllables");
    app.add_option("--lists", o.lists, "folder of word lists, as Debian's packages wamerican, wngerman, wfrench... install them")->capture_default_str();
    decides("words", o.words, "words of each language; 0: all")->check(CLI::NonNegativeNumber);
    decides("model", o.model, "small (widths 1-6, 525 filters, one highway layer), large (widths 1-7, 1100 filters, two) or lecture (widths 2, 3, 4)")
        ->check(CLI::IsMember({"small", "large", "lecture"}));
    decides("filters", o.filters, "how many filters of each width, as 30,30,30 for lecture; default: the model's own");
    decides("epochs", o.epochs, "passes over the training words")->check(CLI::PositiveNumber);
    decides("batch-size", o.batch_size, "words a step")->check(CLI::PositiveNumber);
    decides("lr", o.lr, "learning rate of Adam")->check(CLI::PositiveNumber);
    decides("dropout", o.dropout, "how much of a word's vector is dropped in training")->check(CLI::Range(0.0, 1.0));
    decides("max-characters", o.max_characters, "longer texts are cut there, and counted")->check(CLI::PositiveNumber);
    decides("seed", o.seed, "of the choice of words, split, initial weights, order and dropout: the same seed gives the same network");
    app.add_option("--threads", o.threads, "threads that compute; 0: one a processor. The result does not depend on it")->check(CLI::Range(0, 4096))->capture_default_str();
    app.add_option("--out", o.out, "folder for metrics.csv, best.safetensors, last.safetensors, curves.svg and confusion.csv; default: a new folder runs/char_cnn-N");
    app.add_option("--resume", o.resume, "folder of an earlier run to go on with, bit for bit; its recipe is taken over, and only --epochs may differ");
    app.add_option("--write-split", o.write_split, "write train.tsv, valid.tsv and test.tsv into this folder and end");
    app.add_option("--predict", o.predict, "folder of a run: reads words from standard input, one a line, and says what each is");
    app.add_option("--top", o.top, "with --predict: how many answers a word")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--explain", o.explain, "folder of a run: writes which n-grams excite each filter most (filters.tsv), and why the WORDS are what they are (explain-WORD.svg)");
    app.add_option("WORDS", o.explained, "words for --explain");
    app.add_flag("!--no-progress", o.progress, "one plain line an epoch instead of a progress bar");
    app.footer("Without --data or --embedded it reads the word lists of at least ten languages, and draws the embedded set where they are not installed.\n"
               "Ctrl-C saves the run where it is and says how to go on.");
  }
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text.append(text.empty() ? "" : "\t").append(name);
  return text;
}
std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const std::size_t end = std::min(text.find('\t', at), text.size());
    names.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return names;
}

CharCnnClassifier<> seeded_net(const Options& o, const Vocabulary& vocabulary, Index classes) {
  manual_seed(o.seed);
  return {vocabulary.size(), classes, char_cnn_options(o.model, o.filters), o.dropout};
}

class Run : public TrainingRun {
 public:
  Run(const Command& command, const WordChoice& choice, fs::path out)
      : Run(command, choice, split_texts(choice.data, command.options.seed), std::move(out)) {}

  void describe() {
    std::cout << net_;
    Index learned = 0, filters = 0;
    for (const auto& [name, parameter] : named_parameters(net_)) learned += parameter.numel();
    for (const auto& convolution : net_.encoder.convolutions) filters += convolution.weight.numel() + convolution.bias.numel();
    std::printf("\n%lld numbers are learned, %lld of them in the %lld filters\n%lld words to train, %lld to validate, %lld to test; %lld characters\n",
                static_cast<long long>(learned), static_cast<long long>(filters), static_cast<long long>(net_.encoder.features()),
                static_cast<long long>(train_.size()), static_cast<long long>(valid_.size()), static_cast<long long>(test_.size()),
                static_cast<long long>(vocabulary_.size()));
    if (report_.unknown + report_.cut > 0)
      std::printf("%lld characters of the validation and test words are unknown; %lld words are cut to %lld characters\n", static_cast<long long>(report_.unknown),
                  static_cast<long long>(report_.cut), static_cast<long long>(options_.max_characters));
  }

  /// The best epoch's network on the words that nothing was chosen by.
  void test() {
    load_state_dict(net_, without_vocabulary(load_safetensors(file("best.safetensors").string()).tensors));
    ConfusionMatrix confusion(classes_);
    const Evaluation result = evaluate(test_, "test", &confusion);
    progress().clear();
    if (interrupted) return;
    std::printf("Test: loss %.4f, %lld of %lld right (%.2f%%)\n\n%s\n", result.loss, static_cast<long long>(result.right), static_cast<long long>(result.images),
                100 * result.accuracy(), confusion.to_table().c_str());
    AtomicFile csv(file("confusion.csv").string());
    csv.write(confusion.to_csv());
    csv.commit();
  }

  static NamedTensors without_vocabulary(NamedTensors tensors) {
    std::erase_if(tensors, [](const auto& tensor) { return tensor.first.starts_with("vocabulary."); });
    return tensors;
  }

 private:
  Run(const Command& command, const WordChoice& choice, const TextSplit& split, fs::path out)
      : TrainingRun({.out = std::move(out), .epochs = command.options.epochs, .progress = command.options.progress, .header = word_metrics_header}),
        command_(command),
        options_(command.options),
        data_kind_(choice.kind),
        data_fingerprint_(message(fingerprint(choice.data))),
        classes_(choice.data.classes),
        vocabulary_(Vocabulary::build(split.train.texts)),
        train_(split.train, vocabulary_, options_.max_characters, report_),
        valid_(split.valid, vocabulary_, options_.max_characters, report_),
        test_(split.test, vocabulary_, options_.max_characters, report_),
        net_(seeded_net(options_, vocabulary_, static_cast<Index>(classes_.size()))),
        optimizer_(parameters<float>(net_), {.lr = options_.lr}) {
    if (train_.size() < 1 || valid_.size() < 1 || test_.size() < 1)
      throw ValueError(message("data: texts must be enough to train, validate and test, at least some dozens, got ", choice.data.texts.size()));
  }

  bool train_epoch() override {
    net_.train();
    const auto batches = batches_by_length(train_.lengths, {.batch_size = options_.batch_size, .shuffle = true, .seed = options_.seed, .epoch = epoch()});
    progress().begin(epoch_label(), train_.size(), "words", words_);
    while (batch_ < static_cast<Index>(batches.size())) {
      const std::vector<Index>& which = batches[static_cast<std::size_t>(batch_)];
      const WordBatch words = train_.batch(which);
      Tape tape;
      const Tensor<> loss = cross_entropy(net_(words.characters, words.lengths), train_.labels_of(which));
      optimizer_.zero_grad();
      tape.backward(loss);
      optimizer_.step();
      const Index count = static_cast<Index>(which.size());
      loss_sum_ += static_cast<double>(loss.item()) * static_cast<double>(count);
      words_ += count;
      ++batch_;
      progress().update(words_, loss_sum_ / static_cast<double>(words_));
      if (interrupted) return false;
    }
    return true;
  }

  Evaluation validate() override { return evaluate(valid_, "validation"); }
  Evaluation evaluate(const EncodedTexts& part, const char* name, ConfusionMatrix* confusion = nullptr) {
    net_.eval();
    Evaluation result;
    progress().begin(name, part.size(), "words");
    for (const auto& which : batches_by_length(part.lengths, {.batch_size = 256})) {
      const WordBatch words = part.batch(which);
      const Tensor<> logits = net_(words.characters, words.lengths);
      const Tensor<Index> labels = part.labels_of(which);
      result.loss += static_cast<double>(cross_entropy(logits, labels, {.reduction = Reduction::sum}).item());
      const std::vector<Index> truth = labels.to_vector(), guess = predictions(logits);
      for (std::size_t i = 0; i < truth.size(); ++i) {
        result.right += truth[i] == guess[i];
        if (confusion) confusion->add(truth[i], guess[i]);
      }
      result.images += static_cast<Index>(which.size());
      progress().update(result.images);
      if (interrupted) break;
    }
    result.loss /= static_cast<double>(result.images);
    return result;
  }

  void next_epoch() override { batch_ = words_ = 0; }
  Index seen() const override { return words_; }
  std::string place() const override { return message(batch_, " batches"); }

  Metadata metadata(std::string format) const {
    Metadata metadata = command_.recipe();
    metadata.emplace_back("format", std::move(format));
    metadata.emplace_back("architecture", "char_cnn_classifier");
    metadata.emplace_back("data", data_kind_);
    metadata.emplace_back("data_fingerprint", data_fingerprint_);
    metadata.emplace_back("classes", joined(classes_));
    return metadata;
  }

  Checkpoint state() override {
    Checkpoint checkpoint;
    checkpoint.metadata = metadata("tapestry training state 1");
    checkpoint.add("model", state_dict(net_));
    checkpoint.add("vocabulary", vocabulary_.state());
    checkpoint.add("optimizer", optimizer_.state());
    return checkpoint;
  }
  void load(const Checkpoint& checkpoint) override {
    if (find(checkpoint.metadata, "data_fingerprint") != data_fingerprint_) throw ValueError("--resume: the words are not those that the run was trained on");
    load_state_dict(net_, checkpoint.part("model"));
    optimizer_.load_state(checkpoint.part("optimizer"));
  }
  NamedTensors position() const override { return {{"batch", whole(batch_)}, {"words", whole(words_)}}; }
  void load_position(const NamedTensors& position) override {
    batch_ = number<Index>(position, "batch");
    words_ = number<Index>(position, "words");
  }
  /// best.safetensors: the network and its vocabulary, for --predict and --explain.
  void save_best() override {
    NamedTensors tensors = state_dict(net_);
    for (const auto& [name, tensor] : vocabulary_.state()) tensors.emplace_back("vocabulary." + name, tensor);
    save_safetensors(file("best.safetensors").string(), tensors, metadata("tapestry model 1"));
  }
  void report(const std::vector<MetricsRow>& rows, bool best) override {
    write_curves(file("curves.svg"), message("char_cnn ", options_.model), rows);
    const MetricsRow& row = rows.back();
    char line[200];
    std::snprintf(line, sizeof line, "epoch %lld/%lld  train loss %.4f  valid loss %.4f  valid accuracy %.4f  %.0f words/s  %s%s", static_cast<long long>(row.epoch),
                  static_cast<long long>(epochs()), row.train_loss, row.valid_loss, row.valid_accuracy, row.images_per_second,
                  format_duration(row.seconds).c_str(), best ? "  best loss" : "");
    progress().finish(line);
  }

  const Command& command_;
  Options options_;
  std::string data_kind_, data_fingerprint_;
  std::vector<std::string> classes_;
  Vocabulary vocabulary_;
  EncodeReport report_;
  EncodedTexts train_, valid_, test_;
  CharCnnClassifier<> net_;
  Adam<> optimizer_;
  Index batch_ = 0, words_ = 0;  // of the epoch in progress
};

/// A trained network, ready to be asked.
struct SavedClassifier {
  CharCnnClassifier<> net;
  Vocabulary vocabulary;
  std::vector<std::string> classes;
};

/// Reads best.safetensors; the recipe goes into the command's options.
SavedClassifier load_classifier(Command& command, const fs::path& folder) {
  const Checkpoint checkpoint = Checkpoint::load((fs::is_directory(folder) ? folder / "best.safetensors" : folder).string());
  if (find(checkpoint.metadata, "architecture") != "char_cnn_classifier" || find(checkpoint.metadata, "format") != "tapestry model 1")
    throw ValueError(message(folder.string(), ": expects the best.safetensors of a run of char_cnn_train"));
  command.adopt(checkpoint.metadata);
  Vocabulary vocabulary;
  vocabulary.load_state(checkpoint.part("vocabulary"));
  std::vector<std::string> classes = split_names(find(checkpoint.metadata, "classes"));
  CharCnnClassifier<> net = seeded_net(command.options, vocabulary, static_cast<Index>(classes.size()));
  load_state_dict(net, Run::without_vocabulary(checkpoint.tensors()));
  net.eval();
  return {std::move(net), std::move(vocabulary), std::move(classes)};
}

/// Says what each line of standard input is.
int predict(Command& command) {
  SavedClassifier saved = load_classifier(command, command.options.predict);
  EncodeReport report;
  Index number = 0, empty = 0;
  for (std::string line; std::getline(std::cin, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) {
      ++empty;
      std::fprintf(stderr, "line %lld is empty and passed over\n", static_cast<long long>(number));
      continue;
    }
    const WordBatch one = pad_words({saved.vocabulary.encode(line, {.max_characters = command.options.max_characters, .report = &report})});
    const std::vector<float> p = softmax(saved.net(one.characters, one.lengths), 1).to_vector();
    std::vector<std::size_t> order(p.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
    std::printf("%s", line.c_str());
    for (std::size_t i = 0; i < order.size() && i < static_cast<std::size_t>(command.options.top); ++i)
      std::printf("\t%s %.1f%%", saved.classes[order[i]].c_str(), 100 * static_cast<double>(p[order[i]]));
    std::printf("\n");
    std::fflush(stdout);
  }
  if (report.invalid + report.unknown + report.cut > 0)
    std::fprintf(stderr, "%lld pieces were no UTF-8, %lld characters are unknown to the network, %lld words were cut to %lld characters\n",
                 static_cast<long long>(report.invalid), static_cast<long long>(report.unknown), static_cast<long long>(report.cut),
                 static_cast<long long>(command.options.max_characters));
  return number > empty ? 0 : 1;
}

/// Shows what the filters have learned, and why words are what the network takes them for.
int explain(Command& command) {
  const fs::path folder = fs::is_directory(command.options.explain) ? fs::path(command.options.explain) : fs::path(command.options.explain).parent_path();
  const std::vector<std::string> wanted = command.options.explained;
  SavedClassifier saved = load_classifier(command, command.options.explain);
  const Checkpoint checkpoint = Checkpoint::load((folder / "best.safetensors").string());
  const WordChoice choice = choose_words(command.options, find(checkpoint.metadata, "data"));
  EncodeReport report;
  LabelledTexts learned = split_texts(choice.data, command.options.seed).train;
  constexpr std::size_t most = 20000;  // enough to meet every n-gram that is not rare
  std::printf("Looking at %s\n", choice.description.c_str());
  if (learned.texts.size() > most) {  // evenly from all classes: they follow one another
    LabelledTexts some;
    for (std::size_t i = 0; i < most; ++i) {
      some.texts.push_back(learned.texts[i * learned.texts.size() / most]);
      some.labels.push_back(learned.labels[i * learned.texts.size() / most]);
    }
    learned = std::move(some);
  }
  const EncodedTexts words(learned, saved.vocabulary, command.options.max_characters, report);
  const std::vector<FilterName> names = filters_of(saved.net.encoder);
  const auto exciting = most_exciting(saved.net.encoder, saved.vocabulary, words.words, 5);

  std::string table = "width\tfilter\tn-gram\tscore\n";
  for (std::size_t f = 0; f < names.size(); ++f)
    for (const Excitement& e : exciting[f]) table += message(names[f].width, '\t', names[f].number, '\t', e.ngram, '\t', e.score, '\n');
  AtomicFile file((folder / "filters.tsv").string());
  file.write(table);
  file.commit();

  std::printf("The n-grams that excite each filter most, with the score before tanh (^ begin, $ end of word); all %zu filters are in %s\n", names.size(),
              (folder / "filters.tsv").c_str());
  std::vector<std::size_t> shown;  // some of each width
  for (std::size_t f = 0; f < names.size(); ++f)
    if (names[f].number < 4) shown.push_back(f);
  for (const std::size_t f : shown) {
    std::printf("width %lld, filter %-3lld", static_cast<long long>(names[f].width), static_cast<long long>(names[f].number));
    for (const Excitement& e : exciting[f]) std::printf("  %s %.2f", e.ngram.c_str(), e.score);
    std::printf("\n");
  }
  for (const std::string& word : wanted) {
    const WordExplanation why = explain_word(saved.net, saved.vocabulary, saved.classes, saved.vocabulary.encode(word, {.max_characters = command.options.max_characters}));
    std::printf("\n%s is %s (%.1f%%); the filters that say so most, the n-gram that won each, its value and contribution:\n", word.c_str(), why.class_name.c_str(),
                100 * why.probability);
    for (std::size_t i = 0; i < std::min<std::size_t>(10, why.findings.size()); ++i) {
      const Finding& f = why.findings[i];
      const std::string blanks(10 - std::min<std::size_t>(10, decode_utf8(f.ngram).size()), ' ');
      std::printf("  width %lld, filter %-4lld %s%s %+.3f %+.3f\n", static_cast<long long>(names[f.filter].width), static_cast<long long>(names[f.filter].number),
                  f.ngram.c_str(), blanks.c_str(), f.value, f.contribution);
    }
    std::string name = word;  // of the file
    std::replace(name.begin(), name.end(), '/', '_');
    const fs::path path = folder / message("explain-", name, ".svg");
    AtomicFile picture(path.string());
    picture.write(explanation_svg(why, names, word));
    picture.commit();
    std::printf("  %s\n", path.c_str());
  }
  return 0;
}

int main(int argc, char** argv) {
  Command command;
  if (!command.parse(argc, argv)) return command.exit_code;
  Options& options = command.options;
  if (options.threads > 0) set_num_threads(options.threads);
  if (!options.predict.empty()) return predict(command);
  if (!options.explain.empty()) return explain(command);
  if (!options.explained.empty()) throw ValueError(message("WORDS: words are for --explain, got ", options.explained[0]));
  const std::optional<Checkpoint> checkpoint = checkpoint_to_resume(options.resume);
  if (checkpoint) {
    if (find(checkpoint->metadata, "architecture") != "char_cnn_classifier") throw ValueError(message("--resume: ", options.resume, " holds no run of char_cnn_train"));
    command.adopt(checkpoint->metadata);
  }
  const WordChoice choice = choose_words(options, checkpoint ? find(checkpoint->metadata, "data") : std::string_view());
  std::printf("Data: %s\n", choice.description.c_str());
  if (!options.write_split.empty()) {
    write_split(options.write_split, split_texts(choice.data, options.seed));
    return 0;
  }
  const fs::path out = run_directory(options.out, options.resume, "runs/char_cnn-");
  Run run(command, choice, out);
  run.describe();
  if (checkpoint) run.resume(*checkpoint, options.resume);
  if (!run.train(argv[0])) return 130;
  run.test();
  std::printf("Done. Ask the network what a word is, or what its filters look for:\n  echo WORD | %s --predict %s\n  %s --explain %s WORD\n", argv[0], out.c_str(),
              argv[0], out.c_str());
  return 0;
}

}  // namespace tapestry::examples

int main(int argc, char** argv) try {
  return tapestry::examples::main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "char_cnn_train: %s\n", error.what());
  return 1;
}
