// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/models/published_weights.hpp>

#include "download.hpp"
#include "progress.hpp"

namespace tapestry::examples {

/// Fetches a file to `path`: goes on where an earlier attempt stopped, and lets the file appear only if its SHA-256 begins as `hash` says.
///
/// Throws   FileError naming URL and cause: no connection, an HTTP error, a transfer cut short (what arrived is kept), a wrong hash (the
///          file is deleted), a full disk.
inline void fetch_file(const std::filesystem::path& path, const std::string& hash, const DownloadOptions& options) {
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) throw FileError(message("download: cannot create ", path.parent_path().string(), ": ", failed.message()));
  const std::filesystem::path part = path.string() + ".part";
  if (!detail::transfer_to(part, options)) {
    std::filesystem::remove(part);
    detail::transfer_to(part, options);
  }
  if (const std::string sum = sha256_of_file(part); !sum.starts_with(hash)) {
    std::filesystem::remove(part);
    throw FileError(message("download: ", options.url, ": wrong checksum: SHA-256 is ", sum, ", expects ", hash, "...; the file was deleted"));
  }
  std::filesystem::rename(part, path);
}

/// From now on published weights that are not in the cache are downloaded, with a progress bar where a person watches.
inline void download_missing_weights(bool bar) {
  weights_fetcher() = [bar](const std::string& url, const std::string& path, const std::string& hash) {
    std::fprintf(stderr, "Downloading %s to %s\n", url.c_str(), path.c_str());
    Progress progress(bar, stderr);
    progress.begin("download", 0, "bytes");
    DownloadOptions options;
    options.url = url;
    std::int64_t first = -1;
    options.progress = [&](std::int64_t done, std::int64_t total) {
      if (first < 0) progress.begin("download", total, "bytes", first = done);
      progress.update(done);
      return true;
    };
    fetch_file(path, hash, options);
    progress.clear();
  };
}

}  // namespace tapestry::examples
