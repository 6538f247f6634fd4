// SPDX-License-Identifier: MIT
#pragma once

#include "../tensor/any_tensor.hpp"
#include "../backend/cpu/cpu_backend.hpp"
#include "pth_state.hpp"
#include "pth_tar.hpp"

namespace tapestry::inline TAPESTRY_ABI {

/// What a PyTorch checkpoint holds.
struct Pth {
  NamedTensors tensors;
  std::vector<std::string> skipped;  ///< entries of the state dict that are no tensors
  std::vector<std::string> unknown;  ///< Python names that mean nothing here; what is built from them was passed over
};

namespace detail {

/// Reads the elements of a checkpoint's tensors, storage by storage in the order of the file, each once.
class PthElements {
 public:
  PthElements(const FileReader& file, PickleHeap& heap, bool swapped) : file_(file), heap_(heap), swapped_(swapped) {}

  /// Throws   FileError naming the tensor if it does not fit its storage.
  NamedTensors read(const std::vector<std::pair<std::string, Index>>& wanted) {
    std::vector<Window> windows;
    std::vector<bool> seen(heap_.tensors.size());
    for (const auto& [name, number] : wanted) {
      if (seen[static_cast<std::size_t>(number)]) continue;  // one tensor under several names stays one
      seen[static_cast<std::size_t>(number)] = true;
      windows.push_back(checked(name, number));
    }
    std::stable_sort(windows.begin(), windows.end(), [](const Window& a, const Window& b) {
      return std::pair(a.storage->entry.begin, a.storage) < std::pair(b.storage->entry.begin, b.storage);
    });
    made_.resize(heap_.tensors.size());
    for (auto first = windows.begin(); first != windows.end();) {
      const auto last = std::find_if(first, windows.end(), [&](const Window& w) { return w.storage != first->storage; });
      read_storage(first, last);
      first = last;
    }
    NamedTensors tensors;
    for (const auto& [name, number] : wanted) tensors.emplace_back(name, made_[static_cast<std::size_t>(number)]);
    return tensors;
  }

 private:
  struct Window {
    Index number;
    const PickleTensor* tensor;
    const PickleStorage* storage;
    Index first, numel;
  };

  Window checked(const std::string& name, Index number) const {
    const PickleTensor& tensor = heap_.tensors[static_cast<std::size_t>(number)];
    const auto fail = [&, &name = name](const auto&... cause) {
      const Index byte = tensor.storage < 0 ? 0 : heap_.storages[static_cast<std::size_t>(tensor.storage)].entry.begin;
      return FileError(message("cannot read ", file_.path(), ": byte ", byte, ": tensor ", name, ' ', cause...));
    };
    if (!tensor.flaw.empty()) throw fail(std::string_view(tensor.flaw));
    if (tensor.type->stored == Stored::unknown) throw fail("holds ", tensor.type->name, ", which no tensor here can hold");
    const PickleStorage* storage = &heap_.storages[static_cast<std::size_t>(tensor.storage)];
    Window window{number, &tensor, storage, tensor.first, 0};
    if (storage->root >= 0) window.storage = &heap_.storages[static_cast<std::size_t>(storage->root)];
    if (!window.storage->located) throw fail("lies in storage ", window.storage->key, ", which the file does not hold");
    if (storage->root >= 0 && (window.storage->root >= 0 || storage->first < 0 || storage->numel < 0 || storage->first > window.storage->numel ||
                               storage->numel > window.storage->numel - storage->first))
      throw fail("lies in a window of ", storage->numel, " elements from ", storage->first, " that reaches beyond its storage of ", window.storage->numel);
    if (storage->root >= 0 && tensor.type != storage->type)  // the window's first element counts in its own type
      throw fail("reads a window of ", storage->type->name, " as ", tensor.type->name);
    if (!checked_numel(tensor.shape, window.numel)) throw fail("has an impossible shape ", tensor.shape);
    const Index room = storage->numel * storage->type->size / tensor.type->size;
    if (!fits(tensor, window.numel, room))
      throw fail("of shape ", tensor.shape, ", strides ", tensor.strides, " and first element ", tensor.first, " reaches beyond its storage of ", room);
    if (storage->root >= 0) window.first += storage->first;
    return window;
  }
  static bool fits(const PickleTensor& tensor, Index numel, Index room) {
    if (tensor.first < 0 || tensor.first > room) return false;
    for (const Index stride : tensor.strides)
      if (stride < 0) return false;
    if (numel == 0) return true;
    Index left = room - tensor.first - 1;  // behind the first element
    if (left < 0) return false;
    for (Index axis = 0; axis < tensor.shape.rank(); ++axis) {
      const Index steps = tensor.shape[axis] - 1;
      if (steps > 0 && tensor.strides[axis] > left / steps) return false;
      left -= steps * (steps > 0 ? tensor.strides[axis] : 0);
    }
    return true;
  }

