// SPDX-License-Identifier: MIT
#include "../../examples/common/cifar10.hpp"

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

constexpr std::size_t record_size = 3073;

/// A record whose byte at plane c, row y, column x is a function of all three and of the label, so that each misplaced byte shows.
char byte_at(int label, int c, int y, int x) { return static_cast<char>(static_cast<unsigned char>(label * 31 + c * 97 + y * 7 + x * 3)); }

std::string record(int label) {
  std::string bytes(1, static_cast<char>(label));
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x) bytes += byte_at(label, c, y, x);
  return bytes;
}

std::string error_of_file(const std::filesystem::path& path) {
  return error_of<FileError>([&] { read_cifar10_file(path); });
}
std::string error_of_directory(const std::filesystem::path& path) {
  return error_of<FileError>([&] { read_cifar10_train(path); });
}

void write_five(const std::filesystem::path& directory) {
  for (int i = 1; i <= 5; ++i) write_text(directory / message("data_batch_", i, ".bin"), record(i) + record(9 - i));
}

}  // namespace

TEST_CASE("a record is a label and three planes, read as pixels with their channels together") {
  const Scratch scratch;
  write_text(scratch / "a.bin", record(3) + record(9) + record(0));
  const Cifar10 data = read_cifar10_file(scratch / "a.bin");
  REQUIRE(data.size() == 3);
  CHECK(data.labels == std::vector<std::uint8_t>{3, 9, 0});
  REQUIRE(data.pixels.size() == 3 * 3072);
  bool same = true;
  for (std::size_t i = 0; i < 3; ++i)
    for (int y = 0; y < 32; ++y)
      for (int x = 0; x < 32; ++x)
        for (int c = 0; c < 3; ++c) same = same && data.image(i)[(y * 32 + x) * 3 + c] == static_cast<std::uint8_t>(byte_at(data.labels[i], c, y, x));
  CHECK(same);
  CHECK(data.classes == cifar10_classes());
}

TEST_CASE("the training set is five files in order, found in the directory or in cifar-10-batches-bin inside it") {
  const Scratch scratch;
  write_five(scratch / "cifar-10-batches-bin");
  CHECK(has_cifar10_train(scratch.path()));
  const std::vector<std::uint8_t> labels = {1, 8, 2, 7, 3, 6, 4, 5, 5, 4};
  CHECK(read_cifar10_train(scratch.path()).labels == labels);
  CHECK(read_cifar10_train(scratch / "cifar-10-batches-bin").labels == labels);

  // The test file is optional: without it only its own reader complains.
  CHECK_THAT(error_of<FileError>([&] { read_cifar10_test(scratch.path()); }), contains_text("no test_batch.bin in"));
  write_text(scratch / "cifar-10-batches-bin/test_batch.bin", record(7));
  CHECK(read_cifar10_test(scratch.path()).labels == std::vector<std::uint8_t>{7});
}

