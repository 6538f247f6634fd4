// SPDX-License-Identifier: MIT
#include "tapestry/io/npz.hpp"

#include "io/scratch_file.hpp"
#include "io/values.hpp"
#include "support/catch.hpp"
#include "tapestry/tensor/creation.hpp"

using namespace tapestry;

namespace {

const std::string npy_folder = std::string(TAPESTRY_TEST_DATA) + "/io/data/npy/";

const test::ScratchFolder& scratch() {
  static const test::ScratchFolder own;
  return own;
}
std::string npy(const std::string& header, std::size_t bytes) {
  return "\x93NUMPY\x01" + std::string(1, '\0') + static_cast<char>(header.size() & 255) + static_cast<char>(header.size() >> 8) + header + std::string(bytes, '\1');
}
std::string npy_refusal(const std::string& bytes) {
  const std::string path = scratch().file("bad.npy");
  test::write_bytes(path, bytes);
  try {
    load_npy(path);
  } catch (const FileError& error) {
    CHECK_THAT(error.what(), contains_text(path) && contains_text("byte "));
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("what numpy wrote reads as it was meant, stored and deflated") {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    INFO(name);
    const NamedTensors arrays = load_npz(npy_folder + name);
    CHECK(arrays.size() == (std::string_view(name) == "stored.npz" ? 18 : 21));
    const auto check = [&](const char* key, DType dtype, const Shape& shape, const std::vector<double>& expected) {
      INFO(key);
      const AnyTensor* x = find(arrays, key);
      REQUIRE(x != nullptr);
      CHECK(x->dtype() == dtype);
      CHECK(x->shape() == shape);
      CHECK(test::values(*x) == expected);
    };
    const std::vector<double> half{-1, -0.5, 0, 0.5, 1, 1.5}, whole{-2, -1, 0, 1, 2, 3};
    check("f4", DType::float32, {2, 3}, half);
    check("big", DType::float32, {2, 3}, half);
    check("f2", DType::float32, {2, 3}, half);
    check("f8", DType::float64, {2, 3}, {-2.0 / 3, -1.0 / 3, 0, 1.0 / 3, 2.0 / 3, 1});
    check("i8", DType::int64, {2, 3}, whole);
    check("big_i8", DType::int64, {2, 3}, whole);
    check("i4", DType::int32, {2, 3}, whole);
    check("i2", DType::int32, {2, 3}, whole);
    check("i1", DType::int32, {2, 3}, whole);
    check("u1", DType::uint8, {2, 3}, {254, 255, 0, 1, 2, 3});
    check("u2", DType::int32, {2, 3}, {65534, 65535, 0, 1, 2, 3});
    check("u4", DType::int64, {2, 3}, {4294967294, 4294967295, 0, 1, 2, 3});
    check("b1", DType::boolean, {2, 3}, {0, 0, 0, 1, 1, 1});
    check("fortran", DType::float64, {2, 3}, whole);
    std::vector<double> ramp(24);
    for (std::size_t i = 0; i < 24; ++i) ramp[i] = static_cast<double>(i);
    check("fortran3", DType::int32, {2, 3, 4}, ramp);
    check("scalar", DType::float64, {}, {2.5});
    check("empty", DType::float32, {0, 3}, {});
    check("vector", DType::int64, {3}, {0, 1, 2});
  }
  const NamedTensors deflated = load_npz(npy_folder + "deflated.npz");
  CHECK(test::values(*find(deflated, "zeros")) == std::vector<double>(100'000, 0.0));
  const std::vector<double> ramp = test::values(*find(deflated, "ramp"));
  REQUIRE(ramp.size() == 5000);
  for (std::size_t i = 0; i < 5000; ++i) REQUIRE(ramp[i] == static_cast<double>(i));
  CHECK(test::values(load_npy(npy_folder + "fortran.npy")) == std::vector<double>{-2, -1, 0, 1, 2, 3});
  CHECK(test::values(load_npy(npy_folder + "version3.npy"))[1] == -0.5);
}

TEST_CASE("arrays written here come back, in the bytes that numpy itself writes") {
  const auto x = arange<float>(24).with_shape({1, 2, 3, 4});
  const NamedTensors saved{{"x", x}, {"layer.0.weight", in_layout(x, Layout::channels_last)}, {"bool", tensor<bool>({true, false})}, {"scalar", tensor<double>(2.5)},
                           {"empty", zeros({0, 2})}, {"int64", tensor<Index>({1, -1})}};
  save_npz(scratch().file("a.npz"), saved);
  const NamedTensors back = load_npz(scratch().file("a.npz"));
  REQUIRE(back.size() == saved.size());
  for (std::size_t i = 0; i < saved.size(); ++i) {
    CHECK(back[i].first == saved[i].first);
    CHECK(back[i].second.dtype() == saved[i].second.dtype());
    CHECK(back[i].second.shape() == saved[i].second.shape());
    CHECK(test::values(back[i].second) == test::values(saved[i].second));
  }
  const NamedTensors theirs = load_npz(npy_folder + "stored.npz");
  save_npy(scratch().file("a.npy"), *find(theirs, "f4"));
  std::string numpy = test::read_bytes(npy_folder + "version3.npy");  // differs in version and header length alone
  CHECK(test::read_bytes(scratch().file("a.npy")).size() == 128 + 24);
  CHECK(test::read_bytes(scratch().file("a.npy")).substr(128) == numpy.substr(numpy.size() - 24));
  CHECK(test::read_bytes(scratch().file("a.npy")).substr(10, 58) == numpy.substr(12, 58));
  CHECK_THROWS_AS(save_npz(scratch().file("b.npz"), {{"x", x}, {"x", x}}), ValueError);
}

TEST_CASE("npy: a hostile header is refused, its flaw named") {
  const auto with_shape = [](const std::string& shape) { return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n"; };
  CHECK(npy_refusal(npy(with_shape("(2,)"), 8)) == "accepted");
  CHECK(npy_refusal(npy("{\"shape\":(2,),\"fortran_order\":True,\"descr\":\"<f4\"}", 8)) == "accepted");
  CHECK_THAT(npy_refusal(npy(with_shape("(3,)"), 8)), contains_text("takes 12 bytes but 8 follow"));
  CHECK_THAT(npy_refusal(npy(with_shape("(1,)"), 8)), contains_text("takes 4 bytes but 8 follow"));
  CHECK_THAT(npy_refusal(npy(with_shape("(4294967296, 4294967296)"), 0)), contains_text("impossible shape"));
  CHECK_THAT(npy_refusal(npy(with_shape("(0, 9223372036854775807, 3)"), 0)), contains_text("impossible shape"));
  CHECK_THAT(npy_refusal(npy(with_shape("(99999999999999999999,)"), 0)), contains_text("not of integers"));
  CHECK_THAT(npy_refusal(npy(with_shape("(-1,)"), 0)), contains_text("not of integers"));
  CHECK_THAT(npy_refusal(npy(with_shape("(1,1,1,1,1,1,1,1,1)"), 4)), contains_text("more than 8 axes"));
  CHECK_THAT(npy_refusal(npy(with_shape("(2 2)"), 8)), contains_text("expected )"));
  CHECK_THAT(npy_refusal(npy("{'descr': '<f4', 'fortran_order': False}", 8)), contains_text("is missing"));
  CHECK_THAT(npy_refusal(npy("{'descr': '<f4', 'descr': '<f4'}", 8)), contains_text("stands twice"));
  CHECK_THAT(npy_refusal(npy("{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4)), contains_text("neither True nor False"));
  CHECK_THAT(npy_refusal(npy(with_shape("(2,)") + "x", 8)), contains_text("text behind"));
  CHECK_THAT(npy_refusal(test::read_bytes(npy_folder + "complex.npy")), contains_text("type <c8"));
  CHECK_THAT(npy_refusal(test::read_bytes(npy_folder + "record.npy")), contains_text("records"));
  CHECK_THAT(npy_refusal(test::read_bytes(npy_folder + "object.npy")), contains_text("type |O"));
  const std::string whole = test::read_bytes(npy_folder + "fortran.npy");
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(npy_refusal(whole.substr(0, size)) != "accepted");
}

TEST_CASE("deflate streams cut off or changed are refused, and a bomb counts at its full size") {
  const std::string whole = test::read_bytes(npy_folder + "deflated.npz"), path = scratch().file("bad.npz");
  int refused = 0;
  for (std::size_t at = 40; at < 9000; at += 53) {  // in entries' data: the checksum would notice what the code does not
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 16);
    test::write_bytes(path, bytes);
    try {
      load_npz(path);
    } catch (const FileError&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
  test::write_bytes(path, whole);
  CHECK_NOTHROW(load_npz(path, {.memory_limit = 10'000'000}));
  CHECK_THROWS_WITH(load_npz(path, {.memory_limit = 300'000}), contains_text("beyond the limit of 300000"));
}
