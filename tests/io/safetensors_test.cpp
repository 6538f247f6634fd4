// SPDX-License-Identifier: MIT
#include "tapestry/io/safetensors.hpp"

#include <sys/resource.h>

#include <cmath>
#include <cstring>

#include "io/scratch_file.hpp"
#include "support/catch.hpp"
#include "support/devices.hpp"
#include "support/random_config.hpp"

#ifndef TAPESTRY_TEST_DATA
#define TAPESTRY_TEST_DATA "tests"
#endif

using namespace tapestry;

namespace {

template <Scalar T>
std::vector<T> values(const NamedTensors& tensors, std::string_view name) {
  const AnyTensor* found = find(tensors, name);
  REQUIRE(found != nullptr);
  return found->as<T>().to_vector();
}

/// A file of that header and so many bytes of data, all zero.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  std::string bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes += static_cast<char>(static_cast<unsigned char>(std::uint64_t{header.size()} >> (8 * i)));
  return bytes + header + std::string(data_bytes, '\0');
}
std::string tensor_entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return "{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

/// Loads bytes that must be refused, and returns the message.
std::string refusal_of(const std::string& bytes) {
  static const test::ScratchFolder folder;
  const std::string path = folder.file("bad.safetensors");
  test::write_bytes(path, bytes);
  try {
    load_safetensors(path);
  } catch (const FileError& error) {
    CHECK_THAT(error.what(), contains_text(path));
    return error.what();
  }
  return "accepted";
}

NamedTensors one_of_each() {
  return {{"a.float32", tensor<float>({1.5F, -0.0F, std::numeric_limits<float>::quiet_NaN()}, {3})},
          {"b.float64", tensor<double>({0.1, -1e300}, {1, 2, 1})},
          {"c.int64", tensor<Index>({std::numeric_limits<Index>::min(), std::numeric_limits<Index>::max()}, {2})},
          {"d.int32", tensor<std::int32_t>({std::numeric_limits<std::int32_t>::min(), 7}, {2, 1})},
          {"e.uint8", tensor<std::uint8_t>({0, 127, 255}, {3})},
          {"f.bool", tensor<bool>({true, false, true}, {3})},
          {"g.scalar", tensor<float>(2.5)},
          {"h.empty", zeros<double>({2, 0, 3})},
          {"i.images", in_layout(arange<float>(24).with_shape({1, 2, 3, 4}), Layout::channels_last)}};
}

}  // namespace

TEST_CASE("all six scalar types, a scalar, an empty and a channels-last tensor come back the same") {
  const test::ScratchFolder folder;
  const NamedTensors tensors = one_of_each();
  const Metadata metadata{{"text", "line\n\"quoted\" \\ \xC3\xA9 \xF0\x9F\x98\x80 \x01\x1f"}, {"", "empty name"}, {"empty text", ""}};
  save_safetensors(folder.file("a"), tensors, metadata);
  const Safetensors back = load_safetensors(folder.file("a"));
  CHECK(back.metadata == metadata);
  CHECK(find(back.metadata, "empty text", "other") == "");
  CHECK(find(back.metadata, "none", "other") == "other");
  REQUIRE(back.tensors.size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    INFO(tensors[i].first);
    const AnyTensor &saved = tensors[i].second, &read = back.tensors[i].second;
    CHECK(back.tensors[i].first == tensors[i].first);
    CHECK(read.dtype() == saved.dtype());
    CHECK(read.shape() == saved.shape());
    CHECK(read.layout() == Layout::row_major);
    const AnyTensor plain = in_layout(saved, Layout::row_major);
    CHECK(std::memcmp(read.raw_data(), plain.raw_data(), plain.bytes()) == 0);
  }
  CHECK(values<float>(back.tensors, "i.images")[5] == 5);
}

TEST_CASE("tensors on another device are saved, and nothing but the content is in the file") {
  const test::ScratchFolder folder;
  NamedTensors there;
  for (const auto& [name, tensor] : one_of_each()) there.emplace_back(name, on_device(tensor, reference()));
  save_safetensors(folder.file("a"), one_of_each());
  save_safetensors(folder.file("another name"), there);
  CHECK(test::read_bytes(folder.file("a")) == test::read_bytes(folder.file("another name")));
}

