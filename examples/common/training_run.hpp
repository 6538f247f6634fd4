// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/tapestry.hpp>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "evaluation.hpp"
#include "history.hpp"
#include "interrupt.hpp"
#include "progress.hpp"

namespace tapestry::examples {

/// An entry of a checkpoint's part.
/// Throws   ValueError if it is not there.
inline const AnyTensor& entry(const NamedTensors& part, const char* name) {
  if (const AnyTensor* found = find(part, name)) return *found;
  throw ValueError(message("--resume: the checkpoint has no entry ", name));
}
template <Scalar N>
N number(const NamedTensors& part, const char* name) {
  return entry(part, name).as<N>().item();
}

/// A training that may be stopped at any moment and goes on as if it had not been: epoch after epoch, each with a row of metrics.csv;
/// best.safetensors where the validation loss is the least so far; last.safetensors after each epoch and after Ctrl-C. It holds all that decides
/// how the run goes on, and nothing else, so that a resumed run writes the same bytes.
///
/// A trainer derives from it and says what an epoch is, and what of it must be kept.
class TrainingRun {
 public:
  struct Setup {
    std::filesystem::path out;  ///< where its files go
    Index epochs = 1;
    bool progress = true;
    std::string_view header = metrics_header;  ///< of metrics.csv
    std::string to_go_on = {};                 ///< what to say besides --resume to go on, " --data FOLDER" for one
  };
  explicit TrainingRun(Setup setup) : setup_(std::move(setup)), progress_(setup_.progress) {}
  virtual ~TrainingRun() = default;

  /// Goes on where last.safetensors of folder `from` was written.
  void resume(const Checkpoint& checkpoint, const std::filesystem::path& from) {
    load(checkpoint);
    const NamedTensors random = checkpoint.part("random"), progress = checkpoint.part("progress");
    default_generator().set(static_cast<std::uint64_t>(number<Index>(random, "seed")), static_cast<std::uint64_t>(number<Index>(random, "position")));
    load_position(progress);
    loss_sum_ = number<double>(progress, "loss_sum");
    best_loss_ = number<double>(progress, "best_loss");
    history_ = history_rows(entry(progress, "history").as<double>());
    resumed_ = true;
    std::printf("Resuming after %lld epochs and %s\n", static_cast<long long>(epoch()), place().c_str());
    const std::filesystem::path best = from / "best.safetensors", own = setup_.out / "best.safetensors";
    if (!std::filesystem::exists(best) || std::filesystem::exists(own)) return;
    std::filesystem::create_directories(setup_.out);
    std::filesystem::copy_file(best, own);
  }

  /// Trains to the last epoch. Returns false if it was interrupted, and says how `program` goes on; the run is saved either way.
  bool train(const char* program) {
    std::printf("Results go to %s\n", setup_.out.c_str());
    std::fflush(stdout);
    watch_for_interrupt();
    if (epoch() < setup_.epochs && !prepare()) {
      progress_.clear();
      if (resumed_) return stop(program);
      std::printf("Interrupted before the first epoch: nothing was saved\n");
      return false;
    }
    std::filesystem::create_directories(setup_.out);
    const std::filesystem::path file = setup_.out / "metrics.csv";
    MetricsCsv metrics = resumed_ ? MetricsCsv::resume(file, history_, setup_.header) : MetricsCsv::create(file, setup_.header);
    while (epoch() < setup_.epochs) {
      const auto start = Progress::Clock::now();
      const Index before = seen();
      const bool finished = train_epoch();
      const double train_seconds = seconds_since(start);
      const Evaluation result = finished ? validate() : Evaluation{};
      progress_.clear();
      if (interrupted) return stop(program);
      const MetricsRow row{epoch() + 1, loss_sum_ / static_cast<double>(seen()), result.loss, quality(result),
                           static_cast<double>(seen() - before) / train_seconds, seconds_since(start)};
      history_.push_back(row);
      const bool best = row.valid_loss < best_loss_ || history_.size() == 1;
      if (best) best_loss_ = row.valid_loss, best_saved_ = false, keep_best();
      next_epoch();
      loss_sum_ = 0;
      if (epoch() == setup_.epochs || worth_saving()) save();
      metrics.append(row);
      report(metrics.rows(), best);
    }
    return true;
  }

