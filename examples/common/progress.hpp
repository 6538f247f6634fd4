// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tapestry::examples {

/// Seconds as a person reads them: `42s`, `3m07s`, `2h05m`.
inline std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e7) return "?";
  const auto whole = static_cast<long long>(seconds + 0.5);
  char text[32];
  if (whole < 60)
    std::snprintf(text, sizeof text, "%llds", whole);
  else if (whole < 3600)
    std::snprintf(text, sizeof text, "%lldm%02llds", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof text, "%lldh%02lldm", whole / 3600, whole / 60 % 60);
  return text;
}

/// `label [=====>     ]  45%  tail`, at most `width` characters: the bar gives way first, then the line is cut.
inline std::string progress_line(std::string_view label, double fraction, std::string_view tail, int width) {
  fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0;
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3d%%", static_cast<int>(100 * fraction));
  const int room = std::min(width - static_cast<int>(label.size() + tail.size()) - 4 - 6, 40);  // the percentage; brackets and blanks
  std::string line(label);
  if (room >= 5) {
    const auto filled = static_cast<std::size_t>(fraction * room);
    std::string bar(filled, '=');
    if (filled < static_cast<std::size_t>(room)) bar += '>';
    bar.resize(static_cast<std::size_t>(room), ' ');
    line += " [" + bar + "]";
  }
  line += message(" ", std::string_view(percent), "  ", tail);
  if (line.size() > static_cast<std::size_t>(std::max(width, 0))) line.resize(static_cast<std::size_t>(std::max(width, 0)));
  return line;
}

/// Shows how far a long task is: a bar that redraws itself where a person watches a terminal; elsewhere nothing until a line is final.
///
/// Progress progress;
/// progress.begin("epoch 1/10", images);
/// progress.update(done, loss);            // as often as one likes: it redraws ten times a second at most
/// progress.finish("epoch 1/10  train loss 1.53 ...");
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `wanted` false shows no bar, whatever the output is.
  explicit Progress(bool wanted = true, std::FILE* out = stdout) : out_(out), shows_bar_(wanted && isatty(fileno(out)) == 1) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  bool shows_bar() const { return shows_bar_; }

  /// Starts a task of `total` units, `done` of them from an earlier run: speed and time left count only what comes after.
  void begin(std::string label, std::int64_t total, std::string unit = "images", std::int64_t done = 0) {
    label_ = std::move(label);
    unit_ = std::move(unit);
    total_ = total;
    first_ = done;
    start_ = Clock::now();
    drawn_ = {};
  }

  /// `done` units are behind; a loss that is not finite is shown as it is, which tells more than a blank.
  void update(std::int64_t done, double loss) {
    char text[32];
    std::snprintf(text, sizeof text, "loss %.4f  ", loss);
    draw(done, text);
  }
  void update(std::int64_t done) { draw(done, ""); }

  /// Units a second since begin().
  double speed(std::int64_t done) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return seconds > 0 ? static_cast<double>(done - first_) / seconds : 0;
  }

  /// Takes the bar away and writes one plain line.
  void finish(std::string_view line) {
    clear();
    std::fprintf(out_, "%.*s\n", static_cast<int>(line.size()), line.data());
    std::fflush(out_);
  }
  /// Takes the bar away, so that something else can be written.
  void clear() {
    if (!on_screen_) return;
    std::fputs("\r\x1b[K", out_);
    std::fflush(out_);
    on_screen_ = false;
  }

 private:
  int width() const {
    winsize size{};
    return ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  }

  void draw(std::int64_t done, std::string_view loss) {
    const auto now = Clock::now();
    if (!shows_bar_ || (on_screen_ && now - drawn_ < std::chrono::milliseconds(100))) return;
    drawn_ = now;
    const double rate = speed(done);
    char text[96];
    if (unit_ == "bytes")
      std::snprintf(text, sizeof text, "%.1f MB/s", rate / 1e6);
    else
      std::snprintf(text, sizeof text, "%.0f %s/s", rate, unit_.c_str());
    std::string tail = message(loss, std::string_view(text));
    if (total_ > 0 && rate > 0) tail += message("  ", format_duration(static_cast<double>(total_ - done) / rate), " left");
    // One column stays free: a terminal that wraps at the last one would leave the line behind.
    const std::string line = progress_line(label_, total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 0, tail, width() - 1);
    std::fprintf(out_, "\r%s\x1b[K", line.c_str());
    std::fflush(out_);
    on_screen_ = true;
  }

  std::FILE* out_;
  bool shows_bar_;
  bool on_screen_ = false;
  std::string label_, unit_;
  std::int64_t total_ = 0, first_ = 0;
  Clock::time_point start_, drawn_;
};

}  // namespace tapestry::examples
