// SPDX-License-Identifier: MIT
#pragma once

#include "pickle_heap.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a pickle's calls build, as far as a checkpoint's tensors go: nothing is run, every call is one of the few forms below or makes an opaque
/// object that remembers its class and what it was built from.
class TorchObjects {
 public:
  using Kind = PickleValue::Kind;
  TorchObjects(PickleHeap& heap, std::uint16_t source) : heap_(heap), source_(source) {}

  /// function(*arguments), for REDUCE, NEWOBJ and their like.
  PickleRef call(PickleRef function, PickleRef arguments, Index offset, int depth = 0) {
    offset_ = offset;
    const TorchName callee = heap_[function].kind == Kind::global ? heap_[function].global : TorchName::unknown;
    const std::vector<PickleRef>& args = heap_[arguments].items;  // values never move
    switch (callee) {
      case TorchName::dict: return dict_of(args);
      case TorchName::list: return copy_of_items(Kind::list, args);
      case TorchName::tuple: return copy_of_items(Kind::tuple, args);
      case TorchName::encode: return encode(function, arguments, args);
      case TorchName::rebuild_tensor:
      case TorchName::rebuild_tensor_v3: return add_tensor(tensor_of(args, callee == TorchName::rebuild_tensor_v3));
      case TorchName::rebuild_parameter: return args.empty() ? object(function, arguments) : args[0];
      case TorchName::rebuild_from_type:
        if (args.size() >= 3 && depth < 8 && heap_[args[2]].kind == Kind::tuple) return call(args[0], args[2], offset, depth + 1);
        return object(function, arguments);
      case TorchName::new_object:
        if (args.empty() || depth == 8) return object(function, arguments);
        return call(args[0], add_tuple({args.begin() + 1, args.end()}), offset, depth + 1);
      case TorchName::reconstructor: return args.empty() ? object(function, arguments) : object(args[0], arguments);
      case TorchName::parameter:
      case TorchName::tensor:
        if (args.empty()) return add_unbuilt_tensor();
        return heap_[args[0]].kind == Kind::tensor ? args[0] : object(function, arguments);
      default: return object(function, arguments);
    }
  }

  /// What BUILD does: an object takes its state. Of a tensor only one that has no elements yet takes them from there.
  void build(PickleRef target, PickleRef state, Index offset) {
    offset_ = offset;
    if (heap_[target].kind == Kind::object) return heap_.append(target, state);
    if (heap_[target].kind != Kind::tensor || heap_[target].number >= 0 || heap_[state].kind != Kind::tuple) return;
    const std::vector<PickleRef>& parts = heap_[state].items;
    if (parts.size() == 4)  // (storage, first element, sizes, strides)
      heap_[target].number = heap_.add_tensor(tensor_of(parts, false));
    else if (!parts.empty() && heap_[parts[0]].kind == Kind::tensor)  // Variable's: (data, gradient, hooks, ...)
      heap_[target].number = heap_[parts[0]].number;
  }

