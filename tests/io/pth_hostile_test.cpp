// SPDX-License-Identifier: MIT
#include <sys/resource.h>

#include "io/scratch_file.hpp"
#include "support/catch.hpp"
#include "support/random_config.hpp"
#include "tapestry/io/pth.hpp"

using namespace tapestry;
using namespace std::string_literals;

namespace {

template <std::size_t bytes = 8>
std::string number(Index value) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(static_cast<unsigned char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  return text;
}
std::string integer(Index value) { return "\x8a\x08" + number(value); }
std::string text(const std::string& value) { return "X" + number<4>(static_cast<Index>(value.size())) + value; }
std::string tuple(const std::vector<Index>& values) {
  std::string code = "(";
  for (const Index value : values) code += integer(value);
  return code + 't';
}
std::string storage(Index numel, const std::string& window = "N", const std::string& type = "Float") {
  return "(" + text("storage") + "ctorch\n" + type + "Storage\n" + text("0") + text("cpu") + integer(numel) + window + "tQ";
}
std::string tensor(const std::string& on, Index first, const std::vector<Index>& sizes, const std::vector<Index>& strides) {
  return "ctorch._utils\n_rebuild_tensor\n(" + on + integer(first) + tuple(sizes) + tuple(strides) + "tR";
}
std::string dict(const std::string& key, const std::string& value) { return "}" + text(key) + value + "s"; }
/// The stream of such an object, with a storage "0" of 6 floats 0, 1, ...
std::string stream(const std::string& code, Index numel = 6) {
  std::string bytes = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02" + code + ".\x80\x02]" + text("0") + "a." + number(numel);
  for (int i = 0; i < 6; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), 4);
  }
  return bytes;
}
Pth read(const std::string& bytes) {
  static const test::ScratchFolder folder;
  test::write_bytes(folder.file("a.pth"), bytes);
  return load_pth(folder.file("a.pth"));
}
void refused(const std::string& bytes, const std::string& cause) {
  INFO(cause);
  CHECK_THROWS_WITH(read(bytes), contains_text(cause) && contains_text("a.pth") && contains_text("byte "));
}

constexpr Index huge = std::numeric_limits<Index>::max();

}  // namespace

TEST_CASE("a window on a storage stays inside it, whatever the numbers") {
  const NamedTensors good = read(stream(dict("x", tensor(storage(6), 1, {2, 2}, {3, 1})))).tensors;
  CHECK(find(good, "x")->as<float>().to_vector() == std::vector<float>{1, 2, 4, 5});
  const auto check = [](Index first, const std::vector<Index>& sizes, const std::vector<Index>& strides, const std::string& cause) {
    refused(stream(dict("x", tensor(storage(6), first, sizes, strides))), "tensor x " + cause);
  };
  const std::string beyond = "of shape", impossible = "has an impossible shape";
  check(0, {7}, {1}, beyond);
  check(1, {6}, {1}, beyond);
  check(0, {2}, {6}, beyond);
  check(2, {2, 2}, {3, 1}, beyond);
  check(-1, {2}, {1}, beyond);
  check(huge, {1}, {1}, beyond);
  check(7, {0}, {1}, beyond);
  check(5, {2}, {-1}, beyond);
  check(0, {2}, {huge}, beyond);
  check(0, {3, 3}, {huge / 2, huge / 2}, beyond);
  check(0, {huge}, {0}, impossible);
  check(0, {-1}, {1}, impossible);
  check(0, {huge, huge}, {0, 0}, impossible);
  check(0, {Index{1} << 32, Index{1} << 32}, {0, 0}, impossible);
  check(0, {0, huge, huge}, {1, 1, 1}, impossible);
  check(0, {1, 1}, {1}, "has sizes and strides");
  check(0, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "has sizes and strides");
  const auto window = [](Index first, Index numel) { return "(" + text("w") + integer(first) + integer(numel) + "t"; };
  CHECK(find(read(stream(dict("x", tensor(storage(6, window(2, 4)), 1, {3}, {1})))).tensors, "x")->as<float>().to_vector() == std::vector<float>{3, 4, 5});
  refused(stream(dict("x", tensor(storage(6, window(3, 4)), 0, {1}, {1}))), "lies in a window of 4 elements from 3");
  refused(stream(dict("x", tensor(storage(6, window(-1, 4)), 0, {1}, {1}))), "lies in a window");
  refused(stream(dict("x", tensor(storage(6, window(2, 2)), 1, {2}, {1}))), "tensor x of shape [2]");
  refused(stream(dict("x", "ctorch._utils\n_rebuild_tensor_v3\n(" + storage(6, window(5, 1)) + integer(0) + tuple({1}) + tuple({1}) + "\x89Nctorch\nint64\ntR")),
          "reads a window of float32 as int64");
  refused(stream(dict("x", tensor(storage(6, window(huge, huge)), 1, {2}, {1}))), "lies in a window");
}

