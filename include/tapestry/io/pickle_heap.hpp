// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <unordered_map>

#include "archive.hpp"
#include "element_type.hpp"
#include "memory_budget.hpp"
#include "torch_names.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Refers to a value of a PickleHeap.
using PickleRef = std::uint32_t;

/// A Python value as a pickle describes it. Values refer to one another by number, so that loops do no harm and deep nesting costs no stack,
/// neither in use nor in destruction.
struct PickleValue {
  enum class Kind : std::uint8_t { none, boolean, integer, big_integer, real, text, bytes, list, tuple, dict, global, object, storage, tensor };
  Kind kind = Kind::none;
  TorchName global = TorchName::unknown;  ///< of a global, and of the class of an object
  std::uint16_t source = 0;               ///< the stream it was read from
  Index offset = 0;                       ///< in that stream
  Index number = 0;  ///< boolean, integer; a real's bits; position of a storage or tensor in its table (-1: to be built); element type of a global
  std::string text;              ///< text, bytes, digits of a big integer; `module.name` of a global or of an object's class
  std::vector<PickleRef> items;  ///< list, tuple; dict: key, value, key, value...; object: what it was built from
};

/// A storage that a pickle mentions: elements in the file, or a window on another storage.
struct PickleStorage {
  const ElementType* type = nullptr;
  Index numel = 0;
  std::string key;
  Index root = -1, first = 0;  ///< window: on which storage, from which element
  ArchiveEntry entry;
  bool located = false;
};

/// A tensor that a pickle builds: a strided window on a storage.
struct PickleTensor {
  Index storage = -1;
  const ElementType* type = nullptr;
  Index first = 0;
  Shape shape, strides;
  bool negated = false;  ///< the storage holds the numbers with the other sign, as of the imaginary part of a conjugate
  std::string flaw;  ///< why it cannot be read, if it cannot
};

/// All values of one file's pickles.
class PickleHeap {
 public:
  using Kind = PickleValue::Kind;
  explicit PickleHeap(MemoryBudget& budget) : budget_(budget) {}

  std::vector<std::string> sources;      ///< names of the streams, for errors
  std::deque<PickleStorage> storages;
  std::deque<PickleTensor> tensors;
  std::vector<std::string> unknown;      ///< names of globals that became opaque values, each once

  PickleRef add(PickleValue value) {
    budget_.take(static_cast<Index>(sizeof(PickleValue) + value.text.capacity() + value.items.capacity() * sizeof(PickleRef)), "the pickle's values",
                 value.offset);
    if (values_.size() == std::numeric_limits<PickleRef>::max()) throw FileError(message("cannot read ", sources.back(), ": the pickle has too many values"));
    values_.push_back(std::move(value));
    return static_cast<PickleRef>(values_.size() - 1);
  }
  void append(PickleRef to, PickleRef item) {
    budget_.take(2 * sizeof(PickleRef), "the pickle's values");
    values_[to].items.push_back(item);
  }
  PickleValue& operator[](PickleRef at) { return values_[at]; }
  const PickleValue& operator[](PickleRef at) const { return values_[at]; }
  std::size_t size() const { return values_.size(); }
  MemoryBudget& budget() const { return budget_; }

  PickleStorage& add_storage() {
    budget_.take(sizeof(PickleStorage) + 200, "the storages' places");
    return storages.emplace_back();
  }
  /// The position of the new tensor in the table.
  Index add_tensor(PickleTensor tensor) {
    budget_.take(static_cast<Index>(sizeof(PickleTensor) + tensor.flaw.capacity()), "the tensors' places");
    tensors.push_back(std::move(tensor));
    return static_cast<Index>(tensors.size() - 1);
  }
  void note_unknown(const std::string& name) {
    if (!noted_.emplace(name, true).second) return;
    budget_.take(static_cast<Index>(2 * name.size() + 200), "the pickle's names");
    unknown.push_back(name);
  }

  /// The value of that key in a dict; of several the last, as in Python. Null if there is none.
  const PickleValue* find(const PickleValue& dict, std::string_view key) const {
    if (dict.kind != Kind::dict) return nullptr;
    for (std::size_t i = dict.items.size(); i >= 2; i -= 2)
      if (const PickleValue& k = values_[dict.items[i - 2]]; (k.kind == Kind::text || k.kind == Kind::bytes) && k.text == key)
        return &values_[dict.items[i - 1]];
    return nullptr;
  }
  [[noreturn]] void fail(const PickleValue& value, std::string_view cause) const {
    throw FileError(message("cannot read ", sources[value.source], ": byte ", value.offset, ": ", cause));
  }

 private:
  MemoryBudget& budget_;
  std::deque<PickleValue> values_;
  std::unordered_map<std::string, bool> noted_;
};

/// What kind of value it is, for errors.
constexpr std::string_view name_of(PickleValue::Kind kind) {
  constexpr std::string_view names[] = {"None", "bool", "int", "long", "float", "str", "bytes", "list", "tuple", "dict", "global", "object", "storage", "tensor"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace tapestry::inline TAPESTRY_ABI