TEST_CASE("class names come from batches.meta.txt") {
  const Scratch scratch;
  write_five(scratch.path());
  const auto meta = scratch / "batches.meta.txt";
  write_text(meta, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj j\r\n\n");
  CHECK(read_cifar10_train(scratch.path()).classes == std::vector<std::string>{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j j"});
  write_text(meta, "a\nb\n");
  CHECK_THAT(error_of_directory(scratch.path()), contains_text("batches.meta.txt: expects ten lines with a class name each, got 2"));
  write_text(meta, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n");
  CHECK_THAT(error_of_directory(scratch.path()), contains_text("got more"));
}

TEST_CASE("what is written reads back") {
  const Scratch scratch;
  Cifar10 data{{}, {}, {"q", "r", "s", "t", "u", "v", "w", "x", "y", "z"}};
  for (std::size_t i = 0; i < 7; ++i) {
    data.labels.push_back(static_cast<std::uint8_t>(i));
    for (std::size_t p = 0; p < 3072; ++p) data.pixels.push_back(static_cast<std::uint8_t>(p * 13 + i * 101 + p / 256));
  }
  write_cifar10_train(scratch / "out", data);
  const Cifar10 back = read_cifar10_train(scratch / "out");
  CHECK(back.pixels == data.pixels);
  CHECK(back.labels == data.labels);
  CHECK(back.classes == data.classes);
  CHECK_THROWS_AS(write_cifar10_file(scratch / "one.bin", data, 6, 2), IndexError);
  data.labels.resize(4);
  CHECK_THROWS_AS(write_cifar10_train(scratch / "few", data), ValueError);
}

TEST_CASE("a malformed file is refused with its name, the offset and the cause") {
  const Scratch scratch;
  const auto path = scratch / "data_batch_1.bin";
  const auto refused = [&](const std::string& bytes) {
    write_text(path, bytes);
    const std::string error = error_of_file(path);
    CHECK_THAT(error, contains_text("cifar10: " + path.string() + ": offset "));
    return error;
  };
  CHECK_THAT(refused(""), contains_text("offset 0: the file is empty, expects records of 3073 bytes"));
  CHECK_THAT(refused(record(1).substr(0, 100)), contains_text("offset 0: the last record has 100 of 3073 bytes"));
  CHECK_THAT(refused(record(1) + record(2).substr(0, record_size - 1)),
             contains_text("offset 3073: the last record has 3072 of 3073 bytes (the file has 6145 bytes, expects a multiple of 3073"));
  CHECK_THAT(refused(record(1) + std::string(1, '\4')), contains_text("offset 3073: the last record has 1 of 3073 bytes"));
  CHECK_THAT(refused(record(1) + record(255) + record(2)), contains_text("offset 3073: the label must be from 0 to 9, got 255"));
  CHECK_THAT(refused(record(10)), contains_text("offset 0: the label must be from 0 to 9, got 10"));
}

TEST_CASE("a file of another format or version is told by its name") {
  using namespace std::string_literals;
  const Scratch scratch;
  const auto path = scratch / "data_batch_1.bin";
  const auto refused = [&](std::string bytes) {
    bytes.resize(2 * record_size);  // of the right size, so that only the content speaks
    write_text(path, bytes);
    return error_of_file(path);
  };
  CHECK_THAT(refused("\x1f\x8b\x08\x00"s), contains_text("offset 0: not records of label and image but gzip data"));
  CHECK_THAT(refused("PK\x03\x04"s), contains_text("a zip archive"));
  CHECK_THAT(refused("cifar-10-batches-bin/"s + std::string(236, '\0') + "ustar\0"s), contains_text("a tar archive"));
  CHECK_THAT(refused("\x80\x02}q\x01"s), contains_text("the Python version of the data set, get cifar-10-binary.tar.gz"));
  CHECK_THAT(refused("MATLAB 5.0 MAT-file, Platform: GLNXA64"), contains_text("the MATLAB version of the data set"));
  CHECK_THAT(refused("<!DOCTYPE html>"), contains_text("HTML"));
  // CIFAR-100: a coarse and a fine label, 3074 bytes a record.
  write_text(path, ("\x0b\x13"s + std::string(3072, '\x7f')) + ("\x0b\x13"s + std::string(3072, '\x7f')));
  CHECK_THAT(error_of_file(path), contains_text("got 11 (is it CIFAR-100"));
}

TEST_CASE("a directory without the binary version says what it holds instead") {
  const Scratch scratch;
  CHECK_THAT(error_of_directory(scratch / "absent"), contains_text("absent does not exist"));
  CHECK_THAT(error_of_directory(scratch.path()), contains_text("no data_batch_1.bin in " + scratch.path().string() + " or in cifar-10-batches-bin"));
  CHECK_FALSE(has_cifar10_train(scratch.path()));
  write_text(scratch / "cifar-10-binary.tar.gz", "x");
  CHECK_THAT(error_of_directory(scratch.path()), contains_text("is not unpacked yet"));
  write_text(scratch / "cifar-10-batches-py/data_batch_1", "x");
  CHECK_THAT(error_of_directory(scratch.path()), contains_text("holds the Python version"));
  CHECK_THAT(error_of_directory(scratch / "cifar-10-batches-py"), contains_text("holds the Python version"));
  write_text(scratch / "matlab/data_batch_1.mat", "x");
  CHECK_THAT(error_of_directory(scratch / "matlab"), contains_text("holds the MATLAB version"));
  write_text(scratch / "hundred/fine_label_names.txt", "x");
  CHECK_THAT(error_of_directory(scratch / "hundred"), contains_text("holds CIFAR-100"));
  CHECK_THAT(error_of_directory(scratch / "cifar-10-binary.tar.gz"), contains_text("is not a directory"));
  CHECK_THAT(error_of_file(scratch / "none.bin"), contains_text("cannot open"));
  CHECK_THAT(error_of_file(scratch.path()), contains_text("is a directory"));

  write_five(scratch / "four");
  std::filesystem::remove(scratch / "four/data_batch_3.bin");
  CHECK_FALSE(has_cifar10_train(scratch / "four"));
  CHECK_THAT(error_of_directory(scratch / "four"), contains_text("data_batch_3.bin is missing"));
}
