// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>

namespace tapestry::examples {

/// Whether the user asked the program to save and end.
inline volatile std::sig_atomic_t interrupted = 0;

/// The first Ctrl-C asks the run to save and end; a second one, should that take too long, ends it at once.
inline void watch_for_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace tapestry::examples
