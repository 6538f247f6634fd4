// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <filesystem>
#include <string>

namespace tapestry::examples {

/// Where a training run's results go: what --out says, the folder that is resumed, or the first of `fresh`1, `fresh`2, ... that is not there.
/// Throws   ValueError if --out holds a run other than the one that is resumed.
inline std::filesystem::path run_directory(const std::string& out, const std::string& resume, const std::string& fresh) {
  namespace fs = std::filesystem;
  if (!out.empty()) {
    if (fs::exists(fs::path(out) / "last.safetensors") && (resume.empty() || !fs::equivalent(out, resume)))
      throw ValueError(message("--out: ", out, " holds a run already; go on with it by --resume ", out, ", or choose another folder"));
    return out;
  }
  if (!resume.empty()) return resume;
  for (int n = 1;; ++n)
    if (fs::path path = message(fresh, n); !fs::exists(path)) return path;
}

}  // namespace tapestry::examples
