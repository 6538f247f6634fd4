// SPDX-License-Identifier: MIT
#include "tapestry/io/file.hpp"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>

#include "io/scratch_file.hpp"
#include "support/catch.hpp"

using namespace tapestry;

TEST_CASE("an AtomicFile appears when it is committed, and leaves nothing else") {
  const test::ScratchFolder folder;
  const std::string path = folder.file("a.bin");
  {
    AtomicFile file(path);
    file.write("old");
    CHECK_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  CHECK(test::read_bytes(path) == "old");
  {
    AtomicFile file(path);
    file.write("new");
    file.write(" text", 5);
    file.write("");
    CHECK(test::read_bytes(path) == "old");
    file.commit();
    CHECK(test::read_bytes(path) == "new text");
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a writer that goes without commit leaves the old file and no temporary") {
  const test::ScratchFolder folder;
  const std::string path = folder.file("a.bin");
  test::write_bytes(path, "old");
  try {
    AtomicFile file(path);
    file.write("half of the ne");
    throw ValueError("something else goes wrong");
  } catch (const ValueError&) {
  }
  CHECK(test::read_bytes(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a writer killed in the middle leaves the old file, and the next one writes over its remains") {
  const test::ScratchFolder folder;
  const std::string path = folder.file("a.bin");
  test::write_bytes(path, "old");
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    AtomicFile file(path);
    const std::string much(1 << 20, 'x');
    file.write(much);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(test::read_bytes(path) == "old");
  AtomicFile file(path);
  file.write("new");
  file.commit();
  CHECK(test::read_bytes(path) == "new");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a disk that refuses leaves the old file and names the cause") {
  const test::ScratchFolder folder;
  CHECK_THROWS_WITH(AtomicFile(folder.file("missing/a.bin")), contains_text("missing/a.bin.tmp: No such file or directory"));
  test::write_bytes(folder.file("plain"), "a file, not a folder");
  CHECK_THROWS_WITH(AtomicFile(folder.file("plain/a.bin")), contains_text("Not a directory"));
  std::filesystem::create_directory(folder.file("folder"));
  test::write_bytes(folder.file("folder/inside"), "x");
  {
    AtomicFile file(folder.file("folder"));  // its name is taken by something that cannot be replaced
    file.write("text");
    CHECK_THROWS_AS(file.commit(), FileError);
  }
  CHECK(std::filesystem::exists(folder.file("folder/inside")));
  CHECK_FALSE(std::filesystem::exists(folder.file("folder.tmp")));

  const std::string path = folder.file("a.bin");
  test::write_bytes(path, "old");
  const pid_t child = fork();  // the limit below holds for the whole process
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    int result = 1;
    try {
      AtomicFile file(path);
      file.write(std::string(100'000, 'x'));
      file.commit();
    } catch (const FileError& error) {
      result = std::string(error.what()).find("File too large") != std::string::npos ? 0 : 2;
    }
    _exit(result);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(test::read_bytes(path) == "old");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("a folder without permission is refused") {
  if (geteuid() == 0) {
    SUCCEED("the superuser may write everywhere");
    return;
  }
  const test::ScratchFolder folder;
  std::filesystem::create_directory(folder.file("closed"));
  std::filesystem::permissions(folder.file("closed"), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  CHECK_THROWS_WITH(AtomicFile(folder.file("closed/a.bin")), contains_text("Permission denied"));
}

TEST_CASE("a FileReader knows the size and refuses to read beyond it") {
  const test::ScratchFolder folder;
  const std::string path = folder.file("a.bin");
  test::write_bytes(path, "0123456789");
  FileReader file(path);
  CHECK(file.size() == 10);
  CHECK(file.path() == path);
  char text[8];
  file.read(text, 4);
  CHECK(std::string(text, 4) == "0123");
  file.read(text, 0);
  file.read(text, 5);
  CHECK(std::string(text, 5) == "45678");
  CHECK_THROWS_WITH(file.read(text, 2), contains_text("a.bin: the file ended early"));
}

TEST_CASE("what is no regular file is refused at once") {
  const test::ScratchFolder folder;
  CHECK_THROWS_WITH(FileReader(folder.file("none")), contains_text("none: No such file or directory"));
  CHECK_THROWS_WITH(FileReader(folder.file("")), contains_text("not a regular file"));
  CHECK_THROWS_WITH(FileReader("/dev/zero"), contains_text("not a regular file"));
  REQUIRE(mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  CHECK_THROWS_WITH(FileReader(folder.file("pipe")), contains_text("not a regular file"));
}
