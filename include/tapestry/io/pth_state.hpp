// SPDX-License-Identifier: MIT
#pragma once

#include "pickle_heap.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// Finds the tensors of a pickled object and their names: a state dict, a dict that holds one beside an optimiser and other things, whole modules,
/// and dicts and lists of all these.
class PthState {
 public:
  using Kind = PickleValue::Kind;
  explicit PthState(PickleHeap& heap) : heap_(heap) {}

  std::vector<std::pair<std::string, Index>> tensors;  ///< name and position in the heap's table, in order
  std::vector<std::string> skipped;                    ///< names of entries that hold no tensor

  /// Throws   FileError if a tensor depends on an unknown global, a name stands twice, or nesting goes deeper than 64.
  void collect(PickleRef root) {
    find_what_reaches_tensors();
    const PickleValue* state = &heap_[root];
    for (int depth = 0; depth < 4; ++depth) {
      const PickleValue* inner = nullptr;
      for (const std::string_view key : {"state_dict", "model_state_dict", "model", "net"})
        if (const PickleValue* found = inner ? nullptr : heap_.find(*state, key); found && (found->kind == Kind::dict || module_state(*found))) inner = found;
      if (!inner) break;
      state = inner;
    }
    walk(*state, "", 0);
    std::vector<std::string_view> names;
    for (const auto& [name, tensor] : tensors) names.push_back(name);
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      heap_.fail(*state, message("two tensors are named ", *twice));
  }

 private:
  /// Marks every value from which a tensor or storage can be reached, by following the references backwards.
  void find_what_reaches_tensors() {
    const std::size_t count = heap_.size();
    std::size_t edges = 0;
    for (PickleRef at = 0; at < count; ++at) edges += heap_[at].items.size();
    heap_.budget().take(static_cast<Index>(count * 16 + edges * sizeof(PickleRef)), "the pickle's references");
    std::vector<std::size_t> begin(count + 1, 0);
    for (PickleRef at = 0; at < count; ++at)
      for (const PickleRef item : heap_[at].items) ++begin[item];
    for (std::size_t i = 0, sum = 0; i <= count; ++i) sum += std::exchange(begin[i], sum);
    std::vector<PickleRef> users(edges), open;
    std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
    for (PickleRef at = 0; at < count; ++at)
      for (const PickleRef item : heap_[at].items) users[next[item]++] = at;
    reaches_.assign(count, false);
    for (PickleRef at = 0; at < count; ++at)
      if (heap_[at].kind == Kind::tensor || heap_[at].kind == Kind::storage) reaches_[at] = true, open.push_back(at);
    while (!open.empty()) {
      const PickleRef at = open.back();
      open.pop_back();
      for (std::size_t i = begin[at]; i < begin[at + 1]; ++i)
        if (!reaches_[users[i]]) reaches_[users[i]] = true, open.push_back(users[i]);
    }
  }

  /// The attributes of a pickled nn.Module, or null.
  const PickleValue* module_state(const PickleValue& value) const {
    if (value.kind != Kind::object) return nullptr;
    for (std::size_t i = value.items.size(); i > 0; --i) {
      const PickleValue* state = &heap_[value.items[i - 1]];
      if (heap_.find(*state, "_parameters") || heap_.find(*state, "_modules")) return state;
    }
    return nullptr;
  }

  void walk(const PickleValue& value, const std::string& name, int depth) {
    heap_.budget().take(static_cast<Index>(64 + name.size()), "the tensors' names");
    if (depth > 64) heap_.fail(value, message("nesting deeper than 64 at ", name.substr(0, 100)));
    switch (value.kind) {
      case Kind::tensor:
        if (value.number < 0) heap_.fail(value, message("tensor ", name, " was never given elements"));
        tensors.emplace_back(name.empty() ? "tensor" : name, value.number);
        break;
      case Kind::dict: walk_dict(value, name, depth); break;
      case Kind::list:
      case Kind::tuple:
        for (std::size_t i = 0; i < value.items.size(); ++i) walk_item(value.items[i], joined(name, std::to_string(i)), depth);
        break;
      case Kind::object:
        if (const PickleValue* state = module_state(value)) {
          walk_module(*state, name, depth);
          break;
        }
        heap_.fail(value, message("tensor ", name, " depends on ", value.text, ", which is unknown here"));
      default: skip(name);  // a bare storage has no shape
    }
  }
  void walk_item(PickleRef at, const std::string& name, int depth) {
    if (reaches_[at])
      walk(heap_[at], name, depth + 1);
    else
      skip(name);
  }
  void walk_dict(const PickleValue& dict, const std::string& name, int depth) {
    // A key that stands twice keeps its first place and takes its last value, as in Python.
    heap_.budget().take(static_cast<Index>(dict.items.size()) * 40, "the tensors' names");
    std::unordered_map<std::string, std::size_t> last;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) last[key_text(dict.items[i])] = i + 1;
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      const std::string key = key_text(dict.items[i]);
      const auto found = last.find(key);
      if (found == last.end()) continue;
      const PickleRef value = dict.items[found->second];
      last.erase(found);
      walk_item(value, joined(name, key), depth);
    }
  }
  void walk_module(const PickleValue& state, const std::string& name, int depth) {
    const PickleValue* hidden = heap_.find(state, "_non_persistent_buffers_set");
    for (const std::string_view part : {"_parameters", "_buffers", "_modules"}) {
      const PickleValue* members = heap_.find(state, part);
      if (!members || members->kind != Kind::dict) continue;
      PickleValue shown = *members;
      if (part == "_buffers" && hidden)
        for (std::size_t i = shown.items.size(); i >= 2; i -= 2)
          for (const PickleRef other : hidden->items)
            if (heap_[other].kind == Kind::text && heap_[other].text == heap_[shown.items[i - 2]].text) {
              shown.items.erase(shown.items.begin() + static_cast<std::ptrdiff_t>(i - 2), shown.items.begin() + static_cast<std::ptrdiff_t>(i));
              break;
            }
      walk_dict(shown, name, depth);
    }
  }

  std::string key_text(PickleRef at) const {
    const PickleValue& key = heap_[at];
    switch (key.kind) {
      case Kind::text:
      case Kind::bytes: return key.text;
      case Kind::integer:
      case Kind::boolean: return std::to_string(key.number);
      default: return message('<', name_of(key.kind), ' ', Index{at}, '>');
    }
  }
  static std::string joined(const std::string& name, const std::string& key) { return name.empty() ? key : message(name, '.', key); }
  void skip(const std::string& name) {
    heap_.budget().take(static_cast<Index>(64 + name.size()), "the entries' names");
    skipped.push_back(name);
  }

  PickleHeap& heap_;
  std::vector<bool> reaches_;
};

}  // namespace tapestry::inline TAPESTRY_ABI