TEST_CASE("storages hold what is said of them, once") {
  refused(stream(dict("x", tensor(storage(huge), 0, {1}, {1}))), "storage 0 has 6 elements, the pickle says 9223372036854775807");
  refused(stream(dict("x", tensor(storage(-1), 0, {1}, {1}))), "storage 0 has -1 elements");
  refused(stream(dict("x", tensor(storage(6), 0, {1}, {1})), 7), "claims 7 elements of 4 bytes but 24 bytes are left");
  refused(stream(dict("x", tensor(storage(6), 0, {1}, {1})), -1), "claims 18446744073709551615 elements");
  refused(stream("]" + tensor(storage(6), 0, {1}, {1}) + "a" + tensor(storage(5), 0, {1}, {1}) + "a"), "storage 0 is float32 of 5 elements here but float32 of 6");
  refused(stream("]" + tensor(storage(6), 0, {1}, {1}) + "a" + tensor(storage(6, "N", "Int"), 0, {1}, {1}) + "a"), "storage 0 is int32 of 6 elements here");
  refused(stream(dict("x", tensor(storage(6, "N", "Strange"), 0, {1}, {1}))), "torch.StrangeStorage is no known class of storages");
  std::string twice = stream(dict("x", tensor(storage(6), 0, {1}, {1})));
  twice.replace(twice.find("]" + text("0") + "a."), 1 + text("0").size() + 2, "](" + text("0") + text("0") + "e.");
  refused(twice + twice.substr(twice.size() - 32), "storage 0 stands twice");
  const std::string good = text("y") + tensor(storage(6), 0, {1}, {1}) + "s";
  refused(stream(dict("x", tensor("N", 0, {1}, {1})) + good), "has no storage but None");
  refused(stream(dict("x", "ctorch._utils\n_rebuild_tensor\n)R") + good), "is rebuilt from 0 arguments");
  refused(stream(dict("x", "ctorch.nn.parameter\nParameter\n)\x81") + good), "was never given elements");
  const auto with_metadata = [](const std::string& metadata) {
    return dict("x", "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(6) + integer(0) + tuple({2}) + tuple({1}) + "\x89N" + metadata + "tR");
  };
  CHECK(find(read(stream(with_metadata("}" + text("neg") + "\x88s"))).tensors, "x")->as<float>().to_vector() == std::vector<float>{0, -1});
  CHECK(find(read(stream(with_metadata("}" + text("neg") + "\x89s"))).tensors, "x")->as<float>().to_vector() == std::vector<float>{0, 1});
  refused(stream(with_metadata("}" + text("conj") + "\x88s") + good), "has metadata of unknown meaning, conj");
  refused(stream(with_metadata(integer(1)) + good), "has a int where its metadata stand");
  refused(stream("N"), "the pickle mentions no storage 0");
}

TEST_CASE("what expands beyond the limit is refused before the memory is touched") {
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // KiB
  };
  const auto before = peak();
  refused(stream(dict("x", tensor(storage(6), 0, {Index{1} << 36}, {0}))), "a tensor would take 274877906944 bytes");
  // A thousand windows of a megabyte each on six floats.
  std::string many = "](";
  for (int i = 0; i < 1000; ++i) many += tensor(storage(6), 0, {250'000}, {0});
  refused(stream(many + "e"), "beyond the limit");
#if defined(__SANITIZE_ADDRESS__)
  const long allowed = 1024 * 1024;  // the sanitizer keeps what was freed
#else
  const long allowed = 140 * 1024;
#endif
  CHECK(peak() - before < allowed);
}

TEST_CASE("values that hold themselves, bombs of shared references and deep nesting end") {
  const std::string one = tensor(storage(6), 0, {6}, {1});
  refused(stream("}q\0"s + text("x") + one + "s" + text("self") + "h\0s"s), "nesting deeper than 64");
  refused(stream("}q\0"s + text("x") + one + "s" + text("a") + "h\0s"s + text("b") + "h\0s"s), "nesting deeper than 64");
  std::string bomb = one;
  for (int i = 0; i < 40; ++i) bomb += "2\x86";  // each pair twice the last
  refused(stream(dict("x", bomb)), "beyond the limit");
  std::string harmless = "N";
  for (int i = 0; i < 40; ++i) harmless += "2\x86";
  const Pth passed = read(stream(dict("x", one) + text("bomb") + harmless + "s"));
  CHECK(passed.skipped == std::vector<std::string>{"bomb"});
  std::string deep = one;
  for (int i = 0; i < 200'000; ++i) deep += '\x85';
  refused(stream(dict("x", deep)), "nesting deeper than 64");
  std::string types = "ctorch._tensor\n_rebuild_from_type_v2\nq\0"s;  // a call of a call of a call...
  std::string nested = "(" + storage(6) + integer(0) + tuple({6}) + tuple({1}) + "t";
  nested = "(ctorch._utils\n_rebuild_tensor_v2\nN" + nested + "Nt";
  for (int i = 0; i < 20; ++i) nested = "(h\0N"s + nested + "Nt";
  refused(stream(dict("x", types + nested + "R")), "tensor x depends on torch._tensor._rebuild_from_type_v2");
}

TEST_CASE("a key that stands twice keeps its place and takes its last value; names that collide are refused") {
  const std::string first = tensor(storage(6), 0, {1}, {1}), second = tensor(storage(6), 3, {1}, {1});
  const NamedTensors tensors = read(stream(dict("x", first) + text("y") + first + "s" + text("x") + second + "s")).tensors;
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].first == "x");
  CHECK(tensors[0].second.as<float>().at(0) == 3);
  refused(stream("}" + text("a.b") + first + "s" + text("a") + dict("b", second) + "s"), "two tensors are named a.b");
}

TEST_CASE("a checkpoint cut off at any byte is refused, and one with bytes changed is read or refused") {
  const std::string folder = std::string(TAPESTRY_TEST_DATA) + "/io/data/pth/";
  test::RandomConfig random(11);
  for (const char* name : {"tar.pth", "python2.pth", "old_parameters.pth", "no_checksums.pth", "parameter.pth", "window.pth", "opaque.pth"}) {
    INFO(name);
    const std::string whole = test::read_bytes(folder + name);
    const auto size = static_cast<Index>(whole.size());
    for (Index cut = 0; cut < (std::string_view(name) == "tar.pth" ? 3700 : size); cut += 1 + size / 200) {
      INFO("cut to " << cut << " bytes");
      CHECK_THROWS_AS(read(whole.substr(0, static_cast<std::size_t>(cut))), FileError);
    }
    for (int round = 0; round < 300; ++round) {
      std::string bytes = whole;
      for (Index change = random.integer(1, 3); change > 0; --change)
        bytes[static_cast<std::size_t>(random.integer(0, size - 1))] = static_cast<char>(random.integer(-128, 127));
      try {
        read(bytes);
      } catch (const FileError&) {
      }
    }
  }
}