  Index epoch() const { return static_cast<Index>(history_.size()); }

 protected:
  // What a trainer says of itself.
  /// What must be done before the first epoch, be it the run's or of what is left of it. Returns false if it was interrupted.
  virtual bool prepare() { return true; }
  /// One pass over what is learned from, from where the last one stopped; adds to loss_sum_. Returns false if it was interrupted.
  virtual bool train_epoch() = 0;
  virtual Evaluation validate() = 0;
  /// What metrics.csv holds beside the validation loss.
  virtual double quality(const Evaluation& result) const { return result.accuracy(); }
  /// An epoch is over, and history_ has its row: what belongs to it begins anew.
  virtual void next_epoch() = 0;
  /// How many images or words of the epoch in progress are behind, and the same for a person.
  virtual Index seen() const = 0;
  virtual std::string place() const = 0;
  /// Everything that is no matter of place: recipe, network, optimiser.
  virtual Checkpoint state() = 0;
  virtual void load(const Checkpoint& checkpoint) = 0;
  /// The place within the epoch in progress.
  virtual NamedTensors position() const = 0;
  virtual void load_position(const NamedTensors& position) = 0;
  /// Writes best.safetensors.
  virtual void save_best() = 0;
  /// For a trainer whose epochs are shorter than writing them down: whether to do so after one that is not the last; and, since the best network may then
  /// be gone when it is written, that the network as it is now is the best so far.
  virtual bool worth_saving() { return true; }
  virtual void keep_best() {}
  /// Tells how the epoch of the last row went.
  virtual void report(const std::vector<MetricsRow>& rows, bool best) = 0;

  std::filesystem::path file(const char* name) const { return setup_.out / name; }
  Progress& progress() { return progress_; }
  std::string epoch_label() const { return message("epoch ", epoch() + 1, "/", setup_.epochs); }
  Index epochs() const { return setup_.epochs; }
  static AnyTensor whole(Index value) { return full<Index>({}, value); }
  static AnyTensor real(double value) { return full<double>({}, value); }

  std::vector<MetricsRow> history_;  // of whole epochs
  double loss_sum_ = 0;              // of the epoch in progress

 private:
  static double seconds_since(Progress::Clock::time_point start) { return std::chrono::duration<double>(Progress::Clock::now() - start).count(); }

  /// Says how to go on with what is saved here. Returns false.
  bool stop(const char* program) {
    save();
    std::printf("Interrupted after %lld whole epochs and %s of the next; saved. Go on with:\n  %s --resume %s%s\n", static_cast<long long>(epoch()),
                place().c_str(), program, setup_.out.c_str(), setup_.to_go_on.c_str());
    return false;
  }

  void save() {
    std::filesystem::create_directories(setup_.out);
    if (!best_saved_) save_best(), best_saved_ = true;
    Checkpoint checkpoint = state();
    const Generator& random = default_generator();
    checkpoint.add("random", {{"seed", whole(static_cast<Index>(random.seed()))}, {"position", whole(static_cast<Index>(random.position()))}});
    NamedTensors progress = position();
    progress.insert(progress.end(), {{"loss_sum", real(loss_sum_)}, {"best_loss", real(best_loss_)}, {"history", history_tensor(history_)}});
    checkpoint.add("progress", progress);
    checkpoint.save(file("last.safetensors").string());
  }

  Setup setup_;
  Progress progress_;
  double best_loss_ = std::numeric_limits<double>::infinity();
  bool resumed_ = false, best_saved_ = true;
};

/// The state of the run in this folder, or nothing for no folder.
/// Throws   FileError if there is none.
inline std::optional<Checkpoint> checkpoint_to_resume(const std::string& folder) {
  if (folder.empty()) return std::nullopt;
  return Checkpoint::load((std::filesystem::path(folder) / "last.safetensors").string());
}

}  // namespace tapestry::examples