TEST_CASE("the bytes are those of the format, wide types first") {
  const test::ScratchFolder folder;
  save_safetensors(folder.file("a"), {{"u", tensor<std::uint8_t>({7, 9, 3}, {3})}, {"x", tensor<float>({1, 2}, {2, 1})}}, {{"k", "v"}});
  const std::string header =
      "{\"__metadata__\":{\"k\":\"v\"},\"u\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]},"
      "\"x\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}";
  const std::string bytes = test::read_bytes(folder.file("a"));
  const std::size_t padded = (header.size() + 7) / 8 * 8;
  REQUIRE(bytes.size() == 8 + padded + 11);
  CHECK(bytes.substr(0, 8) == file_of(std::string(padded, ' '), 0).substr(0, 8));
  CHECK(bytes.substr(8, padded) == header + std::string(padded - header.size(), ' '));
  CHECK(bytes.substr(8 + padded) == std::string("\0\0\x80\x3f\0\0\0\x40\x07\x09\x03", 11));
  save_safetensors(folder.file("none"), {});
  CHECK(test::read_bytes(folder.file("none")) == file_of("{}      ", 0));
  CHECK(load_safetensors(folder.file("none")).tensors.empty());
}

TEST_CASE("what Python wrote reads as it was meant") {
  const Safetensors file = load_safetensors(std::string(TAPESTRY_TEST_DATA) + "/io/data/python.safetensors");  // made by the script beside it
  CHECK(file.tensors.size() == 10);
  CHECK(find(file.metadata, "format") == "np");
  CHECK(find(file.metadata, "text") == "line\n\"quoted\" \xC3\xA9 \xF0\x9F\x98\x80 \x01");
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(values<float>(file.tensors, "float32") == std::vector<float>{0, 1.5F, -2.25F, 3e38F, std::numeric_limits<float>::denorm_min(), infinity});
  CHECK(find(file.tensors, "float32")->shape() == Shape{2, 3});
  CHECK(values<double>(file.tensors, "float64") == std::vector<double>{0.1, -1e300});
  CHECK(find(file.tensors, "float64")->shape() == Shape{1, 2, 1});
  CHECK(values<Index>(file.tensors, "int64") == std::vector<Index>{std::numeric_limits<Index>::min(), std::numeric_limits<Index>::max()});
  CHECK(values<std::int32_t>(file.tensors, "int32") ==
        std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()});
  CHECK(values<std::uint8_t>(file.tensors, "uint8") == std::vector<std::uint8_t>{0, 127, 255});
  CHECK(values<bool>(file.tensors, "bool") == std::vector<bool>{true, false, true});
  CHECK(find(file.tensors, "scalar")->shape() == Shape{});
  CHECK(values<double>(file.tensors, "scalar") == std::vector<double>{2.5});
  CHECK(find(file.tensors, "empty")->shape() == Shape{2, 0, 3});
  CHECK(find(file.tensors, "images")->as<float>().at(0, 1, 2, 3) == 23);
  CHECK(values<float>(file.tensors, "name \"quoted\" \\ \xC3\xA9 \xF0\x9F\x98\x80\n") == std::vector<float>{1});
}

