// SPDX-License-Identifier: MIT
#pragma once

#include <tapestry/core/error.hpp>
#include <tapestry/io/file.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace tapestry::examples {

inline constexpr std::size_t cifar10_side = 32;
inline constexpr std::size_t cifar10_plane_bytes = cifar10_side * cifar10_side;
inline constexpr std::size_t cifar10_image_bytes = 3 * cifar10_plane_bytes;
inline constexpr std::size_t cifar10_record_bytes = 1 + cifar10_image_bytes;  // the label comes first
inline constexpr std::size_t cifar10_class_count = 10;
inline constexpr std::string_view cifar10_directory_name = "cifar-10-batches-bin";

/// Labelled images of 32 x 32 pixels.
///
/// pixels   image after image, each [32, 32, 3]: rows, columns, then red, green, blue, as an image decoder gives them
/// labels   one of 0 to 9 an image
/// classes  ten names, in the order of the labels
struct Cifar10 {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
  std::vector<std::string> classes;

  std::size_t size() const { return labels.size(); }
  const std::uint8_t* image(std::size_t i) const { return pixels.data() + i * cifar10_image_bytes; }
};

/// The names that the data set's authors gave its classes.
inline std::vector<std::string> cifar10_classes() {
  return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

namespace detail {

using tapestry::detail::File;

inline File open_file(const std::filesystem::path& path, const char* mode, std::string_view operation) {
  File file(std::fopen(path.c_str(), mode));
  if (!file) throw FileError(message(operation, ": cannot open ", path.string(), ": ", std::strerror(errno)));
  return file;
}

/// What a file that is no CIFAR-10 file seems to be, told by how it starts; nothing if it is not known.
/// A record starts with a label from 0 to 9, so none of these can be one.
inline std::string_view foreign_format(std::string_view start) {
  using namespace std::string_view_literals;
  if (start.starts_with("\x1f\x8b"sv)) return "gzip data: unpack it first, as with tar -xzf";
  if (start.starts_with("PK\x03\x04"sv)) return "a zip archive: unpack it first";
  if (start.size() > 262 && start.substr(257, 5) == "ustar") return "a tar archive: unpack it first, as with tar -xf";
  if (start.starts_with("\x80"sv) && start.size() > 1 && start[1] >= 2 && start[1] <= 5)
    return "a Python pickle: this is the Python version of the data set, get cifar-10-binary.tar.gz";
  if (start.starts_with("MATLAB 5.0"sv)) return "a MATLAB file: this is the MATLAB version of the data set, get cifar-10-binary.tar.gz";
  if (start.starts_with("<"sv)) return "HTML or XML text, perhaps a server's error page";
  return {};
}

inline void planes_to_channels_last(const std::uint8_t* planes, std::uint8_t* pixels) {
  for (std::size_t p = 0; p < cifar10_plane_bytes; ++p)
    for (std::size_t c = 0; c < 3; ++c) pixels[3 * p + c] = planes[c * cifar10_plane_bytes + p];
}

inline void append_cifar10_file(const std::filesystem::path& path, Cifar10& data) {
  if (std::filesystem::is_directory(path)) throw FileError(message("cifar10: ", path.string(), " is a directory, expects a file of records"));
  const File file = open_file(path, "rb", "cifar10");
  std::error_code unknown;
  const std::uintmax_t bytes = std::filesystem::file_size(path, unknown);
  if (unknown) throw FileError(message("cifar10: cannot tell the size of ", path.string(), ": ", unknown.message()));
  if (bytes == 0) throw FileError(message("cifar10: ", path.string(), ": offset 0: the file is empty, expects records of 3073 bytes"));

  std::array<char, 512> start{};
  const std::size_t got = std::fread(start.data(), 1, start.size(), file.get());
  if (const auto format = foreign_format({start.data(), got}); !format.empty())
    throw FileError(message("cifar10: ", path.string(), ": offset 0: not records of label and image but ", format));
  std::rewind(file.get());

  const std::size_t records = static_cast<std::size_t>(bytes / cifar10_record_bytes);
  const std::size_t before = data.size();
  data.labels.reserve(before + records);
  data.pixels.reserve((before + records) * cifar10_image_bytes);
  std::array<std::uint8_t, cifar10_record_bytes> record;
  for (std::size_t offset = 0;; offset += cifar10_record_bytes) {
    const std::size_t length = std::fread(record.data(), 1, record.size(), file.get());
    if (length == 0 && std::ferror(file.get()))
      throw FileError(message("cifar10: ", path.string(), ": offset ", offset, ": cannot read: ", std::strerror(errno)));
    if (length == 0) return;
    if (record[0] >= cifar10_class_count)
      throw FileError(message("cifar10: ", path.string(), ": offset ", offset, ": the label must be from 0 to 9, got ", int{record[0]},
                              bytes % (cifar10_record_bytes + 1) == 0 ? " (is it CIFAR-100, whose records have two labels?)" : ""));
    if (length < record.size())
      throw FileError(message("cifar10: ", path.string(), ": offset ", offset, ": the last record has ", length, " of 3073 bytes (the file has ", bytes,
                              " bytes, expects a multiple of 3073; it may be cut short)"));
    data.labels.push_back(record[0]);
    data.pixels.resize(data.pixels.size() + cifar10_image_bytes);
    planes_to_channels_last(record.data() + 1, data.pixels.data() + data.pixels.size() - cifar10_image_bytes);
  }
}

/// The class names of batches.meta.txt, or the usual ones where that file is missing: the records do not need it.
inline std::vector<std::string> read_classes(const std::filesystem::path& directory) {
  const auto path = directory / "batches.meta.txt";
  if (!std::filesystem::exists(path)) return cifar10_classes();
  std::ifstream file(path);
  if (!file) throw FileError(message("cifar10: cannot open ", path.string(), ": ", std::strerror(errno)));
  std::vector<std::string> classes;
  for (std::string line; std::getline(file, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) classes.push_back(line);
    if (line.size() > 200 || classes.size() > cifar10_class_count) break;
  }
  if (classes.size() != cifar10_class_count || classes.back().size() > 200)
    throw FileError(message("cifar10: ", path.string(), ": expects ten lines with a class name each, got ",
                            classes.size() > cifar10_class_count ? "more" : std::to_string(classes.size())));
  return classes;
}

/// The directory that holds `name`: the one given, or cifar-10-batches-bin inside it.
inline std::filesystem::path find_cifar10(const std::filesystem::path& directory, std::string_view name) {
  namespace fs = std::filesystem;
  if (!fs::exists(directory)) throw FileError(message("cifar10: ", directory.string(), " does not exist"));
  if (!fs::is_directory(directory)) throw FileError(message("cifar10: ", directory.string(), " is not a directory, expects one with ", name));
  const std::array<fs::path, 2> places = {directory, directory / cifar10_directory_name};
  for (const auto& place : places)
    if (fs::exists(place / name)) return place;
  for (const auto& place : {directory, directory / "cifar-10-batches-py", directory / "cifar-10-batches-mat"}) {
    if (fs::exists(place / "data_batch_1"))
      throw FileError(message("cifar10: ", place.string(), " holds the Python version of the data set, expects the binary version (cifar-10-binary.tar.gz)"));
    if (fs::exists(place / "data_batch_1.mat"))
      throw FileError(message("cifar10: ", place.string(), " holds the MATLAB version of the data set, expects the binary version (cifar-10-binary.tar.gz)"));
  }
  for (const auto& place : {directory, directory / "cifar-100-binary"})
    if (fs::exists(place / "fine_label_names.txt")) throw FileError(message("cifar10: ", place.string(), " holds CIFAR-100, expects CIFAR-10"));
  for (const char* archive : {"cifar-10-binary.tar.gz", "cifar-10-binary.tar"})
    if (fs::exists(directory / archive))
      throw FileError(message("cifar10: ", (directory / archive).string(), " is not unpacked yet, as with tar -xf ", archive));
  throw FileError(message("cifar10: no ", name, " in ", directory.string(), " or in ", cifar10_directory_name, " inside it"));
}

}  // namespace detail

/// Reads one file of records: a label byte, then the red, green and blue plane of 32 rows of 32 pixels.
///
/// Throws   FileError naming file, offset and cause if it is empty, cut short, holds a label above 9, or is something else.
/// Source   Krizhevsky, "Learning multiple layers of features from tiny images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html
inline Cifar10 read_cifar10_file(const std::filesystem::path& path) {
  Cifar10 data{{}, {}, detail::read_classes(path.parent_path())};
  detail::append_cifar10_file(path, data);
  return data;
}

/// Whether the directory, or cifar-10-batches-bin inside it, holds all five training files.
inline bool has_cifar10_train(const std::filesystem::path& directory) {
  const auto complete = [](const std::filesystem::path& place) {
    for (int i = 1; i <= 5; ++i)
      if (!std::filesystem::exists(place / message("data_batch_", i, ".bin"))) return false;
    return true;
  };
  return complete(directory) || complete(directory / cifar10_directory_name);
}

/// Reads data_batch_1.bin to data_batch_5.bin, in that order, from the directory or from cifar-10-batches-bin inside it.
///
/// Throws   FileError as read_cifar10_file does, and if a file is missing or the directory holds another version.
inline Cifar10 read_cifar10_train(const std::filesystem::path& directory) {
  const auto place = detail::find_cifar10(directory, "data_batch_1.bin");
  Cifar10 data{{}, {}, detail::read_classes(place)};
  std::uintmax_t bytes = 0;
  for (int i = 1; i <= 5; ++i) {
    const auto path = place / message("data_batch_", i, ".bin");
    if (!std::filesystem::exists(path)) throw FileError(message("cifar10: ", path.string(), " is missing, expects data_batch_1.bin to data_batch_5.bin"));
    if (!std::filesystem::is_directory(path)) bytes += std::filesystem::file_size(path);
  }
  data.labels.reserve(static_cast<std::size_t>(bytes / cifar10_record_bytes));  // once: growing by file would copy 150 MB again and again
  data.pixels.reserve(data.labels.capacity() * cifar10_image_bytes);
  for (int i = 1; i <= 5; ++i) detail::append_cifar10_file(place / message("data_batch_", i, ".bin"), data);
  return data;
}

/// Reads test_batch.bin from the directory or from cifar-10-batches-bin inside it.
///
/// Throws   FileError as read_cifar10_train does.
inline Cifar10 read_cifar10_test(const std::filesystem::path& directory) {
  return read_cifar10_file(detail::find_cifar10(directory, "test_batch.bin") / "test_batch.bin");
}

/// Writes images `first` to `first + count - 1` as one file of records.
///
/// Throws   FileError if the file cannot be written.
inline void write_cifar10_file(const std::filesystem::path& path, const Cifar10& data, std::size_t first, std::size_t count) {
  if (first > data.size() || count > data.size() - first)
    throw IndexError(message("cifar10: images ", first, " to ", first + count, " were asked for, the set has ", data.size()));
  detail::File file = detail::open_file(path, "wb", "cifar10");
  std::array<std::uint8_t, cifar10_record_bytes> record;
  bool written = true;
  for (std::size_t i = first; i < first + count && written; ++i) {
    record[0] = data.labels[i];
    for (std::size_t p = 0; p < cifar10_plane_bytes; ++p)
      for (std::size_t c = 0; c < 3; ++c) record[1 + c * cifar10_plane_bytes + p] = data.image(i)[3 * p + c];
    written = std::fwrite(record.data(), 1, record.size(), file.get()) == record.size();
  }
  if (std::fclose(file.release()) != 0 || !written) throw FileError(message("cifar10: cannot write ", path.string(), ": ", std::strerror(errno)));
}

/// Writes data_batch_1.bin to data_batch_5.bin, a fifth of the images each, and batches.meta.txt: what read_cifar10_train reads.
inline void write_cifar10_train(const std::filesystem::path& directory, const Cifar10& data) {
  if (data.size() < 5) throw ValueError(message("cifar10: five files need at least 5 images, got ", data.size()));
  std::filesystem::create_directories(directory);
  for (std::size_t i = 0; i < 5; ++i) {
    const std::size_t first = data.size() * i / 5, last = data.size() * (i + 1) / 5;
    write_cifar10_file(directory / message("data_batch_", i + 1, ".bin"), data, first, last - first);
  }
  std::ofstream meta(directory / "batches.meta.txt");
  for (const auto& name : data.classes) meta << name << '\n';
  meta.close();
  if (!meta) throw FileError(message("cifar10: cannot write ", (directory / "batches.meta.txt").string(), ": ", std::strerror(errno)));
}

}  // namespace tapestry::examples
