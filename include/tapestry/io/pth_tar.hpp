// SPDX-License-Identifier: MIT
#pragma once

#include "pth_container.hpp"
#include "tar_reader.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// In the archive of 0.1 a number names a storage or tensor that stands in another member; (class, file, source) stands for the class.
class TarIds final : public PersistentIds {
 public:
  explicit TarIds(PickleHeap& heap) : heap_(heap) {}
  PickleRef load(PickleRef at) override {
    const PickleValue& id = heap_[at];
    if (id.kind == PickleValue::Kind::tuple && !id.items.empty()) return id.items[0];
    const auto found = objects_.find(pickle_key(heap_, at));
    if (found == objects_.end()) heap_.fail(id, message("no object ", pickle_key(heap_, at), " in the archive"));
    return found->second;
  }
  void add(const PickleValue& described, PickleRef key, PickleValue::Kind kind, Index number) {
    PickleValue made;
    made.kind = kind, made.source = described.source, made.offset = described.offset, made.number = number;
    heap_.budget().take(100, "the objects' keys");
    if (!objects_.emplace(pickle_key(heap_, key), heap_.add(std::move(made))).second) heap_.fail(described, "a key stands twice");
  }
  /// The storage of that key.
  Index storage(PickleRef key) {
    const PickleValue& found = heap_[load(key)];
    if (found.kind != PickleValue::Kind::storage) heap_.fail(heap_[key], "the key names no storage");
    return found.number;
  }

 private:
  PickleHeap& heap_;
  std::unordered_map<std::string, PickleRef> objects_;
};

inline void read_tar_storages(const FileReader& file, const ArchiveEntry& member, PickleHeap& heap, TarIds& ids) {
  using Kind = PickleValue::Kind;
  FileSection stream(file, member.begin, member.size, member.name);
  const auto plain = [&]() -> const PickleValue& { return heap[Unpickler(heap, stream).load()]; };
  const PickleValue& count = plain();
  if (count.kind != Kind::integer) heap.fail(count, "the number of storages is no integer");
  for (Index i = 0; i < count.number; ++i) {  // (key, place, class), then the elements
    const PickleValue& described = plain();
    const PickleValue& type = pickle_item(heap, described, 2, Kind::global, "a storage");
    if (type.global != TorchName::storage) heap.fail(described, message(type.text, " is no known class of storages"));
    PickleStorage& storage = heap.add_storage();
    storage.type = &element_types[type.number];
    ids.add(described, described.items[0], Kind::storage, static_cast<Index>(heap.storages.size() - 1));
    storage.key = pickle_key(heap, described.items[0]);
    storage.numel = -1;  // said by the stream alone
    locate_next(stream, storage, storage.key);
  }
  const PickleValue& windows = plain();  // [(key, key of the whole, first element, number of elements), ...]
  if (windows.kind != Kind::list) heap.fail(windows, "the storages' windows are not a list");
  for (const PickleRef at : windows.items) {
    const PickleValue& window = heap[at];
    const Index first = pickle_item(heap, window, 2, Kind::integer, "a storage's window").number;
    const Index numel = pickle_item(heap, window, 3, Kind::integer, "a storage's window").number;
    const Index root = ids.storage(window.items[1]);
    PickleStorage& storage = heap.add_storage();
    storage.type = heap.storages[static_cast<std::size_t>(root)].type;
    storage.root = root, storage.first = first, storage.numel = numel;
    ids.add(window, window.items[0], Kind::storage, static_cast<Index>(heap.storages.size() - 1));
  }
}

inline void read_tar_tensors(const FileReader& file, const ArchiveEntry& member, PickleHeap& heap, TarIds& ids) {
  using Kind = PickleValue::Kind;
  FileSection stream(file, member.begin, member.size, member.name);
  const PickleValue& count = heap[Unpickler(heap, stream).load()];
  if (count.kind != Kind::integer) heap.fail(count, "the number of tensors is no integer");
  for (Index i = 0; i < count.number; ++i) {  // (key, storage's key, class), then rank in 8 bytes, sizes, strides, first element
    const PickleValue& described = heap[Unpickler(heap, stream).load()];
    if (described.kind != Kind::tuple || described.items.size() < 2) heap.fail(described, "a tensor is described by something else than key, storage and class");
    PickleTensor tensor;
    tensor.storage = ids.storage(described.items[1]);
    tensor.type = heap.storages[static_cast<std::size_t>(tensor.storage)].type;
    const auto rank = stream.number<std::uint32_t>();
    stream.number<std::uint32_t>();
    if (rank > static_cast<std::uint32_t>(Shape::max_rank)) stream.fail("a tensor with ", rank, " axes; at most 8 are read");
    for (Shape* sizes : {&tensor.shape, &tensor.strides})
      for (std::uint32_t axis = 0; axis < rank; ++axis) sizes->push_back(static_cast<Index>(stream.number<std::uint64_t>()));
    tensor.first = static_cast<Index>(stream.number<std::uint64_t>());
    ids.add(described, described.items[0], Kind::tensor, heap.add_tensor(std::move(tensor)));
  }
}
}  // namespace detail

/// The tar archive of PyTorch 0.1: members `storages`, `tensors` and `pickle`.
inline PthContents read_pth_tar(const FileReader& file, const TarReader& tar, PickleHeap& heap) {
  const auto member = [&](std::string_view name) -> const ArchiveEntry& {
    if (const ArchiveEntry* found = tar.find(name)) return *found;
    throw FileError(message("cannot read ", file.path(), ": the tar archive has no member ", name, ": not made by torch.save"));
  };
  const ArchiveEntry &storages = member("storages"), &tensors = member("tensors"), &pickle = member("pickle");
  detail::TarIds ids(heap);
  detail::read_tar_storages(file, storages, heap, ids);
  detail::read_tar_tensors(file, tensors, heap, ids);
  PthContents contents;
  FileSection stream(file, pickle.begin, pickle.size, pickle.name);
  contents.root = Unpickler(heap, stream, &ids).load();
  contents.swapped = std::endian::native != std::endian::little;
  return contents;
}

}  // namespace tapestry::inline TAPESTRY_ABI