  AnyTensor make(const Window& window) {
    heap_.budget().take(window.numel * static_cast<Index>(size_of(window.tensor->type->becomes)), "a tensor", window.storage->entry.begin);
    return made_[static_cast<std::size_t>(window.number)] = empty_any(window.tensor->type->becomes, window.tensor->shape, Layout::row_major, cpu());
  }
  /// Whether the tensor's elements are the storage's, all of them in their order.
  static bool is_whole(const Window& window) {
    if (window.first != 0 || window.numel * window.tensor->type->size != window.storage->entry.size) return false;
    const Shape plain = strides_of(window.tensor->shape, Layout::row_major);
    for (Index axis = 0; axis < plain.rank(); ++axis)
      if (window.tensor->shape[axis] > 1 && window.tensor->strides[axis] != plain[axis]) return false;
    return true;
  }
  void read_storage(std::vector<Window>::const_iterator first, std::vector<Window>::const_iterator last) {
    EntryStream stream(file_, first->storage->entry);
    if (last - first == 1 && is_whole(*first) && is_stored_as_is(*first->tensor->type, swapped_)) {
      const AnyTensor tensor = make(*first);
      stream.read(tensor.raw_mutable_data(), stream.remaining());
      return give_sign(*first->tensor, tensor);
    }
    const Index bytes = stream.remaining();
    heap_.budget().take(bytes, "a storage", first->storage->entry.begin);
    const auto elements = std::make_unique<unsigned char[]>(static_cast<std::size_t>(bytes));
    stream.read(elements.get(), bytes);
    for (; first != last; ++first) {
      const PickleTensor& tensor = *first->tensor;
      const AnyTensor to = make(*first);
      if (first->numel > 0)
        gather_elements(*tensor.type, elements.get() + first->first * tensor.type->size, tensor.shape, tensor.strides, swapped_,
                        static_cast<unsigned char*>(to.raw_mutable_data()));
      give_sign(tensor, to);
    }
    heap_.budget().give_back(bytes);
  }

  static void give_sign(const PickleTensor& read, const AnyTensor& tensor) {
    const auto negate = [&]<class T>(T* number) {
      for (Index i = 0; i < tensor.numel(); ++i) number[i] = -number[i];
    };
    if (read.negated && tensor.dtype() == DType::float64) negate(static_cast<double*>(tensor.raw_mutable_data()));
    if (read.negated && tensor.dtype() == DType::float32) negate(static_cast<float*>(tensor.raw_mutable_data()));
  }

  const FileReader& file_;
  PickleHeap& heap_;
  bool swapped_;
  std::vector<AnyTensor> made_;
};

/// The first bytes of a file, by which formats are told apart.
inline std::string first_bytes(const FileReader& file) {
  std::string bytes(static_cast<std::size_t>(std::min<Index>(file.size(), TarReader::block)), '\0');
  file.read_at(0, bytes.data(), static_cast<Index>(bytes.size()));
  return bytes;
}
inline bool begins_pth_stream(std::string_view bytes) { return bytes.size() > 2 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5; }

inline Pth read_pth(const FileReader& file, const ZipReader* zip, MemoryBudget& budget) {
  PickleHeap heap(budget);
  const std::string begin = first_bytes(file);
  PthContents contents;
  if (zip)
    contents = read_pth_zip(file, *zip, heap);
  else if (TarReader::is_header(begin))
    contents = read_pth_tar(file, TarReader(file, budget), heap);
  else if (begins_pth_stream(begin))
    contents = read_pth_stream(file, heap);
  else
    throw FileError(message("cannot read ", file.path(), ": byte 0: no checkpoint of torch.save (neither a zip archive, nor a pickle, nor a tar archive)"));
  PthState state(heap);
  state.collect(contents.root);
  return {PthElements(file, heap, contents.swapped).read(state.tensors), std::move(state.skipped), std::move(heap.unknown)};
}
}  // namespace detail

/// Reads what torch.save wrote, in any of its three containers, told apart by content: the zip archive of 1.6 and later, the stream before it, the tar
/// archive of 0.1. Nothing in the file is run: its pickle is interpreted by Unpickler, which knows what tensors need and no more.
///
/// - The state dict is the object itself, or what a dict holds under `state_dict`, `model_state_dict`, `model` or `net`; of a whole module its
///   parameters and buffers are read, under the names that its state dict would give them; dicts and lists inside are joined by dots.
/// - Tensors come to the CPU, contiguous. Half, bfloat16 and floats of 8 bits become float32; int8, int16 and uint16 become int32, uint32 becomes int64.
///
/// Throws   FileError naming the file, the byte and the cause: a wanted tensor depends on an unknown Python name, a size that does not fit, a
///          checksum, memory beyond ReadOptions::memory_limit.
inline Pth load_pth(const std::string& path, ReadOptions options = {}) {
  const FileReader file(path);
  MemoryBudget budget(file, options);
  if (!ZipReader::begins(detail::first_bytes(file))) return detail::read_pth(file, nullptr, budget);
  const ZipReader zip(file, budget);
  return detail::read_pth(file, &zip, budget);
}

}  // namespace tapestry::inline TAPESTRY_ABI
