// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>

#include <archive.h>
#include <archive_entry.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cifar10.hpp"
#include "whole_file.hpp"

namespace tapestry::examples {

struct DownloadOptions {
  std::string url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
  std::string md5 = "c32a1d4ab5d03f1284b67883e8d87530";
  long connect_timeout = 10;  ///< seconds
  long stall_timeout = 30;    ///< seconds in which nothing arrives
  /// Called as bytes arrive, with those that are there (a resumed part counts) and the whole, 0 while that is unknown.
  /// Returns false to stop; what has arrived stays for the next time.
  std::function<bool(std::int64_t done, std::int64_t total)> progress;
};

struct DownloadResult {
  std::filesystem::path directory;  ///< cifar-10-batches-bin with its files
  std::string status;               ///< one line for the user: what was done
};

/// Where the data set is looked for and kept: $XDG_CACHE_HOME/cifar10, or ~/.cache/cifar10.
inline std::filesystem::path cifar10_cache_directory() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache == '/') return std::filesystem::path(cache) / "cifar10";  // the standard: a relative path is to be ignored
  const char* home = std::getenv("HOME");
  if (!home || !*home) throw FileError("cifar10: no cache folder: neither XDG_CACHE_HOME nor HOME is set; name a directory");
  return std::filesystem::path(home) / ".cache" / "cifar10";
}

namespace detail {
/// A digest of a file's bytes, in hexadecimal digits.
inline std::string digest_of_file(const std::filesystem::path& path, const EVP_MD* algorithm, std::string_view name) {
  const File file = open_file(path, "rb", name);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!context || EVP_DigestInit_ex(context.get(), algorithm, nullptr) != 1)
    throw Error(message(name, ": this machine's OpenSSL does not offer it"));
  std::array<unsigned char, 1 << 16> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) EVP_DigestUpdate(context.get(), buffer.data(), got);
  if (std::ferror(file.get())) throw FileError(message(name, ": cannot read ", path.string(), ": ", std::strerror(errno)));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &length);
  std::string text;
  for (unsigned i = 0; i < length; ++i)
    for (int half : {digest[i] >> 4, digest[i] & 15}) text += "0123456789abcdef"[half];
  return text;
}
}  // namespace detail

/// The MD5 sum of a file's bytes, as 32 hexadecimal digits: good against accidents, which is all it is used for.
inline std::string md5_of_file(const std::filesystem::path& path) { return detail::digest_of_file(path, EVP_md5(), "md5"); }
/// The SHA-256 sum of a file's bytes, as 64 hexadecimal digits.
inline std::string sha256_of_file(const std::filesystem::path& path) { return detail::digest_of_file(path, EVP_sha256(), "sha256"); }

namespace detail {

inline constexpr std::array<std::string_view, 6> required_files = {"batches.meta.txt", "data_batch_1.bin", "data_batch_2.bin",
                                                                   "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"};
inline constexpr std::array<std::string_view, 2> optional_files = {"test_batch.bin", "readme.html"};

/// Written last, with the sums of the archive and of what was unpacked from it: it tells a complete set from the rest of a broken one.
inline constexpr std::string_view manifest_name = "verified.md5";

/// What libcurl's callbacks need to know.
struct Transfer {
  const DownloadOptions& options;
  std::FILE* file;
  std::int64_t resumed;
  int write_error = 0;
  bool stopped = false;

  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t written = std::fwrite(data, size, count, transfer.file);
    if (written != count) transfer.write_error = errno;
    return written * size;
  }
  static int progress(void* self, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.options.progress && !transfer.options.progress(transfer.resumed + done, total > 0 ? transfer.resumed + total : 0)) transfer.stopped = true;
    return transfer.stopped ? 1 : 0;
  }
};

/// One attempt: appends to `part` from its end on. Returns false if the server can only send the whole file.
inline bool transfer_to(const std::filesystem::path& part, const DownloadOptions& options) {
  // Opened before libcurl starts, so that two programs never append to one file.
  File file = open_file(part, "ab", "download");
  if (flock(fileno(file.get()), LOCK_EX | LOCK_NB) != 0)
    throw FileError(message("download: ", part.string(), " is being written by another program; wait for it"));
  const auto resumed = static_cast<std::int64_t>(std::filesystem::file_size(part));
  Transfer transfer{options, file.get(), resumed};

  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(ready == CURLE_OK ? curl_easy_init() : nullptr, curl_easy_cleanup);
  if (!handle) throw Error("download: libcurl cannot start");
  CURL* const curl = handle.get();
  std::array<char, CURL_ERROR_SIZE> cause{};
  curl_easy_setopt(curl, CURLOPT_URL, options.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);  // or a 404's page would become the file
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, options.connect_timeout);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, options.stall_timeout);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "tapestry");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, cause.data());
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(resumed));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::write);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);

  const bool flushed = std::fflush(file.get()) == 0 && fsync(fileno(file.get())) == 0;
  if (code == CURLE_OK && flushed) return true;
  if (resumed > 0 && code == CURLE_RANGE_ERROR) return false;
  if (resumed > 0 && status == 416) return true;  // no byte lies beyond the end of the part: it is whole, or the checksum will tell
  const auto have = std::filesystem::file_size(part);
  if (have == 0) std::filesystem::remove(part);
  const std::string kept = have > 0 ? message("; the first ", have, " bytes are kept, run again to go on from there") : "";
  if (transfer.stopped) throw FileError(message("download: ", options.url, " was stopped", kept));
  if (transfer.write_error || !flushed)
    throw FileError(message("download: cannot write ", part.string(), ": ", std::strerror(transfer.write_error ? transfer.write_error : errno), kept));
  if (code == CURLE_HTTP_RETURNED_ERROR) throw FileError(message("download: ", options.url, ": the server answered ", status, kept));
  throw FileError(message("download: ", options.url, ": ", cause[0] ? cause.data() : curl_easy_strerror(code), kept));
}

