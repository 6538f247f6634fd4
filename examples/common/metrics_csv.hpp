// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "whole_file.hpp"

namespace tapestry::examples {

/// What one epoch brought. Losses are means over images, accuracy goes from 0 to 1; what is not known is NaN. Of an epoch that was resumed,
/// speed and seconds are those of its last part: a checkpoint holds no time, so that it is the same file whether the run was resumed or not.
struct MetricsRow {
  std::int64_t epoch = 0;  ///< from 1
  double train_loss = std::numeric_limits<double>::quiet_NaN();
  double valid_loss = std::numeric_limits<double>::quiet_NaN();
  double valid_accuracy = std::numeric_limits<double>::quiet_NaN();
  double images_per_second = std::numeric_limits<double>::quiet_NaN();
  double seconds = std::numeric_limits<double>::quiet_NaN();
};

inline constexpr std::string_view metrics_header = "epoch,train_loss,valid_loss,valid_accuracy,images_per_second,seconds";
/// The same where words are classified, and where each next word is predicted.
inline constexpr std::string_view word_metrics_header = "epoch,train_loss,valid_loss,valid_accuracy,words_per_second,seconds";
inline constexpr std::string_view language_model_metrics_header = "epoch,train_loss,valid_loss,valid_perplexity,words_per_second,seconds";

namespace detail {

/// Every number in the fewest digits that read back as the same number; speed and time, which nobody compares, with three decimals.
inline std::string metrics_line(const MetricsRow& row) {
  const auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  return message(row.epoch, ",", row.train_loss, ",", row.valid_loss, ",", row.valid_accuracy, ",", rounded(row.images_per_second), ",",
                 rounded(row.seconds), "\n");
}

inline std::optional<MetricsRow> parse_metrics_line(std::string_view line) {
  MetricsRow row;
  const char* at = line.data();
  const char* const end = line.data() + line.size();
  const auto read = [&](auto& value, bool first) {
    if (!first && (at == end || *at++ != ',')) return false;
    const auto [after, error] = std::from_chars(at, end, value);
    at = after;
    return error == std::errc();
  };
  const bool whole = read(row.epoch, true) && read(row.train_loss, false) && read(row.valid_loss, false) && read(row.valid_accuracy, false) &&
                     read(row.images_per_second, false) && read(row.seconds, false) && at == end;
  if (!whole) return std::nullopt;
  return row;
}

/// Writes all bytes and waits until they are on the disk.
inline void write_through(int file, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw FileError(message("metrics: cannot write ", path.string(), ": ", std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (fsync(file) != 0 && errno != EINVAL)  // EINVAL: a pipe or device, which has no disk
    throw FileError(message("metrics: cannot write ", path.string(), ": ", std::strerror(errno)));
}

/// An open file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : value_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {
    if (value_ < 0) throw FileError(message("metrics: cannot open ", path.string(), ": ", std::strerror(errno)));
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

}  // namespace detail

/// Reads metrics.csv. A last line without its line break, as a crash may leave it, is passed over.
///
/// Throws   FileError naming file and line if the header or a row is not what MetricsCsv writes.
inline std::vector<MetricsRow> read_metrics(const std::filesystem::path& path, std::string_view header = metrics_header) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw FileError(message("metrics: cannot open ", path.string(), ": ", std::strerror(errno)));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  std::vector<MetricsRow> rows;
  std::size_t number = 1;
  for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1, ++number) {
    std::string_view line(text.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1) {
      if (line != header) throw FileError(message("metrics: ", path.string(), ": line 1: expects the header ", header, ", got ", line));
      continue;
    }
    const auto row = detail::parse_metrics_line(line);
    if (!row) throw FileError(message("metrics: ", path.string(), ": line ", number, ": expects an epoch and five numbers, got ", line));
    rows.push_back(*row);
  }
  return rows;
}

/// metrics.csv: one row an epoch, on the disk before append() returns.
class MetricsCsv {
 public:
  /// Starts a new file with the header; one that is there is replaced.
  static MetricsCsv create(const std::filesystem::path& path, std::string_view header = metrics_header) { return replace(path, {}, header); }

  /// Continues a file so that it holds exactly the epochs of `history`, which is what the checkpoint knows. Rows of other epochs go: they will be
  /// computed again. A row whose losses and accuracy are the history's stays, with its speed and time; one that is missing or differs is written anew.
  static MetricsCsv resume(const std::filesystem::path& path, const std::vector<MetricsRow>& history, std::string_view header = metrics_header) {
    std::vector<MetricsRow> rows = history;
    if (std::filesystem::exists(path))
      for (const MetricsRow& kept : read_metrics(path, header))
        for (MetricsRow& row : rows)
          if (kept.epoch == row.epoch && same(kept.train_loss, row.train_loss) && same(kept.valid_loss, row.valid_loss) &&
              same(kept.valid_accuracy, row.valid_accuracy))
            row = kept;
    return replace(path, std::move(rows), header);
  }

  /// Adds a row and waits until it is on the disk.
  void append(const MetricsRow& row) {
    detail::write_through(file_.get(), detail::metrics_line(row), path_);
    rows_.push_back(row);
  }

  /// All rows of the file, as curves.svg needs them.
  const std::vector<MetricsRow>& rows() const { return rows_; }

 private:
  MetricsCsv(std::filesystem::path path, std::vector<MetricsRow> rows)
      : path_(std::move(path)), rows_(std::move(rows)), file_(path_, O_WRONLY | O_APPEND) {}

  static bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

  /// A crash leaves the old file or the new one.
  static MetricsCsv replace(const std::filesystem::path& path, std::vector<MetricsRow> rows, std::string_view header) {
    std::string text = message(header, "\n");
    for (const MetricsRow& row : rows) text += detail::metrics_line(row);
    write_whole_file(path, "metrics", text);
    return MetricsCsv(path, std::move(rows));
  }

  std::filesystem::path path_;
  std::vector<MetricsRow> rows_;
  detail::Descriptor file_;
};

}  // namespace tapestry::examples
