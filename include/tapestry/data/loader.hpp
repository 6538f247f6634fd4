// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collate.hpp"
#include "prefetcher.hpp"

namespace tapestry::inline TAPESTRY_ABI {

struct DataLoaderOptions {
  Index batch_size = 1;
  bool shuffle = false;                ///< a new order each epoch; else the data set's own
  bool drop_last = false;              ///< leaves out a last batch that is not full
  Index num_workers = 0;               ///< threads that prepare batches; 0: the thread that asks
  Index prefetch_factor = 2;           ///< batches that each worker prepares ahead
  std::optional<std::uint64_t> seed = std::nullopt;  ///< of order and transforms; by default the one manual_seed() was given
};

/// Walks over a data set in batches:
///
///   DataLoader loader(train, {.batch_size = 128, .shuffle = true, .num_workers = 3, .seed = 1});
///   for (auto& [images, labels] : loader) ...
///
/// A data set of pictures gives Batches, one of tensors, numbers, pairs or tuples of them gives such, stacked (collate.hpp). For samples of
/// any other type comes a function, which several threads call at once:
/// `DataLoader(texts, [](std::vector<Text> samples) { ...; return batch; }, {.batch_size = 8})`.
///
/// Each loop is one epoch, counted from 0. The order of the samples is a function of (seed, epoch), what transforms draw for
/// sample i one of (seed, epoch, i): batches are the same for any number of workers, and when a run is resumed. A loop that is left
/// early ends its epoch; the next one begins the next, unless load_state() or set_epoch() said where to go on.
///
/// Shapes   images [N, C, H, W]: N = batch_size, less in the last batch unless drop_last; all images of a batch have one size.
/// Throws   ValueError for an option outside its range. The loop throws Error, with the record named and the cause nested in it, in the
///          turn of the batch whose sample failed.
template <Dataset D, class Collate = DefaultCollate>
class DataLoader {
 public:
  /// What a loop gets.
  using value_type = decltype(detail::collator<SampleOf<D>>(Index{}, std::declval<const Collate&>()).batch());

  explicit DataLoader(D dataset, DataLoaderOptions options = {})
    requires std::same_as<Collate, DefaultCollate>
      : DataLoader(std::move(dataset), options, Collate()) {}
  DataLoader(D dataset, Collate collate, DataLoaderOptions options = {})
    requires std::is_invocable_v<const Collate&, std::vector<SampleOf<D>>>
      : DataLoader(std::move(dataset), options, std::move(collate)) {}
  DataLoader(const DataLoader&) = delete;  // a loop in progress refers to its loader
  DataLoader& operator=(const DataLoader&) = delete;

  const D& dataset() const { return dataset_; }
  /// Batches in an epoch.
  Index size() const {
    const Index samples = static_cast<Index>(dataset_.size()), batch = options_.batch_size;
    return samples / batch + (!options_.drop_last && samples % batch != 0 ? 1 : 0);
  }

  std::uint64_t seed() const { return seed_; }
  /// The epoch of the last loop that was begun, or of the next one if that has ended.
  Index epoch() const { return epoch_; }
  /// Batches of that epoch that the loop has handed out, the one in hand included.
  Index position() const { return position_; }
  /// Where the next loop begins.
  /// Throws   ValueError if there is no such epoch or batch.
  void set_epoch(Index epoch, Index position = 0) {
    if (epoch < 0) throw ValueError(message("DataLoader: epoch must be at least 0, got ", epoch));
    if (position < 0 || position > size())
      throw ValueError(message("DataLoader: position must be from 0 to ", size(), " batches, got ", position));
    epoch_ = epoch;
    position_ = position;
    begun_ = false;
    ++loop_;  // a loop that still runs speaks for the loader no more
  }

  /// Seed and place, and the options that the order depends on.
  NamedTensors state() const {
    NamedTensors state;
    for (const auto& [name, value] : settings()) state.emplace_back(name, scalar(value));
    state.emplace_back("seed", scalar(static_cast<Index>(seed_)));
    state.emplace_back("epoch", scalar(epoch_));
    state.emplace_back("position", scalar(position_));
    return state;
  }
  /// Makes the next loop go on where the loader that gave the state stood.
  /// Throws   ValueError, with nothing changed, if an entry is missing or the loader's data or options would give other batches.
  void load_state(const NamedTensors& state) {
    const auto entry = [&](std::string_view name) {
      const AnyTensor* tensor = find(state, name);
      if (!tensor) throw ValueError(message("DataLoader: load_state: the state has no entry ", name));
      return tensor->as<Index>().item();
    };
    for (const auto& [name, value] : settings())
      if (const Index saved = entry(name); saved != value)
        throw ValueError(message("DataLoader: load_state: ", name, " is ", saved, " in the state but ", value, " in the loader"));
    const Index seed = entry("seed"), epoch = entry("epoch"), position = entry("position");
    set_epoch(epoch, position);
    seed_ = static_cast<std::uint64_t>(seed);
  }

