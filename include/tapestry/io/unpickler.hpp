// SPDX-License-Identifier: MIT
#pragma once

#include "json.hpp"
#include "torch_objects.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Turns what a pickle says instead of an object (a persistent id) into that object; the containers differ in what they say.
class PersistentIds {
 public:
  virtual ~PersistentIds() = default;
  virtual PickleRef load(PickleRef id) = 0;
};

struct PickleLimits {
  Index opcodes = 100'000'000;
  std::size_t depth = 1'000'000;  ///< of the stack, marks included
  std::size_t memo = 20'000'000;
};

/// Interprets one pickle: the opcodes of protocols 2 to 5, with Python 2's strings. A pickle is a program for a machine with a stack; this machine
/// has no opcode that reaches outside of it, and calls go to TorchObjects.
/// Throws   FileError naming the file, the byte and the cause: an opcode that is not allowed, a stack that is too short, a limit.
/// Source   Python's pickletools, which documents every opcode.
class Unpickler {
 public:
  Unpickler(PickleHeap& heap, ByteStream& stream, PersistentIds* ids = nullptr, PickleLimits limits = {})
      : heap_(heap), stream_(stream), ids_(ids), limits_(limits), source_(source_number(heap, stream)), objects_(heap, source_) {}

  /// Reads up to and including STOP, and returns what then lies on the stack.
  PickleRef load() {
    for (Index count = 0;; ++count) {
      begin_ = stream_.offset();
      if (count == limits_.opcodes) fail("more than ", limits_.opcodes, " opcodes");
      const std::uint8_t opcode = stream_.byte();
      if (opcode == '.') return pop();
      if (!constant(opcode) && !text(opcode) && !container(opcode) && !memo(opcode) && !object(opcode)) refuse(opcode);
      if (stack_.size() + marks_.size() > limits_.depth) fail("stack deeper than ", limits_.depth);
    }
  }

 private:
  using Kind = PickleValue::Kind;
  static std::uint16_t source_number(PickleHeap& heap, const ByteStream& stream) {
    if (heap.sources.empty() || heap.sources.back() != stream.name()) heap.sources.push_back(stream.name());
    return static_cast<std::uint16_t>(heap.sources.size() - 1);
  }
  template <class... Cause>
  [[noreturn]] void fail(const Cause&... cause) const {
    throw FileError(message("cannot read ", stream_.name(), ": byte ", begin_, ": pickle: ", cause...));
  }
  [[noreturn]] void refuse(std::uint8_t opcode) const {
    const bool printable = opcode > 32 && opcode < 127;
    fail("opcode ", Index{opcode}, printable ? message(" '", static_cast<char>(opcode), "'") : std::string(), " is not allowed");
  }

