// SPDX-License-Identifier: MIT
#include "tapestry/io/zip_reader.hpp"

#include "io/scratch_file.hpp"
#include "support/catch.hpp"
#include "tapestry/io/zip_writer.hpp"

using namespace tapestry;
using namespace std::string_literals;

namespace {

const test::ScratchFolder& zips() {
  static const test::ScratchFolder folder;
  return folder;
}
std::string archive(std::uint64_t wide_from = 0xFFFFFFFF) {
  AtomicFile file(zips().file("a.zip"));
  ZipWriter zip(file, wide_from);
  zip.add("first", {"he", "llo"});
  zip.add("folder/second", {std::string(5000, 'x')});
  zip.add("empty", {});
  zip.finish();
  file.commit();
  return test::read_bytes(zips().file("a.zip"));
}
/// Reads every entry to its end and returns the archive's content, or why it was refused.
std::string content(const std::string& bytes) {
  const std::string path = zips().file("b.zip");
  test::write_bytes(path, bytes);
  try {
    const FileReader file(path);
    MemoryBudget budget(file);
    const ZipReader zip(file, budget);
    std::string text;
    for (const ArchiveEntry& entry : zip.entries()) {
      EntryStream stream(file, entry);
      text += entry.name + '=' + stream.text(stream.remaining()) + ';';
    }
    return text;
  } catch (const FileError& error) {
    CHECK_THAT(error.what(), contains_text(path) && contains_text("byte "));
    return error.what();
  }
}
std::string with(std::string bytes, std::size_t at, const std::string& patch) { return bytes.replace(at, patch.size(), patch); }
std::size_t directory_of(const std::string& bytes) { return bytes.find("PK\x01\x02"); }

}  // namespace

TEST_CASE("what the writer writes the reader reads, with and without zip64, aligned to 64 bytes") {
  const std::string expected = "first=hello;folder/second=" + std::string(5000, 'x') + ";empty=;";
  CHECK(content(archive()) == expected);
  CHECK(archive().find("PK\x06\x06") == std::string::npos);
  for (const std::uint64_t wide_from : {0U, 1U, 3U, 100U, 1000U}) {
    INFO(wide_from);
    const std::string bytes = archive(wide_from);
    CHECK(bytes.find("PK\x06\x06") != std::string::npos);
    CHECK(content(bytes) == expected);
    CHECK(bytes.find("hello") % 64 == 0);
    CHECK(bytes.find("xxxx") % 64 == 0);
  }
}

TEST_CASE("the checksum is that of zip") {
  CHECK(crc32("123456789", 9) == 0xCBF43926);
  CHECK(crc32("", 0) == 0);
  CHECK(crc32("6789", 4, crc32("12345", 5)) == 0xCBF43926);
}

TEST_CASE("an archive cut off, or with a byte changed, is refused or reads the same") {
  const std::string whole = archive(), expected = content(whole);
  for (std::size_t size = 0; size < whole.size(); size += size + 200 < whole.size() && size > 100 ? 97U : 1U) CHECK(content(whole.substr(0, size)) != expected);
  CHECK_THAT(content(with(whole, whole.find("hello"), "j")), contains_text("checksum"));
  CHECK_THAT(content(whole + "x"), contains_text("no end record"));
  CHECK_THAT(content("x" + whole), contains_text("does not end at"));
}

TEST_CASE("archives that two readers could understand differently are refused") {
  const std::string whole = archive();
  const std::size_t directory = directory_of(whole), second = whole.find("PK\x01\x02", directory + 4), end = whole.find("PK\x05\x06");
  const auto refused = [&](const std::string& bytes, const std::string& cause) {
    INFO(cause);
    CHECK_THAT(content(bytes), contains_text(cause));
  };
  // Same name, in the directory and in the local header.
  std::string twice = archive();
  for (std::size_t at = twice.find("folder/second"); at != std::string::npos; at = twice.find("folder/second", at + 1)) twice.replace(at, 13, "folder/firsts");
  CHECK_THAT(content(twice), contains_text("folder/firsts="));
  {
    AtomicFile file(zips().file("twice.zip"));
    ZipWriter zip(file);
    zip.add("same", {"1"});
    zip.add("same", {"2"});
    zip.finish();
    file.commit();
    refused(test::read_bytes(zips().file("twice.zip")), "entry same stands twice");
  }
  refused(with(whole, whole.find("folder/second"), "f0lder"), "the local header of entry folder/second has another name");
  refused(with(whole, second + 46, "FIRST"), "has another name");
  refused(with(whole, directory + 8, "\x01"), "is encrypted");
  refused(with(whole, directory + 10, "\x0c"), "is compressed by method 12");
  refused(with(whole, directory + 42, "\x01"), "no local header");
  refused(with(whole, second + 20, "\xff\xff\xff\x7f\xff\xff\xff\x7f"s), "an entry's size is 2147483647");
  refused(with(whole, second + 20, "\x01"), "of 4865 bytes cannot expand to 5000");
  refused(with(whole, directory + 20, "\xff\x00\x00\x00\xff\x00\x00\x00"s), "overlaps");
  refused(with(whole, directory + 42, whole.substr(second + 42, 4)), "has another name");
  refused(with(whole, end + 16, "\xff\xff\xff\xff"), "the directory's place is 4294967295");
  refused(with(whole, end + 8, "\xff\x00\xff\x00"s), "255 entries do not fit");
  refused(with(whole, end + 8, "\x01\x00\x01\x00"s), "behind the last entry of the directory");
  refused(with(whole, end + 4, "\x01"), "several disks");
  const std::string wide = archive(0);
  const std::size_t end64 = wide.find("PK\x06\x06"), locator = wide.find("PK\x06\x07");
  refused(with(wide, locator + 8, "\x00"s), "no zip64 end record");
  refused(with(wide, locator + 8, "\xff\xff\xff\xff\xff\xff\xff\xff"), "zip64 end record is 18446744073709551615");
  refused(with(wide, end64 + 32, "\xff\xff\xff\xff\xff\xff\xff\xff"), "entries do not fit");
  refused(with(wide, end64 + 48, "\xff\xff\xff\xff\xff\xff\xff\xff"), "the directory's place is 18446744073709551615");
}
