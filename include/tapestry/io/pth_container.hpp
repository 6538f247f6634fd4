// SPDX-License-Identifier: MIT
#pragma once

#include "unpickler.hpp"
#include "zip_reader.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a checkpoint's container holds: the pickled object, and where the heap's storages lie.
struct PthContents {
  PickleRef root = 0;
  bool swapped = false;  ///< the elements' bytes come in the other order than this machine's
};

namespace detail {

/// Numbers and texts name storages and tensors alike; Python 2 wrote `int` where Python 3 writes `str`.
inline std::string pickle_key(const PickleHeap& heap, PickleRef at) {
  const PickleValue& key = heap[at];
  if (key.kind == PickleValue::Kind::integer) return message(key.number);
  if (key.kind != PickleValue::Kind::text && key.kind != PickleValue::Kind::big_integer) heap.fail(key, "a key that is neither text nor integer");
  return key.text;
}
inline const PickleValue& pickle_item(const PickleHeap& heap, const PickleValue& tuple, std::size_t i, PickleValue::Kind kind, std::string_view what) {
  if ((tuple.kind != PickleValue::Kind::tuple && tuple.kind != PickleValue::Kind::list) || i >= tuple.items.size() || heap[tuple.items[i]].kind != kind)
    heap.fail(tuple, message(what, " has no ", name_of(kind), " as item ", i));
  return heap[tuple.items[i]];
}

/// The storages of zip archives and of the legacy stream:
///   ("storage", class, key, place, number of elements), in the stream one more item: None or (key of a window, its first element, their number);
///   ("module", class, file, source) in the stream: a class with its source, which stands for the class.
class StorageIds final : public PersistentIds {
 public:
  explicit StorageIds(PickleHeap& heap) : heap_(heap) {}

  PickleRef load(PickleRef at) override {
    using Kind = PickleValue::Kind;
    const PickleValue& id = heap_[at];
    const std::string& what = pickle_item(heap_, id, 0, Kind::text, "a persistent id").text;
    if (what == "module" && id.items.size() >= 2) return id.items[1];
    if (what != "storage" || id.items.size() < 5) heap_.fail(id, "a persistent id that names no storage");
    const PickleValue& type = pickle_item(heap_, id, 1, Kind::global, "a persistent id");
    if (type.global != TorchName::storage) heap_.fail(id, message(type.text, " is no known class of storages"));
    const Index root = find_or_add(id, pickle_key(heap_, id.items[2]), &element_types[type.number], pickle_item(heap_, id, 4, Kind::integer, "a storage").number);
    PickleValue made;
    made.kind = Kind::storage, made.source = id.source, made.offset = id.offset, made.number = root;
    if (id.items.size() > 5 && heap_[id.items[5]].kind != Kind::none) {
      const PickleValue& window = heap_[id.items[5]];
      PickleStorage& storage = heap_.add_storage();
      storage.type = &element_types[type.number];
      storage.root = root;
      storage.first = pickle_item(heap_, window, 1, Kind::integer, "a storage's window").number;
      storage.numel = pickle_item(heap_, window, 2, Kind::integer, "a storage's window").number;
      made.number = static_cast<Index>(heap_.storages.size() - 1);
    }
    return heap_.add(std::move(made));
  }
  /// By key; null if the pickle did not mention it.
  PickleStorage* find(const std::string& key) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : &heap_.storages[static_cast<std::size_t>(found->second)];
  }

 private:
  Index find_or_add(const PickleValue& id, std::string key, const ElementType* type, Index numel) {
    if (numel < 0) heap_.fail(id, message("storage ", key, " has ", numel, " elements"));
    const auto [found, is_new] = by_key_.emplace(key, static_cast<Index>(heap_.storages.size()));
    if (is_new) {
      PickleStorage& storage = heap_.add_storage();
      storage.type = type, storage.numel = numel, storage.key = std::move(key);
    } else if (const PickleStorage& known = heap_.storages[static_cast<std::size_t>(found->second)]; known.type != type || known.numel != numel) {
      heap_.fail(id, message("storage ", key, " is ", type->name, " of ", numel, " elements here but ", known.type->name, " of ", known.numel, " elsewhere"));
    }
    return found->second;
  }
  PickleHeap& heap_;
  std::unordered_map<std::string, Index> by_key_;
};

