// SPDX-License-Identifier: MIT
#include "../../examples/common/download.hpp"
#include "../../examples/common/fetch_weights.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <limits>
#include <optional>
#include <thread>

#include "examples/scratch.hpp"

using namespace tapestry;
using namespace tapestry::examples;

namespace {

/// serve.py, serving one file until the test is over.
class Server {
 public:
  Server(const std::filesystem::path& file, const std::filesystem::path& log) : log_(log) {
    write_text(log, "");
    int to_child[2], from_child[2];
    if (pipe(to_child) != 0 || pipe(from_child) != 0) throw std::runtime_error("server: no pipe");
    child_ = fork();
    if (child_ == 0) {
      dup2(to_child[0], STDIN_FILENO);
      dup2(from_child[1], STDOUT_FILENO);
      for (int end : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(end);
      const auto script = std::filesystem::path(__FILE__).parent_path() / "serve.py";
      execlp("python3", "python3", script.c_str(), file.c_str(), log.c_str(), static_cast<char*>(nullptr));
      _exit(127);
    }
    close(to_child[0]);
    close(from_child[1]);
    input_ = to_child[1];
    for (char c; read(from_child[0], &c, 1) == 1 && c != '\n';) port_ += c;
    close(from_child[0]);
    if (port_.empty()) throw std::runtime_error("server: serve.py did not start (python3 is needed)");
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    close(input_);
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + port_ + "/" + path; }
  /// The requests so far: path, range asked for, bytes sent. The server notes a request after it has answered it: waits until `part` is there.
  std::string log_with(const std::string& part) const {
    for (int i = 0; i < 100 && read_text(log_).find(part) == std::string::npos; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return read_text(log_);
  }

 private:
  std::filesystem::path log_;
  pid_t child_ = -1;
  int input_ = -1;
  std::string port_;
};

struct Entry {
  std::string name, content;
  decltype(AE_IFREG) type = AE_IFREG;
};

void write_archive(const std::filesystem::path& path, const std::vector<Entry>& entries) {
  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_ustar(writer);
  REQUIRE(archive_write_open_filename(writer, path.c_str()) == ARCHIVE_OK);
  for (const Entry& entry : entries) {
    archive_entry* header = archive_entry_new();
    archive_entry_set_pathname(header, entry.name.c_str());
    archive_entry_set_filetype(header, entry.type);
    archive_entry_set_perm(header, 0644);
    if (entry.type == AE_IFLNK)
      archive_entry_set_symlink(header, entry.content.c_str());
    else
      archive_entry_set_size(header, static_cast<la_int64_t>(entry.content.size()));
    REQUIRE(archive_write_header(writer, header) == ARCHIVE_OK);
    if (entry.type == AE_IFREG) archive_write_data(writer, entry.content.data(), entry.content.size());
    archive_entry_free(header);
  }
  REQUIRE(archive_write_close(writer) == ARCHIVE_OK);
  archive_write_free(writer);
}

/// The data set in small: noise, so that the archive does not shrink to nothing.
std::vector<Entry> small_set() {
  std::vector<Entry> entries = {{"cifar-10-batches-bin/", "", AE_IFDIR}};
  std::uint32_t state = 1;
  for (int i = 1; i <= 6; ++i) {
    std::string records;
    for (int r = 0; r < 4; ++r) {
      records += static_cast<char>((i + r) % 10);
      for (int b = 0; b < 3072; ++b) records += static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
    }
    entries.push_back({i == 6 ? "cifar-10-batches-bin/test_batch.bin" : message("cifar-10-batches-bin/data_batch_", i, ".bin"), records});
  }
  entries.push_back({"cifar-10-batches-bin/batches.meta.txt", "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"});
  return entries;
}

/// An archive, a server for it, an empty directory to download into, and the options that fit.
struct Site {
  Scratch scratch;
  std::filesystem::path archive = scratch / "served.tar.gz", target = scratch / "cache/cifar10", part = target / "cifar-10-binary.tar.gz.part";
  std::string bytes;
  std::optional<Server> server;

  explicit Site(const std::vector<Entry>& entries = small_set()) {
    setenv("no_proxy", "127.0.0.1", 1);
    write_archive(archive, entries);
    bytes = read_text(archive);
    server.emplace(archive, scratch / "log");
  }
  DownloadOptions options(const std::string& path) const {
    DownloadOptions options;
    options.url = server->url(path);
    options.md5 = md5_of_file(archive);
    return options;
  }
  std::string error(const DownloadOptions& options) const {
    return error_of<FileError>([&] { download_cifar10(target, options); });
  }
};

}  // namespace

TEST_CASE("MD5 gives the sums of RFC 1321") {
  const Scratch scratch;
  write_text(scratch / "a", "");
  CHECK(md5_of_file(scratch / "a") == "d41d8cd98f00b204e9800998ecf8427e");
  write_text(scratch / "a", "message digest");
  CHECK(md5_of_file(scratch / "a") == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK_THAT(error_of<FileError>([&] { md5_of_file(scratch / "none"); }), contains_text("cannot open"));
}

TEST_CASE("SHA-256 gives the sums of FIPS 180") {
  const Scratch scratch;
  write_text(scratch / "empty", "");
  write_text(scratch / "abc", "abc");
  CHECK(sha256_of_file(scratch / "empty") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_of_file(scratch / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(error_of<FileError>([&] { sha256_of_file(scratch / "nothing"); }).find("sha256: ") == 0);
}

TEST_CASE("the official archive is what is fetched by default") {
  CHECK(DownloadOptions().url == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz");
  CHECK(DownloadOptions().md5 == "c32a1d4ab5d03f1284b67883e8d87530");
  CHECK(DownloadOptions().connect_timeout == 10);
}

TEST_CASE("a download is unpacked and readable, and the second time already there") {
  const Site site;
  DownloadOptions options = site.options("good");
  std::int64_t last = 0, whole = 0;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    CHECK(done >= last);
    last = done;
    whole = total;
    return true;
  };
  const DownloadResult first = download_cifar10(site.target, options);
  CHECK_THAT(first.status, contains_text("downloaded and verified"));
  CHECK(first.directory == site.target / "cifar-10-batches-bin");
  CHECK(last == static_cast<std::int64_t>(site.bytes.size()));
  CHECK(whole == last);
  CHECK(read_cifar10_train(site.target).size() == 20);
  CHECK(read_cifar10_test(site.target).size() == 4);
  CHECK(read_text(first.directory / "data_batch_2.bin") == small_set()[2].content);
  for (const auto& file : std::filesystem::recursive_directory_iterator(site.target)) {
    CHECK(file.path().extension() != ".part");
    CHECK(file.path().extension() != ".tmp");
  }

  const std::string log = site.server->log_with("/good - ");
  CHECK_THAT(download_cifar10(site.target, options).status, contains_text("already downloaded and verified"));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(site.server->log_with("/good - ") == log);
}

TEST_CASE("what was damaged since is mended from the archive, or fetched again where that is damaged too") {
  const Site site;
  const auto options = site.options("good");
  const auto file = download_cifar10(site.target, options).directory / "data_batch_4.bin";
  const std::string content = read_text(file);

  write_text(file, content.substr(0, content.size() - 1) + "?");
  CHECK_THAT(download_cifar10(site.target, options).status, contains_text("unpacked from the archive that was there"));
  CHECK(read_text(file) == content);

  std::filesystem::remove(file);
  write_text(site.target / "cifar-10-binary.tar.gz", site.bytes.substr(0, 1000));
  CHECK_THAT(download_cifar10(site.target, options).status, contains_text("had a wrong checksum and was replaced"));
  CHECK(read_text(file) == content);
}

TEST_CASE("a transfer that breaks off keeps what came and goes on from there") {
  const Site site;
  const std::string error = site.error(site.options("cut"));
  const std::size_t half = site.bytes.size() / 2;
  CHECK_THAT(error, contains_text(message("the first ", half, " bytes are kept")));
  CHECK(read_text(site.part) == site.bytes.substr(0, half));
  CHECK_FALSE(std::filesystem::exists(site.target / "cifar-10-binary.tar.gz"));

  auto options = site.options("good");
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  options.progress = [&](std::int64_t done, std::int64_t) {
    least = std::min(least, done);
    return true;
  };
  download_cifar10(site.target, options);
  CHECK(least >= static_cast<std::int64_t>(half));
  CHECK(read_text(site.target / "cifar-10-binary.tar.gz") == site.bytes);
  const std::string request = message("/good bytes=", half, "- ", site.bytes.size() - half);
  CHECK_THAT(site.server->log_with(request), contains_text(request));
}

TEST_CASE("a server without ranges makes it start anew, a complete part needs no byte more") {
  const Site site;
  write_text(site.part, site.bytes.substr(0, 777));
  download_cifar10(site.target, site.options("norange"));
  CHECK(read_text(site.target / "cifar-10-binary.tar.gz") == site.bytes);

  const Site complete;
  write_text(complete.part, complete.bytes);
  download_cifar10(complete.target, complete.options("good"));
  CHECK(read_cifar10_train(complete.target).size() == 20);
  const std::string request = message("/good bytes=", complete.bytes.size(), "- 0\n");
  CHECK_THAT(complete.server->log_with(request), contains_text(request));
}

TEST_CASE("a wrong checksum deletes the file and says so") {
  const Site site;
  auto options = site.options("good");
  options.md5 = "00000000000000000000000000000000";
  const std::string error = site.error(options);
  CHECK_THAT(error, contains_text("wrong checksum: MD5 is " + md5_of_file(site.archive) + ", expects " + options.md5 + "; the file was deleted"));
  CHECK(std::filesystem::is_empty(site.target));

  // A part of something else: found out, deleted, and the next run succeeds.
  write_text(site.part, std::string(500, 'x'));
  CHECK_THAT(site.error(site.options("good")), contains_text("run again to start anew"));
  CHECK(std::filesystem::is_empty(site.target));
  CHECK_THAT(download_cifar10(site.target, site.options("good")).status, contains_text("downloaded and verified"));
}

TEST_CASE("errors of server and network are told, and leave nothing that looks like data") {
  const Site site;
  CHECK_THAT(site.error(site.options("missing")), contains_text("the server answered 404"));
  CHECK_THAT(site.error(site.options("broken")), contains_text("the server answered 500"));
  CHECK_THAT(site.error(site.options("loop")), contains_text("redirects"));
  CHECK_THAT(site.error(site.options("file")), contains_text("file"));
  CHECK(std::filesystem::is_empty(site.target));

  // A 404 does not touch what an earlier run left.
  write_text(site.part, site.bytes.substr(0, 777));
  CHECK_THAT(site.error(site.options("missing")), contains_text("the first 777 bytes are kept"));
  CHECK(read_text(site.part) == site.bytes.substr(0, 777));

  download_cifar10(site.target, site.options("redirect"));
  CHECK(read_cifar10_train(site.target).size() == 20);

  CHECK_THAT(error_of<FileError>([&] { download_cifar10(site.archive / "below_a_file", site.options("good")); }), contains_text("cannot create"));
}

TEST_CASE("a refused connection is told at once") {
  // Bound but not listening: nobody else gets the port, and nobody answers.
  const int socket_number = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(bind(socket_number, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(getsockname(socket_number, reinterpret_cast<sockaddr*>(&address), &length) == 0);

  setenv("no_proxy", "127.0.0.1", 1);
  const Scratch scratch;
  DownloadOptions options;
  options.url = message("http://127.0.0.1:", ntohs(address.sin_port), "/cifar-10-binary.tar.gz");
  const auto start = std::chrono::steady_clock::now();
  CHECK_THAT(error_of<FileError>([&] { download_cifar10(scratch / "c", options); }), contains_text("Failed to connect to 127.0.0.1"));
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(std::filesystem::is_empty(scratch / "c"));
  close(socket_number);
}

TEST_CASE("a stalled transfer gives up, a stopped one stops, and both keep what came") {
  const Site site;
  auto options = site.options("stall");
  options.stall_timeout = 1;
  CHECK_THAT(site.error(options), contains_text("the first 10 bytes are kept"));
  options = site.options("good");
  options.progress = [](std::int64_t done, std::int64_t) { return done < 10; };
  CHECK_THAT(site.error(options), contains_text("was stopped"));
  CHECK(read_text(site.part).size() >= 10);
}

TEST_CASE("two programs do not write one part") {
  const Site site;
  write_text(site.part, "");
  const int other = open(site.part.c_str(), O_WRONLY);
  REQUIRE(flock(other, LOCK_EX) == 0);
  CHECK_THAT(site.error(site.options("good")), contains_text("is being written by another program"));
  close(other);
  CHECK(site.error(site.options("good")).empty());
}

TEST_CASE("an archive can neither write elsewhere nor plant links") {
  auto entries = small_set();
  entries.insert(entries.begin(), {{"../evil", "1"},
                                   {"cifar-10-batches-bin/../../evil", "2"},
                                   {"cifar-10-batches-bin/sub/data_batch_1.bin", "3"},
                                   {"cifar-10-batches-bin/extra.bin", "4"},
                                   {"cifar-10-batches-bin-other/data_batch_1.bin", "5"},
                                   {"cifar-10-batches-bin/readme.html", "/etc/hostname", AE_IFLNK}});
  const Site site(entries);
  const auto directory = download_cifar10(site.target, site.options("good")).directory;
  CHECK_FALSE(std::filesystem::exists(site.target / "evil"));
  CHECK_FALSE(std::filesystem::exists(site.target.parent_path() / "evil"));
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    CHECK(file.symlink_status().type() == std::filesystem::file_type::regular);
    ++files;
  }
  CHECK(files == 8);  // five batches, the test batch, the names, the sums
  CHECK(read_text(directory / "data_batch_1.bin") == small_set()[1].content);

  entries = small_set();
  entries[3] = {"cifar-10-batches-bin/data_batch_3.bin", "/etc/hostname", AE_IFLNK};
  const Site link(entries);
  CHECK_THAT(link.error(link.options("good")), contains_text("holds no regular file cifar-10-batches-bin/data_batch_3.bin"));
}

TEST_CASE("a file that is no archive is told, though its sum be right") {
  Site site;
  write_text(site.archive, "not an archive at all, but as long as need be");
  CHECK_THAT(site.error(site.options("good")), contains_text("extract: "));
  write_text(site.archive, site.bytes.substr(0, site.bytes.size() - 2000));
  std::filesystem::remove_all(site.target);
  CHECK_THAT(site.error(site.options("good")), contains_text("extract: "));
  CHECK_THAT(site.error(site.options("good")), contains_text("extract: "));  // nor is the half set taken for a whole one
}

TEST_CASE("the cache folder is XDG_CACHE_HOME's, or ~/.cache") {
  const auto old_of = [](const char* name) {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  const auto cache = old_of("XDG_CACHE_HOME"), home = old_of("HOME");
  setenv("HOME", "/home/someone", 1);
  setenv("XDG_CACHE_HOME", "/var/caches", 1);
  CHECK(cifar10_cache_directory() == "/var/caches/cifar10");
  setenv("XDG_CACHE_HOME", "relative", 1);
  CHECK(cifar10_cache_directory() == "/home/someone/.cache/cifar10");
  unsetenv("XDG_CACHE_HOME");
  CHECK(cifar10_cache_directory() == "/home/someone/.cache/cifar10");
  unsetenv("HOME");
  CHECK_THROWS_AS(cifar10_cache_directory(), FileError);
  if (home) setenv("HOME", home->c_str(), 1);
  if (cache) setenv("XDG_CACHE_HOME", cache->c_str(), 1);
}

TEST_CASE("a file of weights is fetched, continued and checked by the hash that its name tells") {
  const Site site;
  const std::string hash = sha256_of_file(site.archive).substr(0, 8);
  const auto path = site.scratch / ("weights/net-" + hash + ".pth"), part = site.scratch / ("weights/net-" + hash + ".pth.part");
  const std::size_t half = site.bytes.size() / 2;
  CHECK_THAT(error_of<FileError>([&] { fetch_file(path, hash, site.options("cut")); }), contains_text(message("the first ", half, " bytes are kept")));
  CHECK_FALSE(std::filesystem::exists(path));
  fetch_file(path, hash, site.options("good"));
  CHECK(read_text(path) == site.bytes);
  CHECK_FALSE(std::filesystem::exists(part));
  const std::string request = message("/good bytes=", half, "- ", site.bytes.size() - half);
  CHECK_THAT(site.server->log_with(request), contains_text(request));

  const auto wrong = site.scratch / "other/net-00000000.pth";
  CHECK_THAT(error_of<FileError>([&] { fetch_file(wrong, "00000000", site.options("good")); }),
             contains_text("wrong checksum: SHA-256 is " + hash) && contains_text("expects 00000000...; the file was deleted"));
  CHECK(std::filesystem::is_empty(wrong.parent_path()));
  CHECK_THAT(error_of<FileError>([&] { fetch_file(wrong, "00000000", site.options("missing")); }), contains_text("the server answered 404"));
}
