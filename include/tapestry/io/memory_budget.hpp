// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <limits>

#include "file.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// How a file that someone else wrote is read.
struct ReadOptions {
  Index memory_limit = 0;  ///< bytes that reading may take; 0: twice the file plus 64 MB
};

/// What reading one file may allocate in all. Whoever allocates by a number found in the file asks here first, so that a small file that claims
/// to be large, or that expands, is refused before the memory is touched.
class MemoryBudget {
 public:
  explicit MemoryBudget(const FileReader& file, ReadOptions options = {}) : path_(file.path()) {
    constexpr Index most = std::numeric_limits<Index>::max() / 4;
    limit_ = options.memory_limit > 0 ? options.memory_limit : 2 * std::min(file.size(), most) + 64'000'000;
  }
  /// Throws   FileError if the file would need more than it may.
  void take(Index bytes, std::string_view what) {
    if (bytes < 0 || bytes > limit_ - used_)
      throw FileError(message("cannot read ", path_, ": ", what, " would take ", bytes, " bytes more than the ", used_, " in use, beyond the limit of ",
                              limit_, " (by default twice the file plus 64 MB; ReadOptions::memory_limit sets another)"));
    used_ += bytes;
  }
  void give_back(Index bytes) { used_ -= bytes; }
  Index limit() const { return limit_; }

 private:
  std::string path_;
  Index limit_, used_ = 0;
};

}  // namespace tapestry::inline TAPESTRY_ABI