  /// A loop in progress. It owns the workers and ends them when it goes out of scope.
  class Iterator {
   public:
    value_type& operator*() { return *batch_; }
    Iterator& operator++() {
      advance();
      return *this;
    }
    friend bool operator==(const Iterator& i, std::default_sentinel_t) { return !i.batches_; }

   private:
    friend DataLoader;
    Iterator(DataLoader& loader, Index loop)
        : loader_(&loader), loop_(loop), batches_(loader.prefetch()) {
      advance();
    }
    void advance() {
      batch_ = batches_->next();
      if (!batch_) batches_.reset();
      if (loop_ == loader_->loop_) loader_->passed(!batch_);
    }

    DataLoader* loader_;
    Index loop_;
    std::unique_ptr<Prefetcher<value_type>> batches_;
    std::optional<value_type> batch_;
  };

  Iterator begin() {
    if (begun_) set_epoch(epoch_ + 1);
    begun_ = true;
    return Iterator(*this, ++loop_);
  }
  std::default_sentinel_t end() const { return {}; }

 private:
  DataLoader(D dataset, DataLoaderOptions options, Collate collate)
      : dataset_(std::move(dataset)), collate_(std::move(collate)), options_(options), seed_(options.seed ? *options.seed : default_generator().seed()) {
    const auto at_least = [](std::string_view option, Index value, Index low) {
      if (value < low) throw ValueError(message("DataLoader: ", option, " must be at least ", low, ", got ", value));
    };
    at_least("batch_size", options.batch_size, 1);
    at_least("num_workers", options.num_workers, 0);
    at_least("prefetch_factor", options.prefetch_factor, 1);
  }
  void passed(bool end) {
    if (!end)
      ++position_;
    else
      set_epoch(epoch_ + 1);
  }

  std::unique_ptr<Prefetcher<value_type>> prefetch() const {
    const Index samples = static_cast<Index>(dataset_.size());
    auto make = [this, seed = seed_, epoch = epoch_, samples,
                 order = options_.shuffle ? detail::random_order(samples, detail::data_stream(detail::DataDraw::shuffle, seed_, epoch_))
                                          : std::vector<Index>()](Index batch) {
      const Index first = batch * options_.batch_size;
      return make_batch(seed, epoch, order, first, std::min(options_.batch_size, samples - first));
    };
    return std::make_unique<Prefetcher<value_type>>(std::move(make), position_, size(), options_.num_workers,
                                               options_.num_workers * options_.prefetch_factor);
  }

  /// The batch of samples order[first], ..., order[first + count - 1]; an empty order stands for 0, 1, 2...
  value_type make_batch(std::uint64_t seed, Index epoch, const std::vector<Index>& order, Index first, Index count) const {
    auto collator = detail::collator<SampleOf<D>>(count, collate_);
    for (Index n = 0; n < count; ++n) {
      const Index i = order.empty() ? first + n : order[static_cast<std::size_t>(first + n)];
      named([&] { return name_of_record(i); }, [&] {
        SampleRandom random(detail::data_stream(detail::DataDraw::sample, seed, epoch, i));
        collator.add(detail::sample_of(dataset_, i, random));
      });
    }
    return named([&] { return message("batch ", first / options_.batch_size); }, [&] { return collator.batch(); });
  }

  /// What f() returns; an exception gets a name, and the cause nested in it.
  template <class Name, class F>
  static auto named(Name name, F f) {
    try {
      return f();
    } catch (const std::exception& error) {
      std::throw_with_nested(Error(message("DataLoader: ", name(), ": ", error.what())));
    } catch (...) {
      std::throw_with_nested(Error(message("DataLoader: ", name(), ": unknown exception")));
    }
  }

  std::string name_of_record(Index i) const {
    const Index record = detail::record_of(dataset_, i);
    return record == i ? message("record ", i) : message("record ", record, " (sample ", i, ")");
  }

  std::vector<std::pair<std::string, Index>> settings() const {
    return {{"samples", static_cast<Index>(dataset_.size())},
            {"batch_size", options_.batch_size},
            {"shuffle", options_.shuffle ? 1 : 0},
            {"drop_last", options_.drop_last ? 1 : 0}};
  }
  static Tensor<Index> scalar(Index value) { return Tensor<Index>(Shape{}).fill(value); }

  D dataset_;
  Collate collate_;
  DataLoaderOptions options_;
  std::uint64_t seed_;
  Index epoch_ = 0, position_ = 0;
  bool begun_ = false;  // a loop over this epoch was begun and has not ended
  Index loop_ = 0;      // the number of the loop that epoch and position speak of
};

template <class D>
DataLoader(D, DataLoaderOptions = {}) -> DataLoader<D>;
template <class D, class Collate>
  requires std::is_invocable_v<const Collate&, std::vector<SampleOf<D>>>
DataLoader(D, Collate, DataLoaderOptions = {}) -> DataLoader<D, Collate>;

}  // namespace tapestry::inline TAPESTRY_ABI
