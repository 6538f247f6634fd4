// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>

#include "download.hpp"
#include "embedded_dataset.hpp"
#include "progress.hpp"
#include "train_options.hpp"

namespace tapestry::examples {

/// The training images, and which of the sets they are.
struct DataChoice {
  Cifar10 data;
  std::string kind;         ///< "cifar10" or "embedded"
  std::string description;  ///< one line for the user
};

namespace detail {
inline DownloadResult download_with_progress(bool bar) {
  Progress progress(bar);
  progress.begin("download", 0, "bytes");
  DownloadOptions options;
  std::int64_t first = -1;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    if (first < 0) progress.begin("download", total, "bytes", first = done);
    progress.update(done);
    return true;
  };
  DownloadResult result = download_cifar10(cifar10_cache_directory(), options);
  progress.clear();
  return result;
}
inline DataChoice read_directory(const std::filesystem::path& directory) {
  Cifar10 data = read_cifar10_train(directory);
  const std::string text = message("CIFAR-10, ", data.size(), " images from ", directory.string());
  return {std::move(data), "cifar10", text};
}
inline DataChoice draw_embedded(std::string_view why) {
  Cifar10 data = make_embedded_dataset();
  const std::string text = message("the embedded set, ", data.size(), " images drawn by this program", why, ". This is not CIFAR-10");
  return {std::move(data), "embedded", text};
}
}  // namespace detail

/// Finds the images: where the options say, else in the cache folder, else by download, else the embedded set. `kind` limits the choice to
/// what a resumed run was trained on; empty: any.
///
/// Throws   FileError naming the file and the cause if what was asked for cannot be had.
inline DataChoice choose_data(const TrainOptions& options, std::string_view kind = {}) {
  if (options.embedded && kind == "cifar10") throw ValueError("--embedded: the run to resume was trained on CIFAR-10");
  if ((options.download || !options.data.empty()) && kind == "embedded")
    throw ValueError("--data: the run to resume was trained on the embedded set; leave the option out");
  if (options.embedded || kind == "embedded") return detail::draw_embedded("");
  if (!options.data.empty()) return detail::read_directory(options.data);
  const auto cache = cifar10_cache_directory();
  if (!options.download && has_cifar10_train(cache)) return detail::read_directory(cache);
  try {
    std::printf("Looking for CIFAR-10: %s\n", options.download ? "downloading" : message("not in ", cache.string(), ", trying the download").c_str());
    std::fflush(stdout);
    const DownloadResult result = detail::download_with_progress(options.progress);
    std::printf("%s\n", result.status.c_str());
    return detail::read_directory(result.directory);
  } catch (const FileError& error) {
    if (options.download || kind == "cifar10") throw;
    std::printf("%s\n", error.what());
    return detail::draw_embedded(", since CIFAR-10 could not be had");
  }
}

/// A number that tells one set of images from another (FNV-1a over labels and pixels).
inline std::uint64_t fingerprint(const Cifar10& data) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto* bytes : {&data.labels, &data.pixels})
    for (std::uint8_t byte : *bytes) hash = (hash ^ byte) * 0x100000001b3u;
  return hash;
}

}  // namespace tapestry::examples
