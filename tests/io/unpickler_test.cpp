// SPDX-License-Identifier: MIT
#include "tapestry/io/unpickler.hpp"

#include "io/scratch_file.hpp"
#include "support/catch.hpp"

using namespace tapestry;

namespace {

using PickleKind = PickleValue::Kind;
using namespace std::string_literals;

/// Interprets a pickle and hands heap and result to `look`.
template <class Look>
void interpret(const std::string& code, Look look, PickleLimits limits = {}) {
  static const test::ScratchFolder folder;
  test::write_bytes(folder.file("a"), code);
  const FileReader file(folder.file("a"));
  MemoryBudget budget(file);
  PickleHeap heap(budget);
  FileSection stream(file);
  const PickleRef root = Unpickler(heap, stream, nullptr, limits).load();
  look(heap, heap[root]);
}
PickleValue value_of(const std::string& code) {
  PickleValue result;
  interpret("\x80\x02" + code + ".", [&](const PickleHeap&, const PickleValue& value) { result = value; });
  return result;
}
void refused_pickle(const std::string& code, const std::string& cause, PickleLimits limits = {}) {
  INFO(cause);
  CHECK_THROWS_WITH(interpret(code, [](const PickleHeap&, const PickleValue&) {}, limits), contains_text(cause) && contains_text("byte "));
}

}  // namespace

TEST_CASE("numbers and texts of every width") {
  CHECK(value_of("K\xff").number == 255);
  CHECK(value_of("M\x01\xff").number == 0xFF01);
  CHECK(value_of("J\xfe\xff\xff\xff").number == -2);
  CHECK(value_of("\x8a\x00"s).number == 0);
  CHECK(value_of("\x8a\x01\x80").number == -128);
  CHECK(value_of("\x8a\x02\x80\x00"s).number == 128);
  CHECK(value_of("\x8b\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"s).number == std::numeric_limits<Index>::min());
  CHECK(value_of("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01"s).kind == PickleKind::big_integer);
  CHECK(std::bit_cast<double>(value_of("G\x3f\xf8\x00\x00\x00\x00\x00\x00"s).number) == 1.5);
  CHECK(value_of("\x88").number == 1);
  CHECK(value_of("\x89").kind == PickleKind::boolean);
  CHECK(value_of("N").kind == PickleKind::none);
  for (const std::string& code : {"U\x02hi"s, "T\x02\x00\x00\x00hi"s, "\x8c\x02hi"s, "X\x02\x00\x00\x00hi"s, "\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi"s}) {
    CHECK(value_of(code).kind == PickleKind::text);
    CHECK(value_of(code).text == "hi");
  }
  for (const std::string& code :
       {"C\x02hi"s, "B\x02\x00\x00\x00hi"s, "\x8e\x02\x00\x00\x00\x00\x00\x00\x00hi"s, "\x96\x02\x00\x00\x00\x00\x00\x00\x00hi"s}) {
    CHECK(value_of(code).kind == PickleKind::bytes);
    CHECK(value_of(code).text == "hi");
  }
  CHECK(value_of("c_codecs\nencode\n(X\x03\x00\x00\x00" "a\xc3\xbfU\x06latin1tR"s).text == "a\xff");
}

TEST_CASE("containers, the memo and the stack") {
  CHECK(value_of(")").items.empty());
  CHECK(value_of("K\1K\2\x86").items.size() == 2);
  CHECK(value_of("(K\1K\2K\3t").items.size() == 3);
  CHECK(value_of("](K\1K\2e").items.size() == 2);
  CHECK(value_of("(K\1l").kind == PickleKind::list);
  CHECK(value_of("(K\1K\2d").items.size() == 2);
  CHECK(value_of("}(K\1K\2K\3K\4u").items.size() == 4);
  CHECK(value_of("\x8f(K\1\x90").items.size() == 1);
  CHECK(value_of("(K\1\x91").items.size() == 1);
  CHECK(value_of("K\1K\2" "0").number == 1);
  CHECK(value_of("K\1(K\2K\3" "1").number == 1);
  CHECK(value_of("K\1(0").number == 1);
  CHECK(value_of("K\1" "2\x86").items.size() == 2);
  CHECK(value_of("K\7q\5" "0h\5").number == 7);
  CHECK(value_of("K\7\x94" "0h\0"s).number == 7);
  CHECK(value_of("K\7r\xff\xff\xff\x7f" "0j\xff\xff\xff\x7f").number == 7);
  CHECK(value_of("\x95\x02\x00\x00\x00\x00\x00\x00\x00K\1"s).number == 1);
  interpret("\x80\x02]q\0h\0a."s, [](const PickleHeap& heap, const PickleValue& list) { CHECK(&heap[list.items[0]] == &list); });  // holds itself
}