 private:
  PickleValue value(Kind kind) const {
    PickleValue made;
    made.kind = kind, made.source = source_, made.offset = offset_;
    return made;
  }
  PickleRef object(PickleRef type, PickleRef arguments) {
    PickleValue made = value(Kind::object);
    const PickleValue& of = heap_[type];
    made.global = of.kind == Kind::global ? of.global : TorchName::unknown;
    made.text = of.kind == Kind::global || of.kind == Kind::object ? of.text : std::string(name_of(of.kind));
    made.items = {type, arguments};
    return heap_.add(std::move(made));
  }
  PickleRef add_tuple(std::vector<PickleRef> items) {
    PickleValue made = value(Kind::tuple);
    made.items = std::move(items);
    return heap_.add(std::move(made));
  }
  PickleRef copy_of_items(Kind kind, const std::vector<PickleRef>& args) {
    PickleValue made = value(kind);
    if (!args.empty() && is_sequence(args[0])) {
      heap_.budget().take(static_cast<Index>(heap_[args[0]].items.size() * sizeof(PickleRef)), "the pickle's values");
      made.items = heap_[args[0]].items;
    }
    return heap_.add(std::move(made));
  }
  /// OrderedDict(), OrderedDict([(key, value), ...]), OrderedDict({key: value, ...}), defaultdict(factory).
  PickleRef dict_of(const std::vector<PickleRef>& args) {
    const PickleRef made = heap_.add(value(Kind::dict));
    for (const PickleRef arg : args) {
      const std::vector<PickleRef>& items = heap_[arg].items;
      if (heap_[arg].kind == Kind::dict)
        for (const PickleRef item : items) heap_.append(made, item);
      if (!is_sequence(arg)) continue;
      for (const PickleRef pair : items) {
        if (!is_sequence(pair) || heap_[pair].items.size() != 2) heap_.fail(heap_[made], "a dict is made of something else than pairs");
        for (const PickleRef item : heap_[pair].items) heap_.append(made, item);
      }
    }
    return made;
  }
  /// _codecs.encode(text, "latin1"): each character a byte.
  PickleRef encode(PickleRef function, PickleRef arguments, const std::vector<PickleRef>& args) {
    if (args.empty() || heap_[args[0]].kind != Kind::text) return object(function, arguments);
    PickleValue made = value(Kind::bytes);
    const std::string& text = heap_[args[0]].text;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto lead = static_cast<unsigned char>(text[i]);
      const bool two = lead >= 0xC2 && lead <= 0xC3 && i + 1 < text.size();
      made.text += static_cast<char>(two ? (lead & 3) << 6 | (static_cast<unsigned char>(text[i + 1]) & 63) : lead);
      i += two ? 1 : 0;
    }
    return heap_.add(std::move(made));
  }

  bool is_sequence(PickleRef at) const { return heap_[at].kind == Kind::list || heap_[at].kind == Kind::tuple; }
  PickleRef add_tensor(PickleTensor tensor) {
    PickleValue made = value(Kind::tensor);
    made.number = heap_.add_tensor(std::move(tensor));
    return heap_.add(std::move(made));
  }
  PickleRef add_unbuilt_tensor() {
    PickleValue made = value(Kind::tensor);
    made.number = -1;
    return heap_.add(std::move(made));
  }
  /// A flaw is remembered, not thrown: it matters only if the tensor is wanted.
  PickleTensor tensor_of(const std::vector<PickleRef>& args, bool type_given) const {
    PickleTensor tensor;
    if (args.size() < (type_given ? 7 : 4)) {
      tensor.flaw = message("is rebuilt from ", args.size(), " arguments");
      return tensor;
    }
    const PickleValue &storage = heap_[args[0]], &first = heap_[args[1]];
    if (storage.kind != Kind::storage) {
      tensor.flaw = message("has no storage but ", storage.kind == Kind::object ? std::string_view(storage.text) : name_of(storage.kind));
      return tensor;
    }
    tensor.storage = storage.number;
    tensor.type = heap_.storages[static_cast<std::size_t>(storage.number)].type;
    if (type_given) {
      const PickleValue& type = heap_[args[6]];
      if (type.kind != Kind::global || type.global != TorchName::element_type)
        tensor.flaw = message("has elements of unknown type ", type.text);
      else
        tensor.type = &element_types[type.number];
    }
    if (first.kind != Kind::integer) tensor.flaw = "begins at no integer";
    tensor.first = first.number;
    if (!read_sizes(args[2], tensor.shape) || !read_sizes(args[3], tensor.strides) || tensor.shape.rank() != tensor.strides.rank())
      tensor.flaw = "has sizes and strides that are not up to 8 integers each";
    if (const std::size_t at = type_given ? 7 : 6; args.size() > at) read_metadata(args[at], tensor);
    return tensor;
  }
  /// What the last argument, a dict, says of how the numbers are to be understood.
  void read_metadata(PickleRef at, PickleTensor& tensor) const {
    const PickleValue& metadata = heap_[at];
    if (metadata.kind == Kind::none) return;
    if (metadata.kind != Kind::dict) tensor.flaw = message("has a ", name_of(metadata.kind), " where its metadata stand");
    for (std::size_t i = 0; metadata.kind == Kind::dict && i < metadata.items.size(); i += 2) {
      const PickleValue &key = heap_[metadata.items[i]], &value = heap_[metadata.items[i + 1]];
      if (value.kind == Kind::boolean && value.number == 0) continue;
      const bool floating = tensor.type->becomes == DType::float32 || tensor.type->becomes == DType::float64;
      if (key.kind == Kind::text && key.text == "neg" && value.kind == Kind::boolean && floating)
        tensor.negated = true;
      else
        tensor.flaw = message("has metadata of unknown meaning, ", key.kind == Kind::text ? std::string_view(key.text) : name_of(key.kind));
    }
  }
  bool read_sizes(PickleRef at, Shape& sizes) const {
    if (!is_sequence(at) || heap_[at].items.size() > static_cast<std::size_t>(Shape::max_rank)) return false;
    for (const PickleRef item : heap_[at].items) {
      if (heap_[item].kind != Kind::integer) return false;
      sizes.push_back(heap_[item].number);
    }
    return true;
  }

  PickleHeap& heap_;
  std::uint16_t source_;
  Index offset_ = 0;
};

}  // namespace tapestry::inline TAPESTRY_ABI