TEST_CASE("types that no tensor holds widen, to what torch makes of them") {
  const NamedTensors tensors = load_safetensors(std::string(TAPESTRY_TEST_DATA) + "/io/data/torch.safetensors").tensors;  // made by the script beside it
  const auto same = []<class T>(T a, T b) { return a == b ? std::signbit(static_cast<double>(a)) == std::signbit(static_cast<double>(b)) : a != a && b != b; };
  int compared = 0;
  for (const char* name : {"F16", "BF16", "F8_E4M3", "F8_E5M2", "I16", "I8", "U16", "U32"}) {
    INFO(name);
    const AnyTensor *narrow = find(tensors, name), *wide = find(tensors, std::string(name) + ".wide");
    REQUIRE((narrow && wide));
    REQUIRE(narrow->dtype() == wide->dtype());
    CHECK(narrow->shape() == wide->shape());
    visit_dtype(wide->dtype(), [&]<Scalar T>(T) {
      const auto read = narrow->as<T>().to_vector(), expected = wide->as<T>().to_vector();
      for (std::size_t i = 0; i < expected.size(); ++i, ++compared)
        if (!same(read[i], expected[i])) FAIL("element " << i << " is " << read[i] << ", expected " << expected[i]);
    });
  }
  CHECK(compared > 1000);
  const auto many = values<float>(tensors, "long");
  REQUIRE(many.size() == 10000);
  CHECK((many[1] == 1 / 64.0F && many[4095] == 1023 / 64.0F && many[4096] == 0 && many[9999] == 783 / 64.0F));
}

TEST_CASE("memory has the limit that the caller sets, by default twice the file plus 64 MB") {
  const test::ScratchFolder folder;
  save_safetensors(folder.file("a"), {{"x", zeros({1000})}});
  CHECK(load_safetensors(folder.file("a"), {.memory_limit = 4000}).tensors.size() == 1);
  CHECK_THROWS_WITH(load_safetensors(folder.file("a"), {.memory_limit = 3999}), contains_text("tensor x would take 4000 bytes") && contains_text("limit of 3999"));
  const std::string entry = tensor_entry("F8_E4M3", "[40000000]", "[0,40000000]");  // 160 MB, of 40
  CHECK_THAT(refusal_of(file_of("{\"x\":" + entry + "}", 40'000'000)), contains_text("tensor x would take 160000000 bytes"));
}