/// Fetches the archive: what an earlier run left in archive.part is continued. The name without .part exists only with the right sum.
inline void fetch_archive(const std::filesystem::path& archive, const DownloadOptions& options) {
  const std::filesystem::path part = archive.string() + ".part";
  const bool resumed = std::filesystem::exists(part) && std::filesystem::file_size(part) > 0;
  if (!transfer_to(part, options)) {
    std::filesystem::remove(part);
    transfer_to(part, options);
  }
  if (const std::string sum = md5_of_file(part); sum != options.md5) {
    std::filesystem::remove(part);
    throw FileError(message("download: ", options.url, ": wrong checksum: MD5 is ", sum, ", expects ", options.md5, "; the file was deleted",
                            resumed ? " (an earlier run had begun it: run again to start anew)" : ""));
  }
  std::filesystem::rename(part, archive);
}

/// Copies the entry under the reader's hand to `target`, whole or not at all.
inline void extract_entry(archive* reader, const std::filesystem::path& target) {
  write_whole_file(target, "extract", [&](AtomicFile& file) {
    std::array<char, 1 << 16> buffer;
    la_ssize_t got;
    while ((got = archive_read_data(reader, buffer.data(), buffer.size())) > 0) file.write(buffer.data(), static_cast<std::size_t>(got));
    if (got < 0) throw FileError(message(target.string(), ": ", archive_error_string(reader)));
  });
}

/// Unpacks the data set's own files and nothing else: an entry of another name, place or kind is passed over,
/// so an archive can neither write outside `directory` nor leave links in it.
inline void extract_archive(const std::filesystem::path& archive, const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  std::filesystem::remove(directory / manifest_name);  // until all is there again
  const std::unique_ptr<::archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_filename(reader.get(), archive.c_str(), 1 << 16) != ARCHIVE_OK)
    throw FileError(message("extract: ", archive.string(), ": ", archive_error_string(reader.get())));
  archive_entry* entry = nullptr;
  int code;
  while ((code = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    const char* const pathname = archive_entry_pathname(entry);
    std::string_view name = pathname ? pathname : "";
    if (name.starts_with("./")) name.remove_prefix(2);
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) || !name.starts_with(cifar10_directory_name)) continue;
    name.remove_prefix(cifar10_directory_name.size());
    if (!name.starts_with('/')) continue;
    name.remove_prefix(1);
    const auto is_name = [&](std::string_view known) { return known == name; };
    if (std::any_of(required_files.begin(), required_files.end(), is_name) || std::any_of(optional_files.begin(), optional_files.end(), is_name))
      extract_entry(reader.get(), directory / name);
  }
  if (code != ARCHIVE_EOF) throw FileError(message("extract: ", archive.string(), ": ", archive_error_string(reader.get())));
  for (const auto& name : required_files)
    if (!std::filesystem::exists(directory / name))
      throw FileError(message("extract: ", archive.string(), " holds no regular file ", cifar10_directory_name, "/", name));
}

inline std::string manifest_text(const std::filesystem::path& directory, std::string_view archive_md5) {
  std::string text = message(archive_md5, "  archive\n");
  const auto add = [&](std::string_view name) {
    if (std::filesystem::exists(directory / name)) text += message(md5_of_file(directory / name), "  ", name, "\n");
  };
  for (const auto& name : required_files) add(name);
  for (const auto& name : optional_files) add(name);
  return text;
}

inline bool is_verified(const std::filesystem::path& directory, std::string_view archive_md5) {
  std::ifstream file(directory / manifest_name, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  return !text.empty() && text == manifest_text(directory, archive_md5);
}

}  // namespace detail

/// Brings the official data set into `directory`: fetches the archive (going on with a partial one), checks its MD5 sum, unpacks it into
/// cifar-10-batches-bin. What is there already is checked, file by file, and not fetched again.
///
/// Throws   FileError naming URL or file and cause: no connection, an HTTP error, a transfer cut short (what arrived is kept), a wrong
///          checksum (the file is deleted), an archive without the expected files, a full disk.
inline DownloadResult download_cifar10(const std::filesystem::path& directory, const DownloadOptions& options = {}) {
  const auto target = directory / cifar10_directory_name;
  if (detail::is_verified(target, options.md5)) return {target, message("already downloaded and verified: ", target.string())};
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) throw FileError(message("download: cannot create ", directory.string(), ": ", failed.message()));
  const auto archive = directory / "cifar-10-binary.tar.gz";
  std::string status = message("downloaded and verified: ", target.string());
  if (std::filesystem::exists(archive) && md5_of_file(archive) == options.md5) {
    status = message("unpacked from the archive that was there, verified: ", target.string());
  } else {
    if (std::filesystem::remove(archive)) status += " (the archive that was there had a wrong checksum and was replaced)";
    detail::fetch_archive(archive, options);
  }
  detail::extract_archive(archive, target);
  write_whole_file(target / detail::manifest_name, "extract", detail::manifest_text(target, options.md5));
  return {target, status};
}

}  // namespace tapestry::examples
