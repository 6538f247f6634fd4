// SPDX-License-Identifier: MIT
#pragma once

#include <bit>
#include <map>

#include "../backend/cpu/cpu_backend.hpp"
#include "tensor_names.hpp"
#include "zip_writer.hpp"

namespace tapestry::inline TAPESTRY_ABI {

namespace detail {
/// Writes the pickle of a state dict: an OrderedDict of tensors, each rebuilt from a storage that the pickle names by key.
class StateDictPickler {
 public:
  void begin() { (code_ += "\x80\x02") += "ccollections\nOrderedDict\n)R("; }
  void add(std::string_view name, const AnyTensor& x, std::string_view key) {
    text(name);
    code_ += "ctorch._utils\n_rebuild_tensor_v2\n((";
    text("storage");
    code_ += message("ctorch\n", storage_class(x.dtype()), '\n');
    text(key);
    text("cpu");
    integer(x.numel());
    code_ += "tQ";
    integer(0);
    sizes(x.shape());
    sizes(strides_of(x.shape(), Layout::row_major));
    code_ += "\x89" "ccollections\nOrderedDict\n)RtR";  // no gradient, no hooks
  }
  std::string end() { return code_ + "u."; }

 private:
  static std::string_view storage_class(DType type) {
    switch (type) {
      case DType::float32: return "FloatStorage";
      case DType::float64: return "DoubleStorage";
      case DType::int64: return "LongStorage";
      case DType::int32: return "IntStorage";
      case DType::uint8: return "ByteStorage";
      case DType::boolean: return "BoolStorage";
    }
    return "?";
  }
  void bytes(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) code_ += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
  void text(std::string_view value) {
    code_ += 'X';
    bytes(value.size(), 4);
    code_ += value;
  }
  /// From 0; LONG1 beyond what BININT holds.
  void integer(Index value) {
    const auto number = static_cast<std::uint64_t>(value);
    if (number < 256) return code_ += 'K', bytes(number, 1);
    if (number < 0x80000000) return code_ += 'J', bytes(number, 4);
    code_ += "\x8a\x08";
    bytes(number, 8);
  }
  void sizes(const Shape& shape) {
    code_ += '(';
    for (const Index size : shape) integer(size);
    code_ += 't';
  }
  std::string code_;
};
}  // namespace detail

/// Writes a state dict that `torch.load(path, weights_only=True)` reads, in PyTorch's zip container. Tensors that share their elements share
/// them in the file. The file appears whole or not at all; equal content makes equal bytes.
/// Throws   FileError if it cannot be written, ValueError if a name stands twice or is not UTF-8.
inline void save_pth(const std::string& path, const NamedTensors& tensors) {
  detail::check_tensor_names("save_pth", tensors);
  std::vector<AnyTensor> storages;
  std::multimap<const void*, std::size_t> by_place;  // of the elements; windows of other shapes on them go into the file as tensors of their own
  detail::StateDictPickler pickle;
  pickle.begin();
  for (const auto& [name, tensor] : tensors) {
    std::size_t key = storages.size();
    const auto [first, last] = by_place.equal_range(tensor.raw_data());
    for (auto other = first; other != last; ++other) {
      const AnyTensor& x = storages[other->second];
      if (x.dtype() == tensor.dtype() && x.layout() == tensor.layout() && x.shape() == tensor.shape()) key = other->second;
    }
    if (key == storages.size()) {
      storages.push_back(tensor);
      if (tensor.numel() > 0) by_place.emplace(tensor.raw_data(), key);
    }
    pickle.add(name, tensor, message(key));
  }
  AtomicFile file(path);
  ZipWriter zip(file);
  zip.add("archive/data.pkl", {pickle.end()});
  zip.add("archive/byteorder", {std::endian::native == std::endian::little ? "little" : "big"});
  for (std::size_t key = 0; key < storages.size(); ++key) {
    const AnyTensor x = on_device(in_layout(storages[key], Layout::row_major), cpu());
    zip.add(message("archive/data/", key), {detail::bytes_of(x)});
  }
  zip.add("archive/version", {"3\n"});
  zip.finish();
  file.commit();
}

}  // namespace tapestry::inline TAPESTRY_ABI