TEST_CASE("what is not on the list is refused, with file, byte and cause") {
  for (const char opcode : "IFLSVpgPiodQ\x82\x83\x84\x97\x98\x01"s)
    if (opcode != 'd' && opcode != 'Q') refused_pickle("\x80\x02"s + opcode + "1\n.", "is not allowed");
  refused_pickle("\x80\x02K\1Q."s, "a persistent id where there is nothing");
  refused_pickle("\x80\x01."s, "protocol 1");
  refused_pickle("\x80\x06."s, "protocol 6");
  refused_pickle("\x80\x02."s, "the stack is too short");
  refused_pickle("\x80\x02K\1\x86.", "the stack is too short");
  refused_pickle("\x80\x02K\1(R.", "the stack is too short");  // never below a mark
  refused_pickle("\x80\x02K\1t.", "no mark");
  refused_pickle("\x80\x02h\5.", "the memo has no value 5");
  refused_pickle("\x80\x02}(K\1u.", "a key without a value");
  refused_pickle("\x80\x02K\1(K\1e.", "items for a list are given to a int");
  refused_pickle("\x80\x02K\1K\1R.", "arguments are a int, not a tuple");
  refused_pickle("\x80\x02]]\x93.", "a global is named by something else than text");
  refused_pickle("\x80\x02", "bytes expected");
  refused_pickle("\x80\x02X\xff\xff\xff\xffhi", "4294967295 bytes but 2 are left");
  refused_pickle("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xffhi", "18446744073709551615 bytes but 2 are left");
  refused_pickle("\x80\x02" "c" + std::string(2000, 'a') + "\nb\n.", "line longer than 1000");
  refused_pickle("\x80\x02" "cab\xff\nb\n.", "not UTF-8");
}

TEST_CASE("counts and depth are bounded, and deep nesting needs no stack") {
  refused_pickle("\x80\x02" + std::string(100, 'N'), "more than 50 opcodes", {.opcodes = 50});
  refused_pickle("\x80\x02" + std::string(100, '('), "stack deeper than 50", {.depth = 50});
  refused_pickle("\x80\x02K\1q\1q\2q\3.", "more than 2 values in the memo", {.memo = 2});
  std::string nested = "\x80\x02";
  for (int i = 0; i < 300'000; ++i) nested += ']';
  for (int i = 0; i < 299'999; ++i) nested += 'a';
  interpret(nested + '.', [](const PickleHeap& heap, const PickleValue& list) { CHECK((list.items.size() == 1 && heap.size() == 300'000)); });
  // Each opcode is a byte, each value a hundred: what they take is counted.
  refused_pickle("\x80\x02" + std::string(900'000, ']'), "beyond the limit");
}

TEST_CASE("calls build no more than data, whatever they name") {
  for (const char* global : {"os\nsystem", "builtins\neval", "__builtin__\ngetattr", "torch\nload", "builtins\nexec", "torch.storage\n_load_from_bytes"}) {
    INFO(global);
    const std::string code = "c"s + global + "\n(U\x04trueU\x04truetR";
    CHECK(value_of(code).kind == PickleKind::object);
    interpret("\x80\x02" + code + "}b(K\1eK\2a(K\1K\2uK\1K\2s.", [](const PickleHeap& heap, const PickleValue&) { CHECK(heap.unknown.size() == 1); });
  }
  CHECK(value_of("ccollections\nOrderedDict\n(](](K\1K\2e](K\3K\4eetR").items.size() == 4);
  refused_pickle("\x80\x02" "ccollections\nOrderedDict\n(](](K\1eetR.", "something else than pairs");
}