TEST_CASE("names that no one could read back are refused before the file is touched") {
  const test::ScratchFolder folder;
  const std::string path = folder.file("a");
  test::write_bytes(path, "old");
  const auto x = zeros({1});
  CHECK_THROWS_WITH(save_safetensors(path, {{"x", x}, {"y", x}, {"x", x}}), contains_text("tensor name x stands twice"));
  CHECK_THROWS_WITH(save_safetensors(path, {{"__metadata__", x}}), contains_text("__metadata__ is taken"));
  CHECK_THROWS_WITH(save_safetensors(path, {{"\xff", x}}), contains_text("not UTF-8"));
  CHECK_THROWS_WITH(save_safetensors(path, {{"x", x}}, {{"k", "1"}, {"k", "2"}}), contains_text("metadata name k stands twice"));
  CHECK_THROWS_WITH(save_safetensors(path, {{"x", x}}, {{"k", "\xff"}}), contains_text("metadata k is not UTF-8"));
  CHECK_THROWS_AS(save_safetensors(path, {{"x", AnyTensor()}}), ValueError);
  CHECK_THROWS_AS(save_safetensors(folder.file("missing/a"), {{"x", x}}), FileError);
  CHECK(test::read_bytes(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file cut off at any byte, or longer than it says, is refused") {
  const test::ScratchFolder folder;
  save_safetensors(folder.file("a"), one_of_each(), {{"k", "v"}});
  const std::string whole = test::read_bytes(folder.file("a"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO("cut to " << size << " of " << whole.size() << " bytes");
    CHECK(refusal_of(whole.substr(0, size)) != "accepted");
  }
  CHECK_THAT(refusal_of(""), contains_text("file has 0 bytes"));
  CHECK_THAT(refusal_of(whole + '\0'), contains_text("1 bytes behind the last tensor"));
  CHECK_THROWS_WITH(load_safetensors(folder.file("none")), contains_text("No such file"));
}

TEST_CASE("a hostile header is refused, its flaw named") {
  const auto check = [](const std::string& header, std::size_t data_bytes, const std::string& cause) {
    INFO(header.substr(0, 200));
    CHECK_THAT(refusal_of(file_of(header, data_bytes)), contains_text(cause));
  };
  const auto with = [&](const std::string& entry) { return "{\"x\":" + entry + "}"; };
  for (int top : {0x01, 0x7f, 0x80, 0xff}) {
    std::string bytes = file_of("{}", 0);
    bytes[7] = static_cast<char>(top);
    CHECK_THAT(refusal_of(bytes), contains_text("header claims"));
  }
  CHECK_THAT(refusal_of(std::string(8, '\xff')), contains_text("header claims 18446744073709551615 bytes but the file has 8"));
  check("", 0, "text ends");
  check("[]", 0, "not an object");
  check("3", 0, "not an object");
  check(std::string(100'000, '['), 0, "nesting deeper than 8");
  check("{\"x\":1}", 0, "must have dtype, shape and two data_offsets");
  check(with("{\"shape\":[],\"data_offsets\":[0,4]}"), 4, "must have dtype");
  check(with("{\"dtype\":\"F32\",\"data_offsets\":[0,4]}"), 4, "must have dtype");
  check(with("{\"dtype\":\"F32\",\"shape\":[]}"), 4, "must have dtype");
  check(with(tensor_entry("F32", "{}", "[0,4]")), 4, "must have dtype");
  check(with(tensor_entry("F32", "[]", "[4]")), 4, "two data_offsets");
  check(with(tensor_entry("F32", "[]", "[0,4,8]")), 4, "two data_offsets");
  check(with(tensor_entry("F32", "[0]", "[\"a\",\"b\"]")), 0, "two data_offsets");
  check(with(tensor_entry("F32", "[\"1\"]", "[0,4]")), 4, "not of integers");
  check(with(tensor_entry("C64", "[1]", "[0,8]")), 8, "has dtype C64, which no tensor here can hold; known are F32, F64, F16, BF16");
  check(with(tensor_entry("F16", "[1]", "[0,4]")), 4, "does not fit its bytes 0 to 4 of 4");
  check(with("{\"dtype\":[],\"shape\":[],\"data_offsets\":[0,4]}"), 4, "has dtype ");
  check(with(tensor_entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]")), 4, "more than 8 axes");
  std::string ones = "[1";
  for (int i = 0; i < 100'000; ++i) ones += ",1";
  check(with(tensor_entry("F32", ones + "]", "[0,4]")), 4, "array longer than 64");
  for (const char* shape : {"[9223372036854775807,9223372036854775807]", "[4294967296,4294967296]", "[2305843009213693953]", "[4611686018427387904,2,2,2]",
                            "[3]", "[1,2]", "[0]"})
    check(with(tensor_entry("F32", shape, "[0,4]")), 4, "does not fit its bytes 0 to 4 of 4");
  check(with(tensor_entry("F32", "[18446744073709551617]", "[0,4]")), 4, "expected an object, an array, a string or an integer");
  check(with(tensor_entry("F32", "[-1]", "[0,4]")), 4, "integer from 0");
  check(with(tensor_entry("F32", "[0,9223372036854775807]", "[0,0]")), 0, "does not fit");
  check(with(tensor_entry("F32", "[1]", "[4,0]")), 4, "does not fit");
  check(with(tensor_entry("F32", "[2]", "[0,8]")), 4, "does not fit");
  check(with(tensor_entry("F32", "[1]", "[9223372036854775803,9223372036854775807]")), 4, "does not fit");
  check(with(tensor_entry("F32", "[1]", "[4,8]")), 8, "begins at byte 4 of the data, expected 0");
  const auto two = [&](const std::string& first, const std::string& second) {
    return "{\"x\":" + tensor_entry("F32", "[1]", first) + ",\"y\":" + tensor_entry("F32", "[1]", second) + "}";
  };
  check(two("[0,4]", "[2,6]"), 8, "tensor y begins at byte 2 of the data, expected 4");
  check(two("[0,4]", "[0,4]"), 8, "tensor y begins at byte 0 of the data, expected 4");
  check(two("[0,4]", "[8,12]"), 12, "tensor y begins at byte 8 of the data, expected 4");
  check(two("[0,4]", "[4,8]"), 12, "4 bytes behind the last tensor");
  check("{\"x\":" + tensor_entry("F32", "[1]", "[0,4]") + ",\"x\":" + tensor_entry("F32", "[1]", "[4,8]") + "}", 8, "name \"x\" stands twice");
  check("{\"__metadata__\":3}", 0, "metadata is not an object");
  check("{\"__metadata__\":{\"k\":3}}", 0, "metadata k is not a text");
  check("{\"__metadata__\":{\"k\":\"\xff\"}}", 0, "not UTF-8");
  std::string bad_bool = file_of(with(tensor_entry("BOOL", "[3]", "[0,3]")), 3);
  bad_bool[bad_bool.size() - 2] = 2;
  CHECK_THAT(refusal_of(bad_bool), contains_text("holds a bool that is neither 0 nor 1"));
}

TEST_CASE("offsets may come in any order, empty tensors anywhere between") {
  const test::ScratchFolder folder;
  std::string bytes = file_of("{\"x\":" + tensor_entry("U8", "[1]", "[1,2]") + ",\"e\":" + tensor_entry("F32", "[0,4294967296]", "[1,1]") + ",\"y\":" +
                                  tensor_entry("U8", "[]", "[0,1]") + "}", 2);
  bytes[bytes.size() - 1] = 5;
  test::write_bytes(folder.file("a"), bytes);
  const NamedTensors read = load_safetensors(folder.file("a")).tensors;
  CHECK(values<std::uint8_t>(read, "x") == std::vector<std::uint8_t>{5});
  CHECK(values<std::uint8_t>(read, "y") == std::vector<std::uint8_t>{0});
  CHECK(find(read, "e")->numel() == 0);
}

TEST_CASE("a small file that claims to be huge takes no memory to refuse") {
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;  // KiB
  };
  const auto before = peak();
  refusal_of(file_of("{\"x\":" + tensor_entry("F32", "[1000000000000]", "[0,4000000000000]") + "}", 4));
  std::string claims = file_of("{}", 0);
  claims[4] = 8;  // a header of 32 GiB
  refusal_of(claims);
  std::string lists = "{\"x\":[0";
  for (int i = 0; i < 2'000'000; ++i) lists += ",0";
  refusal_of(file_of(lists + "]}", 0));
  CHECK(peak() - before < 64 * 1024);
}

TEST_CASE("a valid file with bytes changed at random is read or refused, and nothing else") {
  const test::ScratchFolder folder;
  save_safetensors(folder.file("a"), one_of_each(), {{"key", "a text"}});
  const std::string whole = test::read_bytes(folder.file("a"));
  test::RandomConfig random(41);
  const std::string digits = "0123456789[]{}\",:eE.-\\u ";
  const Index size = static_cast<Index>(whole.size());
  int read = 0, refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = whole;
    for (Index change = random.integer(1, 4); change > 0; --change) {
      // Mostly in the header, where each byte means something.
      const Index place = random.coin() ? random.integer(0, size - 1) : random.integer(0, size * 3 / 4);
      const auto at = static_cast<std::size_t>(std::min(place, static_cast<Index>(bytes.size()) - 1));
      switch (random.integer(0, 4)) {
        case 0: bytes[at] = static_cast<char>(random.integer(-128, 127)); break;
        case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.integer(0, 7))); break;
        case 2: bytes[at] = digits[static_cast<std::size_t>(random.integer(0, static_cast<Index>(digits.size()) - 1))]; break;
        case 3: bytes.erase(at, static_cast<std::size_t>(random.integer(1, 8))); break;
        default: bytes.insert(at, bytes.substr(static_cast<std::size_t>(random.integer(0, static_cast<Index>(at))), static_cast<std::size_t>(random.integer(1, 40))));
      }
      if (bytes.empty()) bytes = whole;
    }
    test::write_bytes(folder.file("b"), bytes);
    try {
      const Safetensors file = load_safetensors(folder.file("b"));
      std::size_t held = 0;
      for (const auto& [name, tensor] : file.tensors) held += tensor.bytes();
      CHECK(held <= 4 * bytes.size());
      ++read;
    } catch (const FileError&) {
      ++refused;
    } catch (const std::exception& other) {
      FAIL("round " << round << " of seed " << test::seed() << ": " << other.what());
    }
  }
  CHECK(read > 20);
  CHECK(refused > 1000);
}
