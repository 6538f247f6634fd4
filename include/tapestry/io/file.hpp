// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "../core/error.hpp"
#include "../core/scalar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
inline FileError system_error(std::string_view what, const std::string& path) {
  return FileError(message(what, ' ', path, ": ", std::string_view(std::strerror(errno))));
}
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;
}  // namespace detail

/// A file read piece by piece, of a size known beforehand.
/// Throws   FileError naming the file and the cause.
class FileReader {
 public:
  explicit FileReader(std::string path) : path_(std::move(path)), file_(open_for_reading(path_)) {
    struct stat info {};
    if (!file_ || fstat(fileno(file_.get()), &info) != 0) throw detail::system_error("cannot open", path_);
    if (!S_ISREG(info.st_mode)) throw FileError(message("cannot read ", path_, ": not a regular file"));
    size_ = info.st_size;
  }
  Index size() const { return size_; }
  const std::string& path() const { return path_; }
  void read(void* to, Index bytes) {
    if (bytes > 0 && std::fread(to, 1, static_cast<std::size_t>(bytes), file_.get()) != static_cast<std::size_t>(bytes))
      throw FileError(message("cannot read ", path_, ": the file ended early"));
  }
  /// Reads from a place of its own, whatever was read before.
  void read_at(Index offset, void* to, Index bytes) const {
    for (auto* place = static_cast<char*>(to); bytes > 0;) {
      const ssize_t got = pread(fileno(file_.get()), place, static_cast<std::size_t>(bytes), offset);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw detail::system_error("cannot read", path_);
      if (got == 0) throw FileError(message("cannot read ", path_, ": byte ", offset, ": the file ended early"));
      place += got, offset += got, bytes -= got;
    }
  }

 private:
  static std::FILE* open_for_reading(const std::string& path) {
    const int handle = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // lest a pipe without a writer wait for ever
    return handle < 0 ? nullptr : fdopen(handle, "rb");
  }

  std::string path_;
  detail::File file_;
  Index size_ = 0;
};

/// A file that appears whole or not at all: written beside its place, flushed to the disk, then renamed. If the writer goes out of scope before
/// commit(), what stood there before stays.
/// Throws   FileError naming the file and the cause.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path) : path_(std::move(path)), temporary_(path_ + ".tmp"), file_(std::fopen(temporary_.c_str(), "wb")) {
    if (!file_) throw detail::system_error("cannot write", temporary_);
  }
  ~AtomicFile() {
    if (!file_) return;
    file_.reset();
    std::remove(temporary_.c_str());
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* from, std::size_t bytes) {
    if (bytes > 0 && std::fwrite(from, 1, bytes, file_.get()) != bytes) throw detail::system_error("cannot write", temporary_);
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// To be called once, after the last write.
  void commit() {
    if (std::fflush(file_.get()) != 0 || fsync(fileno(file_.get())) != 0) throw detail::system_error("cannot write", temporary_);
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw detail::system_error("cannot rename to", path_);
    file_.reset();
    const auto slash = path_.rfind('/');  // the new name itself is on the disk only once its directory is
    const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : path_.substr(0, slash);
    if (const int handle = open(directory.c_str(), O_RDONLY | O_DIRECTORY); handle >= 0) {
      fsync(handle);
      close(handle);
    }
  }

 private:
  std::string path_, temporary_;
  detail::File file_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