/// The elements that follow in the stream: their number in 8 bytes, then they themselves, little endian on every machine.
inline void locate_next(ByteStream& stream, PickleStorage& storage, std::string_view key) {
  const std::uint64_t numel = stream.number<std::uint64_t>();
  if (numel > static_cast<std::uint64_t>(stream.remaining() / storage.type->size))
    stream.fail("storage ", key, " claims ", numel, " elements of ", Index{storage.type->size}, " bytes but ", stream.remaining(), " bytes are left");
  if (storage.numel >= 0 && storage.numel != static_cast<Index>(numel)) stream.fail("storage ", key, " has ", numel, " elements, the pickle says ", storage.numel);
  storage.numel = static_cast<Index>(numel);
  const Index begin = stream.offset(), bytes = static_cast<Index>(numel) * storage.type->size;
  storage.entry = {message("storage ", key), begin, bytes, bytes, false, false, 0};
  storage.located = true;
  stream.skip(bytes);
}

}  // namespace detail

/// What torch.save writes since 1.6: a zip archive of ROOT/data.pkl, ROOT/data/KEY for each storage, and ROOT/byteorder.
/// Throws   FileError if it is TorchScript or holds no such pickle, and as its parts do.
inline PthContents read_pth_zip(const FileReader& file, const ZipReader& zip, PickleHeap& heap) {
  const auto fail = [&](const auto&... cause) { return FileError(message("cannot read ", file.path(), ": ", cause...)); };
  const ArchiveEntry* pickle = nullptr;
  for (const ArchiveEntry& entry : zip.entries()) {
    if (entry.name.ends_with("/constants.pkl"))
      throw fail("it is a TorchScript archive (", entry.name, "), a program and not a state dict; in PyTorch: torch.save(torch.jit.load(f).state_dict(), g)");
    if (!entry.name.ends_with("/data.pkl")) continue;
    if (pickle) throw fail("the zip archive has two pickles, ", pickle->name, " and ", entry.name);
    pickle = &entry;
  }
  if (!pickle) throw fail("the zip archive has no data.pkl: not made by torch.save");
  const std::string folder = pickle->name.substr(0, pickle->name.size() - 8);

  PthContents contents;
  if (const ArchiveEntry* entry = zip.find(folder + "byteorder")) {
    EntryStream order(file, *entry);
    const std::string text = order.remaining() < 16 ? order.text(order.remaining()) : "?";
    if (text != "little" && text != "big") order.fail("byteorder is ", json::quoted(text), ", neither little nor big");
    contents.swapped = (text == "little") != (std::endian::native == std::endian::little);
  }
  EntryStream stream(file, *pickle);
  detail::StorageIds ids(heap);
  contents.root = Unpickler(heap, stream, &ids).load();
  stream.skip_rest();  // for the checksum
  for (PickleStorage& storage : heap.storages) {
    if (storage.root >= 0) continue;
    if (const ArchiveEntry* entry = zip.find(folder + "data/" + storage.key)) {
      if (entry->size % storage.type->size != 0 || entry->size / storage.type->size != storage.numel)
        throw FileError(message("cannot read ", file.path(), ": byte ", entry->begin, ": ", entry->name, " has ", entry->size, " bytes, the pickle says ",
                                storage.numel, " elements of ", storage.type->name));
      storage.entry = *entry;
      storage.located = true;
    }
  }
  return contents;
}

/// The stream of PyTorch 0.1.10 to 1.5: pickles of a magic number, a version, facts of the machine, the object, and the storages' keys in order; then
/// the storages.
inline PthContents read_pth_stream(const FileReader& file, PickleHeap& heap) {
  using Kind = PickleValue::Kind;
  FileSection stream(file);
  const auto plain = [&] { return Unpickler(heap, stream).load(); };
  const std::string magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // 0x1950a86a20f9469cfc6c
  const PickleRef first = plain();
  if (heap[first].kind != Kind::big_integer || heap[first].text != magic)
    heap.fail(heap[first], "the file begins with a pickle that is not the magic number of torch.save (made by pickle.dump?)");
  const PickleRef version = plain();
  if (heap[version].kind != Kind::integer || heap[version].number != 1001) heap.fail(heap[version], "unknown version of the stream, expected 1001");
  plain();
  detail::StorageIds ids(heap);
  PthContents contents;
  contents.root = Unpickler(heap, stream, &ids).load();
  contents.swapped = std::endian::native != std::endian::little;
  const PickleRef keys = plain();
  if (heap[keys].kind != Kind::list) heap.fail(heap[keys], "the storages' keys are not a list");
  for (const PickleRef at : heap[keys].items) {
    const std::string key = detail::pickle_key(heap, at);
    PickleStorage* storage = ids.find(key);
    if (!storage) heap.fail(heap[at], message("the pickle mentions no storage ", key));
    if (storage->located) heap.fail(heap[at], message("storage ", key, " stands twice"));
    detail::locate_next(stream, *storage, key);
  }
  return contents;
}

}  // namespace tapestry::inline TAPESTRY_ABI
