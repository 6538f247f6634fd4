// SPDX-License-Identifier: MIT
#include "../../examples/common/progress.hpp"

#include <fcntl.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

TEST_CASE("durations read as people say them") {
  CHECK(format_duration(0) == "0s");
  CHECK(format_duration(59.4) == "59s");
  CHECK(format_duration(59.6) == "1m00s");
  CHECK(format_duration(187) == "3m07s");
  CHECK(format_duration(3 * 3600 + 5 * 60 + 40) == "3h05m");
  CHECK(format_duration(-1) == "?");
  CHECK(format_duration(std::numeric_limits<double>::infinity()) == "?");
  CHECK(format_duration(std::numeric_limits<double>::quiet_NaN()) == "?");
}

TEST_CASE("a line shows label, bar, share and tail, and never exceeds the width") {
  CHECK(progress_line("epoch 1/10", 0.5, "loss 1.2", 50) == "epoch 1/10 [===========>          ]  50%  loss 1.2");
  CHECK(progress_line("e", 0, "t", 30) == "e [>                 ]   0%  t");
  CHECK(progress_line("e", 1, "t", 30) == "e [==================] 100%  t");
  CHECK(progress_line("e", 7, "t", 30) == progress_line("e", 1, "t", 30));
  CHECK(progress_line("e", std::numeric_limits<double>::quiet_NaN(), "t", 30) == progress_line("e", 0, "t", 30));
  CHECK(progress_line("epoch 1/10", 0.5, "loss 1.2", 26) == "epoch 1/10  50%  loss 1.2");
  for (int width = 0; width < 200; ++width)
    for (double share : {0.0, 0.31, 1.0})
      CHECK(progress_line("epoch 1/10", share, "loss 1.2345  900 images/s  3m07s left", width).size() <= static_cast<std::size_t>(width));
}

TEST_CASE("away from a terminal only the final lines appear") {
  const Scratch scratch;
  std::FILE* out = std::fopen((scratch / "log").c_str(), "w");
  {
    Progress progress(true, out);
    CHECK_FALSE(progress.shows_bar());
    progress.begin("epoch 1/2", 1000);
    for (int i = 0; i <= 1000; ++i) progress.update(i, 2.3);
    progress.finish("epoch 1/2  loss 2.3");
    progress.begin("epoch 2/2", 1000);
    progress.update(500, 2.2);
  }
  std::fclose(out);
  CHECK(read_text(scratch / "log") == "epoch 1/2  loss 2.3\n");
}

namespace {

/// A terminal whose other end the test reads.
struct Terminal {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  std::FILE* out = nullptr;
  explicit Terminal(unsigned short columns) {
    REQUIRE(master >= 0);
    REQUIRE(grantpt(master) == 0);
    REQUIRE(unlockpt(master) == 0);
    out = std::fopen(ptsname(master), "r+");
    REQUIRE(out != nullptr);
    const winsize size{24, columns, 0, 0};
    ioctl(master, TIOCSWINSZ, &size);
    fcntl(master, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    std::fclose(out);
    close(master);
  }
  std::string read_all() const {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = read(master, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    return text;
  }
};

}  // namespace

TEST_CASE("on a terminal the bar redraws itself in its width, ten times a second at most, and goes away at the end") {
  const Terminal terminal(60);
  Progress progress(true, terminal.out);
  REQUIRE(progress.shows_bar());
  progress.begin("epoch 3/9", 1000);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto start = Progress::Clock::now();
  for (int i = 1; i <= 200; ++i) progress.update(i, 1.5);
  const double tenths = std::chrono::duration<double>(Progress::Clock::now() - start).count() * 10;
  const std::string first = terminal.read_all();
  CHECK(static_cast<double>(std::count(first.begin(), first.end(), '\r')) <= 1 + tenths);
  CHECK_THAT(first, contains_text("\repoch 3/9 ["));
  CHECK_THAT(first, contains_text("loss 1.5000"));
  CHECK_THAT(first, contains_text("images/s"));
  CHECK_THAT(first, contains_text(" left\x1b[K"));
  CHECK(first.find('\n') == std::string::npos);

  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  progress.update(500, 1.25);
  const std::string second = terminal.read_all();
  CHECK_THAT(second, contains_text(" 50%"));
  CHECK_THAT(second, contains_text("loss 1.2500"));
  CHECK(second.size() <= 60 + 4 - 1);  // return, line of at most 59 characters, erase to the end

  progress.finish("epoch 3/9  done");
  CHECK(terminal.read_all() == "\r\x1b[Kepoch 3/9  done\r\n");
}

TEST_CASE("a bar that is not wanted is not drawn, and a resumed task counts its own speed only") {
  const Terminal terminal(80);
  Progress silent(false, terminal.out);
  silent.begin("x", 10);
  silent.update(5, 1.0);
  CHECK(terminal.read_all().empty());

  silent.begin("x", 1000, "images", 900);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(silent.speed(910) > 0);
  CHECK(silent.speed(910) <= 100);
}