  PickleValue value(Kind kind) const {
    PickleValue made;
    made.kind = kind, made.source = source_, made.offset = begin_;
    return made;
  }
  bool push(PickleValue made) {
    stack_.push_back(heap_.add(std::move(made)));
    return true;
  }
  bool push(Kind kind, Index number) {
    PickleValue made = value(kind);
    made.number = number;
    return push(std::move(made));
  }
  bool push(Kind kind, std::string text) {
    PickleValue made = value(kind);
    made.text = std::move(text);
    return push(std::move(made));
  }
  bool push_items(Kind kind, std::vector<PickleRef> items) {
    PickleValue made = value(kind);
    made.items = std::move(items);
    return push(std::move(made));
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleRef pop() {
    if (stack_.size() == floor()) fail("the stack is too short");
    const PickleRef top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickleRef top() const {
    if (stack_.size() == floor()) fail("the stack is too short");
    return stack_.back();
  }
  /// What lies above the last mark, without the mark.
  std::vector<PickleRef> pop_mark() {
    if (marks_.empty()) fail("no mark on the stack");
    std::vector<PickleRef> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return items;
  }

  bool constant(std::uint8_t opcode) {
    switch (opcode) {
      case 0x80:  // PROTO
        if (const auto protocol = stream_.byte(); protocol < 2 || protocol > 5) fail("protocol ", Index{protocol}, "; read are 2 to 5");
        return true;
      case 0x95: return stream_.number<std::uint64_t>(), true;  // FRAME: a hint for readers that fetch ahead
      case 'N': return push(Kind::none, 0);
      case 0x88: return push(Kind::boolean, 1);                                             // NEWTRUE
      case 0x89: return push(Kind::boolean, 0);                                             // NEWFALSE
      case 'J': return push(Kind::integer, static_cast<std::int32_t>(stream_.number<std::uint32_t>()));  // BININT
      case 'K': return push(Kind::integer, stream_.byte());                                 // BININT1
      case 'M': return push(Kind::integer, stream_.number<std::uint16_t>());                // BININT2
      case 0x8A: return push_long(stream_.byte());                                          // LONG1
      case 0x8B: return push_long(stream_.number<std::uint32_t>());                         // LONG4
      case 'G': {                                                                           // BINFLOAT: big endian
        std::uint64_t bits = 0;
        for (int i = 0; i < 8; ++i) bits = bits << 8 | stream_.byte();
        return push(Kind::real, static_cast<Index>(bits));
      }
      default: return false;
    }
  }
  /// Two's complement, little endian.
  bool push_long(std::uint32_t bytes) {
    const std::string digits = stream_.text(bytes);
    if (bytes > 8) return push(Kind::big_integer, digits);
    std::uint64_t bits = !digits.empty() && digits.back() < 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = digits.size(); i > 0; --i) bits = bits << 8 | static_cast<unsigned char>(digits[i - 1]);
    return push(Kind::integer, static_cast<Index>(bits));
  }

  bool text(std::uint8_t opcode) {
    switch (opcode) {
      case 'U': return push(Kind::text, read_text(stream_.byte()));                            // SHORT_BINSTRING, Python 2's
      case 'T': return push(Kind::text, read_text(stream_.number<std::uint32_t>()));           // BINSTRING, Python 2's
      case 0x8C: return push(Kind::text, read_text(stream_.byte()));                           // SHORT_BINUNICODE
      case 'X': return push(Kind::text, read_text(stream_.number<std::uint32_t>()));           // BINUNICODE
      case 0x8D: return push(Kind::text, read_text(stream_.number<std::uint64_t>()));          // BINUNICODE8
      case 'C': return push(Kind::bytes, read_text(stream_.byte()));                           // SHORT_BINBYTES
      case 'B': return push(Kind::bytes, read_text(stream_.number<std::uint32_t>()));          // BINBYTES
      case 0x8E:                                                                               // BINBYTES8
      case 0x96: return push(Kind::bytes, read_text(stream_.number<std::uint64_t>()));         // BYTEARRAY8
      default: return false;
    }
  }
  std::string read_text(std::uint64_t bytes) {
    if (bytes > static_cast<std::uint64_t>(stream_.remaining())) fail("text of ", bytes, " bytes but ", stream_.remaining(), " are left");
    return stream_.text(static_cast<Index>(bytes));
  }

  bool container(std::uint8_t opcode) {
    switch (opcode) {
      case '(': return marks_.push_back(stack_.size()), true;  // MARK
      case '0':                                                // POP, of a mark too
        if (!marks_.empty() && stack_.size() == marks_.back())
          marks_.pop_back();
        else
          pop();
        return true;
      case '1': return pop_mark(), true;                      // POP_MARK
      case '2': return stack_.push_back(top()), true;         // DUP
      case ')': return push_items(Kind::tuple, {});           // EMPTY_TUPLE
      case 0x85:
      case 0x86:
      case 0x87: {  // TUPLE1, TUPLE2, TUPLE3
        std::vector<PickleRef> items(opcode - 0x84U);
        for (std::size_t i = items.size(); i > 0; --i) items[i - 1] = pop();
        return push_items(Kind::tuple, std::move(items));
      }
      case 't': return push_items(Kind::tuple, pop_mark());      // TUPLE
      case ']':                                                  // EMPTY_LIST
      case 0x8F: return push_items(Kind::list, {});              // EMPTY_SET
      case 'l':                                                  // LIST
      case 0x91: return push_items(Kind::list, pop_mark());      // FROZENSET
      case '}': return push_items(Kind::dict, {});               // EMPTY_DICT
      case 'd': {                                                // DICT
        const std::vector<PickleRef> items = pop_mark();
        push_items(Kind::dict, {});
        return append(items, Kind::dict);
      }
      case 'a': return append({pop()}, Kind::list);              // APPEND
      case 'e':                                                  // APPENDS
      case 0x90: return append(pop_mark(), Kind::list);          // ADDITEMS
      case 's': {                                                // SETITEM
        const PickleRef item = pop(), key = pop();
        return append({key, item}, Kind::dict);
      }
      case 'u': return append(pop_mark(), Kind::dict);  // SETITEMS
      default: return false;
    }
  }
  /// Objects of unknown classes swallow items as they do all else.
  bool append(const std::vector<PickleRef>& items, Kind kind) {
    const PickleRef target = top();
    const Kind is = heap_[target].kind;
    if (is != kind && is != Kind::object) fail("items for a ", name_of(kind), " are given to a ", name_of(is));
    if (kind == Kind::dict && items.size() % 2 != 0) fail("a key without a value");
    for (const PickleRef item : items) heap_.append(target, item);
    return true;
  }

  bool memo(std::uint8_t opcode) {
    switch (opcode) {
      case 'q': return put(stream_.byte());                       // BINPUT
      case 'r': return put(stream_.number<std::uint32_t>());      // LONG_BINPUT
      case 0x94: return put(static_cast<std::uint32_t>(memo_.size()));  // MEMOIZE
      case 'h': return get(stream_.byte());                       // BINGET
      case 'j': return get(stream_.number<std::uint32_t>());      // LONG_BINGET
      default: return false;
    }
  }
  bool put(std::uint32_t number) {
    if (memo_.size() == limits_.memo) fail("more than ", limits_.memo, " values in the memo");
    if (memo_.insert_or_assign(number, top()).second) heap_.budget().take(64, "the pickle's memo");
    return true;
  }
  bool get(std::uint32_t number) {
    const auto found = memo_.find(number);
    if (found == memo_.end()) fail("the memo has no value ", number);
    return stack_.push_back(found->second), true;
  }

  bool object(std::uint8_t opcode) {
    switch (opcode) {
      case 'c': {  // GLOBAL
        const std::string module = stream_.line(1000), name = stream_.line(1000);
        return push_global(module, name);
      }
      case 0x93: {  // STACK_GLOBAL
        const PickleRef name = pop(), module = pop();
        if (heap_[name].kind != Kind::text || heap_[module].kind != Kind::text) fail("a global is named by something else than text");
        return push_global(heap_[module].text, heap_[name].text);
      }
      case 'R':     // REDUCE
      case 0x81: {  // NEWOBJ
        const PickleRef arguments = pop(), function = pop();
        return call(function, arguments);
      }
      case 0x92: {  // NEWOBJ_EX
        const PickleRef keywords = pop(), arguments = pop(), function = pop();
        call(function, arguments);
        if (heap_[top()].kind == Kind::object) heap_.append(top(), keywords);
        return true;
      }
      case 'b': {  // BUILD
        const PickleRef state = pop();
        return objects_.build(top(), state, begin_), true;
      }
      case 'Q': {  // BINPERSID
        if (!ids_) fail("a persistent id where there is nothing it could name");
        const PickleRef id = pop();
        return stack_.push_back(ids_->load(id)), true;
      }
      default: return false;
    }
  }
  bool push_global(const std::string& module, const std::string& name) {
    if (module.size() > 1000 || name.size() > 1000) fail("the name of a global is longer than 1000 bytes");
    if (!json::is_utf8(module) || !json::is_utf8(name)) fail("the name of a global is not UTF-8");
    const TorchGlobal global = find_torch_global(module, name);
    PickleValue made = value(Kind::global);
    made.global = global.name;
    made.text = message(module, '.', name);
    if (global.type) made.number = global.type - element_types;
    if (global.name == TorchName::unknown) heap_.note_unknown(made.text);
    return push(std::move(made));
  }
  bool call(PickleRef function, PickleRef arguments) {
    if (heap_[arguments].kind != Kind::tuple) fail("arguments are a ", name_of(heap_[arguments].kind), ", not a tuple");
    return stack_.push_back(objects_.call(function, arguments, begin_)), true;
  }

  PickleHeap& heap_;
  ByteStream& stream_;
  PersistentIds* ids_;
  PickleLimits limits_;
  std::uint16_t source_;
  TorchObjects objects_;
  Index begin_ = 0;  // of the current opcode
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleRef> memo_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
